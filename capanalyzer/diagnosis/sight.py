"""Whether a capture shows all of a session: only then does absence prove anything."""

from __future__ import annotations

from typing import Final

from capanalyzer.handshake.session import Alert, CloseEvent, Session, Side
from capanalyzer.streams.flow import Ended

__all__ = ["MAX_IN_FLIGHT", "lacks_last_words", "may_answer_a_fin", "shows_both_ends"]

MAX_IN_FLIGHT: Final = 1 << 20
"""A close that acknowledges bytes further away than this, or stands there, was forged or numbered by somebody else."""
_HANDSHAKE: Final = 22
_SAID_AT_THE_END: Final = frozenset((10, 40, 50, 80))
"""unexpected_message, handshake_failure, decode_error, internal_error: servers send them also to a client that closes
without a word (RFC 8446 section 6.2). What others name, the client must have said."""


def shows_both_ends(session: Session) -> bool:
    """Both directions, from the SYN, without holes, to where somebody closed or the capture ended. (A file that holds
    hellos and no SYN was often filtered: what was not kept looks like what was not sent.)
    """
    quality = session.quality
    return not (
        quality.one_sided is not None
        or quality.lost
        or quality.truncated
        or quality.starts_mid_session
        or quality.rows_dropped
        or (quality.ended is Ended.CLOCK_SET and not session.tcp.closes)
        or (session.tcp.server.isn is None and session.payload_bytes[Side.SERVER])
    )


def lacks_last_words(session: Session, left: Side, close: CloseEvent | None) -> bool:
    """What one end said before it left was not captured, or never arrived where that was done: its reset stands further
    on than all that was captured of it (behind a FIN, at least), or, of the client, there is a hole. (A hole in what
    the server sent may be one on the path, which is for the rules about it.)

    :param left: who ended the session first.
    :param close: the FIN or RST that ended it.
    """
    facts = session.tcp.side(left)
    if facts.gap:
        return left is Side.CLIENT
    if facts.isn is None or close is None or close.side is not left or not close.is_rst:
        return False
    beyond = (close.seq - facts.isn - 1 & 0xFFFFFFFF) - session.payload_bytes[left]
    return 0 < beyond < MAX_IN_FLIGHT


def may_answer_a_fin(session: Session, alert: Alert) -> bool:
    """A server's alert to a client of which nothing was captured that it said: the one byte that is missing was its
    FIN; or the alert is one that says no more than that the handshake is over, and what came before it is not there.
    """
    if not session.quality.starts_mid_session:
        return session.tcp.client.gap_length == 1
    if alert.code not in _SAID_AT_THE_END:
        return False
    messages = session.tls.messages if session.tls is not None else ()
    earlier = [m for m in messages if m.side == Side.SERVER and m.time_ns < alert.time_ns]
    return not any(m.content_type == _HANDSHAKE for m in earlier)
