"""Lines of a live run are what the model of each verdict says, also where no model is made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import msgspec
import pytest

from capanalyzer.analysis import Options
from capanalyzer.live import jsonl
from capanalyzer.live.engine import Engine
from capanalyzer.live.jsonl import JsonLines
from capanalyzer.live.listener import LiveVerdict
from capanalyzer.live.outlet import Outlet, Rank
from tests.live.pieces import Listening, Pieces

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
SECOND = 10**9


class Models(Listening):
    """Writes every verdict's model."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def verdict(self, told: LiveVerdict) -> None:
        self.lines.append(msgspec.json.encode(told.model) + b"\n")


class Written:
    """In the place of what lines are written to."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.together = 0

    def __call__(self, line: bytes, rank: Rank) -> None:
        self.lines.append(line)

    def many(self, lines: Iterable[bytes], rank: Rank) -> None:
        assert rank is Rank.ORDINARY
        before = len(self.lines)
        self.lines += lines
        self.together += len(self.lines) - before

    def check(self) -> None: ...


@pytest.mark.parametrize("one_by_one", [False, True], ids=["together", "one by one"])
@pytest.mark.parametrize("step_ns", [3_000_000, 3 * SECOND])
@pytest.mark.parametrize("name", ["healthy-tls12", "healthy-ecdsa-tls13", "resumption", "sni", "server-silent"])
def test_lines_are_those_of_the_models(
    name: str, step_ns: int, one_by_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = next(path for path in PCAPS.rglob("*.pcap*") if path.is_file() and path.parent.name == name)
    if one_by_one:
        monkeypatch.setattr(jsonl, "UDP_FROM", 0)  # as where a run has seen so many
    outlet, source, models = Written(), Pieces(capture, step_ns=step_ns), Models()
    models.source = source
    engine = Engine(source, [models, JsonLines(cast("Outlet", outlet))], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
    engine.end()
    assert outlet.lines == models.lines
    if name == "healthy-tls12" and step_ns > SECOND:
        assert bool(outlet.together) is not one_by_one, "handshakes read together need no model"
