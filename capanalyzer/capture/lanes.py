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

_RECORDS_PER_LANE = 256
"""Steps a lane should be worth: a sync point costs about as much as 15 records of plain walk, and from a hundred
lanes on more of them hardly make a step's record cheaper."""

_LEAST_LANES = 16
"""A step of fewer lanes takes as long as walking so many records plainly."""

_SAMPLE_BYTES = 16 << 10
"""Walked plainly first, to know how long records are here ..."""

_FEW_RECORDS = 4
"""... where so few records fill it, the plain walk is as good: there are at most 8,000 in a batch."""

_SCAN_BYTES = 2048
"""How far after its nominal start a lane looks for a sync point: more than an Ethernet frame's record.
A lane without one is left out, and the lane before it goes on through its stretch."""

_STEPS = 16
"""Steps between two looks at which lanes have arrived."""

_FEW_LANES = 8
_LATE_ROUNDS = 32
"""When fewer lanes than that are left, they get so many more rounds; then the plain walk finishes them as
cheaply."""

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
    row: int
    """Bytes from a record's start on that its reader wants as columns, a multiple of four."""
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
) -> tuple[NDArray[np.int64], NDArray[np.uint32], int]:
    """Exactly what :func:`walk_plain` finds from ``start`` to ``end``, sooner when there is much of it.

    Records that begin less than ``layout.row`` bytes before the end of ``data`` are left for later.

    :returns: where each record begins, shape (n,), ascending; their first ``layout.row`` bytes as 32-bit
        numbers, shape (n, layout.row // 4); and where the next record would begin.
    """
    view = data.data
    sample, following = walk_plain(view, start, min(end, start + _SAMPLE_BYTES), end, layout)
    if end - start < LANES_FROM_BYTES or following < start + _SAMPLE_BYTES or len(sample) < _FEW_RECORDS:
        found, following = walk_plain(view, following, end, end, layout)
        return _with_rows(data, np.array(sample + found, np.int64), following, layout)
    mean = (following - start) / len(sample)
    lanes = min(_MOST_LANES, int((end - start) / mean / _RECORDS_PER_LANE))
    if lanes < _LEAST_LANES:
        found, following = walk_plain(view, following, end, end, layout)
        return _with_rows(data, np.array(sample + found, np.int64), following, layout)
    heads = _lane_starts(view, start, end - max(layout.header, layout.row), lanes, sync)
    starts, rows = _step_lanes(data, heads, end, layout)
    if not len(starts):
        found, following = walk_plain(view, following, end, end, layout)
        return _with_rows(data, np.array(sample + found, np.int64), following, layout)
    proven, following, is_changed = _stitch(view, starts, rows, heads, end, layout)
    if is_changed:
        return _with_rows(data, proven, following, layout)
    return proven, rows[: len(proven)], following


def _with_rows(
    data: NDArray[np.uint8], starts: NDArray[np.int64], following: int, layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.uint32], int]:
    """The records' first bytes, as far as they are all there."""
    whole = int(np.searchsorted(starts, len(data) - layout.row, "right"))
    if whole < len(starts):
        starts, following = starts[:whole], int(starts[whole])
    return starts, _gather(data, starts, layout), following


