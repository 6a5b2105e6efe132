"""Snoop, the format of Solaris (RFC 1761), and what Shomiti's Surveyor made of it."""

from __future__ import annotations

from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import Layout, strided, walk_plain
from capanalyzer.capture.linktypes import UNKNOWN
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["SnoopReader"]

_FILE_HEADER: Final = 16
_HEADER: Final = 24
_LONGEST: Final = 256 << 10
_SHOMITI_TRAILER: Final = 16
"""Surveyor puts this much and more behind each packet; Solaris pads to four bytes."""

_LINKS: Final = {0: 1, 2: 6, 4: 1, 8: 10, 9: 0, 14: 0, 16: 122, 18: 123, 0x80000005: 226}
"""RFC 1761's and the DLPI header's numbers: 802.3, token ring, Ethernet, FDDI, other and loopback (BSD
null), Fibre Channel, ATM, and Solaris' ipnet."""
_SHOMITI_LINKS: Final = {0: 1, 2: 6, 4: 1, 8: 10, 10: 1, 11: 6, 12: 1, 13: 6, 14: 6, 18: 105, 19: 1}
_WIRELESS: Final = 18
"""Surveyor's 802.11 packets follow a header whose length is told in its fourth byte, less four."""


class SnoopReader(RecordReader):
    """One snoop file."""

    def __init__(self, info: CaptureInfo) -> None:
        super().__init__(info)
        info.format = "snoop"
        self._link: int | None = None
        self._network = 0
        self._is_shomiti = False
        self._layout = Layout(">", 8, _HEADER, 0, _HEADER, 2 * _LONGEST, _HEADER)

    def feed(self, data: NDArray[np.uint8], at_end: bool) -> tuple[RecordBatch | None, int]:
        """See :meth:`RecordReader.feed`."""
        start = 0
        if self._link is None:
            start = self._read_file_header(data, at_end)
            if not start or self.done:
                return None, start
        found, following = walk_plain(data.data, start, len(data), len(data), self._layout)
        batch = self._columns(data, np.array(found, np.int64))
        if not self.done:
            self._look_at(data, following, at_end)
        self.base += following
        return batch, following

    def _read_file_header(self, data: NDArray[np.uint8], at_end: bool) -> int:
        """Bytes used, 0 when more are needed. The first record tells whether Surveyor wrote the file."""
        self.wants = _FILE_HEADER + _HEADER
        if len(data) < _FILE_HEADER or (len(data) < self.wants and not at_end):
            if at_end:
                self.cut_in_file_header()
            return 0
        version, self._network = Struct(">2I").unpack_from(data.data, 8)
        if not 2 <= version <= 5:
            self.warn(
                Remark(
                    "The file says it is snoop version {version}, which is not known; it was not read.", version=version
                )
            )
            self.done = True
            return _FILE_HEADER
        if len(data) >= self.wants:
            _, captured, total = Struct(">3I").unpack_from(data.data, _FILE_HEADER)
            self._is_shomiti = total >= _HEADER + captured + _SHOMITI_TRAILER
        self._link = (_SHOMITI_LINKS if self._is_shomiti else _LINKS).get(self._network, UNKNOWN)
        self.met(self._link)
        return _FILE_HEADER

    def _columns(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> RecordBatch | None:
        if not len(starts):
            return None
        heads = strided(data, "V24")[starts].view(np.dtype(">u4")).reshape(-1, 6).astype(np.int64)
        original, captured, total, drops, seconds, fraction = heads.T
        wrong = np.flatnonzero((captured > total - _HEADER) | (captured > _LONGEST) | (original > _LONGEST))
        broken_at = int(starts[wrong[0]]) if len(wrong) else None
        if len(wrong):
            first = int(wrong[0])
            starts = starts[:first]
            captured, original, drops = captured[:first], original[:first], drops[:first]
            seconds, fraction = seconds[:first], fraction[:first]
        if len(starts):
            # The counter runs up from the capture's start.
            self.info.dropped_packets = max(self.info.dropped_packets, int(drops[-1]))
        offset = starts + _HEADER
        if self._is_shomiti and self._network == _WIRELESS:
            skipped = np.minimum(data[np.minimum(offset + 3, len(data) - 1)].astype(np.int64) + 4, captured)
            offset, captured, original = offset + skipped, captured - skipped, np.maximum(original - skipped, 0)
        link = np.full(len(starts), self._link, np.uint16)
        time_ns = seconds * 1_000_000_000 + fraction * 1000
        batch = self.batch(data, offset, captured, original, time_ns, link)
        if broken_at is not None:
            self.damaged(self.base + broken_at, Remark("a packet longer than its record or than any packet"))
        return batch

    def _look_at(self, data: NDArray[np.uint8], place: int, at_end: bool) -> None:
        """Why the walk stopped at ``place``: the input's end, a cut, damage, or more is to come."""
        left = len(data) - place
        self.wants = _HEADER
        if left >= _HEADER:
            (total,) = self._layout.unpack.unpack_from(data.data, place + 8)
            if not self._layout.shortest <= total <= self._layout.longest:
                self.damaged(self.base + place, Remark("a record of {n:,} bytes", n=total))
                return
            self.wants = total
        if at_end:
            if left:
                self.cut_short(self.base + place)
            self.done = True
