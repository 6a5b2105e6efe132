"""The judge of a run that goes on: what it forgets, what it keeps, and when it thinks again."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import pytest

from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.diagnosis import running
from capanalyzer.diagnosis.running import AGAIN_NS, GENERATION_NS, RunningJudge
from capanalyzer.diagnosis.story import PATIENCE_NS, Story
from capanalyzer.diagnosis.timers import next_timer_ns
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.session import Session

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def sessions(name: str) -> list[Session]:
    found: list[Session] = []
    for run in analyze_captures([str(next((PCAPS / name).glob("*.pcap*")))], Options(full_timeline=True)):
        assert not isinstance(run, CaptureError)
        found += [session for session, _ in run.sessions()]
    return found


def test_knowledge_is_half_an_hour_to_an_hour_old() -> None:
    """A server that was last seen an hour ago is not known any more; one of twenty minutes ago is."""
    judge = RunningJudge()
    one, *_ = sessions("healthy-tls13")
    judge.leave(one, 0, learned=0)
    assert judge.knowledge.server(one.server) is not None
    other, *_ = sessions("healthy-tls12")
    judge.leave(other, GENERATION_NS * 2 // 3, learned=0)
    failed, *_ = sessions("server-silent")
    judge.leave(failed, GENERATION_NS, learned=0)
    known = judge.knowledge.server(other.server)
    assert known is not None
    assert known.established == 1, "the first one is forgotten, the second was learned by both generations"
    judge.leave(failed, GENERATION_NS * 2, learned=0)
    judge.leave(failed, GENERATION_NS * 3, learned=0)
    assert judge.knowledge.server(other.server) is None


def test_a_session_is_learned_from_once() -> None:
    judge = RunningJudge()
    one, *_ = sessions("healthy-tls13")
    thought = judge.look(one, 0, learned=0)
    assert thought.verdict.outcome is Outcome.ESTABLISHED
    for _ in range(3):
        thought = judge.look(one, 0, learned=thought.learned)
    judge.leave(one, 0, learned=thought.learned)
    known = judge.knowledge.server(one.server)
    assert known is not None
    assert known.established == 1
    assert judge.knowledge.two_sided == 1


def test_what_left_is_thought_of_again_and_then_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = RunningJudge()
    for number, session in enumerate(sessions("server-silent")):
        thought = judge.leave(session, 0, learned=0)
        assert thought.may_change
        assert thought.story is not None
        judge.hold(thought.story, number, 0)
    count = judge.held
    assert count == len(sessions("server-silent"))
    assert list(judge.again(AGAIN_NS[0] - 1)) == []
    for turn, after_ns in enumerate(AGAIN_NS):
        again = list(judge.again(after_ns))
        assert [one.held.told for one in again] == list(range(count))
        assert {one.final for one in again} == {turn + 1 == len(AGAIN_NS)}
    assert judge.held == 0
    assert list(judge.end()) == []


def test_too_many_make_the_oldest_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MAX_HELD", 2)
    judge = RunningJudge()
    for number, session in enumerate(sessions("server-silent")[:4]):
        thought = judge.leave(session, number, learned=0)
        assert thought.story is not None
        judge.hold(thought.story, number, number)
    early = list(judge.again(10))
    assert [(one.held.told, one.final) for one in early] == [(0, True), (1, True)]
    assert judge.held_early == 2
    assert [one.held.told for one in judge.end()] == [2, 3]


def test_a_timer_is_the_moment_at_which_silence_is_long_enough() -> None:
    """A story read at that moment is patient, one a nanosecond earlier is not."""
    session, *_ = sessions("server-silent")
    session.tcp.closes = ()  # as long as nobody has left
    quality = session.quality
    session.end_ns = quality.watched_until_ns = Story(session).progress_ns
    story = Story(session)
    times = []
    at_ns = next_timer_ns(story, session.end_ns)
    while at_ns is not None:
        times.append(at_ns)
        at_ns = next_timer_ns(story, at_ns)
    at_ns = story.progress_ns + PATIENCE_NS
    assert at_ns in times
    quality.watched_until_ns = at_ns - 1
    assert not Story(session).is_patient
    quality.watched_until_ns = at_ns
    assert Story(session).is_patient
    assert next_timer_ns(Story(session), session.end_ns + PATIENCE_NS) is None


@pytest.mark.parametrize("may_be_trimmed", [True, False])
def test_nobody_cuts_connections_short_of_what_is_watched(may_be_trimmed: bool) -> None:
    """Handshakes with many servers that stop in mid-air: of a file that may mean that somebody kept the beginnings of
    connections only, of an interface that these servers are silent.
    """
    judge = RunningJudge(may_be_trimmed=may_be_trimmed)
    open_one = next(one for one in sessions("mtu-black-hole-of-client") if Story(one).is_open)
    for number in range(8):
        one = copy(open_one)
        one.server = open_one.server._replace(ip=f"198.51.100.{100 + number}")
        judge.leave(one, 0, learned=0)
    assert judge.knowledge.is_trimmed() is may_be_trimmed
