"""pcapng: blocks, of which Enhanced Packet Blocks are read as columns where they stand many together.

Source: draft-ietf-opsawg-pcapng. A section begins with a Section Header Block that sets the byte order
of all its blocks, and forgets the interfaces of the section before it.

Each section is read plainly, block by block, up to ``_PLAIN_BYTES``; a longer one goes on with lanes, in
stretches that grow with the section. So a file made of a million tiny sections costs a plain walk and no
more, and an ordinary file hardly ever leaves the lanes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import Layout, find_records, strided
from capanalyzer.capture.linktypes import NOT_A_PACKET
from capanalyzer.capture.pcapng_blocks import (
    CUSTOM_BLOCK,
    CUSTOM_BLOCK_NOT_COPIED,
    DECRYPTION_SECRETS,
    ENHANCED_PACKET,
    FRAMES_WITHOUT_PACKET,
    INTERFACE_DESCRIPTION,
    INTERFACE_STATISTICS,
    PACKET,
    SECTION_HEADER,
    SIMPLE_PACKET,
    Interface,
    Section,
    read_frame_time,
)
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo, RecordBatch

__all__ = ["PcapngReader"]

_LONGEST_BLOCK: Final = 16 << 20
"""Wireshark's limit; longer ones are damage."""

_LONGEST_HUGE_BLOCK: Final = 130 << 20
"""... but for the link types with huge packets, of which one may have been declared."""

_PLAIN_BYTES: Final = 128 << 10
"""How far into a section its blocks are read one by one."""

_CANDIDATE_PLACES: Final = 64
_CHAIN: Final = 3
"""As for pcap: places tried for a sync point, and blocks in a row that must look right there."""

_MOST_SECRETS: Final = 16 << 20
"""Bytes of decryption secrets kept: a key log of 80,000 sessions."""

_MOST_COMMENTS: Final = 100
"""Section comments kept; programs write one or two."""

_EPB_HEADER: Final = 28

_SHORT_STRETCH: Final = 64
"""Stretches of packets between other blocks that are shorter than this are not worth columns of their own."""


