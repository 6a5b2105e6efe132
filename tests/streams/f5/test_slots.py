"""Columns by stream number keep their size, and what a stream left there is no other one's."""

from __future__ import annotations

import numpy as np
import pytest

from capanalyzer.streams.f5 import slots
from capanalyzer.streams.f5.slots import Slots


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MAX_SLOTS", 8)


def test_the_older_of_two_in_one_place_is_forgotten() -> None:
    made = Slots()
    made.add("seen", np.int32, empty=7)
    made.add("both", np.int64, ways=2)
    place, is_own = made.claim(np.array([3, 5, 3]))
    assert is_own.all()
    np.add.at(made["seen"], place, 1)
    made["both"][3] = 1, 2
    assert made["seen"][[3, 5]].tolist() == [9, 8]
    place, is_own = made.claim(np.array([5, 11, 3]))
    assert is_own.tolist() == [True, True, False]
    assert made["seen"].take(place[:2]).tolist() == [8, 7]
    assert made["both"][3].tolist() == [0, 0]
    assert (made.place(11), made.place(3), made.place(6)) == (3, None, None)


def test_however_many_there_are_it_does_not_grow() -> None:
    made = Slots()
    made.add("seen", np.int32)
    for number in range(0, 1000, 10):
        made.claim(np.arange(number, number + 10))
    assert len(made["seen"]) == 8
    assert [stream for stream in range(1000) if made.place(stream) is not None] == list(range(992, 1000))
