"""Lines that name no client: of the one session that they can mean, and of none where there are several."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from capanalyzer.logs.candidates import Key
from capanalyzer.logs.fit import Because, Confidence, Match, Missed, Why
from capanalyzer.logs.join import Join
from capanalyzer.logs.line import LogLine, Peer, Role, Said
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.means import can_mean
from capanalyzer.logs.seen import Agreement, Seen

from .made import SECOND, SERVER, START_NS, line, seen
from .test_join import join, only

NAME = "shop.example.test"


def bare(number: int = 0, meaning: str = "verify-unknown-issuer", **changes: Any) -> LogLine:
    """A client's line without time, address and name."""
    whole = line(
        number,
        format="curl",
        meaning=meaning,
        causes=MEANINGS[meaning].causes,
        time_ns=None,
        client=Peer(),
        role=Role.CLIENT,
        said=Said.LOCAL,
        alert=None,
    )
    return replace(whole, **changes)


def failed(number: int, *causes: str, **changes: Any) -> Seen:
    return seen(number, **{"at": 10.0 * number, "causes": causes, "alerts": (), **changes})


def healthy(number: int, **changes: Any) -> Seen:
    return failed(number, outcome="established", **changes)


def match(found: Match | Missed) -> Match:
    assert isinstance(found, Match)
    return found


def missed(found: Match | Missed) -> Missed:
    assert isinstance(found, Missed)
    return found


def test_the_only_failed_session() -> None:
    found = match(only(join([bare()], [seen(0), healthy(1)])))
    assert (found.session, found.confidence, found.key) == (0, Confidence.POSSIBLE, Key.WORDS)
    assert (found.time_ns, found.clock, found.because) == (None, None, Because(1, is_certificate=False))


def test_the_only_one_that_failed_in_a_way_the_line_can_mean() -> None:
    others = [failed(1, "http-to-tls-port"), failed(2, "server-silent"), failed(3, "no-shared-cipher")]
    found = match(only(join([bare()], [*others, seen(0)])))
    assert (found.session, found.confidence, found.because) == (0, Confidence.POSSIBLE, Because(4, False))


def test_several_are_named_the_best_first() -> None:
    open_ones = failed(0, "certificate-rejected-encrypted", open_causes=("certificate-unknown-ca",))
    found = missed(only(join([bare()], [open_ones, seen(1, at=10), seen(2, at=20)])))
    assert (found.why, found.candidates) == (Why.SEVERAL, (1, 2, 0))


def test_none_that_it_can_mean() -> None:
    assert missed(only(join([bare()], [failed(0, "http-to-tls-port"), healthy(1)]))).why is Why.UNNAMED
    assert missed(only(join([bare()], [healthy(1)]))).why is Why.UNNAMED


def test_the_only_session_that_asks_for_the_name() -> None:
    named = bare(sni="Shop.Example.Test", server=Peer(None, 443))
    own, other = seen(0, sni=NAME), seen(1, at=10, sni="other.example.test")
    found = match(only(join([named], [own, other])))
    assert (found.session, found.confidence, found.key) == (0, Confidence.LIKELY, Key.NAME)
    assert found.because == Because(1, is_certificate=False)


def test_a_refusal_that_no_packet_shows() -> None:
    """curl looks at the name when the handshake is complete: known by name, and by an end at that very moment."""
    pool = [healthy(n, at=20 * n, sni=NAME) for n in range(6)]
    lines = [
        bare(n, "verify-hostname", time_ns=line(0, at=20 * n + 0.21).time_ns, sni=NAME, resolution_ns=10**6)
        for n in range(6)
    ]
    shown = [seen(10 + n, at=when, sni=NAME) for n, when in enumerate((7, 31, 68, 90))]
    known = [bare(one.id, time_ns=one.moment_ns, sni=NAME, resolution_ns=10**6) for one in shown]
    joined = join([*lines, *known], [*pool, *shown])
    hidden = [one for one in joined.matches if one.session < 6]
    assert {(one.line.number, one.session) for one in hidden} == {(n, n) for n in range(6)}
    assert {(one.confidence, one.agreement) for one in hidden} == {(Confidence.POSSIBLE, Agreement.UNKNOWN)}
    late = [replace(one, time_ns=(one.time_ns or 0) + SECOND) for one in lines]
    assert {one.session for one in join([*late, *known], [*pool, *shown]).matches} == {one.id for one in shown}


