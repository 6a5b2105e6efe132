"""Plain lines, by themselves."""

from __future__ import annotations

from pathlib import Path

import msgspec

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.capture.live_source import Drops
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.errors import CaptureError
from capanalyzer.live.lines import MAX_NAME, WINDOW_NS, PlainLines
from capanalyzer.live.listener import LiveVerdict, State
from capanalyzer.report import model
from capanalyzer.streams.flow import Ended
from tests.live.outlets import outlet
from tests.live.replay import make
from tests.live.test_hooks import incident
from tests.report.samples import capture

SAMPLE = next((Path(__file__).resolve().parents[2] / "pcaps" / "ends-mid-handshake").glob("*.pcap*"))


def trailer(told: model.Capture) -> model.Trailer:
    return model.Trailer(model.SCHEMA_VERSION, model.TOOL, (told,), (), (), model.Summary(0, {}, {}, ()))


def test_a_name_that_is_none_does_not_make_a_line_of_16_000_characters() -> None:
    written = bytearray()
    with outlet(written.extend) as out:
        PlainLines(out, lang="en").incident(msgspec.structs.replace(incident(), sni="a" * 16_000), new=True)
    [line] = written.splitlines()
    assert f"({'a' * MAX_NAME}…)" in line.decode()
    assert len(line) < 1_000


def test_a_session_that_goes_on_is_not_said_to_have_ended() -> None:
    """A failure by silence that is taken back because the other end answered after all: nothing is known to be missing
    before the run is over.
    """
    facts, verdict = next(
        (facts, verdict)
        for run in analyze_captures([str(SAMPLE)], Options())
        if not isinstance(run, CaptureError)
        for facts, verdict in run.sessions()
        if verdict.outcome is Outcome.INCOMPLETE and facts.quality.ended is Ended.CAPTURE_END
    )
    written = bytearray()
    with outlet(written.extend) as out:
        lines = PlainLines(out, lang="en")
        for final in (False, True):
            lines.verdict(LiveVerdict(facts, verdict, make, changed=True, final=final))
    goes_on, over = written.decode().splitlines()
    assert " failure taken back: it goes on; id " in goes_on
    assert f" changed to incomplete [{verdict.cause}]; id " in over


def test_packets_lost_shortly_before_the_end_are_told() -> None:
    """Each of them once, whenever they were lost."""
    written = bytearray()
    with outlet(written.extend) as out:
        lines = PlainLines(out, lang="en")
        for second, lost in enumerate((3, 3, 5)):
            lines.tick(State((second + 1) * 10**9 + WINDOW_NS, 0, 9, 900, Drops(lost - 1, 1), {}, {}))
        lines.end(trailer(capture(dropped_packets=5)))
    first, rest, summary = written.decode().splitlines()
    assert first.startswith("3 packets were lost: ")
    assert rest.startswith("2 packets were lost: ")
    assert summary == "0 sessions"


def test_an_incident_that_was_none_is_taken_back() -> None:
    written = bytearray()
    with outlet(written.extend) as out:
        lines = PlainLines(out, lang="en")
        lines.incident(incident(), new=True)
        lines.incident(incident(), new=False)
        lines.incident(msgspec.structs.replace(incident(), sessions=(), clients=0), new=False)
    begun, none = written.decode().splitlines()
    assert " new incident at " in begun
    assert " taken back: no session failed in this way after all [" in none
