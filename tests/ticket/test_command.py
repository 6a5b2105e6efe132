"""The command: captures alone, files of every kind, and what is told."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.ticket.conftest import Attach
from tests.ticket.desks.backlog import Backlog
from tests.ticket.desks.github import GitHub
from tests.ticket.desks.server import Answer, Trouble, serving
from tests.ticket.desks.servicenow import ServiceNow

CAPTURE = PROJECT / "pcaps" / "http-to-tls-odd-port" / "capture.pcapng"


@pytest.fixture
def desk(server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backlog]:
    monkeypatch.setenv("CAPANALYZER_BACKLOG_TOKEN", "s3cret-token")
    with serving(desk := Backlog(), server_context):
        yield desk
    assert desk.complaints == []


def test_captures_alone_are_analysed(desk: Backlog, attach: Attach) -> None:
    result = attach(f"backlog+{desk.url}/view/OPS-1", CAPTURE)
    assert result.status == 0
    assert "the capture itself is not" in result.err
    files = desk.files("OPS-1")
    (report,) = [content for name, content in files.items() if name.endswith(".json")]
    assert json.loads(report)["summary"]["causes"]["http-to-tls-port"] == 3
    assert CAPTURE.read_bytes() not in files.values()
    assert "http-to-tls-port" in desk.texts("OPS-1")[1]


def test_a_capture_beside_a_report_is_evidence(desk: Backlog, report: Path, attach: Attach) -> None:
    assert attach(f"backlog+{desk.url}/view/OPS-1", report / "report.json", CAPTURE).status == 0
    assert CAPTURE.read_bytes() in desk.files("OPS-1").values()


def test_files_without_a_report(desk: Backlog, report: Path, attach: Attach) -> None:
    result = attach(f"backlog+{desk.url}/view/OPS-1", report / "report.txt")
    assert result.status == 0
    assert "without a summary" in result.err
    assert "SHA-256" in desk.texts("OPS-1")[1]


def test_the_project_s_markup_is_used(desk: Backlog, report: Path, attach: Attach) -> None:
    desk.rule = "backlog"
    assert attach(f"backlog+{desk.url}/view/OPS-1", report / "report.json").status == 0
    assert "\n*** 1. " in desk.texts("OPS-1")[1]
    assert "###" not in desk.texts("OPS-1")[1]


def test_a_new_ticket_s_title_and_type(desk: Backlog, report: Path, attach: Attach) -> None:
    target = f"backlog+{desk.url}/projects/OPS?type=Task"
    assert attach(target, report / "report.json", "--title", "Edge\nis down").status == 0
    form = next(one.form() for one in desk.requests if (one.method, one.path) == ("POST", "/api/v2/issues"))
    assert form["issueTypeId"] == ["3"]
    assert form["summary"] == ["Edge\\x0ais down"]
    result = attach(f"backlog+{desk.url}/projects/OPS?type=None", report / "report.txt")
    assert result.status == 2
    assert "no issue type 'None', but Bug, Task" in result.err


def test_usage_is_checked_before_anything_is_read(attach: Attach, report: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("https://h.example/1", CAPTURE), "does not say which system"),
        (("redmine+https://h.example/issues/1", tmp_path / "none"), "no such file"),
        (("redmine+https://h.example/issues/1", tmp_path), "no file in this folder"),
    ):
        result = attach(*arguments)
        assert result.status == 2
        assert message in result.err
        assert "Traceback" not in result.err


@pytest.mark.parametrize("size", ["0", "-1", "many", "5X", "", "1e999", "nan"])
def test_sizes_that_are_none(size: str, attach: Attach) -> None:
    with pytest.raises(SystemExit):
        attach("redmine+https://h.example/issues/1", CAPTURE, f"--max-size={size}")


def test_a_name_that_is_not_known_and_a_port_that_is_closed(attach: Attach, report: Path) -> None:
    result = attach("redmine+https://127.0.0.1:1/issues/1", report / "report.json")
    assert result.status == 2
    assert "cannot be reached" in result.err


def test_github_folds_text_and_names_the_rest(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, attach: Attach, report: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAPANALYZER_GITHUB_TOKEN", "s3cret-token")
    (tmp_path / "tricky.md").write_text("```\n</details>\n````\n@admin\n")
    (tmp_path / "long.txt").write_text("x" * 60_000)
    with serving(desk := GitHub(), server_context):
        files = [report / "report.json", tmp_path / "tricky.md", tmp_path / "long.txt", report / "evidence"]
        result = attach(f"github+{desk.url}/ops/edge/issues/5", *files)
        assert result.status == 0
    contents = desk.files("5")
    assert list(contents.values()) == [(report / "report.json").read_bytes(), (tmp_path / "tricky.md").read_bytes()]
    comment = desk.texts("5")[1]
    assert "Not attached" in comment
    assert result.err.count("there is no room for it") == 2


def test_what_servicenow_refuses_is_told_in_the_record(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, attach: Attach, report: Path
) -> None:
    """Its ticket comes before its files: a refusal needs a note of its own, once."""
    monkeypatch.setenv("CAPANALYZER_SERVICENOW_TOKEN", "s3cret-token")
    with serving(desk := ServiceNow(), server_context):
        desk.refuse = "Attachment type is not allowed"
        for _ in range(2):
            result = attach(f"servicenow+{desk.url}/incident", report / "report.json")
            assert result.status == 0
            assert "refused by the server: Attachment type is not allowed" in result.err
    texts = desk.texts(list(desk.records)[1])
    assert "Not attached" in texts[1]
    assert len(texts) >= 2


def test_a_proxy_and_another_server_get_nothing(desk: Backlog, report: Path, attach: Attach, environment: Path) -> None:
    """A netrc entry for the host is not picked up behind our back, and cookies are of no use elsewhere."""
    (environment / ".netrc").write_text("machine 127.0.0.1 login agent password other-s3cret\n")
    (environment / ".netrc").chmod(0o600)
    desk.troubles.append(Trouble("GET", "", Answer(200, {"id": 1}, {"Set-Cookie": "a=b"})))
    assert attach(f"backlog+{desk.url}/view/OPS-1", report / "report.json").status == 0
    assert not [one for one in desk.requests if "authorization" in one.headers]


def test_nothing_of_it_is_loaded_by_an_analysis() -> None:
    code = (
        "import sys\nfrom capanalyzer.cli import main\n"
        f"main(['analyze', {str(CAPTURE)!r}, '-q', '-o', '/dev/null'])\n"
        "print([name for name in sys.modules if name.startswith(('capanalyzer.ticket', 'requests', 'smtplib'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_extra_one_line_says_what_to_install(
    attach: Attach, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redminelib", None)
    monkeypatch.delitem(sys.modules, "capanalyzer.ticket.systems.redmine", raising=False)
    for file in (report / "report.json", CAPTURE):
        result = attach("redmine+https://h.example/issues/1", file)
        assert result.status == 2
        assert "pip install 'capanalyzer[attach]'" in result.err
        assert "analysed" not in result.err  # no minutes are spent before


def test_a_mail_that_nobody_could_send_is_not_prepared(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAPANALYZER_MAIL_FROM", raising=False)
    result = attach("mailto:desk@example.com", CAPTURE)
    assert result.status == 2
    assert result.err == "capanalyzer: who sends the mail? Set CAPANALYZER_MAIL_FROM to your address\n"
