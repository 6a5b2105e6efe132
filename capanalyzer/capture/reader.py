"""What the readers of all formats share: their place in the file, frame numbers, and the capture's sums."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.linktypes import link_name
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.remark import Remark

__all__ = ["RecordReader", "add_up", "meet"]


def meet(info: CaptureInfo, link: int) -> None:
    """A link type was met."""
    name = link_name(link)
    if name not in info.link_types:
        info.link_types.append(name)


def add_up(
    info: CaptureInfo,
    captured: NDArray[np.int64],
    original: NDArray[np.int64],
    own_times: NDArray[np.int64],
    link: NDArray[np.uint16],
) -> None:
    """Count packets, at least one, in the capture's sums.

    :param own_times: of those that have a time of their own.
    """
    info.packets += len(captured)
    info.bytes += int(original.sum())
    info.truncated_packets += int(np.count_nonzero(captured < original))
    if len(own_times):
        first, last = int(own_times.min()), int(own_times.max())
        info.first_ns = first if info.first_ns is None else min(first, info.first_ns)
        info.last_ns = last if info.last_ns is None else max(last, info.last_ns)
    if (link == link[0]).all():
        meet(info, int(link[0]))
        return
    kinds, places = np.unique(link, return_index=True)
    for kind in kinds[np.argsort(places)].tolist():
        meet(info, kind)


class RecordReader(ABC):
    """Bytes in, batches of records out; opens nothing, and never raises on bad bytes.

    Whoever has the bytes calls :meth:`feed` with what is there and drops what was used, until
    ``done`` is true or the input has ended.
    """

    def __init__(self, info: CaptureInfo) -> None:
        self.info = info
        self.done = False
        """Nothing more can be read: the end, or damage."""
        self.wants = 0
        """Bytes that must be there from the next unused one on before a record can be read; 0: any more will do."""
        self.base = 0
        """Input bytes used before the ones fed next."""
        self.frames = 0
        """Frames handed on so far."""
        self.ended_by: Remark | None = None
        """Why the input stops where it does, when that is not the file's own end: set before the last feed."""

    @abstractmethod
    def feed(self, data: NDArray[np.uint8], at_end: bool) -> tuple[RecordBatch | None, int]:
        """Read what can be read of ``data``, shape (m,), which begins where the last feed's use ended.

        :param at_end: nothing comes after ``data``.
        :returns: the packets, None without any, and how many bytes were used.
        """

    def find_record(self, data: NDArray[np.uint8]) -> int:
        """Where in ``data``, which is from further on in the input, a record seems to begin; -1 if unknown."""
        del data
        return -1

    @property
    def record(self) -> int:
        """Number of the record that is read next, from 1."""
        return self.frames + 1

    def cut_short(self, place: int) -> None:
        """The input ends within the record that begins at input byte ``place``."""
        if self.ended_by is None:
            self.warn(
                Remark(
                    "The file is cut short in the middle of record {record} at byte {place}; analysed up to there.",
                    record=self.record,
                    place=place,
                )
            )
        else:
            self.warn(
                Remark(
                    "{problem}; analysed up to there, in the middle of record {record} at byte {place}.",
                    problem=self.ended_by,
                    record=self.record,
                    place=place,
                )
            )
        self.ended_by = None
        self.done = True

    def cut_in_file_header(self) -> None:
        """The input ends before its first record."""
        why = Remark("The file is cut short") if self.ended_by is None else self.ended_by
        self.warn(Remark("{problem} in its file header; it holds no packet.", problem=why))
        self.ended_by = None
        self.done = True

    def damaged(self, place: int, what: Remark) -> None:
        """The record at input byte ``place`` cannot be one."""
        self.warn(
            Remark(
                "The file is damaged at byte {place} (record {record}: {what}); analysed up to there.",
                place=place,
                record=self.record,
                what=what,
            )
        )
        self.done = True

    def ended_early(self) -> None:
        """All records were read: say so where the input stopped for another reason than its own end."""
        if self.ended_by is not None:
            self.warn(Remark("{problem}; analysed up to there.", problem=self.ended_by))

    def warn(self, sentence: Remark) -> None:
        """Tell it once."""
        if sentence not in self.info.warnings:
            self.info.warnings.append(sentence)

    def met(self, link: int) -> None:
        """A link type was met."""
        meet(self.info, link)

    def batch(
        self,
        data: NDArray[np.uint8],
        offset: NDArray[np.int64],
        captured: NDArray[np.int64],
        original: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        link: NDArray[np.uint16],
        timed: NDArray[np.bool_] | None = None,
    ) -> RecordBatch | None:
        """Columns as a batch, counted in the capture's sums; None when there is no row.

        :param timed: false where a row has no time of its own; None when all have one.
        """
        count = len(offset)
        if not count:
            return None
        original = np.maximum(original, captured)
        add_up(self.info, captured, original, time_ns if timed is None else time_ns[timed], link)
        made = RecordBatch(data, offset, captured, original, time_ns, link, self.frames + 1)
        self.frames += count
        return made
