"""The files of a ring read as the one capture they are: their packets in the order and with the numbers of mergecap."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import Input
from capanalyzer.capture.records import BATCH_BYTES, CaptureInfo, RecordBatch

__all__ = ["RingCapture"]

_WORTH_A_BATCH: Final = 256
"""Fewer packets of one file before another's turn are copied together with what follows."""

_MOST_INTERLEAVED: Final = 1 << 14
"""Packets of each file copied together at a time."""

_SIDES: Final[dict[bool, Literal["left", "right"]]] = {False: "left", True: "right"}
"""How far a file's packets of a given time go before another file: all of them when it comes first."""


class _Cursor:
    """A file of a ring, read as far as the merge has come.

    mergecap always takes the file whose next packet is the oldest. That is the order of the *latest time so
    far* in each file, files in their order where it is equal: what comes after a packet cannot be taken
    before it.
    """

    __slots__ = ("_batches", "_latest", "batch", "keys", "row")

    def __init__(self, batches: Generator[RecordBatch, None, None]) -> None:
        self._batches = batches
        self._latest = -(1 << 63)
        self.batch: RecordBatch | None = None
        self.keys: NDArray[np.int64] = np.empty(0, np.int64)
        self.row = 0
        self.load()

    def load(self) -> None:
        """Get the next batch; ``batch`` is None at the file's end."""
        self.batch, self.row = next(self._batches, None), 0
        if self.batch is not None:
            self.keys = np.maximum(np.maximum.accumulate(self.batch.time_ns), self._latest)
            self._latest = int(self.keys[-1])

    def take(self, count: int) -> RecordBatch:
        """The next ``count`` rows of the batch; its data is the batch's."""
        assert self.batch is not None
        rows = slice(self.row, self.row + count)
        self.row += count
        return _rows(self.batch, rows)

    def close(self) -> None:
        """Let go of the file."""
        self._batches.close()


def _rows(batch: RecordBatch, rows: slice | NDArray[np.int64]) -> RecordBatch:
    columns = (batch.offset, batch.captured, batch.original, batch.time_ns)
    offset, captured, original, time_ns = (column[rows] for column in columns)
    interface = None if batch.interface is None else batch.interface[rows]
    return RecordBatch(batch.data, offset, captured, original, time_ns, batch.link[rows], batch.first_frame, interface)


