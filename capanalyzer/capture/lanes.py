"""Where the records of a capture begin, found with many lanes instead of one loop.

A record says how long it is, so the next one's place is known only after this one was read: a chain,
which plain Python follows at some 200 ns a record. Here the stretch is cut into lanes. Near each
lane's nominal start a *sync point* is looked for: a place where several records in a row look right.
Then all lanes take their next step together, one numpy gather for hundreds of records.

A sync point is a guess, and a hostile payload may hold perfect fake records, so nothing rests on it:
each lane is a chain in itself, and a lane is only used when the chain of the lane before it lands
exactly on its start. Where it does not, the plain walk goes on from the last proven record to the
next lane whose start it hits. What comes out is what the plain walk alone would give; the cost of
being lied to is that walk, over each byte once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANES_FROM_BYTES", "Layout", "find_records", "strided", "walk_plain"]

LANES_FROM_BYTES = 128 << 10
"""Below this the plain walk is as fast as setting up lanes."""

_MOST_LANES = 512
"""More lanes cost more sync points and save no steps worth having."""

_RECORDS_PER_LANE = 96
"""Steps a lane should be worth: a sync point costs about as much as 15 records of plain walk."""

_SAMPLE = 64
"""Records walked plainly first, to know how long records are here."""

_SCAN_BYTES = 2048
"""How far after its nominal start a lane looks for a sync point: more than an Ethernet frame's record.
A lane without one is left out, and the lane before it goes on through its stretch."""

_STEPS = 16
"""Steps between two looks at which lanes have arrived."""

_FEW_LANES = 8
"""With so few lanes left, the plain walk finishes them as cheaply."""

Sync = Callable[[memoryview, int, int], int]
"""``sync(data, low, high)``: a place in ``low <= place < high`` where a record seems to begin, or -1."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a format's records are chained: a 32-bit length in a header, and what it leaves out."""

    byte_order: str
    """``<`` or ``>``."""
    length_at: int
    """Where in the header the length stands."""
    header: int
    """Bytes of a record that must be there before its length can be believed."""
    added: int
    """What the length leaves out of the record's size."""
    shortest: int
    """Smallest length that is not damage."""
    longest: int
    """Largest length that is not damage."""
    align: int = 1
    """Records are padded to a multiple of this (a power of two)."""
    unpack: Struct = field(init=False)
    dtype: np.dtype[np.uint32] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unpack", Struct(f"{self.byte_order}I"))
        object.__setattr__(self, "dtype", np.dtype(f"{self.byte_order}u4"))


def strided(data: NDArray[np.uint8], dtype: np.dtype[Any] | str, at: int = 0) -> NDArray[Any]:
    """``data`` as a field that begins at every byte: element i is read from byte ``i + at``, aligned or not."""
    kind = np.dtype(dtype)
    count = max(0, len(data) - at - kind.itemsize + 1)
    return np.ndarray((count,), kind, data.data, at if count else 0, (1,))


def walk_plain(view: memoryview, start: int, until: int, end: int, layout: Layout) -> tuple[list[int], int]:
    """Follow the chain from ``start`` record by record: the reference for everything here.

    :returns: where each record begins, and where the next would: at or after ``until``, or at a record
        that does not lie wholly before ``end`` or whose length is damage.
    """
    unpack, length_at = layout.unpack.unpack_from, layout.length_at
    shortest, longest = layout.shortest, layout.longest
    added, mask = layout.added + layout.align - 1, -layout.align
    found: list[int] = []
    keep = found.append
    last = min(until, end - layout.header + 1)
    while start < last:
        (length,) = unpack(view, start + length_at)
        following = start + (length + added & mask)
        if following > end or not shortest <= length <= longest:
            break
        keep(start)
        start = following
    return found, start


