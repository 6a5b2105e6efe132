"""What a TLS library says, whoever quotes it: the last that is tried."""

from __future__ import annotations

from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, found

__all__ = ["OPENSSL"]


def _openssl(body: Body) -> Found | None:
    scanned = openssl.scan(body.text)
    if scanned is None:
        return None
    reason, role = scanned
    return found(body, "openssl", reason.meaning, reason=reason.words, said=reason.said, alert=reason.alert, role=role)


OPENSSL: Final = Format("openssl", ("ssl routines", "ssl_routines"), _openssl)
