"""The key table is a dict: same key, same entry; another key, another entry."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.streams.table import KeyTable

small = st.integers(0, 6)
"""Few different values, so that keys repeat and share halves."""
wide = st.integers(0, 2**64 - 1)
keys = st.lists(st.tuples(small | wide, small | wide).filter(any), max_size=60)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p[0] for p in pairs], np.uint64), np.array([p[1] for p in pairs], np.uint64)


@given(batches=st.lists(keys, max_size=8), seed=st.integers(0, 3))
def test_behaves_as_a_dict(batches: list[list[tuple[int, int]]], seed: int) -> None:
    table = KeyTable(seed=seed, capacity=2)
    model: dict[tuple[int, int], int] = {}
    for pairs in batches:
        found = table.find(*columns(pairs)).tolist()
        assert found == [model.get(pair, 0) for pair in pairs]
        entries = table.insert(*columns(pairs)).tolist()
        for pair, entry in zip(pairs, entries, strict=True):
            assert model.setdefault(pair, entry) == entry
    assert sorted(model.values()) == list(range(1, len(table) + 1))


@given(pairs=st.lists(st.tuples(wide, wide), min_size=1, max_size=80, unique=True), data=st.data())
def test_keep_renumbers_and_forgets(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    pairs = [pair for pair in pairs if any(pair)]
    table = KeyTable(seed=5)
    entries = table.insert(*columns(pairs))
    kept = data.draw(st.lists(st.sampled_from(range(len(pairs))), unique=True)) if pairs else []
    table.keep(entries[kept])
    found = table.find(*columns(pairs)).tolist()
    assert found == [kept.index(at) + 1 if at in kept else 0 for at in range(len(pairs))]


@pytest.mark.parametrize("count", [1_000, 50_000])
def test_neighbouring_keys_stay_few_probes_apart(count: int) -> None:
    """Ports of one client in a row, the usual pattern, must not cluster: their slots spread like random ones."""
    table = KeyTable(seed=3)
    low = np.arange(count, dtype=np.uint64) + (np.uint64(0xC0A80001) << np.uint64(16))
    high = np.full(count, (0xC0A80002 << 16) | 443, np.uint64)
    slots = table._hash(low, high)
    distinct = len(np.unique(slots))
    size = table._mask + 1
    expected = size * (1 - (1 - 1 / size) ** count)
    assert distinct > 0.97 * expected


def test_memory_of_a_connection() -> None:
    """Keys, slots and the cell beside each key; and what growing takes on the way."""
    table = KeyTable(seed=1)
    numbers = np.arange(1, 300_001, dtype=np.uint64) * np.uint64(7919)
    tracemalloc.start()
    try:
        for part in np.array_split(numbers, 100):
            table.insert(part, part + np.uint64(1))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(table) == len(numbers)
    assert most / len(table) < 40
    assert sorted(table.find(numbers, numbers + np.uint64(1)).tolist()) == list(range(1, len(numbers) + 1))
