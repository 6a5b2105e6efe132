"""Evidence of every sample capture, analysed again: the same verdict on every session, redacted or not."""

from __future__ import annotations

from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.redact.redactor import Redactor
from capanalyzer.report.model import Endpoint, Session
from tests.evidence.runs import KEY, comments_of, make_evidence
from tests.test_pcaps import CASES, capture_of

MADE_OF_ONE_HELLO = "message-rejected"
"""All its sessions carry changed copies of one ClientHello with one random. That many are no two legs of a device; the
three of one incident alone may be, and are then called ``hello-rewritten``."""


def ends(session: Session) -> tuple[Endpoint, Endpoint]:
    return session.client, session.server


@pytest.mark.parametrize("redacted", [False, True], ids=["as-it-is", "redacted"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_verdicts(case: Path, redacted: bool, tmp_path: Path) -> None:
    """Also of the sessions that are beside them for comparison."""
    made = make_evidence(capture_of(case), tmp_path, redactor=Redactor(KEY) if redacted else None)
    assert made.written.notes == []
    failed = {stream for stream, session in made.sessions.items() if session.outcome == "failed"}
    assert len(made.written.paths) == len(made.cases)
    assert bool(made.cases) == bool(failed)
    for case_, path in zip(made.cases, made.written.paths, strict=True):
        again = {ends(session): session for session in capanalyzer.build_report(path).sessions}
        assert len(again) == len(case_.exhibits)
        for exhibit in case_.exhibits:
            session = made.sessions[exhibit.stream]
            other = again[ends(session)]
            assert other.outcome == session.outcome
            if case.name == MADE_OF_ONE_HELLO and other.cause == "hello-rewritten":
                continue
            if exhibit.failed:
                assert (other.cause, other.stage, other.blame, other.waiting_on) == (
                    session.cause, session.stage, session.blame, session.waiting_on,
                )  # fmt: skip
                assert (other.start, other.timing.connect_ms) == (session.start, session.timing.connect_ms)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wireshark_shows_the_comments(case: Path, tmp_path: Path, tshark: str) -> None:
    """Each frame that a finding names has its comment, under the original's number."""
    made = make_evidence(capture_of(case), tmp_path)
    for case_, path in zip(made.cases, made.written.paths, strict=True):
        told = "\n".join(comments_of(tshark, path).values())
        for exhibit in case_.exhibits:
            assert f"tcp.stream {exhibit.stream} of {capture_of(case).name}" in told
            for frame, text in exhibit.comments:
                assert f"frame {frame}: " in told
                assert text.split("\n")[0][:60] in told


def test_incidents_of_the_samples_are_shown(tmp_path: Path) -> None:
    """The tests above would pass over nothing."""
    made = [make_evidence(capture_of(case), tmp_path / case.name) for case in CASES]
    assert sum(len(one.written.paths) for one in made) > 40
    assert sum(not exhibit.failed for one in made for case in one.cases for exhibit in case.exhibits) >= 5
