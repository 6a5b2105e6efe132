"""Where a session stood still: what is said there agrees with what its timeline shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.i18n import translator
from capanalyzer.report import model
from capanalyzer.report.ladder import ladder
from capanalyzer.report.mermaid import sequence_diagram
from capanalyzer.report.standstill import awaited, halt, stage_text, standstill
from capanalyzer.report.terminal import Look

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"


@cache
def sessions_of(case: str) -> tuple[model.Session, ...]:
    return tuple(capanalyzer.build_report(str(PCAPS / case)).sessions)


@pytest.mark.parametrize(
    ("case", "cause", "next_one"),
    [
        ("http-to-tls-port", "http-to-tls-port", "a ClientHello"),
        ("tls-to-http-port", "tls-to-http-port", "a ServerHello"),
        ("tls-to-server-first", "tls-to-server-first", "a ServerHello"),
        ("obsolete-ssl-hello", "obsolete-ssl-hello", "a ServerHello"),
        ("proxy-header-missing", "proxy-header-missing", "a ServerHello"),
        ("starttls-refused", "starttls-refused", "the server's consent to TLS"),
        ("hello-retry-not-followed", "no-shared-group", "a second ClientHello"),
        ("message-rejected", "message-rejected", None),
    ],
)
def test_what_was_awaited_had_not_come(case: str, cause: str, next_one: str | None) -> None:
    """A ClientHello that was sent is not waited for."""
    sessions = [session for session in sessions_of(case) if session.cause == cause]
    assert sessions
    for session in sessions:
        before = [entry.event for entry in session.timeline[: halt(session) + 1]]
        if awaited(session) == "a ClientHello":
            assert "ClientHello" not in before
        if awaited(session) == "a ServerHello":
            assert "ServerHello" not in before
        if next_one is not None and (case != "hello-retry-not-followed" or "HelloRetryRequest" in before):
            assert awaited(session) == next_one


@pytest.mark.parametrize("case", ["capture-lost-packet", "one-sided", "snap-length-too-short", "ends-while-waiting"])
def test_nothing_is_said_to_stand_still_where_only_the_capture_ends(case: str) -> None:
    incomplete = [s for s in sessions_of(case) if s.outcome == "incomplete" and s.stage is not None]
    assert incomplete
    english = translator("en")
    for session in incomplete:
        text = standstill(session, english)
        assert text == f"not in the capture: {awaited(session)}"
        assert stage_text(session, str(session.stage), english) == f"not known from {session.stage} on"
        drawn = "\n".join("".join(part for part, _ in line) for line in ladder(session, Look(width=120)))
        diagram = "\n".join(sequence_diagram(session, "en"))
        assert f"? {text}" in drawn
        assert "not in the capture" in diagram
        for shown in (drawn, diagram):
            assert "stalled" not in shown
            assert "✗" not in shown


def test_a_session_that_works_has_no_such_place() -> None:
    (session, *_) = sessions_of("healthy-tls13")
    assert session.stage is None
    assert halt(session) == -1
