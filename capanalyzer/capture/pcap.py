"""Classic pcap and its variants.

Source: the format's description in draft-ietf-opsawg-pcap, and for the variants, which have no
description, what Wireshark's wiretap/libpcap.c found out about them.

=============  ==========  ======================================================================
magic          variant     record header
=============  ==========  ======================================================================
a1b2c3d4       pcap        seconds, microseconds, captured length, original length: 16 bytes
a1b23c4d       nanosecond  the same with nanoseconds
a1b2c3d4       ss990417    8 more bytes: interface index, protocol, packet type (Red Hat 6.1)
a1b2c3d4       Nokia       4 more bytes
a1b2c3d4       AIX         the same as pcap, with nanoseconds; version 2.2 and ifType numbers
a1b2cd34       ss991029    8 more bytes
a1b2cd34       ss990915    12 more bytes (SuSE 6.3)
1c0001ac/ab    Ixia        4 more bytes in the *file* header; nanoseconds/microseconds
=============  ==========  ======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import Layout, find_records, strided, walk_plain
from capanalyzer.capture.linktypes import biggest_packet, link_type
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["MAGICS", "PcapReader", "Variant"]


@dataclass(frozen=True, slots=True)
class Variant:
    """What tells one kind of pcap from another."""

    name: str
    header: int
    """Bytes of a record header."""
    nanoseconds: bool = False


PCAP: Final = Variant("pcap", 16)
NANOSECOND: Final = Variant("nanosecond pcap", 16, nanoseconds=True)
AIX: Final = Variant("AIX pcap", 16, nanoseconds=True)
SS990417: Final = Variant("ss990417 pcap", 24)
SS991029: Final = Variant("ss991029 pcap", 24)
SS990915: Final = Variant("ss990915 pcap", 28)
NOKIA: Final = Variant("Nokia pcap", 20)

_CANDIDATES: Final[dict[int, tuple[tuple[Variant, ...], int]]] = {
    0xA1B2C3D4: ((PCAP, SS990417, NOKIA), 24),
    0xA1B2CD34: ((SS991029, SS990915), 24),
    0xA1B23C4D: ((NANOSECOND,), 24),
    0x1C0001AC: ((NANOSECOND,), 28),
    0x1C0001AB: ((PCAP,), 28),
}
"""Magic: the variants it may stand for, the likeliest first, and the bytes of the file header."""

ByteOrder = Literal["big", "little"]
_BYTE_ORDERS: Final[tuple[ByteOrder, ...]] = ("big", "little")

MAGICS: Final = {magic.to_bytes(4, order): order for magic in _CANDIDATES for order in _BYTE_ORDERS}
"""First four bytes of a pcap file: the byte order they tell."""

_AIX_IFTYPES: Final = {6: 1, 9: 6, 15: 10, 24: 0}
"""RFC 1573 ifType numbers that AIX writes: Ethernet, token ring, FDDI, loopback."""

_AIX_FDDI: Final = 10
_AIX_FDDI_PADDING: Final = 3
"""AIX puts three bytes before an FDDI frame and counts them."""

_NOKIA_ATM: Final = (13, 109)
"""Nokia's number 13 is ATM, not OpenBSD's enc."""

_TRIED_RECORDS: Final = 3
"""Records looked at to tell variants of one magic apart."""

_LONG_ORIGINAL: Final = 128 << 20
"""No packet was this long."""

_CANDIDATE_PLACES: Final = 64
"""Places looked at for one sync point; a payload made of false ones costs no more than that."""

_CHAIN: Final = 3
"""Records in a row that must look right at a sync point."""


class PcapReader(RecordReader):
    """One pcap file."""

    def __init__(self, info: CaptureInfo) -> None:
        super().__init__(info)
        info.format = "pcap"
        self.variant: Variant | None = None
        self._order = "<"
        self._network = 0
        self._link = 0
        self._snaplen = 0
        self._swapped = 0
        """0: captured length first; 1: original length first; 2: whichever is smaller is the captured one."""
        self._layout = Layout("<", 8, 16, 16, 0, 0, 16)
        self._fields = Struct("<4I")
        self._patterns: tuple[bytes, ...] = ()

    def feed(self, data: NDArray[np.uint8], at_end: bool) -> tuple[RecordBatch | None, int]:
        """See :meth:`RecordReader.feed`."""
        start = 0
        if self.variant is None:
            start = self._read_file_header(data, at_end)
            if not start or self.done:
                return None, start
        if self._swapped:
            starts, following = self._walk_swapped(data, start)
            heads = strided(data, "V16")[starts].view(self._layout.dtype).reshape(-1, 4)
        else:
            self._aim(data, start)
            starts, heads, following = find_records(data, start, len(data), self._layout, self._sync)
        batch = self._columns(data, starts, heads)
        self._look_at(data, following, at_end)
        self.base += following
        return batch, following

    def find_record(self, data: NDArray[np.uint8]) -> int:
        """See :meth:`RecordReader.find_record`."""
        return -1 if self._swapped else self._sync(data.data, 0, len(data))

    def _read_file_header(self, data: NDArray[np.uint8], at_end: bool) -> int:
        """Set everything that the file header tells.

        :returns: bytes used, 0 when more are needed.
        """
        head = bytes(data[:28])
        order = MAGICS.get(head[:4], "little")
        candidates, size = _CANDIDATES.get(int.from_bytes(head[:4], order), ((PCAP,), 24))
        self.wants = size
        if len(data) < size:
            if at_end:
                self.cut_in_file_header()
            return 0
        self._order = "<" if order == "little" else ">"
        major, minor, _zone, _accuracy, self._snaplen, self._network = Struct(f"{self._order}2H4I").unpack_from(head, 4)
        if not 2 <= major <= 2 and major != 543:
            self.warn(
                Remark(
                    "The file says it is pcap version {major}.{minor}, which is not known; it was not read.",
                    major=major,
                    minor=minor,
                )
            )
            self.done = True
            return size
        self._link = link_type(self._network)
        if major == 543 or minor < 3:
            # Written before the two lengths changed places; DG/UX calls that version 543.0.
            candidates, self._swapped = (PCAP,), 1
        elif minor == 3:
            candidates, self._swapped = (PCAP,), 2
        if candidates[0] is PCAP and major == 2 and minor == 2 and self._network in _AIX_IFTYPES:
            candidates, self._link = (AIX,), _AIX_IFTYPES[self._network]
        if len(candidates) > 1 and not at_end and len(data) < size + _TRIED_RECORDS * 64 and candidates[0] is not PCAP:
            # The variants of this magic have no likeliest one; a pipe's first bytes do not tell them apart.
            self.wants = size + _TRIED_RECORDS * 64
            return 0
        self.met(self._link)
        self._choose(candidates, data, size, at_end)
        self.base = 0
        self.wants = 0
        return size

    def _choose(self, candidates: tuple[Variant, ...], data: NDArray[np.uint8], start: int, at_end: bool) -> None:
        """Take the variant under which the first records look best; the first of equals."""
        faults = [_faults(variant, data, start, at_end, self._order, self) for variant in candidates]
        variant = self.variant = candidates[faults.index(min(faults))]
        if variant is NOKIA and self._network == _NOKIA_ATM[0]:
            self._link = 123
        self._layout = Layout(self._order, 8, variant.header, variant.header, 0, biggest_packet(self._link), 16)
        self._fields = Struct(f"{self._order}4I")

    @property
    def link(self) -> int:
        """The file's link type."""
        return self._link

    @property
    def snaplen(self) -> int:
        """The file header's snapshot length."""
        return self._snaplen

    def _columns(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], heads: NDArray[np.uint32]
    ) -> RecordBatch | None:
        """The record headers at ``starts``, four 32-bit numbers each, as columns."""
        if not len(starts) or self.variant is None:
            return None
        seconds, fraction, captured, original = (column.astype(np.int64) for column in heads.T)
        if self._swapped:
            exchange = (captured > original) if self._swapped == 2 else np.ones(len(starts), np.bool_)
            captured, original = np.where(exchange, original, captured), np.where(exchange, captured, original)
        time_ns = seconds * 1_000_000_000 + fraction * (1 if self.variant.nanoseconds else 1000)
        offset = starts + self.variant.header
        if self.variant is AIX and self._link == _AIX_FDDI:
            padding = np.minimum(captured, _AIX_FDDI_PADDING)
            offset, captured, original = offset + padding, captured - padding, original - padding
        link = np.full(len(starts), self._link, np.uint16)
        return self.batch(data, offset, captured, original, time_ns, link)

    def _look_at(self, data: NDArray[np.uint8], place: int, at_end: bool) -> None:
        """Why the walk stopped at ``place``: the input's end, a cut, damage, or more is to come."""
        left = len(data) - place
        self.wants = self._layout.header
        if left >= self._layout.header:
            _, _, captured, original = self._fields.unpack_from(data.data, place)
            if self._swapped == 1 or (self._swapped == 2 and captured > original):
                captured, original = original, captured
            if captured > self._layout.longest:
                self.damaged(
                    self.base + place,
                    Remark("a packet of {n:,} bytes, more than {most:,}", n=captured, most=self._layout.longest),
                )
                return
            self.wants = self._layout.header + captured
        if at_end:
            if left:
                self.cut_short(self.base + place)
            self.done = True

    def _walk_swapped(self, data: NDArray[np.uint8], start: int) -> tuple[NDArray[np.int64], int]:
        """Files from before 1998 have their lengths the other way round: walked plainly, one by one."""
        if self._swapped == 1:
            layout = Layout(self._order, 12, 16, 16, 0, self._layout.longest, 16)
            found, start = walk_plain(data.data, start, len(data), len(data), layout)
            return np.array(found, np.int64), start
        found, view, end, longest = [], data.data, len(data), self._layout.longest
        while start + 16 <= end:
            _, _, first, second = self._fields.unpack_from(view, start)
            captured = min(first, second)
            if captured > longest or start + 16 + captured > end:
                break
            found.append(start)
            start += 16 + captured
        return np.array(found, np.int64), start

    def _aim(self, data: NDArray[np.uint8], start: int) -> None:
        """Sync points are looked for by the upper half of the seconds, which changes every 18 hours."""
        if len(data) - start < 16:
            return
        (seconds,) = self._layout.unpack.unpack_from(data.data, start)
        order: ByteOrder = "little" if self._order == "<" else "big"
        high = seconds >> 16
        halves = [value.to_bytes(2, order) for value in (high, high + 1) if value < 1 << 16]
        self._patterns = (*halves, (seconds >> 24).to_bytes(1, "big"))

    def _sync(self, view: memoryview, low: int, high: int) -> int:
        """The first place in [low, high) where records seem to begin; see lanes.Sync."""
        piece = bytes(view[low : high + 4])
        for pattern in self._patterns:
            # Where in the 32-bit seconds the pattern stands.
            inside = 4 - len(pattern) if self._order == "<" else 0
            at = piece.find(pattern, inside)
            for _ in range(_CANDIDATE_PLACES):
                if at < 0 or at - inside >= high - low:
                    break
                if self._looks_right(view, low + at - inside):
                    return low + at - inside
                at = piece.find(pattern, at + 1)
        return -1

    def _looks_right(self, view: memoryview, place: int) -> bool:
        """Whether several plausible record headers follow each other from ``place``."""
        size, longest, end = self._layout.header, self._layout.longest, len(view)
        fractions = 1_000_000_000 if self.variant is not None and self.variant.nanoseconds else 1_000_000
        unpack = self._fields.unpack_from
        earlier = -1
        for _ in range(_CHAIN):
            if place + size > end:
                return False
            seconds, fraction, captured, original = unpack(view, place)
            if fraction >= fractions or not 0 < captured <= longest or not captured <= original <= _LONG_ORIGINAL:
                return False
            if earlier >= 0 and abs(seconds - earlier) > 1 << 16:
                return False
            earlier = seconds
            place += size + captured
        return True


