"""Whether it was the size of segments that kept them from arriving."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.story import Story, is_probed
from capanalyzer.handshake.session import Session, Side, SideFacts
from capanalyzer.packets.table import IcmpError

__all__ = ["full_size", "gave_up", "hello_end", "is_full_size", "spans_segments", "too_big", "unfinished_hello"]

ETHERNET_MSS: Final = 1460
OPTIONS_ROOM: Final = 40
"""TCP options take up to this much from a full segment's payload (RFC 9293 section 3.1); time stamps take 12."""
_RECORD_HEADER: Final = 5
_HANDSHAKE_HEADER: Final = 4
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_LEAST: Final = 50
"""Bytes of the smallest ClientHello with its headers: one cipher suite, no extensions (RFC 5246 section 7.4.1.2)."""


def full_size(session: Session) -> int:
    """Payload bytes from which a segment counts as full: the smaller MSS of both ends, less room for options."""
    announced = [m for m in (session.tcp.client.mss, session.tcp.server.mss) if m]
    return max(min([*announced, ETHERNET_MSS]) - OPTIONS_ROOM, 200)


def is_full_size(session: Session, length: int) -> bool:
    return length >= full_size(session)


def hello_end(session: Session) -> int:
    """Stream offset behind the ClientHello; where it is not complete, what its headers announce; 0 where there is
    none.
    """
    tls = session.tls
    hello = tls.client_hello_message if tls is not None else None
    if hello is not None:
        return hello.offset + _RECORD_HEADER + _HANDSHAKE_HEADER + hello.length
    start = session.first_bytes[Side.CLIENT]
    if start is None or len(start) < _RECORD_HEADER or start[0] != _HANDSHAKE:
        return 0
    record = _RECORD_HEADER + (start[3] << 8 | start[4])
    if len(start) < _RECORD_HEADER + _HANDSHAKE_HEADER or start[5] != _CLIENT_HELLO:
        return record
    return max(record, _RECORD_HEADER + _HANDSHAKE_HEADER + int.from_bytes(start[6:9], "big"))


def unfinished_hello(session: Session) -> tuple[int, int | str] | None:
    """(bytes sent, bytes of the whole) of a ClientHello of which the client sent the beginning and no more, while the
    server said nothing; the whole is ``50+`` where not even its headers were sent. None for anything else.
    """
    client, start = session.tcp.client, session.first_bytes[Side.CLIENT]
    if not start or client.gap or session.payload_bytes[Side.SERVER] or session.upgrade is not None:
        return None
    if session.tls is not None and session.tls.client_hello_message is not None:
        return None
    sent, total = client.stream_bytes, hello_end(session)
    if len(start) < _RECORD_HEADER:
        is_begun = start[0] == _HANDSHAKE and start[1:2] in (b"", b"\x03") and start[2:3] <= b"\x04"
        return (sent, f"{_LEAST}+") if is_begun else None
    if not total or sent >= total:
        return None
    return (sent, total) if client.in_record or sent < _RECORD_HEADER + _HANDSHAKE_HEADER else None


def spans_segments(session: Session) -> bool:
    """The ClientHello does not fit into one segment."""
    return hello_end(session) > full_size(session) + OPTIONS_ROOM


def gave_up(facts: SideFacts, story: Story) -> bool:
    """A segment of this side was sent again and never acknowledged, often or long enough to be proof."""
    if facts.last_transmissions < 2:
        return False
    return is_probed(facts) or story.is_patient or (story.end is not None and facts.last_transmission_span_ns > 0)


def too_big(session: Session) -> IcmpError | None:
    """ICMP fragmentation needed (RFC 1191) or ICMPv6 packet too big (RFC 8201) about this session."""
    for error in session.tcp.icmp:
        if (error.version == 4 and error.type == 3 and error.code == 4) or (error.version == 6 and error.type == 2):
            return error
    return None
