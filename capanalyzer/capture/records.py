"""What a source of packets hands on: batches of raw records, and what is known of their capture.

This is the seam between ``capture`` (which opens files, pipes and sockets) and ``packets`` (which
decodes). A batch never holds Python objects per packet, only columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from capanalyzer.remark import Remark

__all__ = ["BATCH_BYTES", "Capture", "CaptureInfo", "F5Capture", "RecordBatch"]

BATCH_BYTES = 32 << 20
"""How much of a file one batch covers: large enough that numpy's per-call cost vanishes (a batch is
20,000 to 300,000 packets), small enough that columns and file window stay within ~100 MB."""


@dataclass(slots=True)
class RecordBatch:
    """Raw packets, one row a packet, in capture order. All columns have shape (n,).

    ``data`` is only valid until the next batch is asked for (it may be a window of a mapped file or
    a buffer that is filled again): whatever is kept longer must be copied out.
    """

    data: NDArray[np.uint8]
    """The bytes that ``offset`` points into, shape (m,); read-only or not."""
    offset: NDArray[np.int64]
    """Index in ``data`` of a packet's first captured byte."""
    captured: NDArray[np.int64]
    """Bytes of the packet that are in the file (``caplen``); ``offset + captured <= len(data)``."""
    original: NDArray[np.int64]
    """Bytes the packet had on the wire (``len``); never less than ``captured``."""
    time_ns: NDArray[np.int64]
    """Capture time, nanoseconds since the Unix epoch."""
    link: NDArray[np.uint16]
    """LINKTYPE_ value of each packet (tcpdump.org/linktypes.html), whatever number the file format used."""
    first_frame: int
    """Frame number of row 0; rows are consecutive frames, as Wireshark numbers them."""
    interface: NDArray[np.int64] | None = None
    """Index of each packet's interface in ``CaptureInfo.interfaces``; None: all are of the first."""

    def __len__(self) -> int:
        return len(self.offset)

    def head(self, count: int) -> RecordBatch:
        """The first packets, so many."""
        return self.part(0, count)

    def parts(self, most: int) -> Iterator[RecordBatch]:
        """The packets in parts of at most so many."""
        for start in range(0, len(self), most):
            yield self.part(start, min(start + most, len(self))) if len(self) > most else self

    def part(self, start: int, stop: int) -> RecordBatch:
        """The packets of these rows."""
        part = slice(start, stop)
        return replace(
            self,
            first_frame=self.first_frame + start,
            offset=self.offset[part],
            captured=self.captured[part],
            original=self.original[part],
            time_ns=self.time_ns[part],
            link=self.link[part],
            interface=None if self.interface is None else self.interface[part],
        )


Secrets = tuple[int, bytes]
"""Type and data of a pcapng Decryption Secrets Block."""


@dataclass(frozen=True, slots=True)
class F5Capture:
    """What an F5 BIG-IP says of its own capture, in the first record or behind the packets; None: it does not say."""

    host: str | None
    version: str | None
    """Version and build."""
    platform: str | None
    """A code, as ``Z100``."""
    product: str | None
    command: str | None
    """The command line that made the capture."""
    noise: int | None
    """What the command asked the trailers to say: 0 nothing, 1 low, 2 medium, 3 high."""
    with_peer: bool | None
    """The command asked for the other side of proxied connections as well (``p``)."""
    snap_length: int | None
    """Bytes of each packet that the command asked for, 0 for all."""
    has_trailers: bool
    has_keys: bool
    """Trailers carry secrets of TLS sessions."""


@dataclass(slots=True)
class CaptureInfo:
    """What the report's header says of a capture. Filled while it is read; final after the last batch."""

    path: str
    """As the user gave it; ``-`` for standard input; for a ring the first file's path."""
    format: str = ""
    """``pcap``, ``pcapng`` or ``snoop``."""
    link_types: list[str] = field(default_factory=list)
    """Names of the link types met, in order of appearance (``ethernet``, ``linux-sll2`` ...)."""
    packets: int = 0
    bytes: int = 0
    """Sum of the packets' lengths on the wire (what capinfos calls data size)."""
    first_ns: int | None = None
    """Earliest capture time, nanoseconds since the Unix epoch; None without packets."""
    last_ns: int | None = None
    files: list[str] = field(default_factory=list)
    """All files of a ring, in the order they were read; one entry otherwise."""
    comments: list[str] = field(default_factory=list)
    """Section comments of pcapng (bounded)."""
    interfaces: list[str] = field(default_factory=list)
    """Names of the interfaces a pcapng file describes, in order, "" for one without (bounded)."""
    truncated_packets: int = 0
    """Packets of which less was captured than was on the wire (snap length)."""
    dropped_packets: int = 0
    """Packets the capturing host says it lost (pcapng ISB isb_ifdrop + isb_osdrop)."""
    secrets: list[Secrets] = field(default_factory=list, repr=False)
    """Decryption-secrets blocks (type, data), kept for decryption, never printed (bounded)."""
    f5: F5Capture | None = None
    """None: nothing shows that a BIG-IP made it. Known when its packets have been analysed."""
    warnings: list[Remark] = field(default_factory=list)
    """One plain sentence each: cut short, damaged at byte N, link type not decoded ..."""

    def named_warnings(self) -> list[Remark]:
        """The warnings with the file's name before them, for a ring's."""
        name = os.path.basename(self.path)
        return [Remark("{file}: {warning}", file=name, warning=warning) for warning in self.warnings]


class Capture(Protocol):
    """One capture: a file, a ring of files, a pipe. Iterated once."""

    info: CaptureInfo

    def batches(self) -> Iterator[RecordBatch]:
        """The packets in order. Damage ends the iteration with a warning in ``info``, never an exception."""
        ...

    @property
    def paths(self) -> list[str] | None:
        """The files it is read from, which another process can open as well; None for a stream."""
        ...

    @property
    def copies(self) -> list[str]:
        """Files from which the same can be read again: its own, or the copy of a stream; empty without any."""
        ...

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read so far, total input bytes or None where unknown)."""
        ...
