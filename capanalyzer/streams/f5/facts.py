"""What a BIG-IP's trailers say of one connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from capanalyzer.packets.f5.cause import ResetCause
from capanalyzer.packets.f5.trailer import NO_FLOW, PeerTuple, Trailer
from capanalyzer.streams.flow import ACK, FIN, RST, SYN

__all__ = ["Address", "F5Facts", "F5Reset", "FlowKey", "Segment"]

MAX_IDS: Final = 8
"""Flow ids and peer ids kept of a connection: each has one, and may be given another one in the middle."""
MAX_PEERS: Final = 8
"""Connections on the other side; one that is kept open for many requests may be used by many clients."""
MAX_RESETS: Final = 16
MAX_SENDERS: Final = 4


class FlowKey(NamedTuple):
    """A flow id, which is unique among the connections of one TMM at one time, and used again later."""

    slot: int
    tmm: int
    flow_id: int


class Address(NamedTuple):
    """One end of a connection."""

    packed: bytes
    """4 or 16 bytes."""
    port: int


class F5Reset(NamedTuple):
    """A RST, and on which side of the BIG-IP it was made."""

    frame: int
    is_ingress: bool | None
    """It came in; False: the BIG-IP sent it; None: its trailer does not say."""
    cause: ResetCause | None


class Segment(NamedTuple):
    """What is needed of a packet beside its trailer."""

    frame: int
    time_ns: int
    source: Address
    destination: Address
    flags: int


class Span(NamedTuple):
    """When something was seen, ns."""

    first_ns: int
    last_ns: int


@dataclass(slots=True)
class F5Facts:
    """Taken from the first packets of a connection and from its SYN, FIN and RST segments."""

    stream: int
    ends: tuple[Address, Address]
    """In no order."""
    virtual_server: str = ""
    slot: int | None = None
    tmm: int | None = None
    flows: dict[FlowKey, Span] = field(default_factory=dict)
    peers: dict[FlowKey, Span] = field(default_factory=dict)
    peer_tuples: list[PeerTuple] = field(default_factory=list)
    ports: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    hardware: int = 0
    """Index into ``HARDWARE_ACTIONS``; of the last packet on which the hardware acted."""
    ha_unit: int | None = None
    resets: list[F5Reset] = field(default_factory=list)
    syn_with_flow: int | None = None
    """Frame of a SYN that came in and belonged to a connection already: sent again, or to one that was never closed."""
    ack_without_flow: int | None = None
    """Frame of a segment that came in for a connection which the BIG-IP does not know."""
    others: tuple[int, ...] = ()
    """Streams on the other side of the proxy, by number."""
    received: dict[Address, int] = field(default_factory=dict)
    """Packets that came in, by sender."""
    sent: dict[Address, int] = field(default_factory=dict)
    """Packets that the BIG-IP sent, by the address they are from."""
    is_closing: bool = False
    is_passed_on: bool | None = None
    """What the client says goes through the BIG-IP as it is; False: each side has its own TLS, or only one has it.
    None: not both sides were seen to begin."""
    is_given: bool = False
    """Somebody was given it."""

    def add(self, segment: Segment, trailer: Trailer) -> None:
        """Take what one packet says."""
        ways = self.received if trailer.is_ingress else self.sent
        counts = trailer.is_ingress is not None and not segment.flags & RST  # others can make one in anybody's name
        if counts and (segment.source in ways or len(ways) < MAX_SENDERS):
            ways[segment.source] = ways.get(segment.source, 0) + 1
        self.virtual_server = self.virtual_server or trailer.virtual_server
        self.ports, self.trunks = self.ports or trailer.ports, self.trunks or trailer.trunks
        self.hardware = trailer.hardware or self.hardware
        if trailer.ha_unit is not None:
            self.ha_unit = trailer.ha_unit
        if trailer.peer is not None and trailer.peer not in self.peer_tuples and len(self.peer_tuples) < MAX_PEERS:
            self.peer_tuples.append(trailer.peer)
        if trailer.slot is not None and (self.slot is None or trailer.flow is not None):
            self.slot, self.tmm = trailer.slot, trailer.tmm
        self._add_flow(segment, trailer)
        flags = segment.flags
        if flags & RST and len(self.resets) < MAX_RESETS:
            self.resets.append(F5Reset(segment.frame, trailer.is_ingress, trailer.cause))
        self.is_closing = self.is_closing or bool(flags & (FIN | RST))

    def _add_flow(self, segment: Segment, trailer: Trailer) -> None:
        flow, slot, tmm = trailer.flow, trailer.slot, trailer.tmm
        if flow is None or slot is None or tmm is None:
            return
        if flow.flow_id != NO_FLOW:
            _see(self.flows, FlowKey(slot, tmm, flow.flow_id), segment.time_ns)
        if flow.peer_id != NO_FLOW:
            _see(self.peers, FlowKey(slot, tmm, flow.peer_id), segment.time_ns)
        if not trailer.is_ingress:
            return
        is_syn = segment.flags & (SYN | ACK | RST) == SYN
        if is_syn and flow.flow_id != NO_FLOW and self.syn_with_flow is None:
            self.syn_with_flow = segment.frame
        is_ack = segment.flags & (ACK | RST) == ACK
        if is_ack and flow.flow_id == NO_FLOW and not self.is_closing and self.ack_without_flow is None:
            self.ack_without_flow = segment.frame

    def side(self, client: Address) -> str | None:
        """``client``: a client's connection to the BIG-IP; ``server``: one that the BIG-IP made itself.

        None where its packets came in and went out with the same addresses: it was forwarded, and seen on both sides.

        :param client: the end that opened it.
        """
        came, went = client in self.received, client in self.sent
        other = self.ends[1] if self.ends[0] == client else self.ends[0]
        if came and not went and other not in self.received:
            return "client"
        if went and not came and other not in self.sent:
            return "server"
        return None

    @property
    def is_forwarded(self) -> bool:
        """Packets of both ends came in and went out again: one damaged trailer does not make that."""
        return all(end in self.received and end in self.sent for end in self.ends)

    def reset(self, frame: int) -> F5Reset | None:
        """The RST in a frame."""
        return next((reset for reset in self.resets if reset.frame == frame), None)


def _see(spans: dict[FlowKey, Span], key: FlowKey, time_ns: int) -> None:
    span = spans.get(key)
    if span is not None:
        spans[key] = Span(min(span.first_ns, time_ns), max(span.last_ns, time_ns))
    elif len(spans) < MAX_IDS:
        spans[key] = Span(time_ns, time_ns)
