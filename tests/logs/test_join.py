"""Lines find the sessions they speak of, never another one with certainty."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from capanalyzer.logs.candidates import Key
from capanalyzer.logs.fit import Confidence, Match, Missed, Why
from capanalyzer.logs.join import Join, Joined
from capanalyzer.logs.line import LogLine, Peer, Role, Said, TimeOf
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.seen import Agreement, Seen, agreement
from tests.logs.made import CLIENT, SECOND, SERVER, START_NS, line, seen

SPAN = (START_NS - SECOND, START_NS + 3600 * SECOND)


def join(lines: Sequence[LogLine], sessions: Sequence[Seen], span: tuple[int, int] | None = SPAN) -> Joined:
    joining = Join(lines)
    for session in sessions:
        joining.wants(session)
    return joining.finish(span)


def only(joined: Joined) -> Match | Missed:
    (found,) = [*joined.matches, *joined.missed]
    return found


def several(count: int, **changes: Any) -> list[Seen]:
    """Sessions 10 s apart."""
    return [seen(number, at=10 * number, **changes) for number in range(count)]


def test_a_port_and_clocks_that_agree_are_certain() -> None:
    found = only(join([line(0, 0.2)], [seen(0)]))
    assert isinstance(found, Match)
    assert (found.session, found.confidence, found.key) == (0, Confidence.CERTAIN, Key.PORT)
    assert found.agreement is Agreement.SAME


def test_clocks_minutes_apart_are_brought_together_by_what_several_lines_agree_on() -> None:
    sessions = several(20)
    lines = [line(number, at=10 * number + 0.2 - 437.5) for number in range(20)]
    joined = join(lines, sessions)
    assert {(match.line.number, match.session) for match in joined.matches} == {(n, n) for n in range(20)}
    assert {match.confidence for match in joined.matches} == {Confidence.CERTAIN}
    (clock,) = joined.clocks.values()
    assert abs(clock.offset_ns - 437.5 * SECOND) < 0.3 * SECOND
    assert clock.matches == 20


def test_one_line_with_an_odd_offset_is_not_certain() -> None:
    """It may be of another day, or the port of another connection."""
    found = only(join([line(0, at=437.5)], [seen(0)]))
    assert isinstance(found, Match)
    assert found.confidence is not Confidence.CERTAIN


@pytest.mark.parametrize("hours", [9, -5, 5.75])
def test_a_missing_zone_is_part_of_the_offset(hours: float) -> None:
    found = join([line(0, at=0.2 + hours * 3600)], [seen(0)])
    (match,), (clock,) = found.matches, found.clocks.values()
    assert match.confidence is Confidence.CERTAIN
    assert clock.offset_ns == -round(hours * 3600) * SECOND
    assert clock.zone_minutes(has_zone=False) == round(hours * 60)


def test_a_stamp_with_zone_is_not_moved_by_hours() -> None:
    found = only(join([line(0, at=0.2 + 9 * 3600, has_zone=True)], [seen(0)]))
    assert not isinstance(found, Match) or found.confidence is not Confidence.CERTAIN


def test_outliers_do_not_move_the_offset() -> None:
    """A third of the lines are of connections that the capture has not, whose ports it has."""
    sessions = several(30)
    lines = [line(number, at=10 * number + 0.2 + (120 if number % 3 else 977 * number)) for number in range(30)]
    joined = join(lines, sessions)
    (clock,) = joined.clocks.values()
    assert abs(clock.offset_ns + 120 * SECOND) < 0.3 * SECOND
    certain = {match.line.number for match in joined.matches if match.confidence is Confidence.CERTAIN}
    assert certain == {number for number in range(30) if number % 3}


YEARS = 3.7 * 365 * 24 * 3600
"""Seconds."""


@pytest.mark.parametrize("has_zone", [False, True])
@pytest.mark.parametrize("at", [-YEARS, -2 * 86_400, 2 * 86_400])
def test_a_line_alone_is_no_measure_of_a_clock_that_is_days_off(at: float, has_zone: bool) -> None:
    """It has a client's port of the capture; each line does that fits some session at some offset."""
    found = only(join([line(0, at=at, has_zone=has_zone)], [seen(0)]))
    assert isinstance(found, Missed)
    assert found.why is Why.OUTSIDE


