"""Lines of every program, as they were written: recognised, and each fact right."""

from __future__ import annotations

from collections import Counter

import pytest

from capanalyzer.logs.formats import FORMATS
from capanalyzer.logs.programs import PROGRAMS
from capanalyzer.logs.read import read_lines
from capanalyzer.logs.recognise import recognise

from .stored import STORED, Stored, facts_of


@pytest.mark.parametrize("stored", STORED, ids=lambda one: f"{one.format}-{one.name}")
def test_facts(stored: Stored) -> None:
    found = list(read_lines(iter(enumerate(stored.text.split("\n"), 1))))
    assert [one.format for one in found] == [stored.format]
    facts = facts_of(found[0])
    expected = {"is_failure": True, **stored.expect}
    if "time" in expected:
        expected = {"time_of": "failure", **expected}
    assert facts == expected


@pytest.mark.parametrize("stored", [one for one in STORED if "\n" not in one.text], ids=lambda one: one.name)
def test_a_collector_s_header_changes_nothing_but_the_time(stored: Stored) -> None:
    plain = recognise(stored.text)
    assert plain is not None
    for lead in ("  \t", "<134>Nov 23 02:36:31 host ", "2026-11-23T02:36:31.500000001Z stderr F "):
        if lead.startswith("<") and stored.text[:1] in "<{":
            continue
        around = recognise(f"{lead}{'program[7]: ' if lead.startswith('<') else ''}{stored.text}  ")
        assert around is not None, lead
        for name in ("format", "meaning", "client", "server", "sni", "role", "said", "alert", "reason", "causes"):
            assert getattr(around, name) == getattr(plain, name), (lead, name)


def test_every_format_has_three_lines() -> None:
    counts = Counter(one.format for one in STORED)
    assert {one.name: counts[one.name] for one in FORMATS if counts[one.name] < 3} == {}
    assert counts.keys() == {one.name for one in FORMATS} == PROGRAMS.keys()