def _faults(variant: Variant, data: NDArray[np.uint8], place: int, at_end: bool, order: str, reader: PcapReader) -> int:
    """How many things look wrong when the first records are read as ``variant``."""
    fields = Struct(f"{order}4I")
    view, end = data.data, len(data)
    faults = 0
    limit = biggest_packet(reader.link)
    for _ in range(_TRIED_RECORDS):
        if place + variant.header > end:
            return faults + (1 if at_end and place < end else 0)
        fraction: int
        captured: int
        original: int
        _, fraction, captured, original = fields.unpack_from(view, place)
        faults += fraction >= 1_000_000
        faults += captured > limit
        faults += captured > reader.snaplen
        faults += original > _LONG_ORIGINAL
        faults += captured > original
        extra = bytes(view[place + 16 : place + variant.header])
        faults += _extra_faults(variant, extra, order)
        if captured > limit:
            return faults
        place += variant.header + captured
        if place > end:
            return faults + (1 if at_end else 0)
    return faults


def _extra_faults(variant: Variant, extra: bytes, order: str) -> int:
    """What looks wrong in the fields that only this variant has."""
    if variant is NOKIA:
        # Seen so far: Xfbf YZ0W with X 9 or b, Y b or d, Z 6 or 9, W 1 or 2, in either byte order's reading.
        (stuff,) = Struct("<I").unpack(extra)
        right = (
            stuff & 0x0FFF00F0 == 0x0FBF0000
            and stuff >> 28 in (0x9, 0xB)
            and stuff >> 12 & 15 in (0xB, 0xD)
            and stuff >> 8 & 15 in (0x6, 0x9)
            and stuff & 15 in (1, 2)
        )
        return not right
    if variant.header < 24:
        return 0
    interface: int
    protocol: int
    kind: int
    interface, protocol, kind = Struct(f"{order}IHB").unpack_from(extra)
    known = protocol >= 0x600 or protocol in (0x60, 0x200, 0x400) or protocol <= 0x17
    return (interface > 10000) + (not known) + (kind > 4)
