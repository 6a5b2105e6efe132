"""From what a connection has read to a :class:`~capanalyzer.handshake.session.Session`."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from capanalyzer.classify.first_bytes import classify_pair
from capanalyzer.classify.reading import UpgradeReading
from capanalyzer.handshake.direction import Direction
from capanalyzer.handshake.machine import Handshake, causal_order, walk
from capanalyzer.handshake.session import (
    CloseEvent,
    Endpoint,
    KnownBy,
    Quality,
    Session,
    Side,
    TcpFacts,
    TlsFacts,
    Upgrade,
)
from capanalyzer.handshake.tcp_facts import LazySide, TcpReading
from capanalyzer.handshake.timeline import read_timeline
from capanalyzer.streams.flow import ACK, RST, SYN, Flow, Row
from capanalyzer.streams.reassembly import Stream, distance
from capanalyzer.tls.records import Message, TlsReader

__all__ = ["OPENING", "build_session"]

OPENING: Final = 1_024
"""Opening bytes kept of a plaintext direction."""
_FIRST: Final = 16
_SIDES: Final = (Side.CLIENT, Side.SERVER)
_TLS: Final = ("tls", "tls")


class LazySession(Session):
    """A session whose timeline is made when it is asked for."""

    __slots__ = ("_reading",)

    def __init__(self, reading: TcpReading) -> None:
        # Not the dataclass's own: the builder fills the slots, all but ``events``.
        self._reading = reading

    def shed(self) -> None:
        self._reading.shed()
        Session.shed(self)

    if not TYPE_CHECKING:  # for a type checker every field is simply there

        def __getattr__(self, name: str) -> Any:
            if name != "events":
                raise AttributeError(name)
            self.events = read_timeline(self, self._reading)
            return self.events


@lru_cache(maxsize=1 << 12)  # about 300 bytes each; a flood brings addresses that never come again
def address_text(address: bytes) -> str:
    """An IPv4 or IPv6 address in the form of RFC 5952."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def build_session(
    flow: Flow,
    *,
    client: int,
    known_by: KnownBy,
    directions: tuple[Direction, Direction],
    rows: Sequence[Row],
    closes: Sequence[Row],
    ack_row: Row | None,
    messages: list[Message],
    handshake: Handshake,
    reading: UpgradeReading | None,
    settled: bool,
) -> Session:
    """The session; ``directions`` and ``flow`` are by flow side, of which ``client`` is the client's."""
    mine, theirs = directions if not client else (directions[1], directions[0])
    bases = (_base(mine), _base(theirs))
    tcp_reading = TcpReading(rows, client, bases, settled)
    first, second = client, 1 - client
    tcp = TcpFacts(
        _side(mine, flow, first, LazySide(tcp_reading, 0), settled),
        _side(theirs, flow, second, LazySide(tcp_reading, 1), settled),
        ack_row[0] if ack_row else None,
        ack_row[1] if ack_row else None,
        tuple([_close(row, client) for row in sorted(closes, key=itemgetter(1))]) if closes else (),
        flow.icmp,
        _round_trip(mine, theirs, ack_row),
    )
    for side, (direction, facts) in enumerate(((mine, tcp.client), (theirs, tcp.server))):
        facts.gap_ns = _acknowledged_ns(rows, side ^ client, direction, facts.gap_at) if facts.gap_acked else None
    answer = theirs.syn
    if mine.isn is None and answer is not None and answer[3] & ACK:
        tcp.client.isn = answer[5] - 1 & 0xFFFFFFFF  # what the SYN/ACK acknowledges
    tls = None
    readers = (mine.reader, theirs.reader)
    if messages or _is_begun(readers[0], mine) or _is_begun(readers[1], theirs):
        kept = list(messages)
        if handshake.unexpected:
            kept = causal_order(kept)
            handshake = walk(kept)
        tls = TlsFacts(kept, handshake=handshake, readers=readers)
    session = LazySession(tcp_reading)
    session.capture, session.stream, session.transport = flow.capture, flow.stream, "tcp"
    addresses, ports = flow.addresses, flow.ports
    session.client = Endpoint(address_text(addresses[first]), ports[first])
    session.server = Endpoint(address_text(addresses[second]), ports[second])
    session.client_known_by = known_by
    session.start_ns, session.end_ns = flow.first_ns, flow.last_ns
    packets, payload = flow.packets, flow.payload_bytes
    session.packets = packets if not client else (packets[1], packets[0])
    session.payload_bytes = payload if not client else (payload[1], payload[0])
    opening = (_opening(mine, first, rows), _opening(theirs, second, rows))
    session.first_bytes = (_first_bytes(opening[0]), _first_bytes(opening[1]))
    if mine.protocol == "tls" and theirs.protocol == "tls":
        session.protocol = _TLS
    else:
        session.protocol = classify_pair(
            opening[0],
            opening[1],
            True,
            True,
            ports[second],
        )
    session.opening = (_plain_opening(mine, opening[0]), _plain_opening(theirs, opening[1]))
    session.tcp, session.tls, session.f5, session.own_times = tcp, tls, None, None
    session.upgrade = _upgrade(reading, mine, theirs) if reading is not None else None
    session.quality = Quality(
        _one_sided(flow, directions, client),
        directions[0].isn is None and directions[1].isn is None,
        flow.ended,
        flow.watched_until_ns,
        mine.truncated or theirs.truncated,
        flow.lossy or ((tcp.client.gap_acked or tcp.server.gap_acked) and not flow.rows_dropped),
        flow.rows_dropped,
    )
    return session


