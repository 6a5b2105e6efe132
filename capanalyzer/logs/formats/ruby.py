"""Ruby's openssl, which puts OpenSSL's call, its state and its words into one line."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "ruby"
_LINE: Final = re.compile(
    r"SSL_(?P<call>connect|accept)(?P<gone> SYSCALL)? returned=\d{1,3} errno=(?P<errno>\d{1,5})"
    rf"(?: peeraddr=(?P<peer>{ENDPOINT}|\(null\)))? state=(?P<state>[^:\r\n]{{1,80}})(?:: (?P<why>[^\r\n]{{1,300}}))?"
)
"""``ossl_ssl.c`` of the gem."""
_RESETS: Final = frozenset(("54", "104", "10054"))


def _read(body: Body) -> Found | None:
    match = _LINE.search(body.text)
    if match is None:
        return None
    role = Role.CLIENT if match["call"] == "connect" else Role.SERVER
    why = (match["why"] or "").strip()
    # The reason alone; what the verification found stands behind it in brackets.
    reason = openssl.by_words(why.partition(" (")[0], role)
    meaning, said, alert = "handshake-failed", Said.LOCAL, None
    if match["gone"] or (reason is None and not why):
        is_reset = match["errno"] in _RESETS
        meaning = ("server" if role is Role.CLIENT else "peer") + ("-reset" if is_reset else "-closed")
        said = Said.TRANSPORT
    elif why.startswith("certificate verify failed"):
        meaning = refusal(why.removeprefix("certificate verify failed"), role)
    elif reason is not None:
        meaning, said, alert = reason.meaning, reason.said, reason.alert
    else:
        meaning = "reason-in-words"
    end = endpoint(match["peer"]) if match["peer"] else None
    server, name = server_of_url(body.text)
    return found(
        body,
        _NAME,
        meaning,
        reason=match[0],
        client=end if role is Role.SERVER else None,
        server=(end or server) if role is Role.CLIENT else None,
        role=role,
        said=said,
        alert=alert,
        sni=name if role is Role.CLIENT else None,
    )


FORMAT: Final = Format(
    _NAME, ("ssl_connect returned=", "ssl_connect syscall", "ssl_accept returned=", "ssl_accept sys"), _read
)
