"""Evidence from the command line and from Python: where it goes, what it is called, what is told."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.cli import main
from capanalyzer.evidence import collect, write
from capanalyzer.evidence.files import file_name, write_new
from capanalyzer.report.model import Endpoint, Incident
from tests.evidence.runs import comments_of, make_evidence
from tests.small_captures import HTTP_TO_TLS, NONE_FAILED, ONE_FAILED, capture

NAME = "incident-01-http-to-tls-port-198.51.100.9_443.pcapng"


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    path = tmp_path / "edge.pcap"
    path.write_bytes(ONE_FAILED)
    return path


def test_names_are_safe() -> None:
    incident = Incident("x", Endpoint("2001:db8::1", 443), None, (), 1, "", "", "", "", "certain", "client")
    assert file_name(7, incident) == "incident-07-x-2001-db8-1_443.pcapng"
    hostile = Incident("../a b", Endpoint("../../etc", 443), None, (), 1, "", "", "", "", "certain", "client")
    assert "/" not in file_name(1, hostile)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first = write_new(str(tmp_path), "a.pcapng", b"one")
    assert write_new(str(tmp_path), "a.pcapng", b"one") == first
    assert write_new(str(tmp_path), "a.pcapng", b"two") == str(tmp_path / "a-2.pcapng")
    assert write_new(str(tmp_path), "a.pcapng", b"two") == str(tmp_path / "a-2.pcapng")
    assert (tmp_path / "a.pcapng").read_bytes() == b"one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.pcapng", "a.pcapng"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.pcapng").symlink_to(tmp_path / "elsewhere")
    assert write_new(str(tmp_path), "a.pcapng", b"one") == str(tmp_path / "a-2.pcapng")
    assert not (tmp_path / "elsewhere").exists()


def test_where_it_is_said(failed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "evidence"
    assert main(["analyze", str(failed), "--evidence", str(folder), "--format", "json"]) == 0
    told = capsys.readouterr()
    assert told.err == f"capanalyzer: evidence: 1 file in {folder}\n"
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert main(["analyze", str(failed), "--evidence", str(folder), "--lang", "ja"]) == 0
    assert "2 ファイル" not in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 2, "another language is another content"


def test_when_nothing_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fine.pcap"
    path.write_bytes(NONE_FAILED)
    assert main(["analyze", str(path), "--evidence", str(tmp_path / "e")]) == 0
    assert "nothing failed" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_one_line(failed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(failed), "--evidence", str(failed)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(failed) in error


def test_keys_that_are_none(failed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = tmp_path / "key"
    short.write_text("short\n")
    for argv in (
        ["--redact-key", str(short)],
        ["--redact", "--redact-key", str(short)],
        ["--redact", "--redact-key", "no"],
    ):
        assert main(["analyze", str(failed), *argv]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_pipe(failed: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "capanalyzer",
        "analyze",
        "-",
        "--evidence",
        str(tmp_path / "e"),
        "--format",
        "json",
    ]
    with failed.open("rb") as pipe, subprocess.Popen(["cat"], stdin=pipe, stdout=subprocess.PIPE) as cat:
        done = subprocess.run(command, stdin=cat.stdout, capture_output=True, check=True)
    assert b"1 file" in done.stderr
    assert [path.name for path in (tmp_path / "e").iterdir()] == [NAME]


def test_from_python(failed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "capanalyzer")
    report = capanalyzer.build_report(failed, evidence=tmp_path / "e", redact=b"a key of sixteen bytes")
    assert report.sessions[0].client.ip != "192.0.2.7"
    assert [record.message.rpartition("/")[2] for record in caplog.records] == [
        path.name for path in (tmp_path / "e").iterdir()
    ]
    [same] = [s for s in capanalyzer.analyze(failed, redact=b"a key of sixteen bytes") if s.id == report.sessions[0].id]
    assert same == report.sessions[0]
    with pytest.raises(capanalyzer.UsageError, match="at least 16"):
        capanalyzer.build_report(failed, redact=b"short")


def test_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tshark: str) -> None:
    path = tmp_path / "many.pcap"
    path.write_bytes(capture(*[(port, HTTP_TO_TLS) for port in (443, 443, 443, 8443, 993)]))
    monkeypatch.setattr(collect, "MAX_SESSIONS", 2)
    monkeypatch.setattr(write, "MAX_FILES", 2)
    made = make_evidence(path, tmp_path / "e")
    assert len(made.written.paths) == 2
    assert made.written.notes == ["Evidence of 2 of 3 incidents is written: those with the most sessions."]
    about = subprocess.run(["capinfos", "-k", made.written.paths[0]], capture_output=True, text=True, check=True).stdout
    assert "2 of 3 sessions of this incident are here." in about
    assert "From many.pcap" in about
    assert len(comments_of(tshark, made.written.paths[0])) == 2 * len(HTTP_TO_TLS)


def test_two_captures_have_evidence_of_their_own(tmp_path: Path) -> None:
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(ONE_FAILED)
    assert main(["analyze", str(tmp_path), "--evidence", str(tmp_path / "e"), "-q", "-o", str(tmp_path / "r")]) == 0
    for file in (tmp_path / "e").iterdir():
        sessions = capanalyzer.build_report(file).sessions
        assert [(s.outcome, s.packets.client + s.packets.server) for s in sessions] == [("failed", len(HTTP_TO_TLS))]


def test_comments_are_in_the_language(failed: Path, tmp_path: Path, tshark: str) -> None:
    made = make_evidence(failed, tmp_path / "e", lang="ja")
    told = " ".join(comments_of(tshark, made.written.paths[0]).values())
    assert "edge.pcap の tcp.stream 0" in told
    assert "フレーム" in told
