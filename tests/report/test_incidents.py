"""Incidents: what belongs together, what does not, and the limits."""

from __future__ import annotations

import msgspec
import pytest

from capanalyzer.report import incidents as module
from capanalyzer.report import model
from capanalyzer.report.incidents import Incidents

from .samples import at, failed, finding, tls


def incidents_of(*sessions: model.Session) -> tuple[model.Incident, ...]:
    found = Incidents()
    for session in sessions:
        found.add(session)
    return found.result()


def named(stream: int, cause: str, sni: str | None, client: str = "192.0.2.7", start: float = 0) -> model.Session:
    return failed(
        stream,
        cause=cause,
        tls=tls(sni),
        client=model.Endpoint(client, 5000 + stream),
        start=at(start),
        end=at(start + 9),
    )


def test_one_cause_at_one_server_is_one_incident() -> None:
    (incident,) = incidents_of(
        named(4, "server-reset", "a.example", "192.0.2.8", start=500),
        named(0, "server-reset", "a.example", "192.0.2.7", start=0),
        named(9, "server-reset", "a.example", "192.0.2.7", start=900),
    )
    assert incident.sessions == (0, 4, 9)
    assert incident.clients == 2
    assert incident.sni == "a.example"
    assert (incident.first, incident.last) == (at(0), at(909))


def test_a_cause_of_the_server_spans_names() -> None:
    """One version mismatch for all names, and no name is singled out, whatever the order."""
    for names in (["a", "b", "a"], ["a", None, "a"], [None, "a", "a"]):
        (incident,) = incidents_of(*(named(i, "protocol-version-mismatch", n) for i, n in enumerate(names)))
        assert incident.sni is None, names


def test_a_cause_of_a_name_does_not() -> None:
    """Virtual hosts of one server have certificates of their own."""
    found = incidents_of(*(named(i, "certificate-expired", n) for i, n in enumerate(["a", "b", "a"])))
    assert [(i.sni, i.sessions) for i in found] == [("a", (0, 2)), ("b", (1,))]


def test_servers_and_ports_are_apart() -> None:
    one, other = failed(0), failed(1, server=model.Endpoint("198.51.100.9", 8443))
    assert len(incidents_of(one, other)) == 2


def test_the_largest_comes_first() -> None:
    found = incidents_of(
        named(0, "server-reset", None),
        named(1, "server-silent", None, start=100),
        named(2, "server-silent", None, start=200),
    )
    assert [i.cause for i in found] == ["server-silent", "server-reset"]


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan and a flood with forged sources stay bounded, and the report says what is missing."""
    monkeypatch.setattr(module, "MAX_INCIDENTS", 3)
    monkeypatch.setattr(module, "MAX_CLIENTS", 4)
    found = Incidents()
    for port in range(5):
        found.add(failed(port, server=model.Endpoint("198.51.100.9", port + 1)))
    for host in range(5):
        found.add(
            msgspec.structs.replace(
                failed(10 + host, server=model.Endpoint("198.51.100.9", 1)),
                client=model.Endpoint(f"203.0.113.{host}", 1),
            )
        )
    assert len(found.result()) == 3
    for lang in ("en", "ja"):
        first, second = found.notes(lang)
        assert "3" in first
        assert "2" in first
        assert "4" in second
    assert Incidents().notes("en") == []


def beside(server: int = 0, clients: int = 0, client: int = 0, servers: int = 0) -> model.Comparison:
    return model.Comparison(server, clients, client, servers)


@pytest.mark.parametrize(
    ("clients", "comparison", "sentence"),
    [
        (1, beside(), "1 client fails at this server, no session with it is seen to work: the server is silent."),
        (1, beside(0, 0, 7, 2), "The client fails at this server and works with 2 others: the server is silent."),
        (1, beside(0, 0, 1, 1), "The client fails at this server and works with 1 other: the server is silent."),
        (
            3,
            beside(0, 0, 7, 2),
            "3 clients fail at this server, no session with it is seen to work: the server is silent.",
        ),
        (2, beside(12, 4), "2 clients fail at this server, 12 sessions with it work: the server is silent."),
        (1, beside(1, 1), "1 client fails at this server, 1 session with it works: the server is silent."),
        (2, None, "The server is silent."),
    ],
)
def test_the_sentence_says_whom_it_hits(clients: int, comparison: model.Comparison | None, sentence: str) -> None:
    """Whether others succeed is what a ticket's reader wants first; where it is not known nothing is said of it."""
    (incident,) = incidents_of(
        *(
            failed(
                number,
                cause="server-silent",
                client=model.Endpoint(f"192.0.2.{number}", 5000),
                comparison=comparison,
                findings=(finding("server-silent", title="The server is silent", confidence="likely"),),
            )
            for number in range(1, clients + 1)
        )
    )
    assert incident.sentence == sentence
    assert (incident.title, incident.confidence) == ("The server is silent", "likely")


def test_names_and_abbreviations_keep_their_letters() -> None:
    for title, continued in (("TLS sent to HTTP", "TLS sent"), ("ClientHello lost", "ClientHello lost")):
        (incident,) = incidents_of(failed(comparison=beside(), findings=(finding(title=title),)))
        assert f": {continued}" in incident.sentence


def test_who_acts_is_said_only_where_all_agree() -> None:
    one, other = failed(0, blame="client"), failed(1, blame="client")
    assert incidents_of(one, other)[0].blame == "client"
    assert incidents_of(one, failed(1, blame="server"))[0].blame == "unknown"