def test_two_lines_at_once_are_no_measure_of_a_clock_that_is_days_off() -> None:
    """A client that opens two connections takes neighbouring ports on any day."""
    joined = join([line(n, at=0.3 * n - YEARS) for n in range(2)], [seen(n, at=0.3 * n) for n in range(2)])
    assert {missed.why for missed in joined.missed} == {Why.OUTSIDE}


def test_lines_of_one_session_are_one_witness() -> None:
    """However many there are, they tell of one session's time alone."""
    lines = [replace(line(0, at=0.05 * n - YEARS), number=n) for n in range(5)]
    assert {missed.why for missed in join(lines, [seen(0)]).missed} == {Why.OUTSIDE}
    lines = [replace(line(0, at=0.05 * n + 437.5, causes=(), alert=None), number=n) for n in range(5)]
    assert {match.confidence for match in join(lines, [seen(0)]).matches} == {Confidence.POSSIBLE}


def test_a_clock_that_is_years_off_is_believed_where_several_lines_agree() -> None:
    """A device whose clock began anew."""
    joined = join([line(n, at=7 * n * n - YEARS) for n in range(4)], [seen(n, at=7 * n * n) for n in range(4)])
    assert {(match.line.number, match.session) for match in joined.matches} == {(n, n) for n in range(4)}
    assert {match.confidence for match in joined.matches} == {Confidence.LIKELY}


@pytest.mark.parametrize("days", [-1, 1, 3])
@pytest.mark.parametrize("has_zone", [False, True])
def test_the_same_ports_on_another_day_are_not_certain(days: int, has_zone: bool) -> None:
    joined = join([line(n, at=10 * n + 86_400 * days + 0.1, has_zone=has_zone) for n in range(20)], several(20))
    assert {match.confidence for match in joined.matches} <= {Confidence.LIKELY}
    assert not any(clock.is_sure for clock in joined.clocks.values())


def test_an_odd_offset_of_one_line_needs_words_that_the_packets_confirm() -> None:
    """Seven minutes: likely where the packets show what the line says, possible where both merely tell of a failure."""
    same = only(join([line(0, at=437.5)], [seen(0)]))
    like = only(join([line(0, at=437.5, causes=(), alert=None)], [seen(0)]))
    assert isinstance(same, Match)
    assert isinstance(like, Match)
    assert (same.confidence, like.confidence) == (Confidence.LIKELY, Confidence.POSSIBLE)


def test_what_another_line_alone_tells_of_the_clock_makes_nothing_likely() -> None:
    lines = [line(0, at=437.5, causes=(), alert=None), line(1, at=467.5, client=Peer(), sni="shop.example.com")]
    joined = join(lines, [seen(0), seen(1, at=30, sni="shop.example.com")])
    assert {match.confidence for match in joined.matches} <= {Confidence.POSSIBLE}


def test_a_long_session_tells_no_zone() -> None:
    """A session of ten minutes holds a quarter of an hour more often than not; several lines tell the zone."""
    one = only(join([line(0, at=4 * 3600 + 400)], [seen(0, lasts=600)]))
    assert isinstance(one, Match)
    assert one.confidence is not Confidence.CERTAIN
    all_of_them = join([line(n, at=4 * 3600 + 700 * n + 599) for n in range(4)], several_long(4))
    assert {match.confidence for match in all_of_them.matches} == {Confidence.CERTAIN}


def several_long(count: int) -> list[Seen]:
    return [seen(number, at=700 * number, lasts=600) for number in range(count)]


def test_of_a_port_used_again_time_decides() -> None:
    sessions = [seen(0), seen(1, at=20, client=(CLIENT, 50_000)), *[seen(n, at=40 + n) for n in range(2, 8)]]
    lines = [line(0, at=20.2), *[line(n, at=40 + n + 0.2) for n in range(2, 8)]]
    joined = join(lines, sessions)
    (match,) = [match for match in joined.matches if match.line.number == 0]
    assert (match.session, match.confidence) == (1, Confidence.CERTAIN)