def _is_begun(reader: TlsReader | None, direction: Direction) -> bool:
    """No message is whole, but what came begins a record."""
    return reader is not None and not direction.resync and reader.desynchronised is None and reader.wants_more


def _base(direction: Direction) -> int:
    return direction.first_seq if direction.next_seq >= 0 else -1


def _side(mine: Direction, flow: Flow, number: int, facts: LazySide, settled: bool) -> LazySide:
    """What needs no pass over the rows. ``number`` is the flow's for this side."""
    facts.packets, facts.payload_bytes = flow.packets[number], flow.payload_bytes[number]
    facts.isn, facts.syn_count, facts.syn_copies = mine.isn, mine.syn_count, mine.syn_copies
    syn = mine.syn
    if syn is not None:
        facts.syn_frame, facts.syn_ns, facts.last_syn_ns = syn[0], syn[1], mine.syn_last_ns
    else:
        facts.syn_frame = facts.syn_ns = facts.last_syn_ns = None
    facts.stream_bytes = mine.offset
    facts.truncated, facts.conflict, facts.data_in_syn = mine.truncated, mine.conflict, mine.data_in_syn
    facts.unread = not settled and mine.offset >= mine.limit
    facts.in_record = not settled and mine.reader is not None and mine.reader.wants_more
    if settled:  # what is outstanding is not known, and need not be asked of the rows
        facts.last_transmissions = facts.last_transmission_span_ns = facts.outstanding_length = 0
    facts.gap = facts.gap_acked = False
    facts.gap_at = facts.gap_length = None
    if mine.gap_at is not None:
        facts.gap = facts.gap_acked = True
        facts.gap_at, facts.gap_length = mine.gap_at, mine.gap_length
    elif not settled and mine.next_seq >= 0 and mine.offset < mine.limit:
        # The SYN counts for one, so does the FIN: an acknowledgement of it is not one of missing bytes.
        acked = distance(mine.acked_seq, mine.next_seq) if mine.acked_seq >= 0 else 0
        ended = distance(mine.fin_end, mine.next_seq) if mine.fin_end >= 0 else 0
        if mine.waiting or ended > 0 or (acked > 0 and not (ended == 0 and mine.fin is not None)):
            facts.gap, facts.gap_at, facts.gap_acked = True, mine.offset, acked > 0
            if mine.waiting:
                facts.gap_length = mine.waiting[0][0] - mine.offset
            elif ended > 0:
                facts.gap_length = ended
            else:
                facts.gap_length = acked
    elif mine.next_seq < 0 and mine.acked_seq != mine.first_acked_seq:
        facts.gap = facts.gap_acked = True  # nothing of it was captured, and more and more of it acknowledged
    return facts


