"""The shared corpus with its recorded facts, by the comparison that comes with it.

Where we differ, ``known_differences.toml`` says why. Nothing else may differ, and nothing in it may be out of date.
"""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import capanalyzer

KNOWN = tomllib.loads((Path(__file__).parent / "known_differences.toml").read_text("utf-8"))["difference"]
LEAST = 0.995
"""Share of the facts on which we must agree."""


def comparison_of(corpus: Path) -> ModuleType:
    """The corpus's ``compare.py``."""
    spec = importlib.util.spec_from_file_location("corpus_compare", corpus / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tally(corpus: Path) -> Any:
    """All facts of TCP sessions, compared. Any exception but a CaptureError is a failure of its own."""
    compare = comparison_of(corpus)
    expected: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    files = []
    for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines():
        fact = json.loads(line)
        if fact["kind"] == "file":
            files.append(fact["file"])
        elif fact["kind"] == "session" and fact["transport"] == "tcp" and not fact.get("left_out"):
            expected[fact["file"]].append(fact)
    total = compare.Tally()
    for name in files:
        try:
            document = json.loads(capanalyzer.build_report(corpus / "captures" / name).to_json())
        except capanalyzer.CaptureError:
            document = None
        except Exception as error:
            error.add_note(name)
            raise
        total.merge(compare.check_file(name, expected[name], document))
    return total


def differences(tally: Any) -> list[tuple[str, int, str, str]]:
    """(capture, stream, fact, what was expected and what we say)."""
    found = []
    for fact, rows in tally.bad.items():
        for where, expected, got in rows:
            capture, _, _, stream = where.split()[:4]
            found.append((capture, int(stream), fact, f"expected {expected}, got {got}"))
    return found


def is_known(entry: dict[str, Any], pattern: str, difference: tuple[str, int, str, str]) -> bool:
    capture, stream, fact, _ = difference
    return capture in entry["captures"] and stream == entry["stream"] and fnmatchcase(fact, pattern)


def test_no_unexpected_difference(tally: Any) -> None:
    unexpected = [
        difference
        for difference in differences(tally)
        if not any(is_known(entry, pattern, difference) for entry in KNOWN for pattern in entry["facts"])
    ]
    assert unexpected == []


def test_no_listed_difference_is_out_of_date(tally: Any) -> None:
    found = differences(tally)
    stale = [
        (capture, entry["stream"], pattern)
        for entry in KNOWN
        for capture in entry["captures"]
        for pattern in entry["facts"]
        if not any(difference[0] == capture and is_known(entry, pattern, difference) for difference in found)
    ]
    assert stale == []


def test_agreement(tally: Any) -> None:
    assert sum(tally.good.values()) >= LEAST * sum(tally.total.values())


def test_every_listed_difference_has_a_reason() -> None:
    for entry in KNOWN:
        assert entry["verdict"] in ("tshark", "ours", "open")
        assert len(entry["reason"].split()) > 10
