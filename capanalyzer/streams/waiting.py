"""Connections that a chunk's end cut in their handshake: their segments wait for the next chunk.

The capture is taken in chunks, and a handshake that begins near the end of one is complete in the next. The quick way
(:class:`~capanalyzer.streams.behind.Shortcut`) wants it in one piece, so for the time of one chunk the segments of such
a flow are kept, payload copied out of the batch, and then read as if they had been captured in the next chunk.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import PacketTable
from capanalyzer.streams.chunk import Chunk, slices_at, stable_order

__all__ = ["MAX_WAITING_ROWS", "Waiting"]

I64 = NDArray[np.int64]

MAX_WAITING_ROWS: Final = 64
"""Segments of one flow; an ordinary handshake takes some twenty."""
_NOT_COLUMNS: Final = frozenset(("data", "extra", "icmp", "notes"))
_COLUMNS: Final = tuple(field.name for field in fields(PacketTable) if field.name not in _NOT_COLUMNS)
_END: Final = 64
"""Bytes behind the last payload: whoever looks at a header at a segment's end reads over it."""


class Waiting:
    """Segments of some flows, with their bytes."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    @classmethod
    def copy(cls, chunk: Chunk, rows: I64) -> Waiting:
        """These rows of a chunk."""
        table, get = chunk.table, chunk.column
        columns: dict[str, Any] = {name: get(getattr(table, name)).take(rows) for name in _COLUMNS}
        payload = slices_at(table, columns["payload_at"], columns["captured"])
        options = slices_at(table, columns["options_at"], columns["options_len"])
        sizes = np.array([*map(len, payload), *map(len, options)], np.int64)
        starts = np.cumsum(sizes) - sizes
        columns["payload_at"], columns["options_at"] = starts[: len(rows)], starts[len(rows) :]
        data = np.frombuffer(b"".join([*payload, *options, bytes(_END)]), np.uint8)
        copied = PacketTable(data=data, extra=b"", **columns)
        return cls(Chunk.of(copied, chunk.cell.take(rows), chunk.at.take(rows)))

    def joined(self, other: Waiting) -> Chunk:
        """The segments of both as one chunk, by flow, those of ``other`` behind."""
        mine, theirs = self.chunk, other.chunk
        shift = len(mine.table.data)
        cell = np.concatenate([mine.cell, theirs.cell])
        order = stable_order(cell)
        columns: dict[str, Any] = {}
        for name in _COLUMNS:
            more = getattr(theirs.table, name)
            if name in ("payload_at", "options_at"):
                more = more + shift
            columns[name] = np.concatenate([getattr(mine.table, name), more]).take(order)
        table = PacketTable(data=np.concatenate([mine.table.data, theirs.table.data]), extra=b"", **columns)
        return Chunk.of(table, cell.take(order), np.concatenate([mine.at, theirs.at]).take(order))

    def split(self, cells: I64) -> tuple[Waiting | None, Waiting | None]:
        """Those of these flows, and the rest."""
        here = np.isin(self.chunk.cell, cells)
        return (
            Waiting.copy(self.chunk, np.flatnonzero(here)) if here.any() else None,
            Waiting.copy(self.chunk, np.flatnonzero(~here)) if not here.all() else None,
        )
