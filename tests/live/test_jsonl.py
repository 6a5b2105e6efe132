"""Lines of a live run are what the model of each verdict says, also where no model is made."""

from __future__ import annotations

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
from capanalyzer.report.line import Line
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


@pytest.mark.parametrize("step_ns", [3_000_000, 3 * SECOND])
@pytest.mark.parametrize("name", ["healthy-tls12", "healthy-ecdsa-tls13", "resumption", "sni", "server-silent"])
def test_lines_are_those_of_the_models(name: str, step_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = next(path for path in PCAPS.rglob("*.pcap*") if path.is_file() and path.parent.name == name)
    short: list[Line] = []
    make = jsonl.short_line

    def noted(*given: object, timeline: bool) -> Line | None:
        line = make(*given, timeline=timeline)  # type: ignore[arg-type]  # passed on as given
        short.extend([line] if line is not None else [])
        return line

    monkeypatch.setattr(jsonl, "short_line", noted)
    written: list[bytes] = []

    def outlet(data: bytes, rank: Rank) -> None:
        written.append(data)

    outlet.check = lambda: None  # type: ignore[attr-defined]  # all that is asked of it here
    source, models = Pieces(capture, step_ns=step_ns), Models()
    models.source = source
    engine = Engine(source, [models, JsonLines(cast("Outlet", outlet))], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
    engine.end()
    assert written == models.lines
    if name == "healthy-tls12" and step_ns > SECOND:
        assert short, "handshakes read together need no model"