class RingCapture:
    """The files of a ring as one capture; see :class:`capanalyzer.capture.records.Capture`."""

    def __init__(self, members: list[Input], batch_bytes: int = BATCH_BYTES) -> None:
        self.info = CaptureInfo(members[0].name, members[0].format, files=[each.name for each in members])
        self._members = members
        self._batch_bytes = batch_bytes
        self._captures: list[FileCapture] = []
        self._frames = 0

    def batches(self) -> Iterator[RecordBatch]:
        """The packets of all files, numbered as mergecap would number them."""
        waiting = list(self._members)
        cursors: list[_Cursor] = []
        try:
            while True:
                # A file has no part in the order before its first packet's time: it is opened when that is
                # near, so that of a ring of a thousand files two are open.
                while waiting and (len(cursors) < 2 or _has_begun(cursors)):
                    cursors.append(self._open(waiting.pop(0)))
                    cursors = [cursor for cursor in cursors if cursor.batch is not None]
                if not cursors:
                    break
                merged = _merge(cursors)
                merged.first_frame = self._frames + 1
                self._frames += len(merged)
                self._add_up()
                yield merged
                for cursor in cursors:
                    if cursor.batch is not None and cursor.row == len(cursor.batch):
                        cursor.load()
                cursors = [cursor for cursor in cursors if cursor.batch is not None]
            self._add_up()
        finally:
            for cursor in cursors:
                cursor.close()

    def _open(self, member: Input) -> _Cursor:
        info = CaptureInfo(member.name, member.format)
        capture = FileCapture(member, self._batch_bytes, info)
        self._captures.append(capture)
        return _Cursor(capture.batches())

    def _add_up(self) -> None:
        """The ring's sums from those of its files."""
        total = self.info
        infos = [capture.info for capture in self._captures]
        total.packets = sum(each.packets for each in infos)
        total.bytes = sum(each.bytes for each in infos)
        total.truncated_packets = sum(each.truncated_packets for each in infos)
        total.dropped_packets = sum(each.dropped_packets for each in infos)
        total.first_ns = min((each.first_ns for each in infos if each.first_ns is not None), default=None)
        total.last_ns = max((each.last_ns for each in infos if each.last_ns is not None), default=None)
        total.link_types = list(dict.fromkeys(name for each in infos for name in each.link_types))
        total.comments = list(dict.fromkeys(text for each in infos for text in each.comments))
        total.interfaces = infos[0].interfaces if all(each.interfaces == infos[0].interfaces for each in infos) else []
        total.secrets = list(dict.fromkeys(secret for each in infos for secret in each.secrets))
        total.warnings = [warning for each in infos for warning in each.named_warnings()]

    @property
    def paths(self) -> list[str] | None:
        """The files it is read from, which another process can open as well; None for a stream."""
        return [each.name for each in self._members] if all(each.is_file for each in self._members) else None

    @property
    def copies(self) -> list[str]:
        """Files from which the same can be read again."""
        return self.paths or []

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read so far, total input bytes)."""
        read = sum(capture.progress()[0] for capture in self._captures)
        return read, sum(each.total_bytes or 0 for each in self._members)


def _has_begun(cursors: list[_Cursor]) -> bool:
    """Whether the file opened last has a part in what the others have in hand."""
    *others, newest = cursors
    return bool(newest.keys[newest.row] <= max(int(other.keys[-1]) for other in others))


def _merge(cursors: list[_Cursor]) -> RecordBatch:
    """The next packets of all files in mergecap's order: at least one, as many as is cheap."""
    heads = [(int(cursor.keys[cursor.row]), index) for index, cursor in enumerate(cursors)]
    _, leading = min(heads)
    lead = cursors[leading]
    left = len(lead.keys) - lead.row
    if len(cursors) == 1:
        return lead.take(left)
    # What lies before every other file's next packet goes as it stands, without a copy.
    border, other = min(head for head in heads if head[1] != leading)
    side = _SIDES[leading < other]
    count = int(np.searchsorted(lead.keys, border, side)) - lead.row
    if count >= min(_WORTH_A_BATCH, left):
        return lead.take(count)
    return _interleave(cursors)


def _interleave(cursors: list[_Cursor]) -> RecordBatch:
    """A stretch in which files alternate, copied together."""
    # The order is known up to the first of the places where a file's rows in hand end. Of packets with that
    # very time, those of earlier files go before it, those of later ones wait.
    ends = [min(cursor.row + _MOST_INTERLEAVED, len(cursor.keys)) for cursor in cursors]
    cut, holder = min(
        (int(cursor.keys[end - 1]), index) for index, (cursor, end) in enumerate(zip(cursors, ends, strict=True))
    )
    keys, parts = [], []
    for index, cursor in enumerate(cursors):
        end = ends[index] if index == holder else int(np.searchsorted(cursor.keys, cut, _SIDES[index < holder]))
        if end > cursor.row:
            keys.append(cursor.keys[cursor.row : end])
            parts.append(_compact(cursor.take(end - cursor.row)))
    shifts = np.cumsum([0] + [len(part.data) for part in parts])
    order = np.argsort(np.concatenate(keys), kind="stable")
    return RecordBatch(
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.offset + shift for part, shift in zip(parts, shifts[:-1].tolist(), strict=True)])[order],
        np.concatenate([part.captured for part in parts])[order],
        np.concatenate([part.original for part in parts])[order],
        np.concatenate([part.time_ns for part in parts])[order],
        np.concatenate([part.link for part in parts])[order],
        0,
        None
        if any(part.interface is None for part in parts)
        else np.concatenate([part.interface for part in parts if part.interface is not None])[order],
    )


def _compact(batch: RecordBatch) -> RecordBatch:
    """The same rows over no more of the data than they need."""
    low = int(batch.offset.min())
    high = int((batch.offset + batch.captured).max())
    batch.data, batch.offset = batch.data[low:high], batch.offset - low
    return batch
