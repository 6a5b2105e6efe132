"""Lines of the formats find their session among others, as far as what they name can lead there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capanalyzer.logs.fit import Confidence, Match
from capanalyzer.logs.join import Join
from capanalyzer.logs.line import LogLine, Role, Said
from capanalyzer.logs.read import read_lines
from capanalyzer.logs.seen import Seen

from .made import CLIENT, SECOND, SERVER, START_NS, seen
from .stored import STORED, Stored

OWN, OTHERS = 0, range(1, 6)


def lines_of(stored: Stored) -> list[LogLine]:
    return list(read_lines(enumerate(stored.text.splitlines(), 1)))


def session_of(line: LogLine) -> Seen:
    """A session of which the line may have been written: between the ends that it names, with its alert."""
    whole = seen(OWN)
    moment_ns = START_NS if line.time_ns is None else line.time_ns
    by_server = (line.role is Role.SERVER) == (line.said is not Said.PEER)
    return replace(
        whole,
        start_ns=moment_ns - SECOND // 5,
        end_ns=moment_ns,
        moment_ns=moment_ns,
        client=(line.client.ip or CLIENT, line.client.port or 50_000),
        server=(line.server.ip if line.server.ip and line.server.ip != "*" else SERVER, line.server.port or 443),
        sni=line.sni.lower() if line.sni else None,
        outcome="failed" if line.is_failure else "established",
        causes=line.causes[:1],
        alerts=() if line.alert is None else (("server" if by_server else "client", line.alert),),
    )


def sessions_beside(own: Seen) -> list[Seen]:
    """Of other clients with other servers, before and after it."""
    return [
        replace(
            own,
            id=number,
            client=(f"203.0.113.{number}", 40_000 + number),
            server=(f"203.0.113.{100 + number}", 8_443),
            sni=f"other-{number}.example.test",
            start_ns=own.start_ns + (number - 3) * 97 * SECOND,
            end_ns=own.end_ns + (number - 3) * 97 * SECOND,
            moment_ns=own.moment_ns + (number - 3) * 97 * SECOND,
        )
        for number in OTHERS
    ]


def joined(line: LogLine) -> Match | None:
    own = session_of(line)
    sessions = [own, *sessions_beside(own)]
    join = Join([line])
    for session in sessions:
        join.wants(session)
    span = (min(one.start_ns for one in sessions) - SECOND, max(one.end_ns for one in sessions) + SECOND)
    return next(iter(join.finish(span).matches), None)


NAMING = [
    pytest.param(line, id=f"{stored.format}-{stored.name}")
    for stored in STORED
    for line in lines_of(stored)
    if line.client.ip is not None and line.client.port is not None and line.time_ns is not None
]


@pytest.mark.parametrize("line", NAMING)
def test_a_client_s_address_and_port_lead_to_its_session(line: LogLine) -> None:
    match = joined(line)
    assert match is not None
    assert match.session == OWN


@pytest.mark.parametrize("stored", STORED, ids=lambda one: f"{one.format}-{one.name}")
def test_no_line_is_surely_of_another_session(stored: Stored) -> None:
    for line in lines_of(stored):
        match = joined(line)
        assert match is None or match.session == OWN or match.confidence is Confidence.POSSIBLE
