"""One input, opened: what it is, and its bytes through a window."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from capanalyzer.capture.probe import PROBE_BYTES, compression_of, describe, format_of
from capanalyzer.capture.spool import Spool
from capanalyzer.capture.streams import Prefixed, Source, StreamSource
from capanalyzer.capture.windows import FileWindow, StreamWindow, Window
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["Input", "examine_file", "examine_stream", "first_bytes", "unwrap", "why_not_opened"]

_LAYERS: Final = 2
"""Compressions within each other that are unpacked."""


@dataclass(slots=True)
class Input:
    """A capture that can be read: its format is known, and its bytes can be had."""

    name: str
    """As the user gave it."""
    format: str
    """``pcap``, ``pcapng``, ``snoop``; empty for an input of length zero."""
    total_bytes: int | None
    """Size of the input as stored, compressed or not; None where unknown."""
    open: Callable[[int], Window]
    """Makes a window that holds so many bytes at least; once only for streams."""
    is_file: bool = False
    is_compressed: bool = False
    copy: str | None = None
    """A file with a copy of the stream, as far as one is made."""
    source: StreamSource | None = field(default=None, repr=False)
    """What counts the bytes that were read, where the input is a stream."""


def examine_stream(
    name: str, stream: BinaryIO, *, owned: bool, total_bytes: int | None = None, spool: str | None = None
) -> Input:
    """Look at a stream's first bytes.

    :param spool: a folder into which it is copied while it is read.

    :raises CaptureError: when it holds no capture.
    """
    copy = None
    if spool is not None:
        with contextlib.suppress(OSError):  # the analysis goes on without a copy
            copy = Spool(spool)
    raw = StreamSource(stream, owned=owned, spool=copy)
    try:
        source, kind, layers = unwrap(name, raw)
    except CaptureError:
        raw.close()
        raise
    return Input(
        name,
        kind,
        total_bytes,
        lambda size: StreamWindow(source, size),
        is_compressed=layers > 0,
        copy=None if copy is None else copy.path,
        source=raw,
    )


def examine_file(path: str, spool: str | None = None) -> Input:
    """Look at a file's first bytes; FIFOs and devices are streams.

    :raises CaptureError: when it cannot be opened, or holds no capture.
    """
    try:
        status = os.stat(path)
        if stat.S_ISSOCK(status.st_mode):
            raise CaptureError(path, Remark("is a socket, not a capture"))
        handle = io.FileIO(path)
    except OSError as error:
        raise CaptureError(path, why_not_opened(error)) from error
    except ValueError as error:
        raise CaptureError(path.replace("\0", "\\0"), Remark("is no possible file name")) from error
    if not stat.S_ISREG(status.st_mode):
        return examine_stream(path, handle, owned=True, spool=spool)
    try:
        head = handle.read(PROBE_BYTES)
    except OSError as error:
        handle.close()
        raise CaptureError(path, why_not_opened(error)) from error
    kind = format_of(head)
    if kind is None and head:
        handle.seek(0)
        found = examine_stream(path, handle, owned=True, total_bytes=status.st_size)
        # Its own handle was only for looking: hundreds of files of a directory must not stay open.
        handle.close()
        found.open, found.is_file, found.source = _Reopened(path, found), True, None
        return found
    handle.close()
    return Input(path, kind or "", status.st_size, lambda size: _read(path, size), is_file=True)


@dataclass(slots=True)
class _Reopened:
    """Opens a compressed file again, from its start, when it is read."""

    path: str
    found: Input

    def __call__(self, batch_bytes: int) -> Window:
        raw = StreamSource(io.FileIO(self.path), owned=True)
        self.found.source = raw
        source, _, _ = unwrap(self.path, raw)
        return StreamWindow(source, batch_bytes)


def _read(path: str, batch_bytes: int) -> Window:
    file = io.FileIO(path)
    try:
        return FileWindow(file, batch_bytes)
    except BaseException:
        file.close()
        raise


def unwrap(name: str, raw: StreamSource) -> tuple[Source, str, int]:
    """The source of the capture's own bytes, its format, and how many compressions were taken off."""
    source: Source = raw
    head = b""
    for layer in range(_LAYERS + 1):
        head = first_bytes(source)
        if not head:
            if source.problem is None:
                return source, "", layer
            if layer:
                raise CaptureError(name, Remark("gives nothing when unpacked ({problem})", problem=source.problem))
            raise CaptureError(name, source.problem)
        source = Prefixed(head, source)
        kind = format_of(head)
        if kind is not None:
            return source, kind, layer
        compression = compression_of(head)
        if compression is None or layer == _LAYERS:
            break
        from capanalyzer.capture.compression import Unpacked

        source = Unpacked(source, compression)
    reason = describe(head)
    if source.problem is not None:
        reason = Remark("{reason} ({problem})", reason=reason, problem=source.problem)
    raise CaptureError(name, reason)


def first_bytes(source: Source) -> bytes:
    """The first bytes, as many as there are up to what a magic number needs."""
    buffer = bytearray(PROBE_BYTES)
    filled = 0
    while filled < PROBE_BYTES:
        count = source.readinto(memoryview(buffer)[filled:])
        if not count:
            break
        filled += count
    return bytes(buffer[:filled])


def why_not_opened(error: OSError) -> Remark:
    """One line that says what to do."""
    if isinstance(error, FileNotFoundError):
        return Remark("there is no such file")
    if isinstance(error, PermissionError):
        return Remark("permission denied; run as a user who may read it, or copy it")
    if isinstance(error, IsADirectoryError):
        return Remark("is a directory")
    return Remark("cannot be read ({reason})", reason=error.strerror or error)
