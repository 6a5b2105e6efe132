"""Header rows: the first bytes of many packets as one matrix, and fields of it as columns.

Gathering each header field by itself costs a cache miss a field. One take of 96 bytes a packet through a
view of stride 1 costs one miss, and the fields are then strided views of the matrix. 96 bytes hold Ethernet
with two tags (22), IPv6 (40) and TCP without options (20); the writers never look further.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROW_BYTES", "RowSource", "Rows", "pieces_at", "u8", "u16", "u32", "u64", "word32"]

ROW_BYTES: Final = 96
Rows = NDArray[np.uint8]
"""Shape (n, ROW_BYTES), contiguous."""

_ROW = np.dtype((np.void, ROW_BYTES))


class RowSource:
    """Rows out of one batch's bytes. Bytes behind the end of ``data`` read as zero."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        data = np.ascontiguousarray(data)
        size = len(data)
        self._whole = max(0, size - ROW_BYTES + 1)
        """Positions from which a whole row can be read; the others read from a padded copy of the tail."""
        tail = np.zeros(size - self._whole + ROW_BYTES, np.uint8)
        tail[: size - self._whole] = data[self._whole :]
        self._tail = _windows(tail)
        self._view = _windows(data) if self._whole else self._tail

    def at(self, base: NDArray[np.int64]) -> Rows:
        """The rows that start at ``base``, shape (n, ROW_BYTES)."""
        taken = self._view[np.minimum(base, len(self._view) - 1)]
        late = np.flatnonzero(base >= self._whole)
        if len(late):
            taken[late] = self._tail[base[late] - self._whole]
        return taken.view(np.uint8).reshape(-1, ROW_BYTES)


def _windows(data: NDArray[np.uint8]) -> NDArray[Any]:
    return np.ndarray((len(data) - ROW_BYTES + 1,), _ROW, data, 0, (1,))


def pieces_at(data: NDArray[np.uint8], at: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """``size`` bytes at each place, copied a piece at a time; shape (n, size). All lie within ``data``."""
    if not len(at) or not size:
        return np.zeros((len(at), size), np.uint8)
    windows = np.ndarray((len(data) - size + 1,), (np.void, size), data, 0, (1,))
    return windows[at].view(np.uint8).reshape(-1, size)


def u8(rows: Rows, at: int) -> NDArray[np.uint8]:
    """One byte of each row; a strided view."""
    return rows[:, at]


def u16(rows: Rows, at: int) -> NDArray[np.uint16]:
    """A big-endian 16-bit field; a strided view in wire order, converted where it is stored or calculated with."""
    return np.ndarray((len(rows),), ">u2", rows, at, (ROW_BYTES,))


def u32(rows: Rows, at: int) -> NDArray[np.uint32]:
    """A big-endian 32-bit field; see u16."""
    return np.ndarray((len(rows),), ">u4", rows, at, (ROW_BYTES,))


def u64(rows: Rows, at: int) -> NDArray[np.uint64]:
    """A big-endian 64-bit field; see u16."""
    return np.ndarray((len(rows),), ">u8", rows, at, (ROW_BYTES,))


def word32(rows: Rows, at: int) -> NDArray[np.uint32]:
    """Four bytes as they lie, to be masked and compared with constants in the same order: no byte swap."""
    return np.ndarray((len(rows),), np.uint32, rows, at, (ROW_BYTES,))
