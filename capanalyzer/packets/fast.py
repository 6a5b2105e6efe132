"""The fast path: common stacks decoded as columns.

One block of packets at a time (so that its header rows stay in the processor's cache):

1. The rows of the block are gathered, and the link layer splits them by where the IP header begins and which
   version it is. Usually all packets fall into one class, and then nothing is copied or indexed.
2. In each class masks pick the TCP segments whose headers are plain; their fields go to the columns.
3. What is surely of no use (ARP, UDP that is no tunnel ...) is passed over. All the rest, whatever is unusual
   or only too short, goes to the slow path by index, which gives the same rows for plain packets too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.columns import Columns, Where
from capanalyzer.packets.flowkey import EndpointMixer
from capanalyzer.packets.internet import TUNNEL_PORTS
from capanalyzer.packets.layer import ETHERTYPE, IP_PROTOCOL
from capanalyzer.packets.rows import Rows, RowSource, u8, u16, u32, word32
from capanalyzer.packets.stack import LAYERS

__all__ = ["FAST_LINKS", "Block", "Index"]

Index = NDArray[np.int64]

_LEAST_TCP: Final = 16
"""Captured bytes of a TCP header without which there is no row (see walk)."""
_SHORT: Final = 20 + _LEAST_TCP
"""A packet with fewer captured bytes goes to the slow path: the masks below may read this far unchecked."""


def _lookup(size: int, numbers: set[int] | frozenset[int]) -> NDArray[np.bool_]:
    table = np.zeros(size, np.bool_)
    table[list(numbers)] = True
    return table


_SLOW_ETHERTYPE: Final = _lookup(
    1 << 16, {layer - ETHERTYPE for layer in LAYERS if 0 <= layer - ETHERTYPE < 1 << 16} | set(range(1501))
)
"""EtherTypes worth a walk; up to 1500 it is an 802.3 length."""
_SLOW_PROTOCOL: Final = _lookup(256, {n for n in range(256) if IP_PROTOCOL + n in LAYERS and n != 17} | {6})
_TUNNEL_PORT: Final = _lookup(1 << 16, TUNNEL_PORTS)
_ICMP_ERROR: Final = _lookup(256, {3, 4, 11, 12})
_ICMP6_ERROR: Final = _lookup(256, {1, 2, 3, 4})
_MAX_TUNNELS: Final = 4
"""Tunnels inside each other that are entered as columns; deeper ones are walked."""
_GRE_SIZE: Final = np.array([4 + 4 * (n & 7).bit_count() + 4 * (n >> 3) for n in range(16)], np.int64)
"""GRE header bytes by the first four flag bits (the second of them, routing, is not entered)."""
_TAGS: Final = _lookup(1 << 16, {0x8100, 0x88A8, 0x9100})
"""EtherTypes of VLAN tags."""


def _word(four: bytes) -> np.uint32:
    return np.uint32(np.frombuffer(four, np.uint32)[0])


# Bytes 6 to 9 of an IPv4 header: fragment field (without "don't fragment"), TTL, protocol.
_V4_WHOLE_MASK, _V4_WHOLE_TCP = _word(b"\x3f\xff\x00\xff"), _word(b"\x00\x00\x00\x06")


class Group(NamedTuple):
    """Packets of a block whose IP header begins at one place of their rows."""

    rows: Rows
    at: int
    """Where in the rows."""
    base: Index
    """Where the rows begin in the batch's bytes."""
    there: Index
    """Captured bytes from ``base`` on."""
    wire: Index
    """Bytes from ``base`` on as they were on the wire."""
    members: Index | None
    """Numbers of these packets in the block; None for all of them."""

    def only(self, chosen: Index) -> Group:
        """A part of it."""
        return Group(
            _take_rows(self.rows, chosen),
            self.at,
            self.base.take(chosen),
            self.there.take(chosen),
            self.wire.take(chosen),
            self.numbers(chosen),
        )

    def numbers(self, chosen: Index) -> Index:
        """Numbers in the block."""
        return chosen if self.members is None else self.members.take(chosen)