def test_a_port_used_again_at_once_is_not_certain() -> None:
    sessions = [seen(0), seen(1, at=0.6, client=(CLIENT, 50_000)), *[seen(n, at=40 + n) for n in range(2, 8)]]
    lines = [line(0, at=0.45, resolution_ns=SECOND), *[line(n, at=40 + n + 0.2) for n in range(2, 8)]]
    joined = join(lines, sessions)
    found = [one for one in (*joined.matches, *joined.missed) if one.line.number == 0]
    assert all(not isinstance(one, Match) or one.confidence is not Confidence.CERTAIN for one in found)


def test_of_a_port_used_again_time_decides_before_words() -> None:
    """The first one came and went, and is told of; the one a second later failed, which would go with the line too."""
    sessions = [
        seen(0, lasts=0.01, outcome="idle", causes=(), alerts=()),
        seen(1, at=1.5, client=(CLIENT, 50_000)),
        *[seen(n, at=40 + n) for n in range(2, 8)],
    ]
    lines = [line(0, at=0.005, alert=None, said=Said.LOCAL), *[line(n, at=40 + n + 0.1) for n in range(2, 8)]]
    (match,) = [match for match in join(lines, sessions).matches if match.line.number == 0]
    assert (match.session, match.confidence) == (0, Confidence.POSSIBLE)


def test_two_servers_at_once_from_one_port_are_told_apart_by_the_server_in_the_line() -> None:
    sessions = [seen(0), seen(1, client=(CLIENT, 50_000), server=(SERVER, 8443))]
    found = only(join([line(0, at=0.2, server=Peer(SERVER, 8443))], sessions))
    assert isinstance(found, Match)
    assert (found.session, found.key, found.confidence) == (1, Key.BOTH, Confidence.CERTAIN)


def test_two_servers_at_once_from_one_port_without_a_server_in_the_line() -> None:
    found = only(join([line(0, at=0.2)], [seen(0), seen(1, client=(CLIENT, 50_000), server=(SERVER, 8443))]))
    assert isinstance(found, Missed)
    assert (found.why, found.candidates) == (Why.SEVERAL, (0, 1))


def test_the_other_lines_of_a_log_tell_which_server_wrote_it() -> None:
    """One port of the client, two servers at once: this log's other lines are all of sessions with the first."""
    sessions = [*several(5), seen(9, client=(CLIENT, 50_000), server=(SERVER, 8443))]
    lines = [line(number, at=10 * number + 0.1) for number in range(5)]
    (match,) = [match for match in join(lines, sessions).matches if match.line.number == 0]
    assert (match.session, match.confidence) == (0, Confidence.LIKELY)


def test_a_line_of_another_server_keeps_the_sessions_that_fit_it() -> None:
    """A mail server writes one log about several ports; most of its lines are about one of them."""
    usual = [seen(number, at=10 * number, server=(SERVER, 465)) for number in range(4)]
    others = [seen(number, at=60, server=(SERVER, port)) for number, port in ((8, 25), (9, 587))]
    lines = [line(number, 10 * number + 0.2, client=Peer(CLIENT)) for number in (0, 1, 2, 3)]
    told = line(7, 60.2, client=Peer(CLIENT))
    found = join([*lines, told], [*usual, *others])
    (missed,) = [one for one in found.missed if one.line is told]
    assert (missed.why, missed.candidates) == (Why.SEVERAL, (8, 9))


def test_a_server_that_no_other_line_of_the_log_is_about_is_not_certain() -> None:
    """The client's port is in the capture for a connection with somebody else; the log's own may not be in it."""
    sessions = [seen(0, server=(SERVER, 8443)), *several(5)[1:]]
    joined = join([line(number, at=10 * number + 0.1) for number in range(5)], sessions)
    assert {match.session: match.confidence is Confidence.CERTAIN for match in joined.matches} == {
        0: False, 1: True, 2: True, 3: True, 4: True,
    }  # fmt: skip


