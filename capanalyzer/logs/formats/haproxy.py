"""HAProxy: the error line, ``error-log-format`` with the documented fields, ``httpslog``, and health checks. Its other
traffic logs are in :mod:`capanalyzer.logs.formats.haproxy_traffic`.

The time in brackets is that of the accepted connection; the line itself is written when the failure comes.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said, TimeOf
from capanalyzer.logs.stamps import clf
from capanalyzer.logs.verify import refusal_by_code

__all__ = ["CODES", "ERROR_CODES", "FORMAT", "NAME", "REACH_S", "START"]

NAME: Final = "haproxy"
REACH_S: Final = 90.0
_STAMP: Final = r"(?P<stamp>\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\])"
START: Final = r"(?P<client>\S{2,60}:\d{1,5}) " + _STAMP + r" (?P<frontend>[^\s/~]{1,120})"
_ERROR: Final = re.compile(
    r"(?:(?:(?P<client>\S{2,60}:\d{1,5}) )?" + _STAMP + r" |^)(?P<frontend>[^\s/~:]{1,120})~?/(?P<bind>[^\s:]{1,120}): "
    r"(?P<what>[A-Z].{3,160})$"
)
"""Also without what stands before the frontend's name, as lines are cut and pasted."""
_CODES: Final = (
    r"(?P<error>\d{1,4}|-)/(?P<ssl>[0-9A-F]{1,16}|-)/(?P<verify>\d{1,4}|-)/(?P<ca>\d{1,4}|-)/(?P<resumed>[01]|-)"
    r" (?P<sni>[^\s/]{1,255})/(?P<version>[^\s/]{1,12})/(?P<cipher>[^\s/]{1,64})(?=\s|$)"
)
ERROR_CODES: Final = re.compile(_CODES)
"""As ``httpslog`` has them at its end."""
_BARE: Final = re.compile(
    r"(?P<error>0|1[1-7]|2[4-7]|3[014]|43)/(?P<ssl>[0-9A-Fa-f]{1,16}|-)/(?P<verify>\d{1,4}|-)/(?P<ca>\d{1,4}|-)/"
    r"(?P<resumed>[01]|-)(?: (?P<sni>[^\s/]{1,255})/(?P<version>[^\s/]{1,12})/(?P<cipher>[^\s/]{1,64}))?"
)
"""The five numbers alone, or with what stands behind them."""
_WITHIN: Final = re.compile(
    r"(?<![\w/.])(?P<error>\d{1,4}|-)/(?P<ssl>[0-9A-F]{8,16}|-)/(?P<verify>\d{1,4}|-)/(?P<ca>\d{1,4}|-)/(?P<resumed>[01]|-)"
    r" (?P<sni>[^\s/]{1,255})/(?P<version>TLSv1(?:\.[1-3])?|SSLv3|\(NONE\)|-)/(?P<cipher>[^\s/]{1,64})(?=\s|$)"
)
"""The same in a format of a user's own."""
_FIELDS: Final = re.compile(START + r"~?(?:/\S{1,120})? \d{1,10}/\d{1,10} " + _CODES)
"""The example of HAProxy's manual for ``error-log-format``."""
_HTTPS: Final = re.compile(
    START + r"(?P<tls>~?)(?:/\S{1,120})? (?P<backend>[^\s/]{1,120})/(?P<server>\S{1,120}) \S{5,80} "
    r"(?P<status>-?\d{1,3}) .{0,20000} " + _CODES
)
_CHECK: Final = re.compile(
    r"(?:^|\) : )(?:Server (?P<server>[^\s/]{1,120}/\S{1,120}) is DOWN, |Health check for (?:backup )?server "
    r"(?P<checked>[^\s/]{1,120}/\S{1,120}) failed, )reason: (?P<reason>Layer[46] [a-z ]{5,40})(?:, info: "
    r"\"(?P<info>[^\"]{0,200})\")?"
)

_BY_ERROR: Final[dict[int, tuple[str, Said]]] = {
    0: ("left-without-request", Said.TRANSPORT),
    11: ("proxy-header-missing", Said.TRANSPORT),
    12: ("proxy-header-missing", Said.TRANSPORT),
    13: ("proxy-header-missing", Said.TRANSPORT),
    14: ("proxy-header-missing", Said.LOCAL),
    15: ("proxy-header-missing", Said.LOCAL),
    16: ("proxy-header-missing", Said.LOCAL),
    17: ("proxy-header-missing", Said.LOCAL),
    24: ("peer-closed", Said.TRANSPORT),
    25: ("peer-reset", Said.TRANSPORT),
    26: ("handshake-timeout", Said.TRANSPORT),
    27: ("too-many-connections", Said.LOCAL),
    30: ("client-certificate-refused", Said.LOCAL),
    31: ("client-certificate-refused", Said.LOCAL),
    34: ("haproxy-handshake-failed", Said.LOCAL),
    43: ("haproxy-handshake-failed", Said.LOCAL),
}
"""``fc_err`` (conn_error codes of HAProxy's connection-t.h)."""
_BY_WORDS: Final = {
    "Success": 0,  # the handshake, of a client that left at once
    "Connection closed during SSL handshake": 24,
    "Connection error during SSL handshake": 25,
    "Timeout during SSL handshake": 26,
    "Too many SSL connections": 27,
    "SSL client CA chain cannot be verified": 30,
    "SSL client certificate not trusted": 31,
    "SSL handshake failure": 34,
    "SSL fatal error": 43,
    "Connection closed while waiting for PROXY protocol header": 11,
    "Connection error while waiting for PROXY protocol header": 12,
    "Timeout while waiting for PROXY protocol header": 13,
    "Received something which does not look like a PROXY protocol header": 15,
    "Received an invalid PROXY protocol header": 16,
    "Received an unhandled protocol in the PROXY protocol header": 17,
    "Truncated PROXY protocol header received": 14,
}
_CHECKS: Final = {
    "Layer6 invalid response": ("backend-check-failed", Said.LOCAL),
    "Layer6 timeout": ("server-timeout", Said.TRANSPORT),
    "Layer4 timeout": ("connect-timeout", Said.TRANSPORT),
    "Layer4 connection problem": ("connect-refused", Said.TRANSPORT),
}


