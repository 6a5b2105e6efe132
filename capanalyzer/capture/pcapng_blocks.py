"""What a pcapng section declares: its byte order, its interfaces, the options of its blocks."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.linktypes import NOT_A_PACKET, biggest_packet, link_type
from capanalyzer.capture.timestamps import Resolution
from capanalyzer.remark import Remark

__all__ = [
    "CUSTOM_BLOCK",
    "CUSTOM_BLOCK_NOT_COPIED",
    "DECRYPTION_SECRETS",
    "ENHANCED_PACKET",
    "FRAMES_WITHOUT_PACKET",
    "INTERFACE_DESCRIPTION",
    "INTERFACE_STATISTICS",
    "PACKET",
    "SECTION_HEADER",
    "SIMPLE_PACKET",
    "Interface",
    "Section",
    "read_frame_time",
]

SECTION_HEADER: Final = b"\x0a\x0d\x0d\x0a"
"""The same in both byte orders."""
INTERFACE_DESCRIPTION: Final = 1
PACKET: Final = 2
SIMPLE_PACKET: Final = 3
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
_JOURNAL: Final = 9
DECRYPTION_SECRETS: Final = 10
CUSTOM_BLOCK: Final = 0xBAD
CUSTOM_BLOCK_NOT_COPIED: Final = 0x40000BAD

_SYSDIG_EVENTS: Final = frozenset((0x204, 0x216, 0x221))
FRAMES_WITHOUT_PACKET: Final = _SYSDIG_EVENTS | {_JOURNAL}
"""Blocks that are no packets but that Wireshark numbers as frames: system calls and journal entries. (Events with
flags, types 0x208, 0x217 and 0x222, it passed over in version 4.0, and so do we.)"""

_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D

_MOST_INTERFACES: Final = 1 << 16
"""Interfaces kept of a section; a program that writes one for each process or container stays far below."""


_MOST_NAME: Final = 256
"""Bytes of an interface's name that are kept."""


class Interface:
    """What an Interface Description Block says (section 4.2)."""

    __slots__ = ("biggest", "link", "name", "resolution", "snaplen")

    def __init__(self, link: int, snaplen: int, resolution: Resolution, name: str = "") -> None:
        self.name = name
        self.link, self.snaplen, self.resolution = link, snaplen, resolution
        self.biggest = biggest_packet(link)

    @classmethod
    def read(cls, section: Section, view: memoryview, place: int, size: int) -> Interface:
        """From a block of ``size`` bytes, at least 20."""
        network, _, snaplen = section.interface_fields.unpack_from(view, place + 8)
        tsresol, offset_s, name = 6, 0, ""
        for code, value in section.options(view, place + 16, place + size - 4):
            if code == 2:
                name = value[:_MOST_NAME].decode("utf-8", "replace")
            elif code == 9 and len(value) == 1:
                tsresol = value[0]
            elif code == 14 and len(value) == 8:
                (offset_s,) = section.signed_eight.unpack(value)
        return cls(link_type(network), snaplen, Resolution.from_options(tsresol, offset_s), name)


_NOT_KEPT: Final = Interface(NOT_A_PACKET, 0, Resolution())


class Section:
    """A section: how its numbers are written, and its interfaces."""

    def __init__(self, byte_order: str, version: tuple[int, int]) -> None:
        self.byte_order, self.version = byte_order, version
        self.one, self.two = Struct(f"{byte_order}I"), Struct(f"{byte_order}2I")
        self.eight, self.signed_eight = Struct(f"{byte_order}Q"), Struct(f"{byte_order}q")
        self.packet, self.old_packet = Struct(f"{byte_order}5I"), Struct(f"{byte_order}2H4I")
        self.interface_fields = Struct(f"{byte_order}2HI")
        self._option = Struct(f"{byte_order}2H")
        self._interfaces: list[Interface] = []
        self.interface_count = 0
        self.has_huge = False
        self._links: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    @classmethod
    def at(cls, view: memoryview, place: int) -> Section | None:
        """The section whose header block begins at ``place``; None when its byte order cannot be told.

        At least 12 bytes must be there; the version is (1, 0) while it is not.
        """
        magic = bytes(view[place + 8 : place + 12])
        for byte_order in "<", ">":
            if magic == Struct(f"{byte_order}I").pack(_BYTE_ORDER_MAGIC):
                version = (1, 0)
                if len(view) >= place + 16:
                    version = Struct(f"{byte_order}2H").unpack_from(view, place + 12)
                return cls(byte_order, version)
        return None

    def add_interface(self, interface: Interface) -> Remark | None:
        """Keep a new interface under the next number; a sentence to tell when there are too many."""
        self.interface_count += 1
        self.has_huge |= interface.biggest > 256 << 10
        if self.interface_count > _MOST_INTERFACES:
            return Remark(
                "A section has more than {n:,} interfaces; packets of the others are not decoded.", n=_MOST_INTERFACES
            )
        self._interfaces.append(interface)
        self._links = None
        return None

    def interface(self, number: int) -> Interface:
        """The interface of that number, which must be less than ``interface_count``."""
        return self._interfaces[number] if number < len(self._interfaces) else _NOT_KEPT

    def link_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Link type and largest packet of each interface; one more row stands for those not kept."""
        if self._links is None:
            known = [*self._interfaces, _NOT_KEPT]
            self._links = (
                np.array([interface.link for interface in known], np.int64),
                np.array([interface.biggest for interface in known], np.int64),
            )
        return self._links

    def times(self, stamps: NDArray[np.uint64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Time stamps in nanoseconds, each by the resolution of its interface."""
        if not len(number):
            return np.empty(0, np.int64)
        first = self.interface(int(number[0])).resolution
        if (number == number[0]).all():
            return first.column_to_ns(stamps)
        times = np.empty(len(stamps), np.int64)
        met = np.unique(number).tolist()
        by_resolution: dict[Resolution, list[int]] = {}
        for each in met:
            by_resolution.setdefault(self.interface(each).resolution, []).append(each)
        if len(by_resolution) == 1:
            return first.column_to_ns(stamps)
        for resolution, numbers in by_resolution.items():
            rows = np.flatnonzero(np.isin(number, numbers))
            times[rows] = resolution.column_to_ns(stamps[rows])
        return times

    def options(self, view: memoryview, place: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(code, value) of each option between ``place`` and ``end``; a broken one ends them."""
        while place + 4 <= end:
            code, length = self._option.unpack_from(view, place)
            place += 4
            if code == 0 or place + length > end:
                return
            yield code, bytes(view[place : place + length])
            place += length + 3 & -4


def read_frame_time(section: Section, kind: int, view: memoryview, place: int, size: int) -> int | None:
    """Nanoseconds since the epoch of a frame that is no packet; None where it does not say."""
    if kind in _SYSDIG_EVENTS and size >= 24:
        # 16-bit processor number, then 64-bit nanoseconds.
        stamp: int = section.eight.unpack_from(view, place + 10)[0]
        return stamp if stamp < 1 << 63 else None
    if kind == _JOURNAL:
        entry = bytes(view[place + 8 : place + min(size - 4, 4096)])
        label = b"__REALTIME_TIMESTAMP="
        at = entry.find(label)
        if at >= 0:
            digits = entry[at + len(label) :].split(b"\n", 1)[0]
            if digits.isdigit() and len(digits) <= 15:
                return int(digits) * 1000
    return None