def test_ends_named_from_the_other_side() -> None:
    """BIG-IP tells of the reset it sent to a server: from itself, the client there, or to itself."""
    turned = line(0, at=0.2, client=Peer(SERVER, 443), server=Peer(CLIENT, 50_000))
    found = only(join([turned], [seen(0)]))
    assert isinstance(found, Match)
    assert (found.session, found.key) == (0, Key.BOTH)


def test_an_address_alone_is_likely_at_best() -> None:
    nginx = [
        line(n, at=10 * n, client=Peer(CLIENT), server=Peer("0.0.0.0", 443), resolution_ns=SECOND) for n in range(9)
    ]
    joined = join(nginx, several(9))
    assert {(match.line.number, match.session) for match in joined.matches} == {(n, n) for n in range(9)}
    assert {match.confidence for match in joined.matches} == {Confidence.LIKELY}
    assert {match.key for match in joined.matches} == {Key.CLIENT}


def test_two_alike_in_one_second_are_both_named() -> None:
    sessions = [seen(0), seen(1, at=0.3), *[seen(n, at=40 * n) for n in range(2, 9)]]
    lines = [line(n, at=40 * n, client=Peer(CLIENT), resolution_ns=SECOND) for n in (0, *range(2, 9))]
    joined = join(lines, sessions)
    (missed,) = joined.missed
    assert (missed.line.number, missed.why, missed.candidates) == (0, Why.SEVERAL, (0, 1))


def test_what_the_line_says_decides_between_two_in_one_second() -> None:
    other = seen(1, at=0.3, causes=("protocol-version-mismatch",), alerts=(("server", 70),))
    sessions = [seen(0), other, *[seen(n, at=40 * n) for n in range(2, 9)]]
    lines = [line(n, at=40 * n, client=Peer(CLIENT), resolution_ns=SECOND) for n in (0, *range(2, 9))]
    assert {(match.line.number, match.session) for match in join(lines, sessions).matches} >= {(0, 0)}


def test_a_failure_is_not_said_of_a_healthy_session_for_its_address() -> None:
    healthy = seen(0, outcome="established", causes=(), alerts=())
    found = only(join([line(0, at=0.1, client=Peer(CLIENT))], [healthy]))
    assert isinstance(found, Missed)


def test_a_line_against_the_packets_is_joined_and_said_to_be() -> None:
    healthy = [seen(n, at=10 * n, outcome="established", causes=(), alerts=()) for n in (0,)]
    joined = join([line(n, at=10 * n + 0.1) for n in range(9)], [*healthy, *several(9)[1:]])
    (match,) = [match for match in joined.matches if match.session == 0]
    assert match.agreement is Agreement.CONTRADICTS
    assert match.confidence is Confidence.POSSIBLE


def test_what_failed_within_a_session_does_not_contradict_it() -> None:
    """A server asks for a client certificate in a second handshake, which the first one encrypts."""
    inside = line(
        0, 0.2, meaning="renegotiation-refused", causes=("client-certificate-missing",), said=Said.LOCAL, alert=None
    )
    found = only(join([inside], [seen(0, outcome="established", causes=(), alerts=())]))
    assert isinstance(found, Match)
    assert (found.agreement, found.confidence) == (Agreement.LIKE, Confidence.CERTAIN)


def test_an_alert_after_the_server_left_is_not_what_ended_it() -> None:
    """OpenSSL's client sends decode_error when the server closes in the middle of the handshake."""
    told = line(0, 0.2, meaning="version-refused", causes=("protocol-version-mismatch",), said=Said.LOCAL, alert=None)
    left = seen(0, causes=("server-closed",), alerts=(("client", 50),))
    assert agreement(told, left) is Agreement.LIKE
    assert agreement(told, replace(left, causes=("message-rejected",))) is Agreement.CONTRADICTS