def _read(body: Body) -> Found | None:
    text = body.text
    if (match := _FIELDS.search(text)) is not None or (match := _HTTPS.search(text)) is not None:
        return _by_codes(body, match)
    if (match := _ERROR.search(text)) is not None:
        code = next((code for words, code in _BY_WORDS.items() if match["what"].startswith(words)), None)
        if code is None or (code == 0 and (match["client"] is None or match["what"] != "Success")):
            return None  # without an address the word may be anybody's
        meaning, said = _BY_ERROR[code]
        if (scanned := openssl.scan(match["what"], Role.SERVER)) is not None:
            # Since 2.8 OpenSSL's words stand behind it.
            why = scanned[0]
            return _line(body, match, why.meaning, why.words, why.said, alert=why.alert)
        return _line(body, match, meaning, match["what"], said)
    if (match := _CHECK.search(text)) is not None:
        kind = next((one for words, one in _CHECKS.items() if match["reason"].startswith(words)), None)
        if kind is None or (kind[0].startswith("connect") and "SSL" not in text):
            return None  # a check that never came as far as TLS says nothing of TLS
        reason = f"{match['reason']}: {match['info']}" if match["info"] else match["reason"]
        return found(body, NAME, kind[0], reason=reason, role=Role.CLIENT, said=kind[1])
    return _by_codes(body, match) if (match := _WITHIN.search(text)) is not None else None


def _read_bare(body: Body) -> Found | None:
    match = _BARE.fullmatch(body.text)
    if match is None or (match["error"] == "0" and match["version"] is None):
        return None  # no error, and nothing that tells of a handshake
    return _by_codes(body, match)


def _by_codes(body: Body, match: re.Match[str]) -> Found:
    """``fc_err``, OpenSSL's own error, and those of the client certificate: the most special one decides."""
    error = int(match["error"]) if match["error"].isdigit() else 0
    number = int(match["ssl"], 16) if match["ssl"] != "-" else 0
    verify = max(int(match[name]) if match[name].isdigit() else 0 for name in ("verify", "ca"))
    sni, alert = match["sni"], None
    meaning, said = _BY_ERROR.get(error, ("handshake-failed", Said.LOCAL))
    reason = f"{match['error']}/{match['ssl']}"
    if error == 0:
        fine = all(match[name] not in ("-", "(NONE)", None) for name in ("version", "cipher"))
        meaning = "handshake-ok" if fine else "peer-closed"
        return _line(body, match, meaning, "", None if fine else Said.TRANSPORT, sni=sni)
    if verify:
        meaning = refusal_by_code(verify, Role.SERVER)
    elif number:
        known = openssl.by_number(number & 0xFFF, "", Role.SERVER)
        if known is not None:
            meaning, said, alert = known.meaning, known.said, known.alert
    elif error == 34:
        # No error of OpenSSL: the client closed.
        meaning, said = "peer-closed", Said.TRANSPORT
    return _line(body, match, meaning, reason, said, alert=alert, sni=sni)


def _line(
    body: Body,
    match: re.Match[str],
    meaning: str,
    reason: str,
    said: Said | None,
    *,
    alert: int | None = None,
    sni: str | None = None,
) -> Found:
    parts = match.groupdict()
    stamp = clf(parts["stamp"]) if parts.get("stamp") else None
    return found(
        body,
        NAME,
        meaning,
        stamp=stamp,
        reason=reason,
        client=endpoint(parts["client"]) if parts.get("client") else None,
        role=Role.SERVER,
        said=said,
        alert=alert,
        sni=sni,
        time_of=TimeOf.ACCEPT if stamp is not None else TimeOf.FAILURE,
        reach_s=REACH_S,
    )


_NEEDLES: Final = (
    "ssl handshake",
    "ssl client",
    "ssl connections",
    "ssl fatal",
    "proxy protocol header",
    ": success",
    "/tlsv1",
    "/sslv3",
    "/(none)",
    "/-/-",
    "layer6",
)
FORMAT: Final = Format(NAME, _NEEDLES, _read)
CODES: Final = Format(NAME, ("/0/0/", "/-/-/", "/0a0", "/14"), _read_bare)
