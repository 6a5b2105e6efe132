"""Live and afterwards the same: captures given piece by piece, as an interface gives them, and read as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.diagnosis.story import PATIENCE_NS
from capanalyzer.errors import CaptureError
from tests.live.pieces import Pieces, listen

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CAPTURES = sorted(path for path in PCAPS.rglob("*.pcap*") if path.is_file())

SECOND = 10**9

Judged = dict[int, tuple[str, str | None, str | None, str | None]]


def analyzed(capture: Path) -> Judged:
    """By stream: outcome, cause, stage, blame."""
    found: Judged = {}
    for run in analyze_captures([str(capture)], Options()):
        assert not isinstance(run, CaptureError)
        for session, verdict in run.sessions():
            found[session.stream] = verdict.outcome, verdict.cause, verdict.stage, verdict.blame
    return found


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.parent.name)
def test_the_last_word_is_that_of_a_file(capture: Path) -> None:
    """What is told last of each session is what the file says; none that works was ever called failed."""
    expected = analyzed(capture)
    heard, engine = listen(Pieces(capture))
    assert {number: (t.outcome, t.cause, t.stage, t.blame) for number, t in heard.last.items()} == expected
    works = {stream for stream, (outcome, *_) in expected.items() if outcome != "failed"}
    assert [told for told in heard.told if told.id in works and told.outcome == "failed"] == []
    outcomes = [outcome for outcome, *_ in expected.values()]
    state = engine.state()
    assert {name: n for name, n in state.outcomes.items() if n} == {name: outcomes.count(name) for name in outcomes}
    assert state.evicted == {}
    assert state.tables["flows"] == state.tables["connections"] == state.tables["bytes"] == state.tables["held"] == 0
    early = [told for told in heard.told if told.outcome == "failed" and not told.changed and not told.final]
    slow = [told for told in early if not (told.quiet_ns < SECOND or 0 <= told.quiet_ns - PATIENCE_NS < SECOND)]
    assert slow == [], "told within a second of what proves it, be it a packet or five seconds of silence"
    again = [told for told in heard.told if told.changed]
    assert len(heard.told) - len(again) == len(expected)


@pytest.mark.parametrize("step_ns", [3_000_000, 3 * SECOND])
@pytest.mark.parametrize(
    "name", ["healthy-tls12", "healthy-ecdsa-tls13", "client-certificate-given", "resumption", "sni"]
)
def test_however_much_comes_at_a_time(name: str, step_ns: int) -> None:
    """Whole handshakes at once are read together, parts of them one by one."""
    capture = next(path for path in CAPTURES if path.parent.name == name)
    expected = analyzed(capture)
    heard, _ = listen(Pieces(capture, step_ns=step_ns))
    assert {number: (t.outcome, t.cause, t.stage, t.blame) for number, t in heard.last.items()} == expected
    assert len(heard.told) == len(expected)