def test_an_address_does_not_make_a_session_of_another_kind_likely() -> None:
    """Plaintext HTTP was not refused for its version, whatever else the client did in that second."""
    told = line(
        0,
        1.0,
        client=Peer(CLIENT),
        meaning="version-refused",
        causes=("protocol-version-mismatch",),
        said=Said.LOCAL,
        alert=None,
        resolution_ns=SECOND,
    )
    http = seen(1, at=1.2, causes=("http-to-tls-port",), alerts=())
    closed = seen(0, at=1.1, causes=("server-closed",), alerts=(("client", 50),))
    found = only(join([told], [http, closed]))
    assert isinstance(found, Match)
    assert (found.session, found.confidence) == (0, Confidence.LIKELY)
    found = only(join([told], [http]))
    assert not isinstance(found, Match) or found.confidence is Confidence.POSSIBLE


def test_a_proxy_may_name_the_side_that_works_for_the_one_that_failed() -> None:
    """BIG-IP names the client's side; what failed is its connection to the pool member."""
    whole = seen(0, outcome="established", causes=(), alerts=(), is_proxied=True)
    said = line(0, at=0.1, server=Peer(SERVER, 443), role=None, said=None, alert=None, causes=())
    (match,) = join([said], [whole]).matches
    assert (match.session, match.agreement, match.confidence) == (0, Agreement.UNKNOWN, Confidence.LIKELY)
    assert not join([said], [replace(whole, is_proxied=False)]).matches


def test_another_alert_than_the_packets_show_is_a_contradiction() -> None:
    joined = join([line(n, at=10 * n + 0.1, alert=48 if n else 42, causes=()) for n in range(9)], several(9))
    assert [match.agreement for match in joined.matches if match.session == 0] == [Agreement.CONTRADICTS]


NO_CERTIFICATE: dict[str, Any] = {
    "meaning": "client-certificate-missing",
    "causes": ("client-certificate-missing",),
    "alert": None,
    "said": Said.LOCAL,
}


def test_who_gave_up_is_compared_with_whose_alert_the_packets_show() -> None:
    """The server says that it missed a certificate; the client had refused the server's."""
    joined = join([line(0, at=0.1, **NO_CERTIFICATE), *[line(n, at=10 * n + 0.1) for n in range(1, 9)]], several(9))
    (match,) = [match for match in joined.matches if match.session == 0]
    assert (match.agreement, match.confidence) == (Agreement.CONTRADICTS, Confidence.POSSIBLE)
    assert not join([line(0, at=-YEARS, **NO_CERTIFICATE)], [seen(0)]).matches


@pytest.mark.parametrize(
    ("changes", "alerts", "expected"),
    [
        (NO_CERTIFICATE, (("client", 48),), Agreement.CONTRADICTS),
        (NO_CERTIFICATE, (("client", 48), ("server", 40)), Agreement.LIKE),
        (NO_CERTIFICATE, (("client", 41),), Agreement.LIKE),  # no_certificate: a warning
        (NO_CERTIFICATE, (("client", 0),), Agreement.LIKE),
        ({**NO_CERTIFICATE, "role": None}, (("client", 48),), Agreement.LIKE),
        ({**NO_CERTIFICATE, "meaning": "record-corrupted"}, (("client", 48),), Agreement.LIKE),
        ({**NO_CERTIFICATE, "role": Role.CLIENT}, (("client", 48),), Agreement.LIKE),
        ({"causes": ("server-silent",), "alert": 46}, (("server", 40),), Agreement.CONTRADICTS),
        ({"causes": ("server-silent",), "alert": 46}, (("server", 40), ("client", 0)), Agreement.CONTRADICTS),
        ({"causes": ("server-silent",), "said": Said.TRANSPORT}, (("client", 48),), Agreement.LIKE),
    ],
)
def test_decisions_and_alerts(changes: Any, alerts: tuple[tuple[str, int], ...], expected: Agreement) -> None:
    assert agreement(line(0, **changes), seen(0, alerts=alerts)) is expected


def test_a_proxy_s_client_is_not_what_failed_where_its_backend_did() -> None:
    """The line names the client, whose own session works; packets do not speak against it."""
    given = line(
        0, meaning="backend-unreachable", causes=MEANINGS["backend-unreachable"].causes, alert=None, said=Said.TRANSPORT
    )
    fine = seen(0, outcome="established", causes=(), alerts=())
    assert agreement(given, fine) is Agreement.UNKNOWN
    assert agreement(replace(given, meaning="peer-closed", causes=()), fine) is Agreement.CONTRADICTS


