"""Pauses that servers ask for in their ways, answers without end, and requests that would go elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from capanalyzer.errors import TicketError
from capanalyzer.ticket import wire
from capanalyzer.ticket.credentials import Credentials
from capanalyzer.ticket.pace import ATTEMPTS, Refused, Unanswered, once
from capanalyzer.ticket.wire import Session, open_session
from tests.ticket.conftest import Pauses
from tests.ticket.desks.server import Answer, Desk, Request, Trouble, serving

TOKEN = Credentials(None, "s3cret-token", "a test", is_token=True)


class Echo(Desk):
    def handle(self, request: Request) -> Answer:
        return Answer(200, {"query": request.query, "headers": request.headers})


@pytest.fixture
def desk(server_context: ssl.SSLContext) -> Iterator[Echo]:
    with serving(desk := Echo(), server_context):
        yield desk


@pytest.fixture
def session(desk: Echo) -> Session:
    return open_session(desk.url, "backlog", TOKEN, None)


def test_the_secret_is_on_the_wire_and_nowhere_else(
    desk: Echo, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    response = session.get(f"{desk.url}/x?a=1")
    assert response.json()["query"] == {"a": ["1"], "apiKey": ["s3cret-token"]}
    assert "s3cret" not in caplog.text
    assert "s3cret" not in f"{response.url} {response.request.url} {response.request.headers} {session.headers}"


def test_no_other_server(desk: Echo, session: Session) -> None:
    for url in ("https://elsewhere.example/x", desk.url.replace("https", "http"), desk.url.replace("127", "127.0")):
        with pytest.raises(TicketError, match="nothing is sent to another server"):
            session.get(url)
    assert desk.requests == []


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "2"}, 2, 2),
        ({"Retry-After": "DATE"}, 15, 20),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "EPOCH"}, 15, 20),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "EPOCH"}, 15, 20),
        ({"Retry-After": "soon"}, 0.5, 1),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "EPOCH"}, 0.5, 1),
        ({"Retry-After": "-5"}, 0.5, 1),
        ({}, 0.5, 1),
    ],
    ids=str,
)
def test_pauses(desk: Echo, session: Session, pauses: Pauses, headers: dict[str, str], low: float, high: float) -> None:
    then = datetime.now(UTC) + timedelta(seconds=20)
    values = {"DATE": format_datetime(then, usegmt=True), "EPOCH": str(int(then.timestamp()))}
    answer = Answer(429, None, {name: values.get(value, value) for name, value in headers.items()})
    desk.troubles.append(Trouble("GET", "", answer))
    session.get(f"{desk.url}/x")
    (pause,) = pauses.taken
    assert low <= pause <= high


def test_a_quota_that_github_answers_with_403(desk: Echo, session: Session, pauses: Pauses) -> None:
    desk.troubles.append(Trouble("GET", "", Answer(403, {"message": "secondary rate limit"}, {"Retry-After": "9"})))
    session.get(f"{desk.url}/x")
    assert pauses.taken == [9]
    desk.troubles.append(Trouble("GET", "", Answer(403, {"message": "Forbidden"})))
    with pytest.raises(Refused, match="Forbidden"):
        session.get(f"{desk.url}/x")


def test_a_change_is_not_repeated_by_itself(desk: Echo, session: Session) -> None:
    desk.troubles.append(Trouble("POST", "", Answer(503, None)))
    with pytest.raises(Unanswered) as error:
        session.post(f"{desk.url}/x")
    assert error.value.maybe_done
    assert len(desk.requests) == 1


def test_what_may_have_been_done_is_looked_for_first() -> None:
    done: list[str] = []

    def act() -> str:
        done.append("act")
        raise Unanswered("lost", maybe_done=True)

    assert once(act, lambda: "found") == "found"
    assert done == ["act"]


def test_it_is_given_up(pauses: Pauses) -> None:
    tries: list[int] = []

    def act() -> str:
        tries.append(1)
        raise Unanswered("lost", maybe_done=True)

    with pytest.raises(Unanswered):
        once(act, lambda: None)
    assert len(tries) == ATTEMPTS == len(pauses.taken) + 1


def test_an_answer_without_end(desk: Echo, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ANSWER_BYTES", 1000)
    desk.troubles.append(Trouble("GET", "", Answer(200, "x" * 1001)))
    with pytest.raises(TicketError, match="an answer of more than"):
        session.get(f"{desk.url}/x")


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_reasons_are_one_line_and_hold_no_secret(desk: Echo, session: Session, status: int) -> None:
    body = {"errors": [{"message": "no\n\x1b[31m" + "x" * 290 + " s3cret-token"}, {"message": "key s3cret-token"}]}
    desk.troubles.append(Trouble("GET", "", Answer(status, body)))
    with pytest.raises(Refused) as error:
        session.get(f"{desk.url}/x")
    assert "s3cret" not in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500


def test_a_bundle_of_certificates(desk: Echo, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(environment / "authority.pem"))
    assert open_session(desk.url, "jira", TOKEN, None).get(f"{desk.url}/x").status_code == 200
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(environment / "none.pem"))
    with pytest.raises(TicketError, match="REQUESTS_CA_BUNDLE"):
        open_session(desk.url, "jira", TOKEN, None)


def test_a_proxy_of_the_environment_is_used(desk: Echo, monkeypatch: pytest.MonkeyPatch, pauses: Pauses) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(Unanswered, match="cannot be reached"):
        open_session(desk.url, "jira", TOKEN, None).get(f"{desk.url}/x")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert open_session(desk.url, "jira", TOKEN, None).get(f"{desk.url}/x").status_code == 200