def _acknowledged_ns(rows: Sequence[Row], side: int, direction: Direction, offset: int | None) -> int | None:
    """When the byte of a side at this offset was acknowledged."""
    if offset is None:
        return None
    seq = direction.first_seq + offset & 0xFFFFFFFF
    return next((row[1] for row in rows if row[2] != side and row[3] & ACK and distance(row[5], seq) > 0), None)


def _close(row: Row, client: int) -> CloseEvent:
    frame, time_ns, side, flags, seq, ack, window, _, payload, ttl, ip_id, _ = row
    is_rst = bool(flags & RST)
    return CloseEvent(
        time_ns, frame, _SIDES[side ^ client], is_rst, seq, ack, flags, window, ttl, ip_id, payload if is_rst else b""
    )


def _round_trip(mine: Direction, theirs: Direction, ack_row: Row | None) -> int | None:
    """SYN to SYN/ACK plus SYN/ACK to ACK, from the last transmissions before the answers (Karn: RFC 6298 section 3)."""
    syn, answer = mine.syn, theirs.syn
    if syn is None or answer is None or ack_row is None:
        return None
    sent_ns = syn[1] if mine.syn_count == 1 or mine.syn_last_ns > answer[1] else mine.syn_last_ns
    answered_ns = answer[1] if theirs.syn_count == 1 or theirs.syn_last_ns > ack_row[1] else theirs.syn_last_ns
    return max(answer[1] - sent_ns, 0) + max(ack_row[1] - answered_ns, 0)


def _opening(direction: Direction, side: int, rows: Sequence[Row]) -> bytes:
    """The first bytes of a direction, in order or, where its beginning is missing, the first that were captured."""
    if direction.isn is not None and direction.offset and direction.first_seq != direction.isn + 1 & 0xFFFFFFFF:
        return b""  # its SYN came when it was too late to find the beginning
    prefix = direction.prefix
    if len(prefix) < _FIRST and direction.offset > len(prefix):
        # TLS was taken to begin within them: what follows went to its reader.
        first = Stream()
        first.start(direction.first_seq)
        for row in rows:
            if row[2] == side and row[8] and not row[3] & RST:
                seq = row[4] + 1 & 0xFFFFFFFF if row[3] & SYN else row[4]
                prefix = b"".join([prefix[: first.offset], *(piece[1] for piece in first.feed(seq, row[8], 0, 0))])
                if first.offset >= _FIRST:
                    break
    if prefix:
        return prefix[:OPENING]
    return direction.waiting[0][1][:OPENING] if direction.waiting else direction.probe


def _first_bytes(opening: bytes) -> bytes | None:
    return opening[:_FIRST] or None


def _plain_opening(direction: Direction, opening: bytes) -> bytes:
    return b"" if direction.tls_at == 0 and not direction.resync else opening


def _upgrade(reading: UpgradeReading, mine: Direction, theirs: Direction) -> Upgrade:
    return Upgrade(
        reading.kind,
        reading.asked,
        reading.agreed,
        reading.answer,
        mine.frame_at(reading.request_at),
        theirs.frame_at(reading.answer_at),
        (reading.client_tls_at, reading.server_tls_at),
    )


def _one_sided(flow: Flow, directions: tuple[Direction, Direction], client: int) -> Side | None:
    """Only one end was captured, and it acknowledges what the other must have sent."""
    if flow.packets[0] and flow.packets[1]:
        return None
    seen = 0 if flow.packets[0] else 1
    other = directions[1 - seen]
    if other.acked_seq < 0:
        return None
    # With the SYN at hand any acknowledgement is one of a SYN/ACK or more; without it, it must move.
    if directions[seen].isn is None and other.acked_seq == other.first_acked_seq:
        return None
    return Side(seen ^ client)
