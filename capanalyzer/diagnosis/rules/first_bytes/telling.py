"""Whether first bytes tell what a side speaks."""

from __future__ import annotations

from capanalyzer.classify.tls_like import may_begin_tls
from capanalyzer.handshake.session import Session, Side

__all__ = ["is_zeroed", "lacks_beginning", "tells_nothing"]


def tells_nothing(session: Session, side: Side) -> bool:
    """Too few bytes came to exclude TLS, they are all zero, or they are not the first that were sent."""
    start = session.first_bytes[side] or b""
    return may_begin_tls(start) or not any(start) or lacks_beginning(session, side)


def is_zeroed(session: Session) -> bool:
    """All that both sides said first is zeros: rather overwritten after it was captured than said like this."""
    spoken = [start for start in session.first_bytes if start]
    return bool(spoken) and not any(map(any, spoken))


def lacks_beginning(session: Session, side: Side) -> bool:
    """The bytes captured first may not be the first that were sent. Of the client a SYN/ACK tells which they are."""
    facts, server = session.tcp.side(side), session.tcp.server
    return (facts.gap and facts.gap_at == 0) or (facts.isn is None and server.isn is None)
