"""What a TLS library says, whoever quotes it: the last that is tried."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.alerts import alert_by_name, received, sent
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.verify import refusal_by_code

__all__ = ["OPENSSL"]


_TRACED: Final = re.compile(r"SSL3 alert (?P<way>read|write):fatal:(?P<name>[A-Za-z ]{3,60})")
"""The callback of OpenSSL's example programs, which servers show in their debug logs."""
_VERIFY: Final = re.compile(
    r"(?:verify error:num=|Verify return code: )(?P<code>[1-9]\d{0,2})[: (]{1,2}[^)\r\n]{1,120}"
)
"""openssl s_client and s_server: which of them is not told."""
_ERRNO: Final = re.compile(r"(?:write|read):errno=(?P<errno>\d{1,4})$")
"""openssl s_client, whose handshake ended without an alert."""
_BY_ERRNO: Final = {
    "0": "server-closed",
    "32": "server-closed",
    "54": "server-reset",
    "104": "server-reset",
    "110": "server-timeout",
    "10054": "server-reset",
}
"""EPIPE, ECONNRESET and ETIMEDOUT of Linux, BSD and Windows."""
_NUMBER: Final = re.compile(r"SSL alert number (?P<alert>\d{1,3})\b")


def _openssl(body: Body) -> Found | None:
    scanned = openssl.scan(body.text)
    if scanned is None:
        return _bare(body)
    reason, role = scanned
    return found(body, "openssl", reason.meaning, reason=reason.words, said=reason.said, alert=reason.alert, role=role)


def _bare(body: Body) -> Found | None:
    """What programs show without OpenSSL's own form of an error."""
    if (match := _TRACED.search(body.text)) is not None and (alert := alert_by_name(match["name"])) is not None:
        is_own = match["way"] == "write"
        role = openssl.role_of_call(body.text)
        meaning, said = (sent(alert, role), Said.LOCAL) if is_own else (received(alert, role), Said.PEER)
        return found(body, "openssl", meaning, reason=match[0], said=said, alert=alert, role=role)
    if (match := _VERIFY.search(body.text)) is not None:
        role = openssl.role_of_call(body.text)
        meaning = refusal_by_code(int(match["code"]), role)
        return found(body, "openssl", meaning, reason=match[0], said=Said.LOCAL, role=role)
    if (match := _ERRNO.match(body.text)) is not None and match["errno"] in _BY_ERRNO:
        meaning = _BY_ERRNO[match["errno"]]
        return found(body, "openssl", meaning, reason=match[0], role=Role.CLIENT, said=Said.TRANSPORT)
    if (match := _NUMBER.search(body.text)) is not None and int(match["alert"]) < 256:
        alert, role = int(match["alert"]), openssl.role_of_call(body.text)
        return found(body, "openssl", received(alert, role), reason=match[0], said=Said.PEER, alert=alert, role=role)
    return None


_NEEDLES: Final = (
    "ssl routines",
    "ssl_routines",
    "ssl3 alert ",
    "verify error:num=",
    "verify return code: ",
    "ssl alert number",
    ":errno=",
)
OPENSSL: Final = Format("openssl", _NEEDLES, _openssl)
