"""The package from Python: sessions as they finish, the whole report, light to import, and what it lists it has."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import capanalyzer
from capanalyzer import cli
from capanalyzer.report.terminal import Look
from capanalyzer.report.to_terminal import to_terminal

from .small_captures import NONE_FAILED, ONE_FAILED, WITH_HELLO


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "edge.pcap"
    file.write_bytes(ONE_FAILED)
    return file


def test_every_public_name_exists_and_is_offered() -> None:
    for name in capanalyzer.__all__:
        assert getattr(capanalyzer, name) is not None, name
    assert set(capanalyzer.__all__) <= set(dir(capanalyzer))
    assert set(capanalyzer.__all__) == {*capanalyzer._HOME, "__version__"}
    with pytest.raises(AttributeError, match="no_such_name"):
        capanalyzer.no_such_name  # noqa: B018 - asking is the test


def test_import_is_light() -> None:
    code = (
        "import capanalyzer, sys; print([n for n in ('numpy', 'msgspec', 'rich', 'cryptography') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_analyze_yields_frozen_sessions(path: Path) -> None:
    sessions = list(capanalyzer.analyze(path))
    assert sorted(session.stream for session in sessions) == [0, 1]
    (failed,) = [session for session in sessions if session.outcome == "failed"]
    assert isinstance(failed, capanalyzer.Session)
    assert (failed.cause, failed.blame, failed.server.port) == ("http-to-tls-port", "client", 443)
    assert failed.findings[0].evidence[0].frame > 0
    with pytest.raises(AttributeError):
        failed.outcome = "established"  # type: ignore[misc]  # that it is refused is the test


def test_report_is_what_the_command_line_writes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = capanalyzer.build_report(str(path))
    assert cli.main(["analyze", str(path), "--format", "json"]) == 0
    assert json.loads(report.to_json()) == json.loads(capsys.readouterr().out)
    assert report.summary.outcomes["failed"] == 1
    assert report.incidents[0].sessions == (report.sessions[0].id,)
    assert isinstance(report, capanalyzer.Report)
    assert isinstance(report.captures[0], capanalyzer.Capture)
    assert isinstance(report.incidents[0], capanalyzer.Incident)
    assert isinstance(report.summary, capanalyzer.Summary)


def test_sessions_can_be_read_back(path: Path) -> None:
    """What is written as JSON is read by the same model."""
    for session in capanalyzer.analyze(path, timeline=True):
        assert msgspec.json.decode(msgspec.json.encode(session), type=capanalyzer.Session) == session


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_captures_give_a_report(data: st.DataObject) -> None:
    """Any prefix, and any few changed bytes, of a capture with TLS, plaintext and odd names: valid JSON, and text."""
    damaged = bytearray(WITH_HELLO)
    for _ in range(data.draw(st.integers(0, 12))):
        damaged[data.draw(st.integers(24, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(24, len(damaged))) :]
    report = capanalyzer.build_report(io.BytesIO(damaged), timeline=True)
    document = json.loads(report.to_json())
    assert document["summary"]["sessions"] == len(document["sessions"])
    for look in (Look(verbose=True), Look(lang="ja", verbose=True)):
        text = "".join(to_terminal(report.sessions, lambda: report, look))
        assert all(line.isprintable() for line in text.splitlines())


def test_streams_and_several_inputs(path: Path) -> None:
    sessions = list(capanalyzer.analyze([io.BytesIO(ONE_FAILED), path]))
    assert {session.capture for session in sessions} == {0, 1}
    assert len({session.id for session in sessions}) == 4
    assert [s.outcome for s in capanalyzer.analyze(io.BytesIO(NONE_FAILED))] == ["plaintext"]


def test_options(path: Path) -> None:
    japanese = capanalyzer.build_report(path, lang="ja").sessions[0].findings[0].title
    assert not japanese.isascii()
    everything = capanalyzer.build_report(path, timeline=True).sessions
    assert all(session.timeline for session in everything)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"lang": "fr"}, "fr"), ({"jobs": 0}, "jobs"), ({"tls_ports": [70000]}, "70000")],
    ids=["lang", "jobs", "port"],
)
def test_options_that_do_not_exist(path: Path, options: dict[str, object], message: str) -> None:
    """Refused when called, not when the first session is asked for."""
    with pytest.raises(capanalyzer.UsageError, match=message):
        capanalyzer.analyze(path, **options)  # type: ignore[arg-type]  # wrong on purpose


def test_what_cannot_be_read(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Alone it raises; beside others it is logged and listed."""
    missing = tmp_path / "missing.pcap"
    with pytest.raises(capanalyzer.CaptureError, match=r"missing\.pcap"):
        list(capanalyzer.analyze(missing))
    with caplog.at_level(logging.WARNING, logger="capanalyzer"):
        report = capanalyzer.build_report([missing, path])
    assert [one.path for one in report.unreadable] == [str(missing)]
    assert len(report.sessions) == 2
    assert "missing.pcap" in caplog.text
