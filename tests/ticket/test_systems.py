"""Systems that cannot run here, against servers that hold their documentation: on a ticket and into a new one, once
and twice, with everything that goes wrong on the way."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.ticket.conftest import Attach, Pauses, expected_in
from tests.ticket.desks.backlog import Backlog
from tests.ticket.desks.github import GitHub
from tests.ticket.desks.gitlab import GitLab
from tests.ticket.desks.jira import Jira
from tests.ticket.desks.server import Answer, Trouble, serving
from tests.ticket.desks.servicenow import ServiceNow

SECRET = "s3cret-token"


@dataclass(frozen=True)
class System:
    name: str
    desk: Any
    ticket: str
    at: str
    """Path of the ticket in a browser."""
    new: str
    """Path of the project."""
    upload: str
    """Pattern of the path that takes a file; empty where there is none."""
    comment: tuple[str, str]
    opens: tuple[str, str]


SYSTEMS = [
    System(
        "jira", Jira, "OPS-1", "/browse/OPS-1", "/projects/OPS", "/attachments$", ("POST", "/comment$"), ("POST", "e$")
    ),
    System(
        "servicenow",
        ServiceNow,
        "INC0012345",
        "/incident/INC0012345",
        "/incident",
        "/attachment/file$",
        ("PATCH", "/incident/"),
        ("POST", "/incident$"),
    ),
    System(
        "github",
        GitHub,
        "5",
        "/ops/edge/issues/5",
        "/ops/edge/issues",
        "",
        ("POST", "/comments$"),
        ("POST", "/issues$"),
    ),
    System(
        "gitlab",
        GitLab,
        "5",
        "/net/edge/-/issues/5",
        "/net/edge",
        "/uploads$",
        ("POST", "/notes$"),
        ("POST", "/issues$"),
    ),
    System(
        "backlog",
        Backlog,
        "OPS-1",
        "/view/OPS-1",
        "/projects/OPS",
        "/space/attachment$",
        ("POST", "/comments$"),
        ("POST", "/issues$"),
    ),
]


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.name)
def system(request: pytest.FixtureRequest) -> System:
    chosen: System = request.param
    return chosen


@pytest.fixture
def desk(system: System, server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    desk = system.desk()
    monkeypatch.setenv(f"CAPANALYZER_{system.name.upper()}_TOKEN", SECRET)
    if system.name == "jira":
        monkeypatch.setenv("CAPANALYZER_JIRA_USER", "agent")
    with serving(desk, server_context):
        yield desk
    assert desk.complaints == []


def existing(system: System, desk: Any) -> str:
    return f"{system.name}+{desk.url}{system.at}"


def project(system: System, desk: Any) -> str:
    return f"{system.name}+{desk.url}{system.new}"


def contents(report: Path, *names: str) -> list[bytes]:
    return sorted((report / name).read_bytes() for name in names)


def test_a_ticket_gets_summary_and_files(system: System, desk: Any, report: Path, attach: Attach) -> None:
    result = attach(existing(system, desk), report / "report.json", report / "report.txt")
    assert result.status == 0
    assert desk.url in result.out
    assert sorted(desk.files(system.ticket).values()) == contents(report, "report.json", "report.txt")
    description, comment = desk.texts(system.ticket)
    assert description == "Customers cannot connect"
    for piece in ("capanalyzer:", *expected_in(report)):
        assert piece in comment


def test_a_new_ticket(system: System, desk: Any, report: Path, attach: Attach) -> None:
    result = attach(project(system, desk), report / "report.json", report / "report.txt")
    assert result.status == 0
    assert len(getattr(desk, "issues", None) or desk.records) == 2
    again = attach(project(system, desk), report / "report.json", report / "report.txt")
    assert again.status == 0
    assert again.out == result.out
    assert "nothing had to be sent" in again.err
    assert len(getattr(desk, "issues", None) or desk.records) == 2


def test_twice_is_once(system: System, desk: Any, report: Path, attach: Attach) -> None:
    for _ in range(2):
        assert attach(existing(system, desk), report / "report.json", report / "report.txt").status == 0
    texts, changes = desk.texts(system.ticket), desk.changes()
    assert len(texts) == 2
    result = attach(existing(system, desk), report / "report.txt", report / "report.json")
    assert "nothing had to be sent" in result.err
    assert desk.changes() == changes


def test_what_was_added_later_is_sent_alone(system: System, desk: Any, report: Path, attach: Attach) -> None:
    attach(existing(system, desk), report / "report.json")
    result = attach(existing(system, desk), report / "report.json", report / "report.txt")
    assert "report.json" not in result.err.replace("report-", "")
    assert sorted(desk.files(system.ticket).values()) == contents(report, "report.json", "report.txt")
    assert result.err.count("is there already") == 1


def test_a_japanese_file_name(system: System, desk: Any, attach: Attach, tmp_path: Path) -> None:
    (tmp_path / "障害 報告.txt").write_text("本文\n", "utf-8")
    assert attach(existing(system, desk), tmp_path / "障害 報告.txt").status == 0
    ((name, content),) = desk.files(system.ticket).items()
    assert re.fullmatch(r"障害_報告-[0-9a-f]{12}\.txt", name)
    assert content.decode() == "本文\n"
    again = attach(existing(system, desk), tmp_path / "障害 報告.txt")
    assert "nothing had to be sent" in again.err


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for(
    system: System, desk: Any, report: Path, attach: Attach, pauses: Pauses, status: int
) -> None:
    for path in filter(None, (system.upload, system.comment[1])):
        method = system.comment[0] if path == system.comment[1] else "POST"
        desk.troubles.append(Trouble(method, path, Answer(status, {"message": "slowly"}, {"Retry-After": "7"})))
    desk.troubles.append(Trouble("GET", "", Answer(status, None, {"Retry-After": "3"})))
    assert attach(existing(system, desk), report / "report.json").status == 0
    assert sorted(pauses.taken) == [3.0] + [7.0] * (2 if system.upload else 1)
    assert list(desk.files(system.ticket).values()) == contents(report, "report.json")
    assert len(desk.texts(system.ticket)) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before-it-was-done", "after-it-was-done"])
def test_a_lost_answer_neither_loses_nor_doubles(
    system: System, desk: Any, report: Path, attach: Attach, after: bool
) -> None:
    """A connection that breaks leaves open what happened: the ticket is asked."""
    for path in filter(None, (system.upload, system.comment[1])):
        method = system.comment[0] if path == system.comment[1] else "POST"
        desk.troubles.append(Trouble(method, path, None, after=after))
    assert attach(existing(system, desk), report / "report.json").status == 0
    assert desk.troubles == []
    assert list(desk.files(system.ticket).values()) == contents(report, "report.json")
    assert len(desk.texts(system.ticket)) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before-it-was-done", "after-it-was-done"])
def test_a_ticket_is_not_opened_twice(system: System, desk: Any, report: Path, attach: Attach, after: bool) -> None:
    desk.troubles.append(Trouble(*system.opens, Answer(502, None), after=after))
    assert attach(project(system, desk), report / "report.json").status == 0
    assert desk.troubles == []
    assert len(getattr(desk, "issues", None) or desk.records) == 2


def test_it_is_given_up_in_the_end(system: System, desk: Any, report: Path, attach: Attach, pauses: Pauses) -> None:
    desk.troubles += [Trouble("GET", "", Answer(503, None)) for _ in range(5)]
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "answers 503" in result.err
    assert len(pauses.taken) == 4
    assert all(0.5 <= pause <= 2**n for n, pause in enumerate(pauses.taken))
    assert desk.changes() == []


def test_a_quota_of_hours_is_not_waited_for(
    system: System, desk: Any, report: Path, attach: Attach, pauses: Pauses
) -> None:
    desk.troubles.append(Trouble("GET", "", Answer(429, None, {"Retry-After": "3600"})))
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "come back in 3600 s" in result.err
    assert pauses.taken == []


def test_a_failure_says_how_far_it_got(system: System, desk: Any, report: Path, attach: Attach) -> None:
    desk.troubles += [Trouble(*system.comment, Answer(403, {"message": "No permission for echo s3cret-token"}))]
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert SECRET not in result.err
    assert ("was attached" if system.name in ("jira", "servicenow") else "nothing was sent") in result.err
    assert (report / "report.json").exists()
    assert attach(existing(system, desk), report / "report.json").status == 0
    assert list(desk.files(system.ticket).values()) == contents(report, "report.json")


def test_wrong_credentials(
    system: System, desk: Any, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CAPANALYZER_{system.name.upper()}_TOKEN", "wr0ng-token")
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "answers 401" in result.err
    assert "wr0ng" not in result.err + result.out
    assert "Traceback" not in result.err


def test_no_redirect_is_followed(system: System, desk: Any, report: Path, attach: Attach) -> None:
    desk.troubles.append(Trouble("GET", "", Answer(302, None, {"Location": "https://elsewhere.example/login"})))
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "redirects to https://elsewhere.example" in result.err
    assert len(desk.requests) == 1


@pytest.mark.parametrize("body", [["no", "such"], {"surprise": 1}, "text"], ids=["list", "object", "string"])
def test_an_answer_that_makes_no_sense(system: System, desk: Any, report: Path, attach: Attach, body: object) -> None:
    desk.troubles += [Trouble("GET", "", Answer(200, body)) for _ in range(9)]
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "Traceback" not in result.err


def test_a_dry_run_sends_nothing_and_shows_no_secret(system: System, desk: Any, report: Path, attach: Attach) -> None:
    for target in (existing(system, desk), project(system, desk)):
        result = attach(target, report / "report.json", report / "evidence", "--dry-run")
        assert result.status == 0
        assert SECRET not in result.out + result.err
        assert "***" in result.out
        assert "nothing was sent" in result.err
        assert "SHA-256" in result.out
        assert attach(target, report / "report.json", report / "evidence", "--dry-run").out == result.out
    assert desk.requests == []


def test_a_dry_run_speaks_the_language_of_the_run(system: System, desk: Any, report: Path, attach: Attach) -> None:
    """What is no part of a request."""
    printed = attach(
        existing(system, desk), report / "report.json", report / "evidence", "--dry-run", "--lang", "ja"
    ).out
    assert not re.search(r"^ *(file|part|body|no credentials)\b|[0-9] bytes, SHA-256 ", printed, re.MULTILINE)
    assert "ファイル report-" in printed


def test_a_dry_run_shows_what_is_sent(system: System, desk: Any, report: Path, attach: Attach) -> None:
    """The same requests in the same order, but for what the server made up."""
    printed = attach(existing(system, desk), report / "report.json", "--dry-run").out
    attach(existing(system, desk), report / "report.json")
    shown = [line.split()[0] for line in printed.splitlines() if line.split(" ")[0] in ("GET", "POST", "PUT", "PATCH")]
    assert shown == [request.method for request in desk.requests]
    assert "http-to-tls-port" in printed


def test_an_unverified_server_gets_nothing(
    system: System, desk: Any, report: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    result = attach(existing(system, desk), report / "report.json")
    assert result.status == 2
    assert "its certificate is not accepted" in result.err
    assert desk.requests == []


def test_a_certificate_for_another_name(system: System, report: Path, attach: Attach, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    other = system.desk()
    with serving(other, context):
        result = attach(existing(system, other), report / "report.json")
    assert result.status == 2
    assert "its certificate is not accepted" in result.err
    assert other.requests == []


def test_files_too_large_are_compressed_or_left_out(system: System, desk: Any, report: Path, attach: Attach) -> None:
    result = attach(existing(system, desk), report / "report.json", report / "report.txt", "--max-size", "1.5k")
    assert result.status == 0
    assert "not attached: " in result.err
    (_, comment) = desk.texts(system.ticket)
    assert "Not attached" in comment
