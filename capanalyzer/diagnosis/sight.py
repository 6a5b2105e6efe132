"""Whether a capture shows all of a session: only then does absence prove anything."""

from __future__ import annotations

from typing import Final

from capanalyzer.handshake.session import CloseEvent, Session, Side

__all__ = ["MAX_IN_FLIGHT", "lacks_last_words", "shows_both_ends"]

MAX_IN_FLIGHT: Final = 1 << 20
"""A close that acknowledges bytes further away than this, or stands there, was forged or numbered by somebody else."""


def shows_both_ends(session: Session) -> bool:
    """Both directions, from the SYN, without holes. (A file that holds hellos and no SYN was often filtered: what was
    not kept looks like what was not sent.)
    """
    quality = session.quality
    return not (
        quality.one_sided is not None
        or quality.lost
        or quality.truncated
        or quality.starts_mid_session
        or quality.rows_dropped
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
