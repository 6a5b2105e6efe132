"""docs/live.md names every option of records, metrics and notifications, and every metric, in both languages."""

from __future__ import annotations

import argparse
import re

import pytest
from prometheus_client import generate_latest

from capanalyzer.cli.live_beside import add_beside
from capanalyzer.live.metrics.exposition import BESIDE, make_registry
from capanalyzer.live.metrics.numbers import Snapshot
from tests.test_pcaps import PCAPS


@pytest.mark.parametrize("name", ["live.md", "live.ja.md"])
def test_options_and_metrics_are_documented(name: str) -> None:
    text = (PCAPS.parent / "docs" / name).read_text("utf-8")
    parser = argparse.ArgumentParser(add_help=False)
    add_beside(parser)
    options = set(re.findall(r"(--[a-z-]+)", parser.format_help()))
    assert {option for option in options if option not in text} == set()
    counts = {key: {"failed": 0} for key in BESIDE}
    shown = generate_latest(make_registry(Snapshot, counts)).decode()
    metrics = set(re.findall(r"^# TYPE (capanalyzer_\w+) ", shown, re.MULTILINE))
    assert set(re.findall(r"`(capanalyzer_[a-z_]+)", text)) == metrics