class PcapngReader(RecordReader):
    """One pcapng file."""

    def __init__(self, info: CaptureInfo) -> None:
        super().__init__(info)
        info.format = "pcapng"
        self._section: Section | None = None
        self._section_start = 0
        """Input byte at which the section began."""
        self._rows: list[tuple[int, int, int, int, int, bool]] = []
        """Packets read plainly: offset, captured, original, time, link, whether the time is its own."""
        self._pieces: list[tuple[NDArray[np.int64], ...]] = []
        self._last_ns = 0
        self._drops: dict[tuple[int, int], int] = {}
        self._sections = 0
        self._secret_bytes = 0

    def feed(self, data: NDArray[np.uint8], at_end: bool) -> tuple[RecordBatch | None, int]:
        """See :meth:`RecordReader.feed`."""
        place, end = 0, len(data)
        self.wants = 0
        while not self.done:
            in_section = self.base + place - self._section_start
            before = place
            if self._section is not None and in_section >= _PLAIN_BYTES and end - place > _PLAIN_BYTES:
                place = self._read_lanes(data, place, min(end, place + in_section))
            place = self._read_plain(data, place, min(end, place + _PLAIN_BYTES))
            if place == before and (self.wants or place == end):
                break
        if at_end and not self.done:
            if place < end:
                self.cut_short(self.base + place)
            self.done = True
        batch = self._collect(data)
        self.base += place
        return batch, place

    def _is_over(self) -> bool:
        return self.done

    def find_record(self, data: NDArray[np.uint8]) -> int:
        """See :meth:`RecordReader.find_record`."""
        if self._section is None:
            return -1
        # Where blocks are aligned to is not known here: each of four ways is tried.
        found = (_Sync(self._section, phase)(data.data, 0, len(data)) for phase in range(4))
        return min((place for place in found if place >= 0), default=-1)

    def _read_plain(self, data: NDArray[np.uint8], place: int, until: int) -> int:
        """Read block after block until one begins at or after ``until``, or is not all there."""
        view, end = data.data, len(data)
        self._flush_rows()
        while place < until and not self._is_over():
            if end - place < 12:
                self.wants = 12
                break
            section = self._section
            is_header = bytes(view[place : place + 4]) == SECTION_HEADER
            if is_header:
                section = Section.at(view, place)
            if section is None:
                self.damaged(self.base + place, "no section header where one must be")
                break
            kind, total = section.two.unpack_from(view, place)
            size = total + 3 & -4
            if size < 12 or size > (_LONGEST_HUGE_BLOCK if section.has_huge else _LONGEST_BLOCK):
                self.damaged(self.base + place, f"a block of {total:,} bytes")
                break
            if place + size > end:
                self.wants = size
                break
            if section.one.unpack_from(view, place + size - 4)[0] + 3 & -4 != size:
                self.damaged(self.base + place, "the two lengths of a block differ")
                break
            if is_header:
                self._begin_section(section, view, place, size)
            else:
                self._read_block(section, kind, view, place, size)
            if self._is_over():
                break
            place += size
            self.wants = 0
        self._flush_rows()
        return place

    def _begin_section(self, section: Section, view: memoryview, place: int, size: int) -> None:
        if size < 28:
            self.damaged(self.base + place, "a section header of less than 28 bytes")
            return
        if section.version not in ((1, 0), (1, 2)):
            major, minor = section.version
            self.damaged(self.base + place, f"a section of pcapng version {major}.{minor}, which is not known")
            return
        self._section, self._section_start = section, self.base + place
        self._sections += 1
        for code, value in section.options(view, place + 24, place + size - 4):
            if code == 1 and len(self.info.comments) < _MOST_COMMENTS:
                self.info.comments.append(value.decode("utf-8", "replace"))

    def _read_block(self, section: Section, kind: int, view: memoryview, place: int, size: int) -> None:
        """Take what a block tells; packets go to the rows."""
        if kind == ENHANCED_PACKET:
            if size < 32:
                self.damaged(self.base + place, "an enhanced packet block of less than 32 bytes")
                return
            number, high, low, captured, original = section.packet.unpack_from(view, place + 8)
            self._packet(section, place, place + _EPB_HEADER, size - 32, number, high, low, captured, original)
        elif kind == INTERFACE_DESCRIPTION:
            if size < 20:
                self.damaged(self.base + place, "an interface description of less than 20 bytes")
                return
            told = section.add_interface(Interface.read(section, view, place, size))
            if told:
                self.warn(told)
        elif kind == SIMPLE_PACKET:
            self._simple_packet(section, view, place, size)
        elif kind == PACKET:
            if size < 32:
                self.damaged(self.base + place, "a packet block of less than 32 bytes")
                return
            number, _, high, low, captured, original = section.old_packet.unpack_from(view, place + 8)
            self._packet(section, place, place + _EPB_HEADER, size - 32, number, high, low, captured, original)
        elif kind == INTERFACE_STATISTICS:
            self._statistics(section, view, place, size)
        elif kind == DECRYPTION_SECRETS:
            self._secrets(section, view, place, size)
        elif kind in FRAMES_WITHOUT_PACKET or kind in (CUSTOM_BLOCK, CUSTOM_BLOCK_NOT_COPIED):
            time_ns = read_frame_time(section, kind, view, place, size)
            timed = time_ns is not None
            if time_ns is not None:
                self._last_ns = time_ns
            body = size - 12
            self._rows.append((place + 8, body, body, self._last_ns, NOT_A_PACKET, timed))

    def _packet(
        self,
        section: Section,
        place: int,
        offset: int,
        room: int,
        number: int,
        high: int,
        low: int,
        captured: int,
        original: int,
    ) -> None:
        if number >= section.interface_count:
            self.damaged(self.base + place, f"a packet of interface {number}, which was not described")
            return
        interface = section.interface(number)
        if captured > room:
            self.damaged(self.base + place, f"a packet of {captured:,} bytes in a block that has room for {room:,}")
            return
        if captured > interface.biggest:
            self.damaged(self.base + place, f"a packet of {captured:,} bytes, more than {interface.biggest:,}")
            return
        self._last_ns = interface.resolution.to_ns(high << 32 | low)
        self._rows.append((offset, captured, original, self._last_ns, interface.link, True))

    def _simple_packet(self, section: Section, view: memoryview, place: int, size: int) -> None:
        if size < 16 or not section.interface_count:
            self.damaged(self.base + place, "a simple packet block that is too short or before any interface")
            return
        interface = section.interface(0)
        (original,) = section.one.unpack_from(view, place + 8)
        captured = min(original, interface.snaplen) if interface.snaplen else original
        if captured > size - 16 or captured > interface.biggest:
            self.damaged(self.base + place, f"a packet of {captured:,} bytes in a block of {size:,}")
            return
        self.warn("Some packets carry no time (simple packet blocks); they were given that of the packet before.")
        self._rows.append((place + 12, captured, original, self._last_ns, interface.link, False))

    def _statistics(self, section: Section, view: memoryview, place: int, size: int) -> None:
        """Drop counters run up from the capture's start: the last ones count, of each interface."""
        if size < 24:
            return
        (number,) = section.one.unpack_from(view, place + 8)
        if number >= section.interface_count:
            return
        lost = 0
        for code, value in section.options(view, place + 20, place + size - 4):
            if code in (5, 7) and len(value) == 8:  # isb_ifdrop, isb_osdrop
                lost += section.eight.unpack(value)[0]
        earlier = self._drops.get((self._sections, number), 0)
        self._drops[self._sections, number] = lost
        self.info.dropped_packets += lost - earlier

    def _secrets(self, section: Section, view: memoryview, place: int, size: int) -> None:
        if size < 20:
            return
        kind, length = section.two.unpack_from(view, place + 8)
        if length > size - 20:
            return
        if self._secret_bytes + length > _MOST_SECRETS:
            self.warn(f"More than {_MOST_SECRETS >> 20} MB of decryption secrets; the rest was left out.")
            return
        self._secret_bytes += length
        self.info.secrets.append((kind, bytes(view[place + 16 : place + 16 + length])))

    def _read_lanes(self, data: NDArray[np.uint8], place: int, end: int) -> int:
        """Read blocks from ``place`` as columns, up to ``end``, another section, or something to look at plainly."""
        section = self._section
        assert section is not None
        layout = Layout(section.byte_order, 4, 12, 0, 12, _LONGEST_BLOCK, 4)
        sync = _Sync(section, place)
        starts, following = find_records(data, place, end, layout, sync)
        if not len(starts):
            return place
        kinds = strided(data, layout.dtype)[starts]
        headers = np.flatnonzero(kinds == int.from_bytes(SECTION_HEADER, "big"))
        if len(headers):
            following = int(starts[headers[0]])
            starts, kinds = starts[: headers[0]], kinds[: headers[0]]
        ends = np.append(starts[1:], following)
        trailers = strided(data, layout.dtype)[ends - 4].astype(np.int64) + 3 & -4
        good = len(starts)
        wrong = np.flatnonzero(trailers != ends - starts)
        if len(wrong):
            good = int(wrong[0])
        others = np.flatnonzero(kinds[:good] != ENHANCED_PACKET)
        if len(others) == 0:
            done = self._enhanced_packets(section, data, starts[:good], ends[:good])
        else:
            done = self._mixed(section, data, starts[:good], ends[:good], others.tolist())
        return following if done == len(starts) else int(starts[done])

    def _mixed(
        self,
        section: Section,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        others: list[int],
    ) -> int:
        """Blocks of several kinds, in order: stretches of packets as columns, the rest one by one.

        :returns: how many blocks were read.
        """
        if len(others) * _SHORT_STRETCH > len(starts):
            return self._all_plain(section, data, starts, ends)
        row = 0
        for other in [*others, len(starts)]:
            if row < other:
                done = self._enhanced_packets(section, data, starts[row:other], ends[row:other])
                if done < other - row:
                    return row + done
            if other == len(starts):
                break
            begin, stop = int(starts[other]), int(ends[other])
            (kind,) = section.one.unpack_from(data.data, begin)
            self._read_block(section, kind, data.data, begin, stop - begin)
            self._flush_rows()
            if self.done:
                return other
            row = other + 1
        return len(starts)

    def _all_plain(
        self, section: Section, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> int:
        view = data.data
        for row, (begin, stop) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            (kind,) = section.one.unpack_from(view, begin)
            self._read_block(section, kind, view, begin, stop - begin)
            if self.done:
                self._flush_rows()
                return row
        self._flush_rows()
        return len(starts)

    def _enhanced_packets(
        self, section: Section, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> int:
        """Enhanced packet blocks as columns; the first that is wrong ends it, and is left to be told plainly.

        :returns: how many were read.
        """
        if not len(starts):
            return 0
        usable = starts[: np.searchsorted(starts, len(data) - _EPB_HEADER, "right")]
        row_type = np.dtype(f"{section.byte_order}u4")
        heads = strided(data, "V20", 8)[usable].view(row_type).reshape(-1, 5)
        number = heads[:, 0].astype(np.int64)
        captured = heads[:, 3].astype(np.int64)
        original = heads[:, 4].astype(np.int64)
        links, biggest = section.link_columns()
        known = number < section.interface_count
        inside = np.where(known, np.minimum(number, len(links) - 1), 0)
        sound = known & (captured <= ends[: len(usable)] - usable - 32)
        if len(links):
            sound &= captured <= biggest[inside]
        wrong = np.flatnonzero(~sound)
        count = int(wrong[0]) if len(wrong) else len(usable)
        if not count:
            return 0
        inside = inside[:count]
        stamps = heads[:count, 1].astype(np.uint64) << np.uint64(32) | heads[:count, 2].astype(np.uint64)
        times = section.times(stamps, inside)
        self._last_ns = int(times[-1])
        own = np.ones(count, np.int64)
        link = links[inside].astype(np.int64)
        self._pieces.append((usable[:count] + _EPB_HEADER, captured[:count], original[:count], times, link, own))
        return count

    @property
    def record(self) -> int:
        """See :class:`RecordReader`; packets of this feed are not counted as frames yet."""
        return super().record + len(self._rows) + sum(len(piece[0]) for piece in self._pieces)

    def _flush_rows(self) -> None:
        """Make the packets that were read plainly into columns, behind those that went before."""
        if self._rows:
            columns = np.array(self._rows, np.int64)
            self._pieces.append(tuple(columns.T))
            self._rows = []

    def _collect(self, data: NDArray[np.uint8]) -> RecordBatch | None:
        """All that was read of this feed as one batch."""
        self._flush_rows()
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return None
        columns = (
            pieces[0] if len(pieces) == 1 else tuple(np.concatenate(column) for column in zip(*pieces, strict=True))
        )
        offset, captured, original, time_ns, link, own = (np.ascontiguousarray(column) for column in columns)
        timed = None if own.all() else own.astype(np.bool_)
        return self.batch(data, offset, captured, original, time_ns, link.astype(np.uint16), timed)


class _Sync:
    """Finds a place where enhanced packet blocks follow each other; see lanes.Sync."""

    __slots__ = ("_one", "_pattern", "_phase", "_two")

    def __init__(self, section: Section, origin: int) -> None:
        self._pattern = section.one.pack(ENHANCED_PACKET)
        self._phase = origin & 3
        self._one, self._two = section.one.unpack_from, section.two.unpack_from

    def __call__(self, view: memoryview, low: int, high: int) -> int:
        piece = bytes(view[low : high + 3])
        at = piece.find(self._pattern)
        for _ in range(_CANDIDATE_PLACES):
            if at < 0:
                return -1
            if low + at & 3 == self._phase and self._looks_right(view, low + at):
                return low + at
            at = piece.find(self._pattern, at + 1)
        return -1

    def _looks_right(self, view: memoryview, place: int) -> bool:
        end = len(view)
        for _ in range(_CHAIN):
            if place + 12 > end:
                return False
            _, size = self._two(view, place)
            if not 12 <= size <= _LONGEST_BLOCK or size & 3 or place + size > end:
                return False
            if self._one(view, place + size - 4)[0] != size:
                return False
            place += size
        return True
