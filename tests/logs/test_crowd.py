"""Lines that name an address behind which are many clients, and a capture that has a part of what they did."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from capanalyzer.logs.candidates import Key
from capanalyzer.logs.fit import Confidence, Match
from capanalyzer.logs.join import Join, Joined
from capanalyzer.logs.line import LogLine, Peer, TimeOf
from capanalyzer.logs.seen import Seen
from tests.logs.made import CLIENT, SECOND, START_NS, line, seen

LASTS_S = 600
SPAN = (START_NS, START_NS + LASTS_S * SECOND)
WAYS = (("certificate-unknown-ca", 48), ("certificate-expired", 45), ("certificate-rejected", 46))


def spoken(number: int, at: float, ahead: float = 0.0, source: str = "error.log") -> tuple[LogLine, Seen]:
    """A session and the line of it, as nginx writes it: the client's address alone, in whole seconds.

    :param ahead: of the log's clock.
    """
    cause, alert = WAYS[number % len(WAYS)]
    own = seen(number, at, causes=(cause,), alerts=(("client", alert),))
    told = line(
        number,
        float(int(at + 0.2 + ahead)),
        source=source,
        format="nginx",
        client=Peer(CLIENT),
        causes=(cause,),
        alert=alert,
        resolution_ns=SECOND,
    )
    return told, own


def joined(lines: list[LogLine], sessions: list[Seen]) -> Joined:
    joining = Join(lines)
    for one in sessions:
        joining.wants(one)
    return joining.finish(SPAN)


def street(count: int, seed: int, ahead: float = 0.0) -> list[tuple[LogLine, Seen]]:
    dice = random.Random(seed)
    return [spoken(number, dice.uniform(1, LASTS_S - 2), ahead) for number in range(count)]


def judged(found: Joined) -> Counter[tuple[Confidence, bool]]:
    """How many are called what, and are right."""
    return Counter((match.confidence, match.line.number == match.session) for match in found.matches)


def test_where_every_line_has_its_session_an_address_is_likely() -> None:
    pairs = street(60, seed=1)
    counts = judged(joined([told for told, _ in pairs], [own for _, own in pairs]))
    assert counts[Confidence.LIKELY, True] >= 50
    assert not counts[Confidence.LIKELY, False]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_a_capture_of_a_part_of_an_addresss_clients_makes_no_line_likely(share: float, seed: int) -> None:
    """A neighbour's session that failed alike at about the same time is there for many of the others."""
    pairs = street(200, seed)
    dice = random.Random(100 + seed)
    kept = [own for _, own in pairs if dice.random() < share] or [pairs[0][1]]
    counts = judged(joined([told for told, _ in pairs], kept))
    assert not counts[Confidence.LIKELY, False]
    assert not counts[Confidence.CERTAIN, False]


def test_one_line_and_the_one_session_of_its_client_are_likely() -> None:
    told, own = spoken(0, at=300)
    (match,) = joined([told], [own]).matches
    assert (match.key, match.confidence) == (Key.CLIENT, Confidence.LIKELY)


def test_one_line_among_many_sessions_that_failed_alike_is_possible() -> None:
    """Nothing tells that its own is among them."""
    told, _ = spoken(0, at=300)
    sessions = [spoken(3 * number, at=7 * number)[1] for number in range(80)]
    (match,) = joined([told], sessions).matches
    assert match.confidence is Confidence.POSSIBLE


def test_lines_of_other_clients_tell_nothing_of_those_that_the_capture_has() -> None:
    """A capture of one host, the log of all."""
    told, own = spoken(0, at=300)
    others = [
        line(number, 3.0 * number, source="error.log", format="nginx", client=Peer("192.0.2.99"), resolution_ns=SECOND)
        for number in range(1, 150)
    ]
    (match,) = joined([told, *others], [own]).matches
    assert isinstance(match, Match)
    assert match.confidence is Confidence.LIKELY


