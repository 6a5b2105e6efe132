"""Squid's cache.log: connections of clients that it decrypts, or that speak TLS to it, and its own to servers."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said

__all__ = ["FORMAT"]

_NAME: Final = "squid"
_LINE: Final = re.compile(
    r"failure while (?P<what>accepting|establishing) (?:a |an )?(?:TLS|SSL) connection on .{0,60}?"
    rf"local=(?P<local>{ENDPOINT}) remote=(?P<remote>{ENDPOINT})(?P<rest>.{{0,400}})"
)
_ERROR: Final = re.compile(r"TLS_LIB_ERR=(?P<code>[0-9A-Fa-f]{6,8})")
_SYSTEM: Final = re.compile(r"\berrno=(?P<errno>\d{1,4})|\(5/0/0\)|TLS_IO_ERR=5")
_RESETS: Final = frozenset(("54", "104"))


def _read(body: Body) -> Found | None:
    match = _LINE.search(body.text)
    if match is None:
        return None
    role = Role.SERVER if match["what"] == "accepting" else Role.CLIENT
    local, remote = endpoint(match["local"]), endpoint(match["remote"])
    meaning, said, alert, words = "handshake-failed", Said.LOCAL, None, match["what"]
    if (error := _ERROR.search(match["rest"])) is not None:
        words = error[0]
        reason = openssl.by_number(int(error["code"], 16) & 0xFFF, words, role)
        if reason is not None:
            meaning, said, alert = reason.meaning, reason.said, reason.alert
    elif (gone := _SYSTEM.search(match["rest"])) is not None:
        is_reset = gone["errno"] in _RESETS
        meaning = ("peer" if role is Role.SERVER else "server") + ("-reset" if is_reset else "-closed")
        said, words = Said.TRANSPORT, gone[0]
    client, server = (remote, local) if role is Role.SERVER else (local, remote)
    return found(body, _NAME, meaning, reason=words, client=client, server=server, role=role, said=said, alert=alert)


FORMAT: Final = Format(_NAME, ("failure while accepting", "failure while establishing"), _read)
