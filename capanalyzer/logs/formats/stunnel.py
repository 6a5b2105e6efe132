"""stunnel: the line of the failure has the connection's number; its client stands in the line that accepted it."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.stamps import iso
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "stunnel"
_REACH_S: Final = 310.0
"""``TIMEOUTbusy`` is 300 s."""
_LINE: Final = re.compile(
    r"(?:(?P<stamp>\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d) )?LOG(?P<level>\d)\[(?P<connection>[^\]]{1,40})\]: (?P<what>.*)",
    re.DOTALL,
)
_ACCEPTED: Final = re.compile(rf"Service \[[^\]]{{1,80}}\] accepted connection from (?P<client>{ENDPOINT})")
_CALL: Final = re.compile(r"SSL_(?P<call>accept|connect): ")
_QUEUED: Final = "error queue: "
"""An older error of the same connection, before the last one, which the call's own line has."""


def _read(body: Body) -> Found | None:
    match = _LINE.match(body.text)
    if match is None:
        return None
    what = match["what"]
    stamp = iso(match["stamp"]) if match["stamp"] else None
    key = (_NAME, body.pid, match["connection"])
    if (said := _ACCEPTED.match(what)) is not None:
        return found(
            body, _NAME, "handshake-ok", stamp=stamp, client=endpoint(said["client"]), tie=Tie(key, Part.CONTEXT)
        )
    if what.startswith("CERT: ") and ("error" in what.lower() or "No matching" in what):
        reason = what.removeprefix("CERT: ")
        return found(
            body,
            _NAME,
            refusal(reason, Role.CLIENT),
            stamp=stamp,
            reason=reason,
            role=Role.CLIENT,
            said=Said.LOCAL,
            reach_s=_REACH_S,
            tie=Tie(key, Part.MORE, 3),
        )
    call, role = _CALL.match(what), None
    if call is not None:
        role = Role.SERVER if call["call"] == "accept" else Role.CLIENT
    elif not what.startswith(_QUEUED) or not match["connection"].isdigit():
        return None
    scanned = openssl.scan(what, role)
    if scanned is not None:
        reason = scanned[0]
        weight = 1 if reason.meaning in ("verify-failed", "handshake-failed", "reason-in-words") else 2
        return found(
            body,
            _NAME,
            reason.meaning,
            stamp=stamp,
            reason=reason.words,
            role=role,
            said=reason.said,
            alert=reason.alert,
            reach_s=_REACH_S,
            tie=Tie(key, Part.MORE, weight),
        )
    if role is None:
        return None
    if (other := openssl.of_other_library(what)) is not None:
        meaning, whose, words = "reason-in-words", Said.LOCAL, other
    else:
        meaning, whose, words = _by_system(what, role), Said.TRANSPORT, what[:120]
    return found(
        body,
        _NAME,
        meaning,
        stamp=stamp,
        reason=words,
        role=role,
        said=whose,
        reach_s=_REACH_S,
        tie=Tie(key, Part.MORE, 1),
    )


def _by_system(what: str, role: Role) -> str:
    """``SSL_accept: Connection reset by peer (104)``, ``SSL_accept: Peer suddenly disconnected``."""
    was_reset = "reset" in what
    if role is Role.SERVER:
        return "peer-reset" if was_reset else "peer-closed"
    return "server-reset" if was_reset else "server-closed"


FORMAT: Final = Format(
    _NAME, ("ssl_accept: ", "ssl_connect: ", "error queue: ", "accepted connection from", "cert: "), _read
)