def test_a_session_is_not_that_of_two_lines_that_say_the_same() -> None:
    """The session of one of them failed in a way that is not seen as a failure."""
    told, own = spoken(0, at=300)
    other = seen(1, at=300.4, outcome="plaintext", causes=(), alerts=())
    again = line(
        1, 300, source="error.log", format="nginx", client=Peer(CLIENT), causes=told.causes, resolution_ns=SECOND
    )
    found = joined([told, again], [own, other])
    assert {match.session for match in found.matches} <= {own.id}
    assert {match.confidence for match in found.matches} <= {Confidence.POSSIBLE}


@pytest.mark.parametrize("ahead", [0, 433, 9 * 3600])
def test_the_clock_of_a_log_that_has_one_address_is_found(ahead: int) -> None:
    """So many sessions go with each line that none of them tells anything; all together they do."""
    pairs = street(200, seed=4, ahead=ahead)
    found = joined([told for told, _ in pairs], [own for _, own in pairs])
    (clock,) = found.clocks.values()
    assert abs(clock.offset_ns + ahead * SECOND) < SECOND
    assert not clock.is_sure
    counts = judged(found)
    assert counts[Confidence.LIKELY, True] >= 100
    assert not counts[Confidence.LIKELY, False]


def test_a_log_of_another_day_with_the_same_one_address_gives_no_clock() -> None:
    lines = [told for told, _ in street(200, seed=5)]
    sessions = [own for _, own in street(200, seed=6)]
    found = joined(lines, sessions)
    assert Confidence.LIKELY not in {match.confidence for match in found.matches}


def reused(
    count: int, share: float, ports: int, exact_ns: int, time_of: TimeOf, seed: int
) -> tuple[list[LogLine], list[Seen], float]:
    """A client that uses few ports again within seconds, and the part of its sessions that the capture has."""
    dice = random.Random(seed)
    lines, sessions, at = [], [], 0.0
    for number in range(count):
        at += dice.expovariate(1.0) + 0.21
        end = Peer(CLIENT, 50_000 + dice.randrange(ports))
        own = seen(number, at, client=(CLIENT, end.port))
        stamp = at if time_of is TimeOf.ACCEPT else at + 0.2
        stamp = float(int(stamp)) if exact_ns == SECOND else stamp
        lines.append(line(number, stamp, client=end, resolution_ns=exact_ns, time_of=time_of))
        if dice.random() < share:
            sessions.append(own)
    return lines, sessions, at


@pytest.mark.parametrize("time_of", [TimeOf.ACCEPT, TimeOf.FAILURE], ids=lambda one: one.value)
@pytest.mark.parametrize("exact_ns", [SECOND // 1000, SECOND])
@pytest.mark.parametrize("ports", [1, 4])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_ports_used_again_at_once_make_nothing_certain_where_sessions_are_missing(
    share: float, ports: int, exact_ns: int, time_of: TimeOf
) -> None:
    lines, sessions, lasts_s = reused(200, share, ports, exact_ns, time_of, seed=7)
    joining = Join(lines)
    for one in sessions:
        joining.wants(one)
    counts = judged(joining.finish((START_NS - SECOND, START_NS + int(lasts_s + 5) * SECOND)))
    assert not counts[Confidence.CERTAIN, False]
    assert not counts[Confidence.LIKELY, False]
    assert sum(counts.values()) > 0


def test_ports_used_again_are_likely_where_every_line_has_its_session() -> None:
    lines, sessions, lasts_s = reused(200, 1.1, 4, SECOND // 1000, TimeOf.FAILURE, seed=7)
    joining = Join(lines)
    for one in sessions:
        joining.wants(one)
    counts = judged(joining.finish((START_NS - SECOND, START_NS + int(lasts_s + 5) * SECOND)))
    assert counts[Confidence.LIKELY, True] + counts[Confidence.CERTAIN, True] >= 190
    assert set(counts) <= {(Confidence.LIKELY, True), (Confidence.CERTAIN, True)}
