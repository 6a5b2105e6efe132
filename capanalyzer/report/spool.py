"""Encoded sessions put aside until their order is known, in memory first and then in a temporary file."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Final, Self

__all__ = ["Spool"]

IN_MEMORY: Final = 32 << 20
"""Bytes kept in memory: about 15,000 sessions. Beyond it they wait in a nameless file that leaves nothing behind."""


class Spool:
    """Byte strings with a key each, given back in the order of their keys."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._keys, self._starts = array("q"), array("q")
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def add(self, key: int, piece: bytes | bytearray) -> None:
        self._keys.append(key)
        self._starts.append(self._end)
        self._end += self._file.write(piece)
        if self._end > IN_MEMORY and isinstance(self._file, io.BytesIO):
            self._to_disk()

    def _to_disk(self) -> None:
        from tempfile import TemporaryFile

        memory, self._file = self._file, TemporaryFile()  # noqa: SIM115 - closed by __exit__
        memory.seek(0)
        while piece := memory.read(1 << 20):
            self._file.write(piece)

    def in_order(self) -> Iterator[bytes]:
        """All pieces by ascending key; equal keys in the order they came."""
        keys, starts, file = self._keys, self._starts, self._file
        starts.append(self._end)
        for index in sorted(range(len(keys)), key=keys.__getitem__):
            file.seek(starts[index])
            yield file.read(starts[index + 1] - starts[index])
        starts.pop()