def test_of_several_that_ask_for_the_name_the_one_that_failed_so() -> None:
    pool = [seen(0, sni=NAME), healthy(1, sni=NAME), failed(2, "server-silent", sni=NAME)]
    found = match(only(join([bare(sni=NAME)], pool)))
    assert (found.session, found.confidence, found.because) == (0, Confidence.POSSIBLE, Because(3, False))
    found_none = missed(only(join([bare(sni=NAME)], [*pool, seen(3, at=30, sni=NAME)])))
    assert (found_none.why, found_none.candidates) == (Why.SEVERAL, (0, 3))


def test_a_name_that_works_is_not_said_of_another_that_fails() -> None:
    """The session that asks for the name is healthy, and another one failed so; it asks for another name."""
    pool = [healthy(0, sni=NAME), seen(1, at=10, sni="other.example.test")]
    assert missed(only(join([bare(sni=NAME)], pool))).why is Why.NO_SESSION


def test_a_connection_that_was_refused_has_asked_for_no_name() -> None:
    refused = bare(meaning="connect-refused", said=Said.TRANSPORT, sni=NAME, server=Peer(None, 443))
    pool = [healthy(0, sni=NAME), failed(1, "tcp-connect-refused")]
    found = match(only(join([refused], pool)))
    assert (found.session, found.confidence, found.key) == (1, Confidence.POSSIBLE, Key.WORDS)
    elsewhere = replace(refused, server=Peer(None, 8443))
    assert missed(only(join([elsewhere], pool))).why is Why.NO_SESSION


@pytest.mark.parametrize("name", [NAME, "*.example.test"])
def test_a_session_without_a_name_is_found_by_its_certificate(name: str) -> None:
    found = match(only(join([bare(sni=NAME)], [seen(0, certificate_names=("a.test", name)), seen(1, at=10)])))
    assert (found.session, found.because) == (0, Because(1, is_certificate=True))


def test_a_tunnel_is_found_by_the_name_it_was_asked_for() -> None:
    """The proxy has a port of its own."""
    tunnel = seen(0, request_host=NAME, sni=NAME, server=("192.0.2.1", 3128))
    found = match(only(join([bare(sni=NAME, server=Peer(None, 443))], [tunnel, seen(1, at=10)])))
    assert (found.session, found.confidence) == (0, Confidence.LIKELY)


def test_a_name_whose_clock_is_not_known() -> None:
    """Four minutes off, and nothing else tells of the clock: possible where there is but one such session."""
    named = bare(sni=NAME, time_ns=line(0, at=237).time_ns)
    assert match(only(join([named], [seen(0, sni=NAME)]))).confidence is Confidence.POSSIBLE
    nameless = replace(named, sni=None)
    found = missed(only(join([nameless], [seen(0, sni=NAME)])))
    assert (found.why, found.candidates) == (Why.CLOCK, (0,))


@pytest.mark.parametrize("has_zone", [True, False])
def test_the_only_one_at_its_moment(has_zone: bool) -> None:
    """A clock that is kept right; others failed of the same at other times."""
    pool = [seen(n, at=60 * n) for n in range(9)]
    timed = bare(time_ns=line(0, at=120.3).time_ns, has_zone=has_zone)
    found = match(only(join([timed], pool)))
    assert (found.session, found.confidence, found.key) == (2, Confidence.POSSIBLE, Key.NOTHING)
    assert found.because == Because(1, is_certificate=False)
    assert isinstance(only(join([replace(timed, time_ns=line(0, at=150).time_ns, has_zone=True)], pool)), Missed)


def test_of_two_at_its_moment_none() -> None:
    pool = [seen(0), seen(1, at=1.5), seen(2, at=500)]
    found = missed(only(join([bare(time_ns=line(0, at=1.2).time_ns, has_zone=True)], pool)))
    assert (found.why, found.candidates) == (Why.SEVERAL, (1, 0))  # the nearer one first


def test_a_time_taken_at_its_word_meets_nothing_by_chance() -> None:
    """Every five seconds something fails in that way: by a clock that is off by a minute one of them is met, too."""
    span = START_NS, START_NS + 300 * SECOND
    stamped = bare(time_ns=line(0, at=100.1).time_ns, has_zone=True)
    assert missed(only(join([stamped], [seen(n, at=5 * n) for n in range(60)], span))).why is Why.SEVERAL
    assert match(only(join([stamped], [seen(n, at=100 * n) for n in range(3)], span))).session == 1


