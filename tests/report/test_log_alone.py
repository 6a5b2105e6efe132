"""One error message and one capture of its reproduction: the whole way, in every form."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from capanalyzer import cli
from capanalyzer.api import build_report
from capanalyzer.report.log_words import reason_text

from .samples import unmatched_line

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CAPTURE = str(PCAPS / "any-interface" / "capture.pcapng")
"""A session that works, one with an old version, and one that a device in between reset, all of 2026-11-26."""
OLD_VERSION = "curl: (35) OpenSSL/3.0.19: error:0A00042E:SSL routines::tlsv1 alert protocol version\n"
NAMED = (
    "requests.exceptions.SSLError: HTTPSConnectionPool(host='www.example.test', port=443): Max retries exceeded with "
    "url: / (Caused by SSLError(SSLError(1, '[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version "
    "(_ssl.c:1000)')))\n"
)
BECAUSE = {
    ("words", "en"): "of 2 sessions that failed or ended early, the only one that the line can mean",
    ("words", "ja"): "失敗または早期に終了した 2 セッションのうち、この行が指しうる唯一のもの",
    ("server-name", "en"): "of 2 sessions that ask for www.example.test, the only one that failed in a way the line "
    "can mean",
    ("server-name", "ja"): "www.example.test を要求した 2 セッションのうち、この行が指しうる失敗をした唯一のセッション",
}


def log_of(folder: Path, text: str) -> str:
    path = folder / "pasted.log"
    path.write_text(text)
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["analyze", *arguments, "--format", "json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize(("text", "found_by"), [(OLD_VERSION, "words"), (NAMED, "server-name")])
def test_a_message_finds_its_session(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, found_by: str, lang: str
) -> None:
    report = told(capsys, CAPTURE, "--log", log_of(tmp_path, text), "--lang", lang)
    (session,) = [one for one in report["sessions"] if one["log_lines"]]
    (line,) = session["log_lines"]
    assert session["cause"] == "protocol-version-mismatch"
    assert (line["found_by"], line["confidence"], line["agreement"]) == (found_by, "possible", "same")
    assert (line["time"], line["offset_seconds"]) == (None, None)
    assert line["because"] == BECAUSE[found_by, lang]
    assert report["unmatched_log_lines"] == []


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("form", ["text", "html", "markdown"])
def test_every_form_says_why_this_session(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str, lang: str
) -> None:
    log = log_of(tmp_path, OLD_VERSION)
    assert cli.main(["analyze", CAPTURE, "--log", log, "--lang", lang, "--format", form]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    because = BECAUSE["words", lang]
    assert "".join((html.escape(because) if form == "html" else because).split()) in "".join(out.split())


UNKNOWN_ISSUER = "curl: (60) SSL certificate problem: unable to get local issuer certificate\n"
TWO = str(PCAPS / "certificate-chain-incomplete" / "capture.pcapng")
"""Two sessions of which it can be said."""
ONE = str(PCAPS / "many-clients" / "capture.pcapng")
"""One, and another that failed otherwise."""


def test_of_sessions_in_several_captures_none_is_the_only_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One capture has but one session that is meant; but an earlier one has others."""
    report = told(capsys, TWO, ONE, "--log", log_of(tmp_path, UNKNOWN_ISSUER))
    assert not any(one["log_lines"] for one in report["sessions"])
    (line,) = report["unmatched_log_lines"]
    assert (line["reason"], line["candidates"]) == ("several-fit", [0, 1, 1_000_000_002])


def test_a_line_is_said_of_no_second_session(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = told(capsys, ONE, TWO, "--log", log_of(tmp_path, UNKNOWN_ISSUER))
    assert [one["id"] for one in report["sessions"] if one["log_lines"]] == [2]


def test_a_connection_that_was_captured_twice_is_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    again = str(shutil.copy(ONE, tmp_path / "again.pcapng"))
    report = told(capsys, ONE, again, "--log", log_of(tmp_path, UNKNOWN_ISSUER))
    assert [one["id"] for one in report["sessions"] if one["log_lines"]] == [2, 1_000_000_002]


def test_a_message_that_nothing_in_the_capture_can_mean(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = "curl: (60) SSL certificate problem: certificate has expired\n"
    report = told(capsys, CAPTURE, "--log", log_of(tmp_path, text))
    assert not any(one["log_lines"] for one in report["sessions"])
    (line,) = report["unmatched_log_lines"]
    assert (line["reason"], line["candidates"]) == ("names-nobody", [])


def test_a_message_that_several_can_be_meant_by(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Five failed alike: the line is of one of them, and none is taken."""
    capture = str(PCAPS / "protocol-version-mismatch" / "capture.pcapng")
    report = told(capsys, capture, "--log", log_of(tmp_path, OLD_VERSION))
    (line,) = report["unmatched_log_lines"]
    assert line["reason"] == "several-fit"
    assert len(line["candidates"]) == 8
    causes = {one["id"]: one["cause"] for one in report["sessions"]}
    assert {causes[identity] for identity in line["candidates"]} == {"protocol-version-mismatch"}


def test_a_pasted_message_makes_no_verdict_surer(tmp_path: Path) -> None:
    """It may be of another attempt."""
    capture = str(PCAPS / "certificate-unknown-ca" / "capture.pcapng")
    text = "curl: (60) SSL certificate problem: unable to get local issuer certificate\n"
    plain = build_report(capture).sessions
    with_line = build_report(capture, logs=[log_of(tmp_path, text)]).sessions
    assert [one.findings for one in plain] == [one.findings for one in with_line]
    assert {one.named_by_log for one in with_line} == {None}


def test_a_name_is_hidden_and_found_all_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log = log_of(tmp_path, NAMED)
    assert cli.main(["analyze", CAPTURE, "--log", log, "--redact", "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert "example.test" not in out
    (line,) = [line for one in json.loads(out)["sessions"] for line in one["log_lines"]]
    assert line["found_by"] == "server-name"
    assert line["because"].startswith("of 2 sessions that ask for ")


def test_a_request_is_found_by_its_host(tmp_path: Path) -> None:
    """CONNECT at a proxy, which refused: no ClientHello names anybody."""
    capture = str(PCAPS / "proxy-connect-refused" / "capture.pcapng")
    report = build_report(capture)
    assert {one.request_host for one in report.sessions} == {"www.example.test"}
    hidden = build_report(capture, redact=b"a key of sixteen bytes")
    assert "example" not in str([one.request_host for one in hidden.sessions])
    text = "GET https://www.example.test/ net::ERR_SSL_PROTOCOL_ERROR\n" + NAMED.replace(
        "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_VERSION_NUMBER"
    ).replace("tlsv1 alert protocol version", "wrong version number")
    unmatched = build_report(capture, logs=[log_of(tmp_path, text)]).unmatched_log_lines
    assert {one.line: one.reason for one in unmatched} == {1: "no-session-then", 2: "several-fit"}


@pytest.mark.parametrize(
    ("candidates", "words"),
    [((3,), "one session fits, but the line may be of another"), ((3, 5), "several sessions fit equally well")],
)
def test_several_are_not_said_where_one_is_named(candidates: tuple[int, ...], words: str) -> None:
    line = unmatched_line(reason="several-fit", candidates=candidates)
    assert reason_text(line, "en") == words
    assert reason_text(line, "ja") != words
