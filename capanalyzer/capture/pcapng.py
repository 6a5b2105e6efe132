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

from capanalyzer.capture.lanes import find_records
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
from capanalyzer.capture.pcapng_columns import EPB_HEADER, LONGEST_BLOCK, Blocks, EpbSync, epb_layout
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["PcapngReader"]

_LONGEST_HUGE_BLOCK: Final = 130 << 20
"""As LONGEST_BLOCK, where an interface was declared of a link type that has huge packets."""

_PLAIN_BYTES: Final = 128 << 10
"""How far into a section its blocks are read one by one."""

_MOST_SECRETS: Final = 16 << 20
"""Bytes of decryption secrets kept: a key log of 80,000 sessions."""

_MOST_COMMENTS: Final = 100
"""Section comments kept; programs write one or two."""

_MOST_NAMES: Final = 4096
"""Interfaces whose names are kept."""

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
        self._rows: list[tuple[int, int, int, int, int, bool, int]] = []
        """Packets read plainly: offset, captured, original, time, link, whether the time is its own,
        interface."""
        self._pieces: list[tuple[NDArray[np.int64], ...]] = []
        self._last_ns = 0
        self._drops: dict[tuple[int, int], int] = {}
        self._sections = 0
        self._interface_base = self._interfaces_met = 0
        """Interfaces described before this section, and in all: numbers begin anew in each section."""
        self._secret_bytes = 0

    def feed(self, data: NDArray[np.uint8], at_end: bool) -> tuple[RecordBatch | None, int]:
        """See :meth:`RecordReader.feed`."""
        place, end = 0, len(data)
        self.wants = 0
        while not self.done:
            in_section = self.base + place - self._section_start
            before = place
            step = _PLAIN_BYTES
            if self._section is not None and in_section >= _PLAIN_BYTES and end - place > _PLAIN_BYTES:
                if place >= 4:
                    place = self._read_lanes(data, place, min(end, place + in_section))
                else:
                    step = 1  # lanes look at the four bytes before a block, so the first one goes ahead
            place = self._read_plain(data, place, min(end, place + step))
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
        found = (EpbSync(self._section, phase)(data.data, 0, len(data)) for phase in range(4))
        return min((place + 4 for place in found if place >= 0), default=-1)

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
                self.damaged(self.base + place, Remark("no section header where one must be"))
                break
            kind, total = section.two.unpack_from(view, place)
            size = total + 3 & -4
            if size < 12 or size > (_LONGEST_HUGE_BLOCK if section.has_huge else LONGEST_BLOCK):
                self.damaged(self.base + place, Remark("a block of {n:,} bytes", n=total))
                break
            if place + size > end:
                self.wants = size
                break
            if section.one.unpack_from(view, place + size - 4)[0] + 3 & -4 != size:
                self.damaged(self.base + place, Remark("the two lengths of a block differ"))
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
            self.damaged(self.base + place, Remark("a section header of less than 28 bytes"))
            return
        if section.version not in ((1, 0), (1, 2)):
            major, minor = section.version
            self.damaged(
                self.base + place,
                Remark("a section of pcapng version {major}.{minor}, which is not known", major=major, minor=minor),
            )
            return
        self._section, self._section_start = section, self.base + place
        self._sections += 1
        self._interface_base = self._interfaces_met
        for code, value in section.options(view, place + 24, place + size - 4):
            if code == 1 and len(self.info.comments) < _MOST_COMMENTS:
                self.info.comments.append(value.decode("utf-8", "replace"))

    def _read_block(self, section: Section, kind: int, view: memoryview, place: int, size: int) -> None:
        """Take what a block tells; packets go to the rows."""
        if kind == ENHANCED_PACKET:
            if size < 32:
                self.damaged(self.base + place, Remark("an enhanced packet block of less than 32 bytes"))
                return
            number, high, low, captured, original = section.packet.unpack_from(view, place + 8)
            self._packet(section, place, place + EPB_HEADER, size - 32, number, high, low, captured, original)
        elif kind == INTERFACE_DESCRIPTION:
            if size < 20:
                self.damaged(self.base + place, Remark("an interface description of less than 20 bytes"))
                return
            interface = Interface.read(section, view, place, size)
            told = section.add_interface(interface)
            self._interfaces_met += 1
            if len(self.info.interfaces) < _MOST_NAMES:
                self.info.interfaces.append(interface.name)
            if told:
                self.warn(told)
        elif kind == SIMPLE_PACKET:
            self._simple_packet(section, view, place, size)
        elif kind == PACKET:
            if size < 32:
                self.damaged(self.base + place, Remark("a packet block of less than 32 bytes"))
                return
            number, _, high, low, captured, original = section.old_packet.unpack_from(view, place + 8)
            self._packet(section, place, place + EPB_HEADER, size - 32, number, high, low, captured, original)
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
            self._rows.append((place + 8, body, body, self._last_ns, NOT_A_PACKET, timed, 0))

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
            self.damaged(
                self.base + place, Remark("a packet of interface {number}, which was not described", number=number)
            )
            return
        interface = section.interface(number)
        if captured > room:
            self.damaged(
                self.base + place,
                Remark("a packet of {n:,} bytes in a block that has room for {room:,}", n=captured, room=room),
            )
            return
        if captured > interface.biggest:
            self.damaged(
                self.base + place,
                Remark("a packet of {n:,} bytes, more than {most:,}", n=captured, most=interface.biggest),
            )
            return
        self._last_ns = interface.resolution.to_ns(high << 32 | low)
        self._rows.append(
            (offset, captured, original, self._last_ns, interface.link, True, self._interface_base + number)
        )

    def _simple_packet(self, section: Section, view: memoryview, place: int, size: int) -> None:
        if size < 16 or not section.interface_count:
            self.damaged(self.base + place, Remark("a simple packet block that is too short or before any interface"))
            return
        interface = section.interface(0)
        (original,) = section.one.unpack_from(view, place + 8)
        captured = min(original, interface.snaplen) if interface.snaplen else original
        if captured > size - 16 or captured > interface.biggest:
            self.damaged(
                self.base + place, Remark("a packet of {n:,} bytes in a block of {size:,}", n=captured, size=size)
            )
            return
        self.warn(
            Remark("Some packets carry no time (simple packet blocks); they were given that of the packet before.")
        )
        self._rows.append((place + 12, captured, original, self._last_ns, interface.link, False, self._interface_base))

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
            self.warn(Remark("More than {n} MB of decryption secrets; the rest was left out.", n=_MOST_SECRETS >> 20))
            return
        self._secret_bytes += length
        self.info.secrets.append((kind, bytes(view[place + 16 : place + 16 + length])))

    def _read_lanes(self, data: NDArray[np.uint8], place: int, end: int) -> int:
        """Read blocks from ``place`` as columns, up to ``end``, another section, or something to look at plainly."""
        section = self._section
        assert section is not None
        layout = epb_layout(section)
        # The chain is followed from trailing length to trailing length, so that a row begins with that of the
        # block before it.
        trailers, rows, following = find_records(data, place - 4, end - 4, layout, EpbSync(section, place))
        if not len(trailers):
            return place
        starts, following, heads = trailers + 4, following + 4, rows[:, 1:]
        ends = np.append(starts[1:], following)
        (last_trailer,) = section.one.unpack_from(data.data, following - 4)
        sizes = np.append(rows[1:, 0], np.uint32(last_trailer)).astype(np.int64) + 3 & -4
        kinds = heads[:, 0]
        # A section header changes what follows it, and two lengths that differ are damage: both are for the
        # plain reader.
        stops = np.flatnonzero((sizes != ends - starts) | (kinds == int.from_bytes(SECTION_HEADER, "big")))
        good = int(stops[0]) if len(stops) else len(starts)
        blocks = Blocks(section, data, starts[:good], ends[:good], heads[:good])
        done = self._read_blocks(blocks, np.flatnonzero(kinds[:good] != ENHANCED_PACKET).tolist())
        return following if done == len(starts) else int(starts[done])

    def _read_blocks(self, blocks: Blocks, others: list[int]) -> int:
        """Blocks in order: stretches of packets as columns, ``others`` one by one.

        :returns: how many were read; the next one is for the plain reader, which will tell what is wrong.
        """
        if len(others) * _SHORT_STRETCH > len(blocks):
            others = list(range(len(blocks)))
        row, view = 0, blocks.data.data
        for other in [*others, len(blocks)]:
            if row < other:
                self._flush_rows()
                columns = blocks.packets(row, other)
                if len(columns[0]):
                    if self._interface_base:
                        columns[-1][:] += self._interface_base
                    self._pieces.append(columns)
                    self._last_ns = int(columns[3][-1])
                if len(columns[0]) < other - row:
                    return row + len(columns[0])
            if other == len(blocks):
                break
            begin, size = blocks.place(other)
            self._read_block(blocks.section, int(blocks.heads[other, 0]), view, begin, size)
            if self._is_over():
                return other
            row = other + 1
        return len(blocks)

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
        offset, captured, original, time_ns, link, own, interface = (np.ascontiguousarray(column) for column in columns)
        timed = None if own.all() else own.astype(np.bool_)
        batch = self.batch(data, offset, captured, original, time_ns, link.astype(np.uint16), timed)
        if batch is not None and self._interfaces_met > 1:
            batch.interface = interface
        return batch
