"""Ordinary sessions written without a model are the same to the byte as with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.report.document import Document
from capanalyzer.report.line import Lines
from capanalyzer.report.to_json import to_jsonl

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CASES = sorted(path.parent.name for path in PCAPS.glob("*/expected.json"))


def document(path: Path) -> Document:
    return Document(analyze_captures([str(path)], Options()))


def written(path: Path, *, short: bool) -> list[bytes]:
    report = document(path)
    return b"".join(to_jsonl(report.lines() if short else report.sessions(), report.trailer)).splitlines()


@pytest.mark.parametrize("case", CASES)
def test_both_ways_write_the_same(case: str) -> None:
    capture = next((PCAPS / case).glob("capture.*"))
    assert written(capture, short=True) == written(capture, short=False)


def test_there_are_ordinary_sessions_among_them() -> None:
    lines = [
        line
        for case in CASES
        for line in document(next((PCAPS / case).glob("capture.*"))).lines()
        if isinstance(line, Lines)
    ]
    assert sum(len(line.ids) for line in lines) >= 10
    assert {json.loads(data)["outcome"] for line in lines for data in line.data} == {"established"}
