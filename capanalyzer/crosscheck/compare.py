"""Both readings of a capture side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from capanalyzer.api import build_report
from capanalyzer.crosscheck.facts import Facts, facts_of_session
from capanalyzer.crosscheck.second_reading import SecondReading, read_with_tshark
from capanalyzer.report import model

__all__ = ["Crosscheck", "Difference", "crosscheck", "differences"]


class Difference(NamedTuple):
    """A fact on which the readings disagree."""

    stream: int
    fact: str
    ours: str | None
    """None: not seen by us."""
    theirs: str | None
    """None: not seen by tshark."""


class Crosscheck(NamedTuple):
    """The result."""

    program: str
    """What gave the second opinion, with its version."""
    streams: int
    facts: int
    """Compared; seen by one side at least."""
    differences: tuple[Difference, ...]
    ports_left_out: tuple[int, ...]
    """Ports with TLS and something else: tshark reads a port one way only, so TLS facts of theirs are not compared."""
    problem: str
    """Why tshark did not read the capture to its end; else empty."""


def crosscheck(path: str, *, tls_ports: Iterable[int] = ()) -> Crosscheck:
    """Read a capture file both ways and compare.

    :raises UsageError: pyshark or tshark is not installed.
    :raises CaptureError: one of both cannot read the file at all.
    """
    sessions = build_report(path, tls_ports=tls_ports).sessions
    with_tls = {session.server.port for session in sessions if session.protocol.client == "tls"}
    others = {s.server.port for s in sessions if s.protocol.client not in ("tls", None) and s.tls is None}
    theirs = read_with_tshark(path, with_tls - others)
    return differences(sessions, theirs, with_tls & others)


def differences(sessions: Iterable[model.Session], theirs: SecondReading, left_out: set[int]) -> Crosscheck:
    """Compare our sessions with the second reading.

    :param left_out: ports of which only TCP facts are compared.
    """
    found, counted, streams = [], 0, 0
    sessions = list(sessions)
    ours = {session.stream: (session.server.port, facts_of_session(session)) for session in sessions}
    # A reset that its sender did not send: tshark goes by the address on it.
    forged = {session.stream for session in sessions if session.closed_by.who == "middlebox"}
    for stream in sorted(ours.keys() | theirs.streams.keys()):
        port, mine = ours.get(stream, (0, {}))
        other = theirs.streams.get(stream, {})
        if not other and (stream in theirs.streams or theirs.problem or not _has_events(mine)):
            continue  # nothing in it that tshark was asked for, or nothing that tells client from server
        streams += 1
        names = [name for name in {**mine, **other} if port not in left_out or name in _OF_TCP]
        if stream in forged:
            names.remove("closed_by")
        counted += len(names)
        found += [
            Difference(stream, name, mine.get(name), other.get(name))
            for name in names
            if mine.get(name) != other.get(name)
        ]
    return Crosscheck(theirs.program, streams, counted, tuple(found), tuple(sorted(left_out)), theirs.problem)


_OF_TCP = frozenset(("client", "server", "closed_by"))


def _has_events(facts: Facts) -> bool:
    """Hellos, alerts, and segments that open or close are what tshark was asked for."""
    return len(facts) > len(("client", "server"))
