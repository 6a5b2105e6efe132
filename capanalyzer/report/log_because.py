"""Why a line that names no client is said of a session, in the report's language."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_, translator
from capanalyzer.logs.candidates import Key
from capanalyzer.logs.fit import Match
from capanalyzer.logs.line import Peer
from capanalyzer.report.escape import encodable

__all__ = ["because_text"]

MAX_NAME: Final = 253
"""Characters of a name that are shown (RFC 1035 section 2.3.4, without the lengths)."""
_ONLY: Final = {
    "name": (
        N_("the only session that asks for {what}"),
        N_("of {n} sessions that ask for {what}, the only one that failed in a way the line can mean"),
    ),
    "certificate": (
        N_("the only session with a certificate for {what}"),
        N_("of {n} sessions with a certificate for {what}, the only one that failed in a way the line can mean"),
    ),
    "server": (
        N_("the only session with {what} that failed or ended early"),
        N_("of {n} sessions with {what} that failed or ended early, the only one that the line can mean"),
    ),
    "port": (
        N_("the only session with server port {what} that failed or ended early"),
        N_("of {n} sessions with server port {what} that failed or ended early, the only one that the line can mean"),
    ),
    "": (
        N_("the only session that failed or ended early"),
        N_("of {n} sessions that failed or ended early, the only one that the line can mean"),
    ),
}
"""By what the line names: where there is one such session, and where there are several."""


def because_text(match: Match, lang: str) -> str | None:
    """Why no other session is meant; None where the line names its client."""
    if match.because is None:
        return None
    _, line = translator(lang), match.line
    kind, what = "", ""
    if match.key is Key.NAME:
        kind, what = "certificate" if match.because.is_certificate else "name", encodable((line.sni or "")[:MAX_NAME])
    elif line.server.ip is not None and match.key is Key.SERVER:
        kind, what = "server", _written(line.server)
    elif line.server.port is not None:
        kind, what = "port", str(line.server.port)
    one, several = _ONLY[kind]
    text = _(one if match.because.among == 1 else several).format(n=f"{match.because.among:,}", what=what)
    return text if match.time_ns is None else _("at its time {text}").format(text=text)


def _written(end: Peer) -> str:
    ip = f"[{end.ip}]" if end.ip is not None and ":" in end.ip and end.port is not None else end.ip
    return f"{ip}" if end.port is None else f"{ip}:{end.port}"
