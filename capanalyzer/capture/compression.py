"""Compressed captures, unpacked as they are read: never more at once than was asked for.

Members and frames that follow each other are one stream, as the formats' own tools read them. A stream
that is cut off or damaged gives what can be unpacked, and says so once in ``problem``.
"""

from __future__ import annotations

from typing import Final, Protocol

from capanalyzer.capture.streams import Source
from capanalyzer.remark import Remark

__all__ = ["Decompressor", "Unpacked"]

_INPUT_BYTES: Final = 64 << 10
"""Compressed bytes read at a time."""

_ZSTD_INPUT_BYTES: Final = 1 << 10
"""Bytes given to zstd at a time. Its interface has no limit on output: 256 blocks of 4 bytes that each
stand for 128 KiB of one repeated byte would make 32 MiB of this much, and no more."""

_ZSTD_WINDOW_BYTES: Final = 128 << 20
"""Largest window accepted: that of ``zstd --long``, which is also the tool's own limit."""

_XZ_MEMORY_BYTES: Final = 192 << 20
"""``xz -9`` needs 65 MiB to unpack."""


class Decompressor(Protocol):
    """One member or frame, as zlib, bz2, lzma and lz4 have it."""

    @property
    def eof(self) -> bool:
        """The member's end was reached."""
        ...

    @property
    def unused_data(self) -> bytes | None:
        """What was given and comes after that end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes; what was not used of ``data`` is kept for the next call."""
        ...


class _Zlib:
    """zlib with the interface of bz2 and lzma."""

    def __init__(self) -> None:
        import zlib

        self._object = zlib.decompressobj(wbits=31)
        self.eof, self.unused_data = False, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._object.decompress(self._object.unconsumed_tail + data, max_length)
        self.eof, self.unused_data = self._object.eof, self._object.unused_data
        return made


class _Zstd:
    """zstandard with the interface of bz2 and lzma."""

    def __init__(self) -> None:
        import zstandard

        self._object = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        self.eof, self.unused_data = False, b""
        self._input, self._made = memoryview(b""), memoryview(b"")

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._input = memoryview(bytes(self._input) + data)
        while not self._made and self._input and not self.eof:
            piece, self._input = self._input[:_ZSTD_INPUT_BYTES], self._input[_ZSTD_INPUT_BYTES:]
            self._made = memoryview(self._object.decompress(piece))
            self.eof = self._object.eof
        made, self._made = self._made[:max_length], self._made[max_length:]
        if self.eof:
            self.unused_data = self._object.unused_data + bytes(self._input)
        return bytes(made)

    @property
    def is_holding(self) -> bool:
        """More output is there without more input, even after the frame's end."""
        return bool(self._made)


def _decompressor(name: str) -> Decompressor:
    """A fresh one; imports happen here because few captures need any of them."""
    if name == "gzip":
        return _Zlib()
    if name == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    if name == "xz":
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
    if name == "lz4":
        import lz4.frame

        made: Decompressor = lz4.frame.LZ4FrameDecompressor()
        return made
    return _Zstd()


class Unpacked:
    """A compressed source as a source of what it holds."""

    def __init__(self, inner: Source, name: str) -> None:
        self.problem: Remark | None = None
        self.name = name
        self._inner = inner
        self._current: Decompressor | None = None
        self._buffer = bytearray(_INPUT_BYTES)
        self._pending = b""
        self._members = 0
        self._filled = False
        """The last output took all the room there was: there may be more of it without more input."""

    def readinto(self, target: memoryview) -> int:
        """See :class:`Source`."""
        while self.problem is None:
            try:
                made = self._step(len(target))
            except Exception as error:  # noqa: BLE001 - each library has an error class of its own, without a common base
                self.problem = Remark(
                    "The {name} data is damaged ({reason})", name=self.name, reason=str(error) or type(error).__name__
                )
                return 0
            if made is None:
                return 0
            if made:
                target[: len(made)] = made
                return len(made)
        return 0

    def _step(self, room: int) -> bytes | None:
        """Unpack a little: maybe nothing yet; None at the end."""
        current = self._current
        if current is None:
            if not self._next_member():
                return None
            current = self._current = _decompressor(self.name)
        made = current.decompress(self._pending, room)
        self._filled = len(made) == room
        self._pending = b""
        if current.eof and not getattr(current, "is_holding", False):
            self._pending = current.unused_data or b""
            self._members += 1
            self._current = None
        elif not made:
            self._pending = self._read()
            if not self._pending:
                self.problem = self._inner.problem or Remark("The {name} data is cut short", name=self.name)
                return None
        return made

    def _next_member(self) -> bool:
        """Whether another member begins here; zero bytes that pad a tape or a disk block are passed over."""
        from capanalyzer.capture.probe import compression_of

        while len(self._pending) < 6:
            more = self._read()
            if not more:
                break
            self._pending = self._pending.lstrip(b"\0") + more if self._members else self._pending + more
        if self._members:
            self._pending = self._pending.lstrip(b"\0")
        if not self._pending:
            self.problem = self._inner.problem
            return False
        if compression_of(self._pending) != self.name:
            self.problem = Remark("What follows the {name} data is not {name}", name=self.name)
            return False
        return True

    def _read(self) -> bytes:
        count = self._inner.readinto(memoryview(self._buffer))
        return bytes(self._buffer[:count])

    def ready(self, timeout_s: float | None) -> bool:
        """See :class:`Source`."""
        return bool(self._pending) or self._filled or self._inner.ready(timeout_s)

    def close(self) -> None:
        """See :class:`Source`."""
        self._inner.close()
