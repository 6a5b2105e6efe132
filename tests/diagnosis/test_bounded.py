"""The bounded table: what it holds does not depend on the order, nor on how many tables it was put together from."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.diagnosis.bounded import Bounded

KEYS = st.lists(st.tuples(st.integers(0, 30)), max_size=60)


def fill(keys: list[tuple[int]], size: int) -> Bounded[tuple[int], list[int]]:
    """A table that counts how often a key came."""
    table: Bounded[tuple[int], list[int]] = Bounded(size)
    for key in keys:
        known = table.get(key)
        if known is None:
            table.add(key, [1])
        else:
            known[0] += 1
    return table


def content(table: Bounded[tuple[int], list[int]]) -> dict[tuple[int], int]:
    return {key: count for key, [count] in zip(table.keys(), table.values(), strict=True)}


def join(known: list[int], other: list[int]) -> None:
    known[0] += other[0]


@given(KEYS.flatmap(lambda keys: st.tuples(st.just(keys), st.permutations(keys))), st.integers(1, 20))
def test_the_order_does_not_matter(both: tuple[list[tuple[int]], list[tuple[int]]], size: int) -> None:
    assert content(fill(both[0], size)) == content(fill(both[1], size))


@given(KEYS, KEYS, st.integers(1, 20))
def test_two_tables_are_worth_one(some: list[tuple[int]], others: list[tuple[int]], size: int) -> None:
    """Also after a journey between processes."""
    table = pickle.loads(pickle.dumps(fill(some, size)))
    table.merge(pickle.loads(pickle.dumps(fill(others, size))), join)
    assert content(table) == content(fill(some + others, size))


@given(KEYS, st.integers(1, 20))
def test_what_is_kept_is_complete(keys: list[tuple[int]], size: int) -> None:
    found = content(fill(keys, size))
    assert len(found) == min(size, len(set(keys)))
    assert all(count == keys.count(key) for key, count in found.items())
