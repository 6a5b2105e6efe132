"""Ordinary sessions written without a model are the same objects as with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.report.document import Document
from capanalyzer.report.line import Line
from capanalyzer.report.to_json import to_jsonl

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CASES = sorted(path.parent.name for path in PCAPS.glob("*/expected.json"))


def document(path: Path) -> Document:
    return Document(analyze_captures([str(path)], Options()))


def written(path: Path, *, short: bool) -> list[object]:
    report = document(path)
    pieces = to_jsonl(report.lines() if short else report.sessions(), report.trailer)
    return [json.loads(line) for line in b"".join(pieces).splitlines()]


@pytest.mark.parametrize("case", CASES)
def test_both_ways_write_the_same(case: str) -> None:
    capture = next((PCAPS / case).glob("capture.*"))
    assert written(capture, short=True) == written(capture, short=False)


def test_there_are_ordinary_sessions_among_them() -> None:
    lines = [
        line
        for case in CASES
        for line in document(next((PCAPS / case).glob("capture.*"))).lines()
        if isinstance(line, Line)
    ]
    assert len(lines) >= 10
    assert {line.outcome for line in lines} == {"established"}
