"""Whether first bytes tell what a side speaks."""

from __future__ import annotations

from capanalyzer.classify.tls_like import may_begin_tls
from capanalyzer.handshake.session import Session, Side

__all__ = ["lacks_beginning", "tells_nothing"]


def tells_nothing(session: Session, side: Side) -> bool:
    """Too few bytes came to exclude TLS, or those captured first are not the first that were sent."""
    return may_begin_tls(session.first_bytes[side] or b"") or lacks_beginning(session, side)


def lacks_beginning(session: Session, side: Side) -> bool:
    """The bytes captured first may not be the first that were sent. Of the client a SYN/ACK tells which they are."""
    facts, server = session.tcp.side(side), session.tcp.server
    return (facts.gap and facts.gap_at == 0) or (facts.isn is None and server.isn is None)
