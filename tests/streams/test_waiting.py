"""Segments that wait for more of their connections."""

from __future__ import annotations

import numpy as np
import pytest

from capanalyzer.streams import waiting as waiting_module
from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import Row
from capanalyzer.streams.waiting import Waiting

from .segments import Segment, packet_table


def chunk_of(first: int, count: int, flows: int) -> Chunk:
    """Segments of several flows in turn; what each says is its frame number, long in every third."""
    segments = [
        Segment(frame % 2, 40_000 + frame % flows, 0x18, frame, 1, str(frame).encode() * (200 if frame % 3 else 1))
        for frame in range(first, first + count)
    ]
    table = packet_table(segments, first_frame=first)
    cell = np.array([1 + frame % flows for frame in range(first, first + count)])
    return Chunk.of(table, cell, 2 * cell + np.arange(first, first + count) % 2)


@pytest.mark.parametrize("least", [0, 1 << 20])
def test_as_they_came(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """Of each flow the rows that were added, in order, whatever came between and was dropped."""
    monkeypatch.setattr(waiting_module, "_LEAST_BYTES", least)
    waiting, expected = Waiting(), dict[int, list[Row]]()
    assert not waiting
    for first in range(1, 400, 20):
        chunk = chunk_of(first, 20, 7)
        waiting.add(chunk, np.arange(20))
        for cell, row in zip(chunk.cell.tolist(), chunk.rows(np.arange(20)), strict=True):
            expected.setdefault(cell, []).append(row)
        gone = first // 20 % 7 + 1
        waiting.drop(np.array([gone]))
        expected.pop(gone, None)
        cells = np.array(sorted(expected))
        if len(cells):
            joined = waiting.chunk(cells)
            assert joined.rows(np.arange(len(joined.cell))) == [
                row for cell in cells.tolist() for row in expected[cell]
            ]
            sent = [[sum(row[7] for row in expected[cell] if row[2] == side) for side in (0, 1)] for cell in expected]
            assert waiting.sent(np.array(list(expected))).tolist() == sent
    waiting.drop(np.array(sorted(expected)))
    assert not waiting
    assert waiting.bytes == 0
