"""How many segments of one connection are looked at: the first ones, and beyond them some closes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.chunk import Chunk, groups_of
from capanalyzer.streams.flow import FIN, RST, SYN
from capanalyzer.streams.live import LiveFlows

__all__ = ["MAX_CONTROL_ROWS", "MAX_ROWS", "rows_within_cap", "within_cap"]

I64 = NDArray[np.int64]

MAX_ROWS: Final = 1_024
"""Segments that one connection may look at; a handshake needs about 20, 256 kB of certificates about 200."""
MAX_CONTROL_ROWS: Final = 128
"""SYN, FIN and RST segments beyond MAX_ROWS: closes are looked at even then."""


def within_cap(cell: int, flags: list[int], live: LiveFlows) -> list[int]:
    """Which of a flow's newest rows, by place, it may look at; the others are counted as dropped.

    It depends on the rows before these alone, not on how they were cut into batches.

    :param flags: of each row; all of them are counted in ``live.rows``.
    """
    before = int(live.rows[cell]) - len(flags)
    room = min(max(MAX_ROWS - before, 0), len(flags))
    passed = max(before - MAX_ROWS, 0) - int(live.dropped[cell])
    closes = [at for at in range(room, len(flags)) if flags[at] & (SYN | FIN | RST)]
    kept = [*range(room), *closes[: max(MAX_CONTROL_ROWS - passed, 0)]]
    live.dropped[cell] += len(flags) - len(kept)
    return kept


def rows_within_cap(chunk: Chunk, rows: I64, live: LiveFlows) -> I64:
    """Of rows, grouped by flow, those that their flows may look at. Counts all of them."""
    groups, starts, sizes = groups_of(chunk.cell.take(rows))
    seen = live.rows.take(groups) + sizes
    live.rows[groups] = seen
    over = np.flatnonzero(seen > MAX_ROWS)
    if not len(over):
        return rows
    kept = np.ones(len(rows), np.bool_)
    for cell, start, size in zip(
        groups.take(over).tolist(), starts.take(over).tolist(), sizes.take(over).tolist(), strict=True
    ):
        flags = chunk.flags.take(rows[start : start + size]).tolist()
        kept[start : start + size] = False
        kept[[start + at for at in within_cap(cell, flags, live)]] = True
    return rows.compress(kept)