def _take_rows(rows: Rows, chosen: Index) -> Rows:
    width = rows.shape[1]
    return rows.view(np.dtype((np.void, width))).ravel().take(chosen).view(np.uint8).reshape(-1, width)


def _or_wire(length: Index, wire: Index) -> Index:
    """A header's length, at most what was on the wire; all of that where it is 0 (segmentation offload)."""
    zero = length == 0
    if zero.any():
        np.copyto(length, wire, where=zero)
    return np.minimum(length, wire, out=length)


class Ready(NamedTuple):
    """TCP segments ready to be written."""

    group: Group
    is_v6: bool
    header: int
    """Length of the IP header."""
    size: Index
    """Length of the TCP header."""
    length: Index
    """Bytes of TCP, header and payload, on the wire."""


Layer: TypeAlias = "Callable[[Block, Group], None]"


class Block:
    """The packets of one block while they are sorted into ready, slow and useless ones."""

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self._depth = 0
        self.ready: list[Ready] = []
        self.slow: list[Index] = []

    def take(self, link: int, base: Index, there: Index, wire: Index, index: Index | None) -> None:
        """Sort packets of one link type; see Group for the arrays."""
        self._read(FAST_LINKS[link], base, there, wire, index)

    def _read(self, layer: Layer, base: Index, there: Index, wire: Index, index: Index | None) -> None:
        short = np.flatnonzero(there < _SHORT)
        if len(short):
            self.slow.append(short if index is None else index.take(short))
            chosen = np.flatnonzero(there >= _SHORT)
            if not len(chosen):
                return
            base, there, wire = base.take(chosen), there.take(chosen), wire.take(chosen)
            index = chosen if index is None else index.take(chosen)
        layer(self, Group(self._source.at(base), 0, base, there, wire, index))

    def ethernet(self, group: Group) -> None:
        self._by_ethertype(group, 12)

    def cooked(self, group: Group) -> None:
        self._by_ethertype(group, 14)

    def cooked2(self, group: Group) -> None:
        # The protocol comes first and 18 other bytes follow.
        self._split(group, u16(group.rows, 0).astype(np.uint16), 20, 0)

    def loopback(self, group: Group) -> None:
        family = u32(group.rows, 0).astype(np.uint32)
        kind = np.full(len(family), 0xFFFF, np.uint16)
        kind[(family == 2) | (family == 0x02000000)] = 0x0800
        for number in (10, 24, 28, 30):
            kind[(family == number) | (family == number << 24)] = 0x86DD
        self._split(group, kind, 4, None)

    def raw(self, group: Group) -> None:
        version = u8(group.rows, 0) >> 4
        kind = np.full(len(version), 0xFFFF, np.uint16)
        kind[version == 4] = 0x0800
        kind[version == 6] = 0x86DD
        self._split(group, kind, 0, None)

    def _by_ethertype(self, group: Group, at: int) -> None:
        self._split(group, u16(group.rows, at).astype(np.uint16), at + 2, at)

    def _split(self, group: Group, kind: NDArray[np.uint16], at: int, tags_at: int | None) -> None:
        """By EtherType. ``at``: where the payload begins; ``tags_at``: where a tag would, None where none can."""
        is_v4 = kind == 0x0800
        count = int(np.count_nonzero(is_v4))
        if count == len(kind):
            self.ipv4(group._replace(at=at))
            return
        is_v6 = kind == 0x86DD
        count6 = int(np.count_nonzero(is_v6))
        if count6 == len(kind):
            self.ipv6(group._replace(at=at))
            return
        if count:
            self.ipv4(group.only(np.flatnonzero(is_v4))._replace(at=at))
        if count6:
            self.ipv6(group.only(np.flatnonzero(is_v6))._replace(at=at))
        if count + count6 == len(kind):
            return
        is_v4 |= is_v6
        rest = np.flatnonzero(~is_v4)
        kind = kind.take(rest)
        if tags_at is None:
            self.slow.append(group.numbers(rest))
            return
        tagged = _TAGS.take(kind)
        if at < 22 and tagged.any():
            chosen = rest.take(np.flatnonzero(tagged))
            inner = group.only(chosen)
            self._split(inner, u16(inner.rows, at + 2).astype(np.uint16), at + 4, at + 2)
        else:
            tagged[:] = False
        metadata = kind == 0x8909
        if at == 14 and metadata.any():
            chosen = rest.take(np.flatnonzero(metadata))
            inner = group.only(chosen)
            one = u8(inner.rows, at + 1) == 1  # one option: eight bytes in all
            self.slow.append(inner.numbers(np.flatnonzero(~one)))
            if one.any():
                inner = inner.only(np.flatnonzero(one))
                self._split(inner, u16(inner.rows, at + 6).astype(np.uint16), at + 8, None)
            tagged |= metadata
        other = _SLOW_ETHERTYPE.take(kind)
        other &= ~tagged
        self.slow.append(group.numbers(rest.take(np.flatnonzero(other))))

    def ipv4(self, group: Group) -> None:
        rows, at = group.rows, group.at
        wire = group.wire - at
        is_tcp = (word32(rows, at + 6) & _V4_WHOLE_MASK) == _V4_WHOLE_TCP
        is_tcp &= u8(rows, at) == 0x45
        is_tcp &= group.there >= at + _SHORT
        total = _or_wire(u16(rows, at + 2).astype(np.int64), wire)
        size = (u8(rows, at + 32) >> 2 & 0x3C).astype(np.int64)
        length = total - 20
        is_tcp &= size >= 20
        is_tcp &= size <= length
        self._sort(group, is_tcp, False, 20, size, length)

    def ipv6(self, group: Group) -> None:
        rows, at = group.rows, group.at
        wire = group.wire - (at + 40)
        is_tcp = u8(rows, at + 6) == 6
        is_tcp &= u8(rows, at) >> 4 == 6
        is_tcp &= group.there >= at + 40 + _LEAST_TCP
        length = _or_wire(u16(rows, at + 4).astype(np.int64), wire)
        size = (u8(rows, at + 52) >> 2 & 0x3C).astype(np.int64)
        is_tcp &= size >= 20
        is_tcp &= size <= length
        self._sort(group, is_tcp, True, 40, size, length)

    def _sort(
        self, group: Group, is_tcp: NDArray[np.bool_], is_v6: bool, header: int, size: Index, length: Index
    ) -> None:
        count = int(np.count_nonzero(is_tcp))
        if count == len(is_tcp):
            self.ready.append(Ready(group, is_v6, header, size, length))
            return
        if count:
            chosen = np.flatnonzero(is_tcp)
            self.ready.append(Ready(group.only(chosen), is_v6, header, size.take(chosen), length.take(chosen)))
        rest = np.flatnonzero(~is_tcp)
        rows = _take_rows(group.rows, rest)
        at = group.at
        protocol = u8(rows, at + (6 if is_v6 else 9))
        worth = _SLOW_PROTOCOL.take(protocol)
        plain = u8(rows, at) >> 4 == 6 if is_v6 else u8(rows, at) == 0x45
        if not is_v6:
            plain &= u16(rows, at + 6).astype(np.uint16) & 0x3FFF == 0
        inner = at + header
        # Of plain UDP and ICMP a look at the first bytes tells whether anything is inside.
        tunnel = _TUNNEL_PORT.take(u16(rows, inner).astype(np.uint16))
        tunnel |= _TUNNEL_PORT.take(u16(rows, inner + 2).astype(np.uint16))
        is_udp = protocol == 17
        worth |= is_udp & (tunnel | ~plain)
        icmp, errors = (58, _ICMP6_ERROR) if is_v6 else (1, _ICMP_ERROR)
        worth &= ~((protocol == icmp) & plain & ~errors.take(u8(rows, inner)))
        if not is_v6:
            # Another version, or lengths that contradict each other: the walk knows what to make of it.
            total, size_v4 = u16(rows, at + 2).astype(np.uint16), (u8(rows, at) & 15) << 2
            worth |= u8(rows, at) >> 4 != 4
            worth |= (size_v4 < 20) | (total < size_v4) & (total > 0)
        if self._depth < _MAX_TUNNELS:
            worth &= ~self._tunnels(group, rest, rows, protocol, plain, header)
        worth |= group.there.take(rest) < inner  # cut inside the IP header: what was looked at is not its own
        self.slow.append(group.numbers(rest.take(np.flatnonzero(worth))))

    def _tunnels(
        self,
        group: Group,
        rest: Index,
        rows: Rows,
        protocol: NDArray[np.uint8],
        plain: NDArray[np.bool_],
        header: int,
    ) -> NDArray[np.bool_]:
        """Go into the common tunnels, as columns again.

        What is not plain inside goes to the slow path from its first byte on, like everything else.

        :param rest: which packets of the group; the other arrays are theirs.
        :return: which of them were entered.
        """
        at, inner = group.at, group.at + header
        entered = np.zeros(len(rest), np.bool_)
        ports = u16(rows, inner + 2).astype(np.uint16)
        first = u16(rows, inner).astype(np.uint16)
        is_udp = (protocol == 17) & plain
        is_gre = (protocol == 47) & plain
        words = u8(rows, inner + 8)
        kinds: list[tuple[NDArray[np.bool_], Layer, Index | int]] = [
            (is_udp & (ports == 4789), Block.ethernet, 16),
            (
                is_udp & (ports == 6081) & (words >> 6 == 0) & (u16(rows, inner + 10).astype(np.uint16) == 0x6558),
                Block.ethernet,
                16 + (words & 0x3F).astype(np.int64) * 4,
            ),
            ((protocol == 4) & plain, Block.ipv4, 0),
            ((protocol == 41) & plain, Block.ipv6, 0),
        ]
        if is_gre.any():
            optional = (first & 0xB000) >> 12  # checksum, key, sequence number: four bytes each
            size = _GRE_SIZE.take(optional)
            is_gre &= first & 0x4007 == 0
            kinds += [
                (is_gre & (ports == 0x6558), Block.ethernet, size),
                (is_gre & (ports == 0x0800), Block.ipv4, size),
                (is_gre & (ports == 0x86DD), Block.ipv6, size),
                # ERSPAN type II with a sequence number and nothing else
                (is_gre & (ports == 0x88BE) & (optional == 1) & (words >> 4 == 1), Block.ethernet, 16),
            ]
        self._depth += 1
        for mask, layer, skip in kinds:
            if not mask.any():
                continue
            entered |= mask
            chosen = np.flatnonzero(mask)
            members = rest.take(chosen)
            wire = group.wire.take(members)
            inside = _take_rows(rows, chosen)
            if header == 40:
                end = _or_wire(u16(inside, at + 4).astype(np.int64), wire - inner) + inner
            else:
                end = _or_wire(u16(inside, at + 2).astype(np.int64), wire - at) + at
            if layer is Block.ethernet and protocol[chosen[0]] == 17:
                length = u16(inside, inner + 4).astype(np.int64)
                np.minimum(end, length + inner, out=end, where=length >= 8)
            start: Index | int = inner + (skip if isinstance(skip, int) else skip.take(chosen))
            there = np.minimum(group.there.take(members), end)
            there -= start
            end -= start
            self._read(layer, group.base.take(members) + start, there, end, group.numbers(members))
        self._depth -= 1
        return entered


FAST_LINKS: Final[dict[int, Layer]] = {
    0: Block.loopback,
    1: Block.ethernet,
    12: Block.raw,
    14: Block.raw,
    101: Block.raw,
    108: Block.loopback,
    113: Block.cooked,
    228: Block.ipv4,
    229: Block.ipv6,
    276: Block.cooked2,
}
"""Link types with a fast path, by LINKTYPE_ number."""


def write(columns: Columns, where: Where, ready: Ready, mixer: EndpointMixer) -> None:
    """Write segments' columns, all but frame and time."""
    group, header = ready.group, ready.header
    at = group.at
    base = group.base + at
    if ready.is_v6:
        columns.write_v6(where, group.rows, at, base, mixer)
    else:
        columns.write_v4(where, group.rows, at, base)
    behind = at + header
    columns.write_tcp(where, group.rows, behind, base + header, ready.size, ready.length, group.there - behind)
