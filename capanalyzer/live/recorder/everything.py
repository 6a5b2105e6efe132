"""All packets, written to files of a limited size that are used in turn: the newest so and so many are there."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.linktypes import UNKNOWN
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.write_columns import PIECE, ColumnWriter, pieces_of
from capanalyzer.i18n import translator
from capanalyzer.live.complaint import Complaint, reason_of
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.recorder.folder import RECORD_MODE, make_folder
from capanalyzer.live.recorder.writing import Writing
from capanalyzer.output import create_new, write_whole
from capanalyzer.report import model

__all__ = ["FileRing", "FullCapture"]

I64 = NDArray[np.int64]
Pieces = list[bytes | NDArray[np.uint8]]

MAX_QUEUED_BYTES: Final = 64 << 20
"""Packets that wait for the disk."""
_BLOCK_BYTES: Final = 36
"""Of each packet in a file beside its own, at most."""
PAUSE_S: Final = 5.0
"""After trouble with the disk it is tried again."""
_OURS: Final = re.compile(r"capanalyzer-all_(\d{5,})_\d{14}\.pcapng")


class FileRing:
    """Files ``capanalyzer-all_00001_20261126165501.pcapng``, named as dumpcap names a ring's: ``capanalyzer analyze``
    and mergecap read them as one capture. Used in one thread.
    """

    def __init__(self, path: str, *, file_bytes: int, files: int) -> None:
        """Make the folder where there is none. What it holds is not known before :meth:`look`.

        :raises OSError: it cannot be made.
        """
        self.path, self.file_bytes, self._most = path, file_bytes, files
        make_folder(path)
        self._names: list[str] = []
        """Oldest first; the last may be open."""
        self._number = 0
        self._stream: BinaryIO | None = None
        self._size = 0

    def look(self) -> None:
        """Find the files of former runs; to be called as the user who writes here, see :meth:`RecordFolder.look`.

        :raises OSError: the folder cannot be read or written to.
        """
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.path)
        found = [name for name in map(_OURS.fullmatch, os.listdir(self.path)) if name]
        found.sort(key=lambda name: int(name[1]))
        self._names = [name[0] for name in found]
        self._number = int(found[-1][1]) if found else 0

    def write(self, make: Callable[[bool], Pieces], size: int) -> None:
        """Append to the open file, or begin another.

        :param make: gives the bytes; told whether a file begins with them.
        :param size: of them, about.
        :raises OSError: they cannot be written, and nothing of them is; the next ones begin another file.
        """
        if self._stream is not None and self._size + size > self.file_bytes:
            self.finish()
        is_new = self._stream is None
        stream = self._begin() if self._stream is None else self._stream
        whole = self._size
        try:
            for piece in make(is_new):
                write_whole(stream.fileno(), piece if isinstance(piece, bytes) else piece.data)
                self._size += len(piece)
        except BaseException:
            self._cut(whole)
            raise

    def _begin(self) -> BinaryIO:
        while len(self._names) >= self._most:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, self._names[0]))
            del self._names[0]
        self._number += 1
        name = f"capanalyzer-all_{self._number:05d}_{time.strftime('%Y%m%d%H%M%S', time.gmtime())}.pcapng"
        make_folder(self.path)
        self._stream = create_new(os.path.join(self.path, name), mode=RECORD_MODE)
        self._names.append(name)
        self._size = 0
        return self._stream

    def _cut(self, size: int) -> None:
        """The open file ends here, behind a whole packet; one that holds none is removed again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError), stream:
                os.ftruncate(stream.fileno(), size)
        if not size:
            self._number -= 1
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.path, self._names.pop()))

    def finish(self) -> None:
        """The open file is whole."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with stream:
                os.fsync(stream.fileno())


class FullCapture:
    """See :class:`capanalyzer.live.listener.Listener`. What the disk does not take in time is counted and left out."""

    def __init__(self, files: FileRing, info: CaptureInfo, *, lang: str = "en", tell: Callable[[str], None]) -> None:
        """:param info: of the live source.
        :param tell: called with one line, from any thread.
        """
        self._files, self._info, self._tell, self._ = files, info, tell, translator(lang)
        self._columns = self._new_columns()
        self._writing = Writing("full capture", MAX_QUEUED_BYTES, self._cannot_write)
        self._paused_until = 0.0
        self._told = 0
        self._complaint = Complaint(tell)
        self._lock = threading.Lock()
        self._left = 0
        """Packets of which it is not known yet whether they are written."""
        self.counts = {"written": 0, "lost": 0}
        """Packets."""

    def _new_columns(self) -> ColumnWriter:
        tool = f"{model.TOOL.name} {model.TOOL.version}"
        return ColumnWriter(application=tool, comment="", interface_names=self._info.interfaces)

    def packets(self, batch: RecordBatch) -> None:
        """Have them written."""
        rows = np.flatnonzero(batch.link < UNKNOWN)
        if not len(rows):
            return
        # Where they lie nothing else may be copied: an interface's batch may begin at a ring's end and go on at its
        # beginning, with all of the ring between.
        pieces, counts = pieces_of(batch.data, batch.offset[rows], batch.captured[rows])
        data = pieces.view(np.uint8)
        kept = RecordBatch(
            data,
            PIECE * (np.cumsum(counts) - counts),
            batch.captured[rows],
            batch.original[rows],
            batch.time_ns[rows],
            batch.link[rows],
            batch.first_frame,
            None if batch.interface is None else batch.interface[rows],
        )
        with self._lock:
            self._left += len(kept)
        if time.monotonic() < self._paused_until or not self._writing.submit(lambda: self._write(kept), len(data)):
            self._lose(len(kept))

    def _write(self, batch: RecordBatch) -> None:
        sizes = batch.captured + _BLOCK_BYTES
        # One may hold more than a file is to.
        borders = np.flatnonzero(np.diff(np.cumsum(sizes) // self._files.file_bytes)) + 1
        for start, stop in pairwise([0, *borders.tolist(), len(batch)]):
            try:
                self._files.write(partial(self._pieces, batch.part(start, stop)), int(sizes[start:stop].sum()))
            except Exception:
                self._lose(len(batch) - start)
                self._paused_until = time.monotonic() + PAUSE_S
                raise
            self._count("written", stop - start)

    def _lose(self, count: int) -> None:
        self._count("lost", count)

    def _count(self, what: str, count: int) -> None:
        """Count what is written or not, whichever thread finds out."""
        with self._lock:
            self.counts[what] += count
            self._left -= count

    def _pieces(self, batch: RecordBatch, is_new: bool) -> Pieces:
        if not is_new:
            return [*self._columns.blocks(batch)]
        self._columns = self._new_columns()
        return [self._columns.head(), *self._columns.blocks(batch)]

    def belong(self, streams: I64, frames: I64) -> None:
        """All packets are written, whosever they are."""

    def verdict(self, told: LiveVerdict) -> None:
        """All packets are written, whatever becomes of them."""

    def working(self, told: WorkingSessions) -> None:
        """Likewise."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Likewise."""

    def tick(self, state: State) -> None:
        """Say what was lost."""
        lost = self.counts["lost"]
        if lost > self._told and time.monotonic() >= self._paused_until:
            self._told = lost * 2  # told again when it has doubled
            text = self._("--record-all: {n} packets so far are not written: the disk is too slow")
            self._tell(text.format(n=f"{lost:,}"))

    def reopen(self) -> None:
        """Go on in a new file."""
        self._writing.submit(self._files.finish, 0)

    def close(self) -> None:
        """Write what is there."""
        self._writing.submit(self._files.finish, 0)
        self._writing.close()
        self._lose(self._left)  # what the disk has not taken until now it never will
        if self.counts["lost"]:
            text = self._("--record-all: {n} packets in all were not written")
            self._tell(text.format(n=f"{self.counts['lost']:,}"))

    def _cannot_write(self, error: Exception) -> None:
        reason = reason_of(error)
        text = self._("--record-all: {folder}: {reason}; packets are not written until this ends, the run goes on")
        self._complaint.make(reason, text.format(folder=self._files.path, reason=reason))
