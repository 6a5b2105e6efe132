"""Where a session came to a halt, and what it was waiting for there: one wording for every report.

A session that is incomplete did not come to a halt as far as anybody knows: what would have followed is not in the
capture, and no more than that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.report import model
from capanalyzer.report.escape import printable

__all__ = ["awaited", "halt", "is_proven", "stage_text", "standstill"]

_AWAITED: Final = {
    "tcp-connect": N_("the TCP connection"),
    "first-bytes": N_("a ClientHello"),
    "server-hello": N_("a ServerHello"),
    "server-flight": N_("the rest of the server's handshake messages"),
    "client-flight": N_("the client's handshake messages"),
    "server-finished": N_("the server's Finished"),
    "application": N_("application data"),
}
"""What was being waited for, by stage."""
_CONSENT: Final = N_("the server's consent to TLS")
_SECOND_HELLO: Final = N_("a second ClientHello")
_SPEAKS_TLS: Final = frozenset({"tls", "sslv2"})


def is_proven(session: model.Session) -> bool:
    """It stands still, and not only as far as the capture goes."""
    return session.outcome != "incomplete"


def awaited(session: model.Session) -> str:
    """What was to come next, to be translated; safe to print."""
    said_hello = session.tls is not None and session.tls.client_hello is not None
    match session.stage, session.waiting_on:
        case "first-bytes", "server":
            # The client's part was done: it sent its hello and got something else for an answer, or asked to be let in.
            return _AWAITED["server-hello"] if said_hello or session.protocol.client in _SPEAKS_TLS else _CONSENT
        case "server-hello", "client":
            return _SECOND_HELLO if said_hello else _AWAITED["first-bytes"]
    stage = session.stage or ""
    return _AWAITED.get(stage, printable(stage))


def standstill(session: model.Session, text: Callable[[str], str]) -> str:
    """What is written where the session's course ends.

    :param text: the translator of the report's language.
    """
    _, next_one = text, text(awaited(session))
    if is_proven(session):
        return _("stalled here: waiting for {awaited}").format(awaited=next_one)
    return _("not in the capture: {awaited}").format(awaited=next_one)


def stage_text(session: model.Session, stage: str, text: Callable[[str], str]) -> str:
    """The stage as a verdict names it.

    :param stage: the session's, as it is shown.
    :param text: as for :func:`standstill`.
    """
    _ = text
    return (_("stalled at {stage}") if is_proven(session) else _("not known from {stage} on")).format(stage=stage)


def halt(session: model.Session) -> int:
    """Index of the last event before the connection was torn down, behind which nothing made progress.

    -1: the session has no stage at which it stood still.
    """
    if session.stage is None:
        return -1
    index = len(session.timeline) - 1
    while index > 0 and session.timeline[index].event.startswith(("FIN", "RST")):
        index -= 1
    return index
