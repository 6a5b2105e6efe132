"""A pipe as a live source: a capture that another program writes while we read, ``ssh host tcpdump -U -w - |``.

Whoever reads a live source has timers to keep, so reading waits in a thread: it takes off compression and hands over
what came; finding records in it and everything else happens in the caller's thread. Regular files are replayed as fast
as they are read.

What the clock says. A pipe tells the time only by its packets, and must let time pass while it is silent: so
:meth:`PipeSource.now_ns` is the newest packet's time plus how long nothing has come since. Three things keep a timer
from running out ahead of a packet that is on its way: a record of which a part has come is waited for, and so is what
follows a multiple of 4096 bytes (a program that writes full buffers, tcpdump without ``-U``, stops there, which is
nearly always within a record); the first half second of silence does not count; and in compressed streams, of which
nobody knows what the other side still holds back, silence does not count at all.
"""

from __future__ import annotations

import os
import queue
import stat
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import BinaryIO, Final

import numpy as np

from capanalyzer.capture.clock import newest_of
from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.live_source import Drops, News
from capanalyzer.capture.opening import Input, examine_file, examine_stream, unwrap
from capanalyzer.capture.probe import make_reader
from capanalyzer.capture.reader import RecordReader
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.streams import StreamSource
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["FileReplay", "PipeSource", "open_pipe"]

_CHUNK_BYTES: Final = 256 << 10
"""Read at a time; a pipe holds 64 KiB, or 1 MiB where it can be widened."""

_MOST_CHUNKS: Final = 64
"""Read and not yet looked at; then the pipe fills up, and who writes it has to wait."""

_BATCH_BYTES: Final = 4 << 20
"""Looked at in one go."""

_GRACE_S: Final = 0.5
"""Silence that may be the way of the packets: a network between us and the capture, a busy machine."""

_BUFFER_BYTES: Final = 4096
"""What C libraries gather before they write to a pipe; their own buffers are multiples of it."""

_STOP_S: Final = 0.25
"""How often the thread looks whether it is still wanted."""


def open_pipe(path: str) -> PipeSource | FileReplay:
    """Standard input (``-``), a FIFO, or a file, opened; nothing is read yet.

    :raises CaptureError: it cannot be opened, or is a regular file that holds no capture.
    """
    if path == "-":
        return _standard_input()
    try:
        status = os.stat(path)
    except OSError as error:
        raise CaptureError(path, Remark("there is no such file, FIFO or device")) from error
    except ValueError as error:
        raise CaptureError(path.replace("\0", "\\0"), Remark("is no possible file name")) from error
    if stat.S_ISREG(status.st_mode):
        return _replay(examine_file(path))
    if not stat.S_ISFIFO(status.st_mode) and not stat.S_ISCHR(status.st_mode):
        raise CaptureError(path, Remark("is neither a capture file nor a FIFO"))
    try:
        # Without waiting for somebody to write to it: outputs and privileges come first.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise CaptureError(path, Remark("cannot be read ({reason})", reason=error.strerror or error)) from error
    os.set_blocking(descriptor, True)
    return PipeSource(path, os.fdopen(descriptor, "rb", buffering=0), owned=True)


def _replay(found: Input) -> FileReplay:
    """Opened while the run still has the rights with which it was looked at.

    :raises CaptureError: it cannot be opened.
    """
    if not found.format:
        return FileReplay(FileCapture(found, _BATCH_BYTES))  # there is nothing to read
    try:
        window = found.open(_BATCH_BYTES)
    except OSError as error:
        raise CaptureError(found.name, Remark("cannot be read ({reason})", reason=error.strerror or error)) from error
    found.open = lambda _batch_bytes: window
    return FileReplay(FileCapture(found, _BATCH_BYTES), window.close)


def _standard_input() -> PipeSource | FileReplay:
    if sys.stdin is None or sys.stdin.closed:
        raise CaptureError("-", Remark("standard input is closed"))
    stream = sys.stdin.buffer
    if stream.isatty():
        raise CaptureError("-", Remark("standard input is a terminal; pipe a capture into it"))
    try:
        is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        is_file = False  # a stand-in without a descriptor
    if is_file:
        return FileReplay(FileCapture(examine_stream("-", stream, owned=False), _BATCH_BYTES))
    # What a buffered reader has taken in already, nobody could wait for.
    return PipeSource("-", getattr(stream, "raw", stream), owned=False)


class FileReplay:
    """A file as a live source, see :class:`capanalyzer.capture.live_source.LiveSource`: its clock is its packets'."""

    def __init__(self, capture: FileCapture, shut: Callable[[], None] | None = None) -> None:
        """:param shut: closes the file, also where nothing was read of it."""
        self.info = capture.info
        self._shut = shut
        self._news = News(self.info)
        self.ended = False
        self._newest_ns = 0
        self._batches: Generator[RecordBatch, None, None] = capture.batches()

    def read(self, timeout_s: float) -> RecordBatch | None:
        """See :class:`LiveSource`."""
        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
        else:
            self._newest_ns = newest_of(batch.time_ns, self._newest_ns)
        return batch

    def drops(self) -> Drops:
        """See :class:`LiveSource`: what the capturing program said it lost."""
        return Drops(interface=self.info.dropped_packets)

    def news(self) -> list[Remark]:
        """See :class:`LiveSource`."""
        return self._news.take()

    def interfaces(self) -> Mapping[str, int]:
        """See :class:`LiveSource`: it has none."""
        return {}

    def now_ns(self) -> int:
        """See :class:`LiveSource`."""
        return self._newest_ns

    def close(self) -> None:
        """See :class:`LiveSource`."""
        self._batches.close()
        if self._shut is not None:
            self._shut()
        self.ended = True


