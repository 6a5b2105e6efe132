"""The lines of a log file: packed or not, in any encoding, of bounded length.

What stands in a log was partly written by whoever connected, so nothing of it is trusted: a line is cut where it grows
too long, NUL bytes (the hole that a truncated log leaves) are dropped, and bytes that are no text become their escapes.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from capanalyzer.capture.opening import first_bytes, why_not_opened
from capanalyzer.capture.probe import compression_of, format_of
from capanalyzer.capture.streams import Prefixed, Source, StreamSource
from capanalyzer.errors import LogError
from capanalyzer.remark import Remark

__all__ = ["MAX_LINE_BYTES", "LogFile", "log_files"]

MAX_LINE_BYTES: Final = 64 << 10
"""What is kept of a line; cloud load balancers write JSON of several kilobytes in one."""
_CHUNK_BYTES: Final = 256 << 10
_LAYERS: Final = 2
"""Compressions within each other that are unpacked."""


class LogFile:
    """One log, opened. Iterate over it once: line number (from 1) and text, without the line's end.

    :raises LogError: it cannot be opened, or is a packet capture.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problem: Remark | None = None
        """Why the lines ended before the file does, once they have; a sentence without its full stop."""
        self.cut_lines = 0
        """Lines of which only the first :data:`MAX_LINE_BYTES` were kept."""
        self._source = _opened(path)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        try:
            for number, line in enumerate(_bounded(_as_utf8(_chunks(self._source)), self._cut), 1):
                yield number, line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
            self.problem = self._source.problem
        finally:
            self._source.close()

    def _cut(self) -> None:
        self.cut_lines += 1


def _opened(path: str) -> Source:
    try:
        raw: Source = StreamSource(io.FileIO(path), owned=True)
    except OSError as error:
        raise LogError(path, why_not_opened(error)) from error
    except ValueError as error:
        raise LogError(path.replace("\0", "\\0"), Remark("is no possible file name")) from error
    for _ in range(_LAYERS):
        head = first_bytes(raw)
        raw = Prefixed(head, raw)
        if format_of(head) is not None:
            raw.close()
            raise LogError(path, Remark("is a packet capture, not a log"))
        compression = compression_of(head)
        if compression is None:
            break
        from capanalyzer.capture.compression import Unpacked

        raw = Unpacked(raw, compression)
    return raw


def _chunks(source: Source) -> Iterator[bytes]:
    buffer = bytearray(_CHUNK_BYTES)
    while count := source.readinto(memoryview(buffer)):
        yield bytes(buffer[:count])


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Programs of Windows write UTF-16; all else is passed on as it is."""
    first = next(chunks, b"")
    encoding = _utf16(first)
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    yield decoder.decode(first).removeprefix("\ufeff").encode("utf-8", "backslashreplace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "backslashreplace")


def _utf16(head: bytes) -> str | None:
    """By its byte order mark, or where every second byte of the first characters is zero."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    if len(head) >= 8 and not any(head[1:8:2]) and all(head[0:8:2]):
        return "utf-16-le"
    if len(head) >= 8 and not any(head[0:8:2]) and all(head[1:8:2]):
        return "utf-16-be"
    return None


def _bounded(chunks: Iterable[bytes], cut: Callable[[], None]) -> Iterator[bytes]:
    """Lines without their line feed, each of :data:`MAX_LINE_BYTES` at most; the rest of a longer one is dropped."""
    held = b""
    skipping = False
    for chunk in chunks:
        pieces = chunk.replace(b"\0", b"").split(b"\n")
        if skipping:
            if len(pieces) == 1:
                continue
            pieces, skipping = pieces[1:], False
        else:
            pieces[0] = held + pieces[0]
        held = pieces.pop()
        for piece in pieces:
            if len(piece) > MAX_LINE_BYTES:
                cut()
            yield piece[:MAX_LINE_BYTES]
        if len(held) > MAX_LINE_BYTES:
            cut()
            yield held[:MAX_LINE_BYTES]
            held, skipping = b"", True
    if held:
        yield held


_ROTATED: Final = re.compile(
    r"(?P<stem>.+?)(?:[.-](?P<date>\d{8}(?:[-_T.]?\d{2,6})?|\d{4}-\d\d-\d\d(?:[-_T.]?\d{2,6})?)|\.(?P<age>\d{1,5}))?"
    r"(?P<packed>\.(?:gz|bz2|xz|zst|lz4))?"
)
"""``error.log.2.gz`` as logrotate counts, ``error.log-20261123.gz`` as its dateext does."""


def log_files(names: Iterable[str]) -> list[str]:
    """What ``--log`` was given, as files: patterns expanded, each file once, rotated ones of one log oldest first.

    :raises LogError: a pattern that nothing matches.
    """
    found: list[str] = []
    for name in names:
        if glob.has_magic(name) and not os.path.exists(name):
            matches = [path for path in sorted(glob.glob(name)) if not os.path.isdir(path)]
            if not matches:
                raise LogError(name, Remark("nothing matches this pattern"))
            found += matches
        else:
            found.append(name)
    found = list(dict.fromkeys(found))
    first = {_stem(path): place for place, path in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda path: (first[_stem(path)], *_age(path)))


def _stem(path: str) -> str:
    match = _ROTATED.fullmatch(path)
    return match["stem"] if match else path


def _age(path: str) -> tuple[int, int, str]:
    """Sorts oldest first: dates as they go, numbers downwards, the log that is still written last."""
    match = _ROTATED.fullmatch(path)
    if match is None or (match["date"] is None and match["age"] is None):
        return (2, 0, "")
    if match["date"] is not None:
        return (0, 0, re.sub(r"\D", "", match["date"]))
    return (1, -int(match["age"]), "")