def find_records(
    data: NDArray[np.uint8], start: int, end: int, layout: Layout, sync: Sync
) -> tuple[NDArray[np.int64], int]:
    """Exactly what :func:`walk_plain` finds from ``start`` to ``end``, sooner when there is much of it.

    :returns: where each record begins, shape (n,), ascending; and where the next would.
    """
    view = data.data
    first, following = walk_plain(view, start, end, min(end, start + LANES_FROM_BYTES), layout)
    if len(first) < _SAMPLE or end - following < LANES_FROM_BYTES:
        rest, following = walk_plain(view, following, end, end, layout)
        return np.array(first + rest, np.int64), following
    mean = (following - start) / len(first)
    lanes = min(_MOST_LANES, int((end - following) / mean / _RECORDS_PER_LANE))
    heads = _lane_starts(view, following, end, lanes, sync)
    starts, following = _stitch(data, _step_lanes(data, heads, end, layout), heads, end, layout)
    return np.concatenate((np.array(first, np.int64), starts)), following


def _lane_starts(view: memoryview, start: int, end: int, lanes: int, sync: Sync) -> list[int]:
    """Where the lanes begin: the first at ``start``, which is known, the others at sync points."""
    heads = [start]
    span = (end - start) // max(lanes, 1)
    for lane in range(1, lanes):
        low = start + lane * span
        place = sync(view, low, min(low + _SCAN_BYTES, end))
        if place > heads[-1]:
            heads.append(place)
    return heads


def _step_lanes(data: NDArray[np.uint8], heads: list[int], end: int, layout: Layout) -> NDArray[np.int64]:
    """The chains of all lanes, each to the next lane's start: ascending places, not proven yet."""
    lengths = strided(data[:end], layout.dtype, layout.length_at)
    limit = end - max(layout.header, layout.length_at + 4)
    current = np.array(heads, np.int64)
    stops = np.append(current[1:], limit)
    blocks: list[NDArray[np.int64]] = []
    added = layout.added
    while len(current) >= _FEW_LANES:
        block = np.empty((_STEPS, len(current)), np.int64)
        for row in block:
            row[:] = current
            current += lengths[current]
            if added:
                current += added
            # A lane that ran into nonsense must not index beyond the data.
            np.minimum(current, limit, out=current)
        blocks.append(block[block < stops])
        # A length of nothing would hold a lane in its place for ever.
        going = np.flatnonzero((current < stops) & (current > block[-1]))
        if len(going) < len(current):
            current, stops = current[going], stops[going]
    if not blocks:
        return np.array(heads[:1], np.int64)
    starts = np.concatenate(blocks)
    starts.sort()
    return starts


def _stitch(
    data: NDArray[np.uint8], starts: NDArray[np.int64], heads: list[int], end: int, layout: Layout
) -> tuple[NDArray[np.int64], int]:
    """Prove the lanes' chains, and walk plainly where one does not land on the next."""
    lengths = strided(data, layout.dtype, layout.length_at)[starts].astype(np.int64)
    following = starts + (lengths + (layout.added + layout.align - 1) & -layout.align)
    sound = (lengths >= layout.shortest) & (lengths <= layout.longest) & (following <= end)
    broken = np.flatnonzero(~sound | (following != np.append(starts[1:], -1)))
    pieces: list[NDArray[np.int64]] = []
    view, row, lane, place = data.data, 0, 0, int(starts[0])
    for stop in broken.tolist():
        if stop < row:
            continue
        if not sound[stop]:
            pieces.append(starts[row:stop])
            return np.concatenate(pieces), int(starts[stop])
        pieces.append(starts[row : stop + 1])
        place = int(following[stop])
        # Walk on to the first lane whose start is hit; what lanes found in between was not the chain.
        while True:
            while lane < len(heads) and heads[lane] < place:
                lane += 1
            until = heads[lane] if lane < len(heads) else end
            if place < until:
                walked, place = walk_plain(view, place, until, end, layout)
                pieces.append(np.array(walked, np.int64))
                if place < until:
                    return np.concatenate(pieces), place
            if lane >= len(heads):
                return np.concatenate(pieces), place
            if place == heads[lane]:
                row = int(np.searchsorted(starts, place))
                if row < len(starts) and starts[row] == place:
                    break
                lane += 1  # a lane that was never stepped
    return np.concatenate(pieces), place