def test_the_clock_of_a_log_that_names_nobody() -> None:
    """Seven minutes off: its lines agree on that alone."""
    at = (0, 7, 19, 23, 41, 58, 80, 117, 118.5, 140)
    pool = [seen(n, at=when) for n, when in enumerate(at)]
    lines = [bare(n, time_ns=line(0, at=when + 0.21 + 437.5).time_ns) for n, when in enumerate(at)]
    joined = join(lines, pool)
    assert {(one.line.number, one.session) for one in joined.matches} == {(n, n) for n in range(10)}
    assert {one.confidence for one in joined.matches} == {Confidence.POSSIBLE}
    named = [replace(one, sni=NAME) for one in lines]
    joined = join(named, [replace(one, sni=NAME) for one in pool])
    assert {(one.line.number, one.session) for one in joined.matches} == {(n, n) for n in range(10)}
    assert {one.confidence for one in joined.matches} == {Confidence.LIKELY}


def test_a_log_that_mostly_meets_nothing_is_another_s() -> None:
    """A program that fails all the time, and a capture of somebody who failed a few times."""
    pool = [seen(n, at=100 * n) for n in range(9)]
    lines = [bare(n, time_ns=line(0, at=9.1 * n).time_ns, has_zone=True) for n in range(88)]
    assert not join(lines, pool).matches


def kept(at: Sequence[float], **changes: Any) -> list[LogLine]:
    """Lines to the millisecond of a clock that others of their log confirm."""
    return [bare(n, time_ns=line(0, at=when).time_ns, resolution_ns=10**6, **changes) for n, when in enumerate(at)]


MOMENTS = (0.2, 7.2, 19.2, 23.2, 41.2, 58.2, 80.2)


