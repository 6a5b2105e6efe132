"""The logs of five real servers, given with the capture of their sessions: the whole way, in every form."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from capanalyzer import cli
from capanalyzer.api import build_report

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
SAMPLE = PCAPS / "log-lines"
"""Five servers, each with a healthy session, one of an unknown CA, one of an old version, one of plaintext HTTP."""
SAMPLE_LOGS = [word for path in sorted(SAMPLE.glob("*.log")) for word in ("--log", str(path))]
SAMPLE_CAUSES = {443: "nginx", 8443: "haproxy", 9443: "apache", 10443: "stunnel", 11443: "go"}


def test_logs_of_real_servers(capsys: pytest.CaptureFixture[str]) -> None:
    """Each program's lines stand with the sessions of its own port, and say what the packets say."""
    assert cli.main(["analyze", str(SAMPLE / "capture.pcapng"), *SAMPLE_LOGS, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    zones = {Path(log["path"]).stem: log["clocks"][0]["zone"] for log in report["logs"]}
    assert zones == {name: "+09:00" if name == "nginx" else "+00:00" for name in SAMPLE_CAUSES.values()}
    assert report["unmatched_log_lines"] == []
    for session in report["sessions"]:
        lines = [line for line in session["log_lines"] if line["is_failure"]]
        program = SAMPLE_CAUSES[session["server"]["port"]]
        assert {line["format"] for line in lines} <= {program}
        # This Go says nothing of plaintext HTTP, which it answers.
        is_told = session["outcome"] == "failed" and (program, session["cause"]) != ("go", "http-to-tls-port")
        assert bool(lines) is is_told, session["id"]
        for line in lines:
            assert line["confidence"] == ("likely" if program == "nginx" else "certain")
            assert line["agreement"] == ("like" if program == "haproxy" else "same")


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("form", ["text", "html", "markdown", "json", "csv"])
def test_the_sample_in_every_form(capsys: pytest.CaptureFixture[str], form: str, lang: str) -> None:
    command = ["analyze", str(SAMPLE / "capture.pcapng"), *SAMPLE_LOGS, "--format", form, "--lang", lang]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert err == ""
    sessions = build_report(SAMPLE / "capture.pcapng", lang=lang, logs=SAMPLE_LOGS[1::2]).sessions
    titles = {line.title for session in sessions for line in session.log_lines if line.is_failure}
    shown = "".join(out.replace("`", "").replace("\\;", ";").split())
    assert len(titles) >= 4
    for title in titles if form != "text" else ():  # there, they are cut to fit
        assert "".join((html.escape(title) if form == "html" else title).split()) in shown