def test_the_time_of_the_beginning_is_compared_with_the_beginning() -> None:
    """HAProxy's lines carry the time of the accept; a session lasting a minute was accepted at its start."""
    slow = several(5, lasts=60.0)
    lines = [line(n, at=10 * n + 0.01, time_of=TimeOf.ACCEPT) for n in range(5)]
    joined = join(lines, slow)
    assert {(match.line.number, match.session) for match in joined.matches} == {(n, n) for n in range(5)}
    (clock,) = joined.clocks.values()
    assert clock.offset_ns == 0


def test_a_line_written_when_patience_was_at_its_end() -> None:
    """The capture's last packet of it is long before: the line is still of this session, if not certainly."""
    late = [line(0, at=61), *[line(n, at=100 * n + 0.1) for n in range(1, 6)]]
    joined = join(late, [seen(n, at=100 * n) for n in range(6)])
    (match,) = [match for match in joined.matches if match.line.number == 0]
    assert (match.session, match.confidence) == (0, Confidence.POSSIBLE)


def test_a_line_before_or_after_the_capture() -> None:
    sessions = several(5)
    lines = [line(n, at=10 * n + 0.1) for n in range(1, 5)]
    lines += [line(0, at=-500), line(7, at=9000)]
    joined = join(lines, sessions)
    assert {missed.line.number: missed.why for missed in joined.missed} == {0: Why.OUTSIDE, 7: Why.OUTSIDE}


def test_why_there_is_no_session() -> None:
    sessions = several(5)
    lines = [line(n, at=10 * n + 0.1) for n in range(5)]
    lines += [
        line(6, at=20, client=Peer("192.0.2.99", 50_000), causes=(), alert=None),
        line(7, at=20, client=Peer(CLIENT, 60_000)),
        line(8, at=900, client=Peer(CLIENT, 50_001)),
        line(9, at=20, client=Peer(), causes=("mtu-black-hole",), alert=None),
    ]
    joined = join(lines, sessions)
    assert {missed.line.number: missed.why for missed in joined.missed} == {
        6: Why.ADDRESS, 7: Why.PORT, 8: Why.NO_SESSION, 9: Why.UNNAMED,
    }  # fmt: skip