def test_of_two_within_a_second_the_one_at_whose_moment_it_was_written() -> None:
    pool = [seen(n, at=when - 0.2) for n, when in enumerate(MOMENTS)]
    beside = seen(9, at=MOMENTS[3] - 0.05)  # 150 ms later
    found = {one.line.number: one.session for one in join(kept(MOMENTS), [*pool, beside]).matches}
    assert found == {n: n for n in range(7)}
    nearer = replace(beside, start_ns=beside.start_ns - SECOND // 10, moment_ns=beside.moment_ns - SECOND // 10)
    found = {one.line.number: one.session for one in join(kept(MOMENTS), [*pool, nearer]).matches}
    assert found == {n: n for n in range(7) if n != 3}


def test_a_log_of_many_and_a_capture_of_a_few() -> None:
    """Where most lines have no session, one that is half a second off is not said of what merely was near."""
    pool = [seen(n, at=when - 0.2) for n, when in enumerate(MOMENTS)]
    dice = random.Random(1)
    strangers = kept([*MOMENTS, MOMENTS[2] + 0.9, *[dice.uniform(0, 3600) for _ in range(60)]])
    found = {one.line.number: one.session for one in join(strangers, pool).matches}
    assert {n: found[n] for n in range(7)} == {n: n for n in range(7)}
    assert 7 not in found


def test_a_clock_that_lines_with_very_many_sessions_agree_on() -> None:
    """Each of 80 lines may be of any of 80 sessions; only one offset brings them all together."""
    dice = random.Random(3)
    at = sorted(dice.uniform(0, 120) for _ in range(80))
    pool = [seen(n, at=when) for n, when in enumerate(at)]
    lines = kept([when + 0.2 - 95 + dice.uniform(0, 0.02) for when in at], has_zone=True)
    joined = join(lines, pool, (START_NS, START_NS + 125 * SECOND))
    (clock,) = joined.clocks.values()
    assert abs(clock.offset_ns - 95 * SECOND) < SECOND // 20
    assert clock.stands_out
    assert all(one.line.number == one.session for one in joined.matches)
    assert len(joined.matches) > 40
    scattered = kept([dice.uniform(-200, 200) for _ in range(80)], has_zone=True)
    assert not join(scattered, pool, (START_NS, START_NS + 125 * SECOND)).matches


def test_a_certificate_that_was_complained_of_and_may_have_been_accepted() -> None:
    """openssl s_client tells of it and goes on: by time alone, it is of a session that failed only where few did."""
    dice = random.Random(5)
    at = sorted(dice.uniform(0.2, 100) for _ in range(40))
    pool = [seen(n, at=when - 0.2) for n, when in enumerate(at)]
    told = kept(at, format="openssl", role=None, meaning="verify-unknown-issuer")
    fatal = kept(at, format="openssl", role=Role.CLIENT, meaning="verify-unknown-issuer")
    span = START_NS, START_NS + 100 * SECOND
    assert len(join(fatal, pool, span).matches) > 30  # others follow each other too closely
    assert not join(told, pool, span).matches


def test_many_equal_lines_and_one_session() -> None:
    """A loop that fails again and again; the capture has one of its connections."""
    joined = join([bare(n) for n in range(5)], [seen(0), failed(1, "server-silent")])
    assert {(one.why, one.candidates) for one in joined.missed} == {(Why.LINES, (0,))}
    assert not joined.matches


def test_of_equal_lines_the_one_at_its_moment() -> None:
    lines = [bare(n, time_ns=line(0, at=0.2 + 0.9 * n).time_ns, has_zone=True, resolution_ns=10**6) for n in range(3)]
    joined = join(lines, [seen(0), seen(1, at=900)])
    assert [(one.line.number, one.session) for one in joined.matches] == [(0, 0)]
    assert {one.why for one in joined.missed} == {Why.LINES}


def test_a_part_of_the_sessions_has_no_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.logs.join.MAX_SESSIONS", 2)
    found = missed(only(join([bare()], [seen(0), failed(1, "server-silent"), seen(2, at=30)])))
    assert (found.why, found.candidates) == (Why.SEVERAL, (0,))
    timed = bare(time_ns=line(0, at=0.2).time_ns, has_zone=True)
    found = missed(only(join([timed], [seen(0), failed(1, "server-silent"), seen(2, at=30)])))
    assert (found.why, found.candidates) == (Why.SEVERAL, (0,))


def test_too_much_to_compare_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.logs.alone.MAX_LOOKS", 3)
    lines = [bare(n, server=Peer(None, n)) for n in range(1, 5)]
    joining = Join(lines)
    for number in range(2):
        joining.wants(seen(number, at=10 * number))
    joined = joining.finish(None)
    assert joining.lines_left_out == 2
    assert {one.why for one in joined.missed} == {Why.UNNAMED, Why.SEVERAL}


def test_answers_are_kept_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = [seen(0), failed(1, "server-silent"), failed(2, "no-shared-cipher")]
    lines = [bare(0), bare(1, "server-timeout", said=Said.TRANSPORT), bare(2, "no-shared-cipher", role=None)]
    whole = {(one.line.number, one.session) for one in join(lines, pool).matches}
    assert whole == {(0, 0), (1, 1), (2, 2)}
    monkeypatch.setattr("capanalyzer.logs.alone.MAX_ANSWERS", 1)
    assert {(one.line.number, one.session) for one in join(lines, pool).matches} == whole


def test_which_server_wrote_a_log_counts_for_its_nameless_lines() -> None:
    """A database's log: its other lines are of sessions with the database."""
    pool = [seen(n, at=10 * n, server=(SERVER, 5432)) for n in range(3)]
    pool += [seen(9, at=10.1, server=(SERVER, 443))]
    lines = [line(n, at=10 * n + 0.2, format="postgresql") for n in (0, 2)]
    nameless = line(7, at=10.2, format="postgresql", client=Peer())
    found = [one for one in join([*lines, nameless], pool).matches if one.line.number == 7]
    assert [(one.session, one.confidence) for one in found] == [(1, Confidence.POSSIBLE)]


REFUSED_UNSEEN = failed(0, "certificate-rejected-encrypted", open_causes=("certificate-unknown-ca", "message-rejected"))
LEFT = failed(0, "client-aborted", outcome="established", open_causes=("certificate-rejected",))


@pytest.mark.parametrize(
    ("told", "session", "expected"),
    [
        (bare(meaning="verify-expired"), REFUSED_UNSEEN, True),  # encrypted: for whatever reason
        (bare(meaning="verify-expired"), seen(0), False),  # its alert names another
        (bare(meaning="verify-hostname"), failed(0, "certificate-hostname-mismatch", alerts=(("client", 48),)), False),
        (bare(), failed(0, "certificate-hostname-mismatch", alerts=(("client", 48),)), True),  # both are true of it
        (bare(), failed(0, "certificate-hostname-mismatch", alerts=(("client", 46),)), False),
        (bare(), failed(0, "certificate-rejected", alerts=(("client", 46),)), True),  # 46: for whatever reason
        (
            bare(meaning="verify-hostname"),
            replace(seen(0), open_causes=("tls-interception",)),
            False,
        ),  # 48
        (bare(format="python"), failed(0, "certificate-rejected", alerts=(("client", 42),)), False),  # OpenSSL's is 48
        (
            bare(meaning="verify-hostname", format="python"),
            failed(0, "certificate-rejected", alerts=(("client", 42),)),
            True,
        ),
        (bare(meaning="verify-self-signed"), seen(0), False),  # the packets tell apart what alert 48 does not
        (bare(meaning="verify-failed"), failed(0, "certificate-self-signed", alerts=(("client", 48),)), True),
        (bare(meaning="verify-expired", role=None), failed(0, "client-certificate-rejected"), False),
        (bare(meaning="verify-hostname"), LEFT, True),  # a handshake that was completed, and left
        (bare(meaning="verify-hostname"), replace(LEFT, open_causes=()), False),
        (bare(meaning="verify-hostname"), healthy(0), False),
        (bare(meaning="verify-expired"), healthy(0, causes=("certificate-expired",)), False),  # it went on all the same
        (bare(meaning="plaintext-answer"), failed(0, "tls-to-http-port"), True),
        (bare(meaning="plaintext-answer"), failed(0, "http-to-tls-port"), False),
        (bare(meaning="handshake-failed"), failed(0, "http-to-tls-port"), False),  # a client of TLS sent no HTTP
        (bare(meaning="handshake-failed", role=Role.SERVER), failed(0, "http-to-tls-port"), True),
        (bare(meaning="backend-check-failed"), failed(0, "server-silent"), True),
        (bare(meaning="backend-check-failed", role=Role.SERVER), failed(0, "server-silent"), False),
        (bare(meaning="connect-refused", said=Said.TRANSPORT), failed(0, outcome="idle"), False),  # it was connected
        (bare(meaning="server-closed", said=Said.TRANSPORT), failed(0, outcome="idle"), False),  # it never asked
        (bare(meaning="peer-closed", role=Role.SERVER, said=Said.TRANSPORT), failed(0, outcome="idle"), True),
        (bare(meaning="no-protocols-available"), failed(0, outcome="idle"), True),  # it had nothing to say
        (bare(meaning="alert-unknown-ca", role=Role.SERVER, said=Said.PEER, alert=48), REFUSED_UNSEEN, True),
        (bare(meaning="alert-certificate-revoked", role=Role.SERVER, said=Said.PEER, alert=44), REFUSED_UNSEEN, True),
        (bare(meaning="alert-client-certificate-rejected", said=Said.PEER, alert=42), REFUSED_UNSEEN, False),
        (bare(meaning="alert-unknown-ca", role=Role.SERVER, said=Said.PEER, alert=48), LEFT, False),  # no alert came
        (bare(meaning="handshake-ok", is_failure=False), seen(0), False),
    ],
)
def test_what_a_line_can_mean(told: LogLine, session: Seen, expected: bool) -> None:
    assert can_mean(told, session) is expected


def test_sessions_that_came_and_went_are_kept_for_lines_that_name_nobody() -> None:
    closed = bare(meaning="peer-closed", role=Role.SERVER, said=Said.TRANSPORT)
    found = match(only(join([closed], [failed(0, outcome="idle"), healthy(1)])))
    assert (found.session, found.because) == (0, Because(1, False))


def test_nothing_is_certain_without_a_client() -> None:
    """Whatever it names, however well it fits."""
    pool = [seen(n, at=60 * n, sni=NAME) for n in range(5)]
    lines = [
        bare(n, time_ns=line(0, at=60 * n + 0.2).time_ns, has_zone=True, sni=NAME, server=Peer(SERVER, 443))
        for n in range(5)
    ]
    joined = join(lines, pool)
    assert len(joined.matches) == 5
    assert Confidence.CERTAIN not in {one.confidence for one in joined.matches}
    assert abs(next(iter(joined.clocks.values())).offset_ns) < SECOND