class _Opened:
    """What the thread found at the pipe's beginning."""

    def __init__(self, kind: str, layers: int) -> None:
        self.kind, self.layers = kind, layers


class _Ended:
    """The pipe's end, and why, where it came too soon."""

    def __init__(self, problem: Remark | None) -> None:
        self.problem = problem


class PipeSource:
    """A pipe, see :class:`capanalyzer.capture.live_source.LiveSource`."""

    def __init__(self, name: str, stream: BinaryIO, *, owned: bool) -> None:
        """:param owned: close the stream in the end."""
        self.info = CaptureInfo(name, files=[name])
        self._news = News(self.info)
        self.ended = False
        self._stream, self._owned = stream, owned
        self._queue: queue.Queue[_Opened | bytes | _Ended | CaptureError] = queue.Queue(_MOST_CHUNKS)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._reader: RecordReader | None = None
        self._waiting: list[bytes] = []
        """Bytes that no record was found in yet."""
        self._waiting_bytes = self._came_bytes = 0
        self._at_end = False
        self._compressed = False
        self._arrived_s = 0.0
        """When something came last, by the monotonic clock."""
        self._newest_ns = 0
        """Time of the newest packet, by the clock's last setting."""

    def read(self, timeout_s: float) -> RecordBatch | None:
        """See :class:`LiveSource`."""
        if self._thread is None and not self.ended:
            # Not before: a process gives up its privileges thread by thread.
            self._thread = threading.Thread(target=self._run, name="pipe", daemon=True)
            self._thread.start()
        until = time.monotonic() + timeout_s
        while not self.ended:
            left = until - time.monotonic()
            if not self._receive(max(left, 0)):
                return None
            batch = self._look()
            if batch is not None or left <= 0:
                return batch
        return None

    def drops(self) -> Drops:
        """See :class:`LiveSource`: what the capturing program said it lost (pcapng alone can)."""
        return Drops(interface=self.info.dropped_packets)

    def news(self) -> list[Remark]:
        """See :class:`LiveSource`."""
        return self._news.take()

    def interfaces(self) -> Mapping[str, int]:
        """See :class:`LiveSource`: it has none."""
        return {}

    def now_ns(self) -> int:
        """See :class:`LiveSource`, and above."""
        newest = self._newest_ns
        may_hold = self._compressed or self._waiting_bytes or not self._came_bytes % _BUFFER_BYTES
        if not newest or self.ended or may_hold or not self._queue.empty():
            return newest
        silent_s = time.monotonic() - self._arrived_s - _GRACE_S
        return newest + int(max(silent_s, 0.0) * 1e9)

    def close(self) -> None:
        """See :class:`LiveSource`."""
        self.ended = True
        self._stopped.set()
        self._waiting = []
        if self._thread is None and self._owned:
            self._stream.close()

    def _receive(self, timeout_s: float) -> bool:
        """Take what has come; whether there was anything."""
        try:
            item = self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return False
        self._arrived_s = time.monotonic()
        while True:
            self._take(item)
            if self._at_end or self._waiting_bytes >= _BATCH_BYTES:
                return True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return True

    def _take(self, item: _Opened | bytes | _Ended | CaptureError) -> None:
        if isinstance(item, bytes):
            self._waiting.append(item)
            self._waiting_bytes += len(item)
            self._came_bytes += len(item)
        elif isinstance(item, _Opened):
            self._compressed = item.layers > 0
            if item.kind:
                self.info.format = item.kind
                self._reader = make_reader(item.kind, self.info)
        elif isinstance(item, _Ended):
            self._at_end = True
            if self._reader is not None:
                self._reader.ended_by = item.problem
        else:
            self.ended = True
            raise item

    def _look(self) -> RecordBatch | None:
        """Records in what has come, once there is enough of it."""
        reader = self._reader
        if reader is None:
            if self._at_end:
                self.info.warnings.append(Remark("The pipe gave nothing: not one byte, so not one packet."))
                self.ended = True
            return None
        if self._waiting_bytes < reader.wants and not self._at_end:
            return None
        data = np.frombuffer(b"".join(self._waiting), np.uint8)
        batch, used = reader.feed(data, self._at_end)
        if batch is not None:
            self._newest_ns = newest_of(batch.time_ns, self._newest_ns)
        rest = bytes(data[used:])
        self._waiting = [rest] if rest else []
        self._waiting_bytes = len(rest)
        if reader.done or self._at_end:
            reader.ended_early()
            self._stopped.set()
            self.ended = True
        return batch

    def _run(self) -> None:
        """The thread: read until the end, or until nobody wants more."""
        raw = StreamSource(self._stream, owned=self._owned)
        try:
            # A FIFO that nobody has opened for writing reads as ended; it is ready once somebody has.
            while not raw.ready(_STOP_S):
                if self._stopped.is_set():
                    return
            source, kind, layers = unwrap(self.info.path, raw)
            self._put(_Opened(kind, layers))
            buffer = memoryview(bytearray(_CHUNK_BYTES))
            while not self._stopped.is_set():
                if not source.ready(_STOP_S):
                    continue
                count = source.readinto(buffer)
                if not count:
                    break
                self._put(bytes(buffer[:count]))
            self._put(_Ended(source.problem))
        except CaptureError as error:
            self._put(error)
        finally:
            raw.close()

    def _put(self, item: _Opened | bytes | _Ended | CaptureError) -> None:
        """Hand over, waiting for room as long as somebody may take it."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_STOP_S)
            except queue.Full:
                continue
            return