def test_stamps_without_a_year() -> None:
    """Syslog's short stamp; in the year of the capture."""
    in_1970 = line(0, at=0.2, has_year=False)
    in_1970 = replace(in_1970, time_ns=START_NS + SECOND // 5 - 1_767_225_600 * SECOND)  # 2026-01-01
    found = only(join([in_1970], [seen(0)]))
    assert isinstance(found, Match)
    assert found.confidence is Confidence.CERTAIN


def test_a_proxy_headers_source_is_a_name_of_the_client() -> None:
    proxied = seen(0, client=("10.0.0.1", 33_333), aliases=((CLIENT, 50_000),))
    found = only(join([line(0, at=0.2)], [proxied]))
    assert isinstance(found, Match)
    assert (found.session, found.confidence) == (0, Confidence.CERTAIN)


@pytest.mark.parametrize("port", [50_000, None])
def test_the_clients_own_connection_comes_before_the_one_that_a_proxy_makes_for_it(port: int | None) -> None:
    behind = seen(1, at=0.01, client=("10.0.0.1", 33_333), server=("10.0.0.9", 8443), aliases=((CLIENT, 50_000),))
    found = only(join([line(0, at=0.2, client=Peer(CLIENT, port))], [seen(0), behind]))
    assert isinstance(found, Match)
    assert found.session == 0


def test_the_connection_that_a_proxy_makes_is_meant_where_its_server_is_named() -> None:
    behind = seen(1, at=0.01, client=("10.0.0.1", 33_333), server=("10.0.0.9", 8443), aliases=((CLIENT, 50_000),))
    found = only(join([line(0, at=0.2, server=Peer(None, 8443))], [seen(0), behind]))
    assert isinstance(found, Match)
    assert found.session == 1


def test_a_client_behind_an_address_translation_may_be_found_by_name_and_by_what_is_said() -> None:
    """No client of the log is in the capture under its own address."""
    sessions = [seen(n, at=10 * n, sni="shop.example.com") for n in range(5)]
    behind = line(9, at=0.1, client=Peer("10.9.9.9", 1025), sni="Shop.Example.com", has_zone=True)
    (match,) = join([behind], sessions).matches
    assert (match.session, match.key, match.confidence) == (0, Key.NAME, Confidence.POSSIBLE)


def strangers(count: int, *, spread: float, **changes: Any) -> list[LogLine]:
    """Lines of clients that the capture does not have, within ``spread`` seconds of its beginning."""
    chance = random.Random(count)
    return [
        line(1000 + n, at=chance.uniform(-spread, spread), client=Peer(f"10.0.{n % 250}.7", 1024 + n), **changes)
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [100, 6000])
@pytest.mark.parametrize("changes", [{}, {"server": Peer(SERVER, 443)}, {"sni": "shop.example.com"}])
def test_clients_that_the_capture_does_not_have_neither_outvote_others_nor_are_joined(
    count: int, changes: dict[str, Any]
) -> None:
    """A capture of one client, the log of the whole server."""
    sessions = several(5, sni="shop.example.com")
    own = [line(n, at=10 * n + 200.1, **changes) for n in range(5)]
    joined = join([*strangers(count, spread=1800, **changes), *own], sessions)
    assert {(match.line.number, match.session) for match in joined.matches} == {(n, n) for n in range(5)}
    assert {match.confidence for match in joined.matches} == {Confidence.CERTAIN}
    (clock,) = joined.clocks.values()
    assert (clock.matches, clock.others) == (5, 0)
    assert {missed.why for missed in joined.missed} <= {Why.ADDRESS, Why.OUTSIDE}


@pytest.mark.parametrize("has_zone", [False, True])
def test_a_log_of_nobody_in_the_capture(has_zone: bool) -> None:
    joined = join(strangers(30, spread=6, server=Peer(SERVER, 443), has_zone=has_zone), several(5))
    assert not joined.matches
    assert {missed.why for missed in joined.missed} <= {Why.ADDRESS, Why.OUTSIDE}


def test_lines_that_name_nobody_do_not_outvote_addresses() -> None:
    """A log that has the reason in one line and the addresses in another, of many other clients too."""
    chance = random.Random(3)
    nameless = [line(1000 + n, at=chance.uniform(-1800, 1800), client=Peer()) for n in range(500)]
    joined = join([*nameless, *[line(n, at=10 * n + 200.1) for n in range(3)]], several(5))
    assert {(one.line.number, one.session) for one in joined.matches if one.key is Key.PORT} == {(0, 0), (1, 1), (2, 2)}


def test_a_log_of_another_time_is_not_joined_by_addresses() -> None:
    """Its lines name clients of the capture, and agree on no offset."""
    lines = [line(n, at=-1000 * n**1.5, client=Peer(CLIENT), resolution_ns=SECOND) for n in range(5)]
    joined = join(lines, [seen(n, at=37 * n, causes=(), alerts=()) for n in range(5)])
    assert not joined.matches
    assert {missed.why for missed in joined.missed} == {Why.CLOCK}


def test_one_line_and_several_sessions_of_its_client() -> None:
    """It would fit each of them with another clock; with one that is kept right it fits one."""
    (match,) = join([line(0, at=10, client=Peer(CLIENT), resolution_ns=SECOND)], several(3)).matches
    assert (match.session, match.confidence) == (1, Confidence.POSSIBLE)


@pytest.mark.parametrize("time_ns", [-(10**18), 1 << 62, 1 << 200])
def test_a_time_that_no_capture_has(time_ns: int) -> None:
    found = only(join([line(0, time_ns=time_ns)], [seen(0)]))
    assert isinstance(found, Missed)
    assert (found.why, found.time_ns) == (Why.CLOCK, None)


def test_sessions_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.logs.join.MAX_SESSIONS", 2)
    joining = Join([line(0)])
    assert [joining.wants(session) for session in several(4)] == [True, True, False, False]
    assert joining.sessions_left_out == 2


def test_a_line_without_a_time() -> None:
    """Its client's port alone: likely where both say the same, possible where not."""
    same = only(join([line(0, time_ns=None)], [seen(0)]))
    other = only(join([line(0, time_ns=None)], [seen(0, causes=("server-silent",), alerts=())]))
    assert isinstance(same, Match)
    assert isinstance(other, Match)
    assert (same.confidence, other.confidence) == (Confidence.LIKELY, Confidence.POSSIBLE)


def test_a_name_alone_is_no_measure_of_its_own_clock() -> None:
    named = line(0, at=0.2, client=Peer(), sni="shop.example.com", has_zone=True)
    (match,) = join([named], [seen(0, sni="shop.example.com")]).matches
    assert (match.key, match.confidence) == (Key.NAME, Confidence.POSSIBLE)


def test_time_alone_is_possible_at_best() -> None:
    """A client's log that names nobody."""
    sessions = [seen(0), *[seen(n, at=10 * n, causes=("server-silent",), alerts=()) for n in range(1, 4)]]
    nameless = line(0, at=0.2, client=Peer(), role=Role.CLIENT, said=Said.LOCAL, alert=None, has_zone=True)
    found = only(join([nameless], sessions))
    assert isinstance(found, Match)
    assert (found.session, found.key, found.confidence) == (0, Key.NOTHING, Confidence.POSSIBLE)


def test_traffic_that_repeats_itself_gives_no_odd_offset() -> None:
    """A health check from one address and port every 5 s fits at any multiple of 5 s."""
    checks = [seen(n, at=5 * n, client=(CLIENT, 50_000)) for n in range(12)]
    lines = [line(n, at=5 * n + 0.1 + 301, client=Peer(CLIENT, 50_000), has_zone=True) for n in range(12)]
    assert Confidence.CERTAIN not in {match.confidence for match in join(lines, checks).matches}


def test_sessions_that_no_line_can_speak_of_are_not_wanted() -> None:
    joining = Join([line(0)])
    healthy = seen(5, outcome="established", causes=(), alerts=())
    assert not joining.wants(healthy)
    assert joining.wants(replace(healthy, client=(CLIENT, 50_000)))
    assert joining.wants(seen(5))
    assert not Join([]).wants(seen(5))


def test_shuffled_lines_of_a_thousand_sessions_with_clocks_apart() -> None:
    """Three logs, each with its clock and its way to name clients; sessions are never joined wrongly with certainty."""
    chance = random.Random(7)
    sessions, lines, truth = [], [], {}
    at = 0.0
    for number in range(1000):
        at += chance.expovariate(8)
        kind = number % 3
        client = (f"192.0.2.{chance.randrange(1, 200)}", chance.randrange(32768, 33168))
        lasts = chance.choice([0.01, 0.1, 2.0, 10.0])
        one = seen(number, at=at, lasts=lasts, client=client, server=(SERVER, 8000 + kind))
        sessions.append(one)
        offset = (137.0, -411.0, 9 * 3600.0 + 63)[kind]
        changes: dict[str, Any] = {"source": f"log-{kind}", "client": Peer(*client)}
        if kind == 1:
            changes.update(client=Peer(client[0]), server=Peer("0.0.0.0", 8001), resolution_ns=SECOND)
        if kind == 2:
            changes.update(server=Peer(SERVER, 8002), time_of=TimeOf.ACCEPT)
        written = at + (0.001 if kind == 2 else lasts + chance.uniform(0, 0.05)) + offset
        made = line(number, at=int(written) if kind == 1 else written, **changes)
        truth[number] = number
        lines.append(made)
    chance.shuffle(lines)
    joined = join(lines, sessions)
    wrong = [match for match in joined.matches if truth[match.line.number] != match.session]
    assert not [match for match in wrong if match.confidence is Confidence.CERTAIN]
    assert len(joined.matches) - len(wrong) >= 985
    assert sum(match.confidence is Confidence.CERTAIN for match in joined.matches) >= 600
