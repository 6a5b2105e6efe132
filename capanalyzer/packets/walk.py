"""The slow path: one packet at a time, header by header, whatever its encapsulation."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from capanalyzer.packets.flowkey import EndpointMixer, endpoint_v4
from capanalyzer.packets.fragments import Reassembler
from capanalyzer.packets.layer import FRAGMENT, IP_PROTOCOL, LINKTYPE, STOP, Bytes, Notes, Packet
from capanalyzer.packets.notes import FRAGMENT_CUT, MALFORMED_TCP, TOO_DEEP
from capanalyzer.packets.stack import LAYERS
from capanalyzer.packets.table import EXTRA, IcmpError

__all__ = ["MAX_LAYERS", "Segment", "Walker"]

MAX_LAYERS: Final = 128
"""Headers read inside each other in one packet. Real stacks have less than 20; a packet made of 20-byte IP
headers alone would have thousands."""

_TCP: Final = IP_PROTOCOL + 6
_TCP_HEADER = struct.Struct(">HHIIBBH")
"""Source port to window: all that columns need, 16 bytes, and what Wireshark wants before it numbers a stream."""


class Segment(NamedTuple):
    """One row of a PacketTable, in its column order from ``source`` on."""

    source: int
    destination: int
    address_at: int
    is_v6: bool
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options_at: int
    options_len: int
    payload_at: int
    length: int
    captured: int
    ttl: int
    ip_id: int


class Walker:
    """Follows packets to their innermost TCP header. Keeps fragments between packets."""

    def __init__(self, mixer: EndpointMixer) -> None:
        self._mixer = mixer
        self._fragments = Reassembler()
        self.notes: Notes = {}
        self.extra = bytearray()
        self.icmp: list[IcmpError] = []
        self.carriers: list[tuple[int, tuple[int, ...]]] = []
        """(frame, all frames whose fragments were put together in it)."""

    def walk(
        self, buf: Bytes, at: int, captured: int, original: int, link: int, frame: int, time_ns: int
    ) -> list[Segment]:
        """The TCP segments in one packet, at most one unless frames are aggregated in it.

        ICMP errors go to ``icmp``, what is left out is counted in ``notes``.

        :param at: index in ``buf`` of the packet's first byte.
        :param captured: bytes captured; :param original: bytes on the wire.
        """
        packet = Packet(buf, at, at + captured, at + max(original, captured), time_ns, self.notes)
        segment = self._follow(packet, LINKTYPE + link, frame)
        found = [] if segment is None else [segment]
        for other, following in packet.branches:  # these branch no further
            segment = self._follow(other, following, frame)
            if segment is not None:
                found.append(segment)
        return found

    def _follow(self, packet: Packet, following: int, frame: int) -> Segment | None:
        for _ in range(MAX_LAYERS):
            if following == _TCP:
                if packet.quoting is not None:
                    self._quoted(packet, frame)
                    return None
                return self._segment(packet)
            if following == FRAGMENT:
                following = self._join(packet, frame)
                continue
            layer = LAYERS.get(following)
            if layer is None:
                return None
            following = layer(packet)
        packet.note(TOO_DEEP)
        return None

    def finish(self) -> None:
        """Give up the fragments that still wait."""
        self._fragments.finish(self.notes)

    def _segment(self, packet: Packet) -> Segment | None:
        if not packet.has(_TCP_HEADER.size):
            if packet.wire_end - packet.at < _TCP_HEADER.size:
                packet.note(MALFORMED_TCP)
            return None
        buf, at = packet.buf, packet.at
        source_port, destination_port, seq, ack, offset, flags, window = _TCP_HEADER.unpack_from(buf, at)
        size = (offset >> 4) * 4
        if size < 20 or at + size > packet.wire_end:
            # Still a row: Wireshark counts the packet to a stream, and a SYN opens one.
            packet.note(MALFORMED_TCP)
            size = 20
            length = captured = options_len = 0
        else:
            length = packet.wire_end - at - size
            captured = max(0, packet.end - at - size)
            options_len = max(0, min(packet.end - at, size) - 20)
        if packet.origin and packet.origin == EXTRA + len(self.extra):
            self.extra += buf
        origin = packet.origin
        address_at = origin + packet.address_at
        if packet.addresses is not None:
            address_at = EXTRA + len(self.extra)
            self.extra += packet.addresses
        source, destination = self._endpoints(packet, source_port, destination_port)
        return Segment(
            source,
            destination,
            address_at,
            packet.is_v6,
            source_port,
            destination_port,
            seq,
            ack,
            flags,
            window,
            origin + at + 20,
            options_len,
            origin + at + size,
            length,
            captured,
            packet.ttl,
            packet.ip_id,
        )

    def _endpoints(self, packet: Packet, source_port: int, destination_port: int) -> tuple[int, int]:
        both = packet.both_addresses()
        if packet.is_v6:
            scalar = self._mixer.scalar
            return scalar(both[:16], source_port), scalar(both[16:], destination_port)
        return (
            endpoint_v4(int.from_bytes(both[:4], "big"), source_port),
            endpoint_v4(int.from_bytes(both[4:], "big"), destination_port),
        )

    def _quoted(self, packet: Packet, frame: int) -> None:
        """Keep what an ICMP error quotes of a TCP segment: at least the ports (RFC 792: 8 bytes)."""
        quoting, at = packet.quoting, packet.at
        there = packet.end - at
        if quoting is None or there < 4:
            return
        ports = packet.u16(0), packet.u16(2)
        source, destination = self._endpoints(packet, *ports)
        self.icmp.append(
            IcmpError(
                frame,
                packet.time_ns,
                4 if len(quoting.reporter) == 4 else 6,
                quoting.type,
                quoting.code,
                quoting.mtu,
                quoting.reporter,
                source,
                destination,
                packet.u32(4) if there >= 8 else None,
                packet.buf[at + 13] if there >= 16 else None,
                packet.both_addresses(),
                ports,
            )
        )

    def _join(self, packet: Packet, frame: int) -> int:
        """An IP fragment, its payload at ``at``: go on with the whole datagram if this one completes it."""
        place = packet.place
        if place is None:
            return STOP
        following = IP_PROTOCOL + packet.next_header
        if following != _TCP and following not in LAYERS:
            return STOP  # nothing in it would be read
        if packet.quoting is not None or packet.end < max(packet.wire_end, packet.ip_end):
            if packet.quoting is None:
                packet.note(FRAGMENT_CUT)
            # The first fragment still shows the TCP header, as in Wireshark.
            return following if place.offset == 0 else STOP
        payload = bytes(packet.buf[packet.at : packet.end])
        whole = self._fragments.add(place.key, place.offset, place.more, payload, packet.time_ns, self.notes, frame)
        if whole is None:
            return STOP
        self.carriers.append((frame, self._fragments.frames))
        # Addresses first: positions in a table must reach them too.
        addresses = packet.both_addresses()
        packet.buf, packet.addresses = addresses + whole, None
        packet.origin = EXTRA + len(self.extra)
        packet.address_at, packet.at = 0, len(addresses)
        packet.end = packet.wire_end = len(packet.buf)
        return following
