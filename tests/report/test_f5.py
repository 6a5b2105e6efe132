"""Captures of a BIG-IP as the reports tell them: one story for each proxied connection."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from typing import Any

import pytest

import capanalyzer
from capanalyzer.report import model
from tests.f5_captures import PROJECT

PCAPS = PROJECT / "pcaps"


@lru_cache
def made(case: str, lang: str = "en") -> capanalyzer.Report:
    return capanalyzer.build_report(PCAPS / case / "capture.pcapng", lang=lang)


def f5_of(session: model.Session) -> model.F5:
    assert session.f5 is not None
    return session.f5


def rendered(case: str, form: str, *more: str, lang: str = "en") -> str:
    path = str(PCAPS / case / "capture.pcapng")
    command = [sys.executable, "-m", "capanalyzer", "analyze", path, "--format", form, "--lang", lang, *more]
    return subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout


# -- one story for each proxied connection -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["big-ip-plaintext-member", "big-ip-reset-relayed", "big-ip-tls-keys"])
def test_each_session_knows_its_other_side(case: str) -> None:
    sessions = {session.id: session for session in made(case).sessions}
    assert {f5_of(session).side for session in sessions.values()} == {"client", "server"}
    for session in sessions.values():
        [other] = f5_of(session).other_sides
        assert session.other_leg == other.session
        beyond = sessions[other.session]
        assert f5_of(beyond).other_sides[0].session == session.id
        assert f5_of(beyond).side != f5_of(session).side
        assert (other.client, other.server, other.outcome) == (beyond.client, beyond.server, beyond.outcome)
        assert f5_of(beyond).story == f5_of(session).story  # one story, told at both of its ends
        assert f5_of(session).virtual_server == "/Common/vs_www"


def test_a_member_in_plaintext_behind_a_client_side_that_is_fine() -> None:
    report = made("big-ip-plaintext-member")
    for session in report.sessions:
        told = f5_of(session)
        member = session if told.side == "server" else None
        assert "(virtual server /Common/vs_www): fine" in told.story
        assert "198.51.100.20:8443: TLS sent to a plaintext HTTP port." in told.story
        if member is not None:
            assert (member.cause, member.blame, told.cause_side) == ("tls-to-http-port", "server", "server")
        else:
            assert session.outcome == "established"
    [incident] = report.incidents
    assert (incident.server.port, incident.clients, len(incident.sessions)) == (8443, 1, 2)


def test_a_relayed_reset_is_blamed_on_where_it_began() -> None:
    report = made("big-ip-reset-relayed")
    for session in report.sessions:
        told = f5_of(session)
        assert (session.cause, session.blame, told.cause_side) == ("server-reset", "server", "server")
        first = session.findings[0]
        if told.side == "client":
            assert first.title.startswith("Server side: ")
            assert "198.51.100.20:443 reset the connection" in first.explanation
            assert session.findings[1].cause == "server-reset"  # its own
            [reset] = told.resets
            assert (reset.made_by, reset.relayed, reset.reason) == ("big-ip", True, "TCP RST from remote system")
            assert reset.meaning
            assert "ended by what happened on the other side" in told.story
        else:
            [reset] = told.resets
            assert (reset.made_by, reset.reason) == ("server", None)
    [incident] = report.incidents
    assert incident.server.ip == "198.51.100.20"
    assert incident.clients == 1
    assert not incident.title.startswith("Server side")


def test_a_closed_port_has_its_reason_and_what_to_do() -> None:
    refused = [session for session in made("big-ip-no-listener").sessions if session.outcome == "failed"]
    assert len(refused) == 3
    for session in refused:
        [reset] = f5_of(session).resets
        assert (reset.reason, reset.made_by, reset.relayed, reset.in_payload) == (
            "No local listener", "big-ip", False, True,
        )  # fmt: skip
        assert session.findings[0].remedies[0] == reset.action
        assert reset.meaning in session.findings[0].explanation
        assert session.bytes.server == 0  # the text in the RST is no data


def test_what_the_capture_says_of_itself() -> None:
    [capture] = made("big-ip-no-listener").captures
    assert capture.f5 is not None
    assert (capture.f5.host, capture.f5.platform) == ("bigip1.example.test", "Z100 (Virtual Edition)")
    assert any("`p`" in text for text in capture.f5.advice)
    [capture] = made("big-ip-tls-keys").captures
    assert capture.f5 is not None
    assert capture.f5.advice == ()
    assert capture.session_keys


def test_captures_of_others_have_none_of_it() -> None:
    report = made("proxy-both-sides")
    assert report.captures[0].f5 is None
    assert not report.captures[0].session_keys
    assert all(session.f5 is None for session in report.sessions)


# -- every format says it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json", "jsonl"])
def test_every_format_tells_both_sides(form: str) -> None:
    text = rendered("big-ip-reset-relayed", form)
    for said in ("/Common/vs_www", "TCP RST from remote system", "bigip1.example.test"):
        assert said in text


def test_japanese_reports_have_no_english_sentences() -> None:
    for session in made("big-ip-reset-relayed", "ja").sessions:
        told = f5_of(session)
        assert told.story.startswith("クライアント側 ")
        assert all("プロキシ" in reset.meaning for reset in told.resets if reset.reason)
    assert "反対側" in rendered("big-ip-reset-relayed", "text", lang="ja")


def test_redaction_hides_names_and_addresses() -> None:
    text = rendered("big-ip-reset-relayed", "json", "--redact")
    for shown in ("vs_www", "198.51.100", "192.0.2.", "bigip1", "tcpdump"):
        assert shown not in text
    sessions: list[dict[str, Any]] = json.loads(text)["sessions"]
    assert all(session["f5"]["virtual_server"].startswith("/") for session in sessions)
    assert all(session["f5"]["story"] for session in sessions)


@pytest.mark.parametrize("form", ["json", "text"])
def test_several_processes_tell_the_same(form: str) -> None:
    assert rendered("big-ip-plaintext-member", form, "--jobs", "2") == rendered("big-ip-plaintext-member", form)


def test_the_command_of_a_capture_is_one_piece_in_markdown() -> None:
    text = rendered("big-ip-reset-relayed", "markdown")
    (capture,) = made("big-ip-reset-relayed").captures
    assert capture.f5 is not None
    assert f"\n  - `{capture.f5.command}`\n" in text
