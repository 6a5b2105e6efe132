"""HAProxy's traffic logs, ``httplog`` and ``tcplog``: what their termination states tell of TLS.

A ``~`` behind the frontend's name says that it terminates TLS, and an HTTP line of such a frontend is written for
requests, so after the handshake. A frontend in TCP mode without it passes TLS on unread: who failed then shows in who
ended the connection, and in whether a byte went back to the client (management guide, section 8.2; configuration
manual, section 8.5).
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint
from capanalyzer.logs.formats.haproxy import ERROR_CODES, NAME, REACH_S, START
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said, TimeOf
from capanalyzer.logs.stamps import clf

__all__ = ["TRAFFIC"]

_WHERE: Final = START + r"(?P<tls>~?) (?P<backend>[^\s/]{1,120})/(?P<server>\S{1,120}) "
_COUNTS: Final = r"\d{1,10}/\d{1,10}/\d{1,10}/\d{1,10}/\+?\d{1,10} \d{1,10}/\d{1,10}"
_HTTP: Final = re.compile(
    _WHERE + r"\S{5,80} (?P<status>-?\d{1,3}) \+?(?P<bytes>\d{1,20}) \S{1,512} \S{1,512} (?P<state>[A-Za-z-]{4}) "
)
_TCP: Final = re.compile(
    _WHERE + r"-?\d{1,12}/-?\d{1,12}/\+?-?\d{1,12} \+?(?P<bytes>\d{1,20}) (?P<state>[A-Za-z-]{2}) " + _COUNTS
)
_BAD_REQUEST: Final = '"<BADREQ>"'
_NO_SERVER: Final = "<NOSRV>"
_TO_SERVER: Final = frozenset(("SC", "sC"))
"""The connection to the server was refused or reset, or not made in time."""
_ENDED: Final = {
    "SD": "passed-on-server-closed",
    "sD": "passed-on-server-silent",
    "CD": "passed-on-client-closed",
    "--": "passed-on-unanswered",
}
"""Of connections passed on, where not a byte came back: which end gave up."""


def _read(body: Body) -> Found | None:
    if (match := _HTTP.match(body.text)) is not None:
        return _of_request(body, match)
    if (match := _TCP.match(body.text)) is not None:
        return _of_connection(body, match)
    return None


def _of_request(body: Body, match: re.Match[str]) -> Found | None:
    state, is_bad = match["state"], _BAD_REQUEST in body.text
    codes = ERROR_CODES.search(body.text, match.end())
    if codes is not None and (codes["error"] != "0" or "(NONE)" in (codes["version"], codes["cipher"])):
        return None  # httpslog, of a handshake that failed
    sni = codes["sni"] if codes is not None else None
    if not match["tls"]:
        if state.startswith("PR") and is_bad:
            return _line(body, match, "request-unreadable", Said.LOCAL)
        if state[:2] in _TO_SERVER and match["server"] != _NO_SERVER:
            return _line(body, match, "backend-unreachable", Said.TRANSPORT)
        return None  # plaintext HTTP, in which nothing tells of TLS
    if state[:2] in _TO_SERVER:
        meaning = "no-backend-inside" if match["server"] == _NO_SERVER else "backend-unreachable"
        return _line(body, match, meaning, Said.TRANSPORT, sni)
    if is_bad and state.startswith(("CR", "cR")):
        return _line(body, match, "left-without-request", Said.TRANSPORT, sni)
    return _line(body, match, "handshake-ok", None, sni)


def _of_connection(body: Body, match: re.Match[str]) -> Found:
    state, is_unanswered = match["state"], int(match["bytes"]) == 0
    if state in _TO_SERVER and match["server"] != _NO_SERVER:
        return _line(body, match, "backend-unreachable", Said.TRANSPORT)
    if match["tls"]:
        return _line(body, match, "no-backend-inside" if state in _TO_SERVER else "handshake-ok", None)
    if state == "PR":
        return _line(body, match, "rejected-by-rule", Said.LOCAL)
    if state in _TO_SERVER:
        return _line(body, match, "no-backend", Said.LOCAL)
    meaning = _ENDED.get(state) if is_unanswered else None
    return _line(body, match, meaning or "passed-on", None if meaning is None else Said.TRANSPORT)


def _line(body: Body, match: re.Match[str], meaning: str, said: Said | None, sni: str | None = None) -> Found:
    is_fine = meaning in ("handshake-ok", "passed-on")
    return found(
        body,
        NAME,
        meaning,
        stamp=clf(match["stamp"]),
        reason="" if is_fine else " ".join(filter(None, (match["state"], match.groupdict().get("status")))),
        client=endpoint(match["client"]),
        role=Role.SERVER if match["tls"] else None,
        said=said,
        sni=sni,
        time_of=TimeOf.ACCEPT,
        reach_s=REACH_S,
    )


TRAFFIC: Final = Format(NAME, ("~ ", "<nosrv>", "<badreq>", " sc ", " sd ", " cd ", " -- ", " sc--"), _read)
