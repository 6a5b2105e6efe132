"""What is reckoned of lines that met a session, and might have met it by chance."""

from __future__ import annotations

import random

import pytest

from capanalyzer.logs.chance import by_chance, share_of, wrongly


def test_a_moment_meets_more_the_more_there_is() -> None:
    assert by_chance(0, 100) == 0
    assert by_chance(10, 100) == pytest.approx(0.095, abs=0.001)
    assert by_chance(1000, 100) == pytest.approx(1, abs=0.001)
    assert by_chance(1, 0) == 1


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("chance", [0.02, 0.3])
def test_the_share_is_found_again(share: float, chance: float) -> None:
    """Lines of which some have their session, and some of the others meet one by chance."""
    dice = random.Random(1)
    lines = [(dice.random() < share or dice.random() < chance, chance) for _ in range(3000)]
    assert share_of(lines) == pytest.approx(share, abs=0.04)


def test_nothing_known_is_the_usual() -> None:
    assert share_of([]) == pytest.approx(0.9)
    assert share_of([(False, 0.01)] * 20) < 0.1
    assert share_of([(True, 0.01)] * 20) > 0.98
    assert 0 < share_of([(True, 1.0)] * 20) <= 1  # meeting something always tells nothing


@pytest.mark.parametrize(("share", "chance"), [(0.1, 0.05), (0.5, 0.2), (0.9, 0.3)])
def test_how_many_are_wrong(share: float, chance: float) -> None:
    dice = random.Random(2)
    own = other = 0
    for _ in range(50_000):
        if dice.random() < share:
            own += 1
        elif dice.random() < chance:
            other += 1
    assert wrongly(share, chance) == pytest.approx(other / (own + other), abs=0.01)
