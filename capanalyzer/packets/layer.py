"""One packet on the slow path: a window over its bytes, and what the headers read so far have said.

The slow path follows a packet header by header. A *layer* is a function that reads one header of the
:class:`Packet` it is given, moves ``at`` behind it, and returns what comes next: a number from one of the
spaces below (``ETHERTYPE + 0x0800``), or STOP when there is nothing (more) to read. Which layer reads which
number is one table (:mod:`capanalyzer.packets.stack`), so layers do not import each other. Every layer checks
that its bytes are there; none raises. `dpkt` is not used: it copies each payload, loses the position of what
it parses and does not know most of these encapsulations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from capanalyzer.packets.notes import CUT

__all__ = [
    "CHDLC_TYPE",
    "ETHERTYPE",
    "FRAGMENT",
    "GRE_TYPE",
    "INNER",
    "IP_PROTOCOL",
    "LINKTYPE",
    "MAX_BRANCHES",
    "PPP_PROTOCOL",
    "STOP",
    "UDP_PORT",
    "Bytes",
    "Layer",
    "Notes",
    "Packet",
    "Place",
    "Quoting",
]

STOP: Final = 0
"""Nothing more to read."""
LINKTYPE: Final = 1 << 16
"""Plus a LINKTYPE_ number."""
ETHERTYPE: Final = 2 << 16
IP_PROTOCOL: Final = 3 << 16
UDP_PORT: Final = 4 << 16
PPP_PROTOCOL: Final = 5 << 16
GRE_TYPE: Final = 6 << 16
"""Plus a GRE protocol type that is not an EtherType."""
CHDLC_TYPE: Final = 7 << 16
"""Plus a Cisco HDLC protocol that is not an EtherType."""
INNER: Final = 8 << 16
"""Plus a number of this package's own: layers that no registry numbers (see stack)."""
FRAGMENT: Final = 9 << 16
"""A fragment of an IP datagram: ``Packet.place`` says which."""

Bytes: TypeAlias = bytes | memoryview
Notes: TypeAlias = dict[str, int]
"""Counts by reason (:mod:`capanalyzer.packets.notes`)."""

MAX_BRANCHES: Final = 64
"""Frames aggregated in one packet: an 802.11 A-MSDU of 11,454 bytes, the longest, holds fewer TCP segments of
use than that; a hostile one could hold a thousand empty ones."""


class Quoting(NamedTuple):
    """The ICMP error around a quoted packet."""

    type: int
    code: int
    mtu: int
    reporter: bytes


class Place(NamedTuple):
    """Where a fragment belongs."""

    key: bytes
    """What identifies its datagram."""
    offset: int
    """Bytes from the start of the datagram's payload."""
    more: bool
    """Whether fragments follow it."""


class Packet:
    """A window [at, end) over captured bytes, and the state that headers leave for those inside them."""

    __slots__ = (
        "address_at",
        "addresses",
        "at",
        "branches",
        "buf",
        "end",
        "ip_end",
        "ip_id",
        "is_v6",
        "next_header",
        "notes",
        "origin",
        "place",
        "quoting",
        "time_ns",
        "ttl",
        "wire_end",
    )

    def __init__(self, buf: Bytes, at: int, end: int, wire_end: int, time_ns: int, notes: Notes) -> None:
        self.buf = buf
        self.at = at
        """Index in ``buf`` of the next byte to read."""
        self.end = end
        """Index behind the last captured byte that belongs to the current header's payload."""
        self.wire_end = wire_end
        """Where that payload ended on the wire; never less than ``end``."""
        self.origin = 0
        """Added to an index in ``buf`` to get the position a PacketTable stores."""
        self.time_ns = time_ns
        self.notes = notes
        self.address_at = 0
        """Index in ``buf`` of the innermost source address so far."""
        self.addresses: bytes | None = None
        """Source and destination where extension headers name others than the IPv6 header does."""
        self.ip_end = 0
        """Where the innermost IP header says its datagram ends, which may be further than the frame goes."""
        self.is_v6 = False
        self.ttl = 0
        self.ip_id = 0
        self.next_header = 0
        """IP protocol number of what comes next, while extension headers are read."""
        self.place: Place | None = None
        self.branches: list[tuple[Packet, int]] = []
        """Further frames found in this packet; see branch."""
        self.quoting: Quoting | None = None
        """Set while reading what an ICMP error quotes."""

    def holds(self, size: int) -> bool:
        """Whether ``size`` more bytes were captured; for what is of no use when it is cut."""
        return self.end - self.at >= size

    def has(self, size: int) -> bool:
        """Whether ``size`` more bytes were captured; if not, and the wire had them, that is noted."""
        if self.holds(size):
            return True
        if self.wire_end - self.at >= size and self.quoting is None:
            self.note(CUT)
        return False

    def u16(self, offset: int) -> int:
        """Big-endian 16-bit value at ``at + offset``; the caller has checked that it is there."""
        at = self.at + offset
        return self.buf[at] << 8 | self.buf[at + 1]

    def u32(self, offset: int) -> int:
        """Big-endian 32-bit value at ``at + offset``; the caller has checked that it is there."""
        at = self.at + offset
        return int.from_bytes(self.buf[at : at + 4], "big")

    def limit(self, size: int) -> None:
        """The current payload is ``size`` bytes from ``at``; what follows is padding or a trailer."""
        stop = self.at + size
        if stop < self.wire_end:
            self.wire_end = stop
            self.end = min(self.end, stop)

    def both_addresses(self) -> bytes:
        """Source and destination address, 8 or 32 bytes."""
        if self.addresses is not None:
            return self.addresses
        return bytes(self.buf[self.address_at : self.address_at + (32 if self.is_v6 else 8)])

    def branch(self, size: int, following: int) -> None:
        """``size`` bytes from ``at`` are a frame of their own: to be read by ``following`` after this one."""
        if len(self.branches) < MAX_BRANCHES:
            other = Packet(self.buf, self.at, self.end, self.wire_end, self.time_ns, self.notes)
            other.origin = self.origin
            other.limit(size)
            self.branches.append((other, following))

    def note(self, reason: str) -> None:
        """Count something that is not made into a row."""
        self.notes[reason] = self.notes.get(reason, 0) + 1


Layer: TypeAlias = Callable[[Packet], int]
