"""From what the user names to captures: files, directories, globs, URLs, standard input, open streams."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import Input, examine_file, examine_stream
from capanalyzer.capture.records import BATCH_BYTES, Capture
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["open_captures", "open_files"]

_CAPTURE_EXTENSIONS = (".pcap", ".pcapng", ".cap", ".snoop", ".ntar")
"""In a directory, an empty or unreadable file counts as a capture only when it is named like one."""


def open_captures(
    inputs: Sequence[str | BinaryIO], *, batch_bytes: int = BATCH_BYTES, spool: str | None = None
) -> Iterator[Capture | CaptureError]:
    """The captures that the inputs name, in the inputs' order, directories and globs by sorted path.

    An input is the path of a file, a directory (searched downwards; what is no capture is passed over),
    a glob, a URL that fsspec knows, ``-`` (standard input), or an open binary stream. The files of a ring
    become one capture, at the place of the first of them. A file named twice is read once.

    :param spool: a folder into which streams are copied while they are read, see :mod:`capanalyzer.capture.spool`.

    What cannot be read comes as a :class:`CaptureError` (not raised), the others go on.
    """
    found: list[Input | CaptureError] = []
    seen: set[tuple[int, int]] = set()
    for each in inputs:
        found.extend(_expand(each, seen, spool))
    captures = [each for each in found if isinstance(each, Input)]
    if len(captures) < 2:
        yield from (FileCapture(each, batch_bytes) if isinstance(each, Input) else each for each in found)
        return
    from capanalyzer.capture.ring_merge import RingCapture
    from capanalyzer.capture.rings import find_rings

    members = {id(member): ring for ring in find_rings(captures) for member in ring}
    for one in found:
        if isinstance(one, CaptureError):
            yield one
            continue
        ring = members.get(id(one))
        if ring is None:
            yield FileCapture(one, batch_bytes)
        elif ring:
            yield RingCapture(list(ring), batch_bytes)
            ring.clear()


def open_files(paths: Sequence[str], *, batch_bytes: int = BATCH_BYTES) -> Capture:
    """One capture again, by its :attr:`~Capture.paths`.

    :raises CaptureError: when it can no longer be read.
    """
    found = [examine_file(path) for path in paths]
    if len(found) == 1:
        return FileCapture(found[0], batch_bytes)
    from capanalyzer.capture.ring_merge import RingCapture

    return RingCapture(found, batch_bytes)


def _expand(each: str | BinaryIO, seen: set[tuple[int, int]], spool: str | None) -> Iterator[Input | CaptureError]:
    """The inputs that one argument stands for."""
    try:
        if not isinstance(each, str):
            yield _stream(each, spool)
        elif each == "-":
            yield _standard_input(seen, spool)
        elif "://" in each and not os.path.exists(each):
            yield _remote(each, spool)
        elif os.path.isdir(each):
            yield from _directory(each, seen)
        elif glob.has_magic(each) and not os.path.exists(each):
            yield from _matches(each, seen)
        elif _is_new(each, seen):
            yield examine_file(each, spool)
    except CaptureError as error:
        yield error


def _stream(stream: BinaryIO, spool: str | None) -> Input:
    given: object = stream  # a caller without type checking may pass text
    name = getattr(stream, "name", None)
    name = name if isinstance(name, str) else "<stream>"
    if not hasattr(given, "read") or isinstance(given, io.TextIOBase):
        raise CaptureError(name, Remark("is not a binary stream; open it in mode 'rb'"))
    return examine_stream(name, stream, owned=False, spool=spool)


def _standard_input(seen: set[tuple[int, int]], spool: str | None) -> Input:
    if (-1, -1) in seen:
        raise CaptureError("-", Remark("standard input can be read only once"))
    seen.add((-1, -1))
    if sys.stdin is None or sys.stdin.closed:
        raise CaptureError("-", Remark("standard input is closed"))
    stream = sys.stdin.buffer
    if stream.isatty():
        raise CaptureError("-", Remark("standard input is a terminal; pipe a capture into it"))
    total: int | None = None
    try:
        status = os.fstat(stream.fileno())
        total = status.st_size if stat.S_ISREG(status.st_mode) else None
    except (OSError, ValueError, AttributeError):
        pass  # a stand-in without a descriptor
    return examine_stream("-", stream, owned=False, total_bytes=total, spool=spool)


def _remote(url: str, spool: str | None) -> Input:
    """A file behind a URL, read as a stream."""
    name = _without_secrets(url)
    try:
        import fsspec
    except ImportError as error:
        raise CaptureError(name, Remark("URLs need fsspec: pip install 'capanalyzer[url]'")) from error
    try:
        opened = fsspec.open(url, "rb")
        total = None
        handle = opened.open()
        size = getattr(handle, "size", None)
        total = size if isinstance(size, int) else None
    except ImportError as error:
        raise CaptureError(
            name, Remark("this kind of URL needs another package ({reason})", reason=_one_line(error))
        ) from error
    except FileNotFoundError as error:
        raise CaptureError(name, _not_found(error)) from error
    except Exception as error:
        raise CaptureError(name, Remark("cannot be opened ({reason})", reason=_one_line(error))) from error
    return examine_stream(name, handle, owned=True, total_bytes=total, spool=spool)


def _not_found(error: FileNotFoundError) -> Remark:
    """What is behind it: fsspec says of every HTTP error that there is no such file, and names the true one as its
    cause.
    """
    cause: BaseException | None = error
    while isinstance(cause, FileNotFoundError):
        cause = cause.__cause__
    status, message = getattr(cause, "status", None), getattr(cause, "message", "")
    if cause is None or status in (404, 410):
        return Remark("there is no such file")
    if status is not None:
        return Remark("the server refuses it ({status} {message})", status=status, message=message)
    return Remark("cannot be reached ({reason})", reason=_one_line(cause))


def _without_secrets(url: str) -> str:
    """The URL without password and query, which may hold a signature: it is printed and stored in reports."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        return url.split("?", 1)[0]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _is_new(path: str, seen: set[tuple[int, int]]) -> bool:
    """Whether this file was not named before, under whatever name; FIFOs and the like always count as new."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return True  # opening it will say what is wrong
    key = (status.st_dev, status.st_ino)
    if not stat.S_ISREG(status.st_mode) or not status.st_ino:
        return True
    if key in seen:
        return False
    seen.add(key)
    return True


def _directory(top: str, seen: set[tuple[int, int]]) -> Iterator[Input | CaptureError]:
    """The captures below a directory; links to directories are not followed, so there is no way around."""
    errors: list[CaptureError] = []
    tally = _Tally()
    for folder, folders, names in os.walk(top, onerror=lambda error: errors.append(_no_folder(error))):
        folders.sort()
        for name in sorted(names):
            yield from _candidate(os.path.join(folder, name), seen, tally)
    yield from errors
    if not tally.captures and not errors:
        raise CaptureError(top, Remark("holds no packet capture (pcap, pcapng or snoop, compressed or not)"))


class _Tally:
    """Captures that a directory or a glob led to, those that were named before included."""

    captures = 0


def _no_folder(error: OSError) -> CaptureError:
    return CaptureError(str(error.filename), Remark("cannot be searched ({reason})", reason=error.strerror or error))


def _candidate(path: str, seen: set[tuple[int, int]], tally: _Tally) -> Iterator[Input | CaptureError]:
    """A file that was not named itself: nothing when it is no capture."""
    try:
        status = os.stat(path)
    except OSError:
        return  # a link to nowhere
    if not stat.S_ISREG(status.st_mode):
        return
    named_so = any(extension in os.path.basename(path).lower() for extension in _CAPTURE_EXTENSIONS)
    if not status.st_size and not named_so:
        return
    if not _is_new(path, seen):
        tally.captures += 1
        return
    try:
        found = examine_file(path)
    except CaptureError as error:
        if named_so and isinstance(error.__cause__, OSError):
            tally.captures += 1
            yield error
        return
    tally.captures += 1
    yield found


def _matches(pattern: str, seen: set[tuple[int, int]]) -> Iterator[Input | CaptureError]:
    """What a glob matches; directories among it are searched."""
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        raise CaptureError(pattern, Remark("no file matches"))
    tally = _Tally()
    for path in paths:
        if not os.path.isdir(path):
            yield from _candidate(path, seen, tally)
            continue
        try:
            for each in _directory(path, seen):
                tally.captures += 1
                yield each
        except CaptureError:
            continue  # a directory without captures
    if not tally.captures:
        raise CaptureError(pattern, Remark("what it matches holds no packet capture (pcap, pcapng or snoop)"))
