"""One end's half of a connection while it is read."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from capanalyzer.streams.flow import Row
from capanalyzer.streams.reassembly import Piece, Stream
from capanalyzer.tls.records import TlsReader

__all__ = ["WINDOW", "Direction"]

WINDOW: Final = 20_000
"""Payload looked at in each direction from where TLS begins, or before it begins: a handshake with a long certificate
chain fits, and so does the dialogue before STARTTLS or CONNECT."""


class Direction(Stream):
    """What one end sent."""

    __slots__ = (
        "_prefix",
        "acked_seq",
        "data_in_syn",
        "expected_at",
        "fin",
        "fin_end",
        "first_acked_seq",
        "gap_at",
        "gap_length",
        "isn",
        "late_alerts",
        "limit",
        "marks",
        "more",
        "moved",
        "other_isns",
        "probe",
        "protocol",
        "reader",
        "resync",
        "seen",
        "syn",
        "syn_copies",
        "syn_count",
        "syn_last_ns",
        "tls_at",
        "truncated",
    )

    def __init__(self) -> None:
        # Stream.__init__ written out: two of these are made for every connection.
        self.next_seq = -1
        self.offset = 0
        self.waiting: list[Piece] = []
        self.waiting_bytes = 0
        self.conflict = False
        self.refused = 0
        self.reader: TlsReader | None = None
        self.seen = 0
        """Messages of the reader that went to the machine."""
        self.limit = WINDOW
        """Stream offset up to which payload is wanted."""
        self.tls_at: int | None = None
        """Stream offset where TLS begins."""
        self.expected_at: int | None = None
        """Where it should begin by what the dialogue before it says."""
        self.late_alerts: list[int] = []
        """Stream offsets of alerts read after the handshake was settled."""
        self._prefix = b""
        self.more: list[bytes] = []
        """What came behind ``prefix`` since that was last asked for."""
        self.marks: list[tuple[int, int, int]] = []
        """(stream offset, frame, time) of the pieces in ``prefix``."""
        self.moved: list[tuple[int, int, int]] = []
        """(stream offset, end, frame) of pieces that waited behind a hole."""
        self.probe = b""
        """What may be a keep-alive's byte, where nothing came before it; the only byte of many idle connections."""
        self.protocol: str | None = None
        self.resync = False
        """Captured from the middle: the reader searches for a first record."""
        self.isn: int | None = None
        self.other_isns: tuple[int, ...] = ()
        """Of further SYN/ACKs, as several servers or a device that renumbers send them: the other end's ACK tells
        which one counts."""
        self.syn: Row | None = None
        """The first SYN or SYN/ACK."""
        self.syn_count = self.syn_copies = 0
        self.syn_last_ns = 0
        self.data_in_syn = False
        self.acked_seq = -1
        """Highest acknowledgement number that the other end sent."""
        self.first_acked_seq = -1
        """The first one."""
        self.gap_at: int | None = None
        """Stream offset of the first bytes that the capture lost, where reading went on behind them."""
        self.gap_length = 0
        self.fin: Row | None = None
        self.fin_end = -1
        """Sequence number of the FIN itself."""
        self.truncated = False

    @property
    def prefix(self) -> bytes:
        """First bytes; all of the window while no TLS has begun."""
        if self.more:
            self._prefix = b"".join((self._prefix, *self.more))
            self.more.clear()
        return self._prefix

    @prefix.setter
    def prefix(self, data: bytes) -> None:
        self._prefix = data
        self.more.clear()

    def note_moved(self, pieces: list[Piece]) -> None:
        """Remember which frames carried bytes that became readable later."""
        self.moved += [(offset, offset + len(data), frame) for offset, data, frame, _ in pieces]

    def moved_frame(self, offset: int) -> int | None:
        """The frame that carried the byte at ``offset``, where that is not the one in which it became readable."""
        place = bisect_right(self.moved, offset, key=_start) - 1
        if place >= 0 and offset < self.moved[place][1]:
            return self.moved[place][2]
        return None

    def frame_at(self, offset: int | None) -> int | None:
        """The frame in which the byte of the prefix at ``offset`` became readable."""
        if offset is None or not self.marks:
            return None
        return self.marks[max(bisect_right(self.marks, offset, key=_place) - 1, 0)][1]

    @property
    def first_seq(self) -> int:
        """Sequence number of stream offset 0."""
        return self.next_seq - self.offset & 0xFFFFFFFF


def _start(moved: tuple[int, int, int]) -> int:
    return moved[0]


def _place(mark: tuple[int, int, int]) -> int:
    return mark[0]
