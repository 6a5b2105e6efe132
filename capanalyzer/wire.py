"""Bounds-checked reading of length-prefixed structures (RFC 8446 section 3)."""

from __future__ import annotations

from typing import Self

from capanalyzer.errors import Malformed, Truncated, WireError

__all__ = ["Cursor"]


class Cursor:
    """A forward reader that cannot leave its bytes.

    A vector (RFC 8446 section 3.4) is read through a child that ends where the vector ends, so a
    lying length is reported where it lies. ``base`` is the offset of the first byte in its stream;
    ``inside`` names the vector, and is empty at the top level.
    """

    __slots__ = ("_data", "_pos", "base", "inside")

    def __init__(self, data: bytes | memoryview, *, base: int = 0, inside: str = "") -> None:
        self._data, self._pos = data, 0
        self.base, self.inside = base, inside

    def __len__(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._pos

    @property
    def offset(self) -> int:
        """Stream offset of the next byte."""
        return self.base + self._pos

    def take(self, size: int, field: str) -> bytes:
        """The next ``size`` bytes.

        :raises Malformed: past the end of a vector (the sender is wrong).
        :raises Truncated: past the top level's end (we have not seen it yet).
        """
        end = self._pos + size
        if end > len(self._data):
            error: type[WireError] = Malformed if self.inside else Truncated
            raise error(f"wants {size} bytes, {len(self)} left", field, self.offset)
        piece = self._data[self._pos : end]
        self._pos = end
        return bytes(piece)

    def rest(self, field: str) -> bytes:
        """All that is left."""
        return self.take(len(self), field)

    def uint(self, width: int, field: str) -> int:
        """An unsigned big-endian integer of ``width`` bytes."""
        return int.from_bytes(self.take(width, field), "big")

    def vector(self, prefix: int, field: str) -> Cursor:
        """``field<0..2^(8*prefix)-1>``: a length of ``prefix`` bytes, then a cursor over that many."""
        size = self.uint(prefix, field)
        base = self.offset
        return Cursor(self.take(size, field), base=base, inside=field)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """A vector must be read to its end."""
        if kind is None and len(self):
            raise Malformed(f"{len(self)} bytes left over", self.inside, self.offset)