def _gather(data: NDArray[np.uint8], starts: NDArray[np.int64], layout: Layout) -> NDArray[np.uint32]:
    rows: NDArray[np.uint32] = strided(data, f"V{layout.row}")[starts].view(layout.dtype).reshape(-1, layout.row // 4)
    return rows


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


def _step_lanes(
    data: NDArray[np.uint8], heads: list[int], end: int, layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """The chains of all lanes, each to the next lane's start: ascending places, not proven yet, and their rows.

    A record's header is far from the one before it in memory, so fetching it is most of the cost: the row
    is kept when the length in it is looked at.
    """
    every = strided(data[:end], f"V{layout.row}")
    limit = end - max(layout.header, layout.row)
    first = np.array(heads, np.int64)
    stops = np.append(first[1:], limit)
    places: list[NDArray[np.int64]] = []
    rows: list[NDArray[Any]] = []
    patience = _LATE_ROUNDS
    while len(first) and patience:
        # The same lanes go on together until half of them have arrived; those wait at their stops until then.
        blocks: list[NDArray[np.int64]] = []
        fetched: list[NDArray[Any]] = []
        going = np.arange(len(first))
        while 2 * len(going) > len(first) and patience:
            patience -= len(first) < _FEW_LANES
            block, row = _step(every, first if not blocks else blocks[-1][-1], stops, layout)
            blocks.append(block)
            fetched.append(row)
            # A length of nothing would hold a lane in its place for ever.
            going = np.flatnonzero((block[-1] < stops) & (block[-1] > block[-2]))
        # Lane by lane: so each piece ascends.
        taken = np.empty((len(first), _STEPS * len(blocks)), np.int64)
        headers = np.empty(taken.shape, every.dtype)
        for place, block, row in zip(range(0, taken.shape[1], _STEPS), blocks, fetched, strict=True):
            taken[:, place : place + _STEPS] = block[:-1].T
            headers[:, place : place + _STEPS] = row.T
        valid = taken < stops[:, None]
        places.append(taken[valid])
        rows.append(headers[valid])
        first, stops = blocks[-1][-1].take(going), stops.take(going)
    numbers = layout.row // 4
    if not places:
        return np.empty(0, np.int64), np.empty((0, numbers), layout.dtype)
    starts, found = places[0], rows[0]
    if len(places) > 1:
        # A few ascending pieces, most of it in the first one: a stable sort only has to merge them.
        starts, found = np.concatenate(places), np.concatenate(rows)
        order = np.argsort(starts, kind="stable")
        starts, found = starts.take(order), found.take(order)
    return starts, found.view(layout.dtype).reshape(-1, numbers)


def _step(
    every: NDArray[Any], first: NDArray[np.int64], stops: NDArray[np.int64], layout: Layout
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Some steps of all lanes from ``first``.

    :returns: the places, shape (_STEPS + 1, lanes), the last being those after the last step; and the rows fetched
        there, shape (_STEPS, lanes).
    """
    lanes = len(first)
    block = np.empty((_STEPS + 1, lanes), np.int64)
    fetched = np.empty((_STEPS, lanes), every.dtype)
    lengths = fetched.view(layout.dtype).reshape(_STEPS, lanes, -1)[:, :, layout.length_at // 4]
    added = np.full(lanes, layout.added)  # a column, because numpy is slower with a Python number
    block[0] = first
    for step in range(_STEPS):
        here, there = block[step], block[step + 1]
        fetched[step] = every[here]
        np.add(here, lengths[step], out=there)
        if layout.added:
            there += added
        # A lane that has arrived waits, and one that ran into nonsense must not index beyond the data.
        np.minimum(there, stops, out=there)
    return block, fetched


def _stitch(
    view: memoryview,
    starts: NDArray[np.int64],
    rows: NDArray[np.uint32],
    heads: list[int],
    end: int,
    layout: Layout,
) -> tuple[NDArray[np.int64], int, bool]:
    """Prove the lanes' chains, and walk plainly where one does not land on the next.

    :returns: the records; where the next would begin; and false when the records are just the first of ``starts``.
    """
    lengths = rows[:, layout.length_at // 4].astype(np.int64)
    following = starts + (lengths + (layout.added + layout.align - 1) & -layout.align)
    sound = (lengths >= layout.shortest) & (lengths <= layout.longest) & (following <= end)
    # The last one has nothing to land on, and always counts as broken.
    broken = np.flatnonzero(~sound | (following != np.append(starts[1:], -1)))
    pieces: list[NDArray[np.int64]] = []
    row, lane, place = 0, 0, int(starts[0])
    for stop in broken.tolist():
        if stop < row:
            continue
        if not sound[stop]:
            pieces.append(starts[row:stop])
            return np.concatenate(pieces), int(starts[stop]), len(pieces) > 1
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
            if place < until or lane >= len(heads):
                return np.concatenate(pieces), place, sum(map(len, pieces[1:])) > 0
            if place == heads[lane]:
                row = int(np.searchsorted(starts, place))
                if row < len(starts) and starts[row] == place:
                    break
                lane += 1  # a lane that was never stepped
    return np.concatenate(pieces), place, True
