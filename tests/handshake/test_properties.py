"""What must hold of any rows: hostile, grouped anyhow, shuffled, repeated."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.handshake.connection import MAX_CLOSES, MAX_LOG, MAX_WINDOW, Connection
from capanalyzer.handshake.session import Session, SideFacts
from capanalyzer.handshake.tls_facts import MAX_MESSAGES
from capanalyzer.streams.flow import Row
from capanalyzer.streams.reassembly import MAX_WAITING_BYTES
from tests.handshake.messages import (
    CCS,
    CLIENT_FLIGHT_12,
    CLIENT_HELLO,
    FINISHED_12,
    SERVER_FLIGHT_12,
    SERVER_FLIGHT_13,
    alert,
    sealed,
)
from tests.handshake.rows import CLIENT, SERVER, Talk, flow_of

SIDE_FIELDS = [field.name for field in dataclasses.fields(SideFacts)]


def facts(session: Session) -> dict[str, Any]:
    """Everything a session says, for comparison."""
    tls = session.tls
    return {
        "client": session.client,
        "known_by": session.client_known_by,
        "first_bytes": session.first_bytes,
        "protocol": session.protocol,
        "opening": session.opening,
        "upgrade": session.upgrade,
        "quality": session.quality,
        "closes": session.tcp.closes,
        "ack": (session.tcp.handshake_ack_frame, session.tcp.rtt_ns),
        "sides": [
            {name: getattr(side, name) for name in SIDE_FIELDS} for side in (session.tcp.client, session.tcp.server)
        ],
        "events": session.events,
        "tls": None
        if tls is None
        else {
            "messages": list(tls.messages),
            "state": tls.state,
            "since": tls.handshake.since_ns,
            "done": tls.handshake_done_ns,
            "version": tls.version,
            "unexpected": tls.unexpected,
            "finished": tls.finished,
            "alerts": tls.alerts,
            "alert_sized": tls.alert_sized,
            "records": tls.application_records,
            "history": tls.history,
            "resumed": tls.resumed,
            "malformed": tls.malformed,
            "desynchronised": tls.desynchronised,
            "certificates": len(tls.certificates),
            "client_certificate_sent": tls.client_certificate_sent,
        },
    }


def session_of(groups: list[list[Row]], rows: list[Row]) -> Session:
    connection = Connection()
    for group in groups:
        connection.feed(group)
    return connection.finish(flow_of(rows))


@st.composite
def conversations(draw: st.DrawFn) -> list[Row]:
    """A real-looking conversation with losses, swaps, repetitions and missing beginnings."""
    talk = Talk(
        client_isn=draw(st.sampled_from([1000, 0xFFFFFFF0])),
        server_isn=draw(st.sampled_from([5000, 0xFFFFFF80])),
        mss=draw(st.sampled_from([40, 300, 1460])),
    )
    talk.connect()
    if draw(st.booleans()):
        talk.send(CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\n\r\n").send(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    talk.send(CLIENT, CLIENT_HELLO).ack(SERVER)
    if draw(st.booleans()):
        talk.send(SERVER, SERVER_FLIGHT_12).send(CLIENT, CLIENT_FLIGHT_12).send(SERVER, CCS + FINISHED_12)
    else:
        talk.send(SERVER, SERVER_FLIGHT_13).send(CLIENT, CCS + sealed(53))
    talk.ack(CLIENT).send(CLIENT, sealed(100)).send(SERVER, sealed(700)).ack(CLIENT)
    talk.send(CLIENT, draw(st.sampled_from([alert(0), sealed(26, 21), sealed(19)]))).close(CLIENT).close(SERVER)
    rows = list(talk.rows)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(rows) - 1))
        change = draw(st.sampled_from(["lose", "swap", "repeat", "cut"]))
        if change == "lose" and len(rows) > 1:
            del rows[at]
        elif change == "swap" and at:
            rows[at - 1], rows[at] = rows[at], rows[at - 1]
        elif change == "repeat":
            rows.insert(draw(st.integers(at, len(rows))), rows[at])
        elif change == "cut" and rows[at][8]:
            rows[at] = (*rows[at][:8], rows[at][8][:-1], *rows[at][9:])
    start = draw(st.integers(0, 5))
    return [(number, 10**18 + number * 10**6, *row[2:]) for number, row in enumerate(rows[start:], 1)]


octets = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [CLIENT_HELLO, SERVER_FLIGHT_12, SERVER_FLIGHT_13, CLIENT_FLIGHT_12, alert(40), sealed(19), sealed(53), CCS]
    ),
    st.sampled_from([b"GET / HTTP/1.1\r\n\r\n", b"220 mail ESMTP\r\n", b"STARTTLS\r\n", b"\x12\x01\0\x2f", b"\0"]),
)
hostile = st.lists(
    st.builds(
        lambda side, flags, seq, ack, window, extra, payload, ttl, options: (
            0,
            0,
            side,
            flags,
            seq & 0xFFFFFFFF,
            ack & 0xFFFFFFFF,
            window,
            len(payload) + extra,
            payload,
            ttl,
            7,
            options,
        ),
        st.integers(0, 1),
        st.integers(0, 255),
        st.one_of(st.integers(0, 300), st.integers(0, 0xFFFFFFFF), st.integers(0xFFFFFF00, 0xFFFFFFFF)),
        st.one_of(st.integers(0, 300), st.integers(0, 0xFFFFFFFF)),
        st.integers(0, 3),
        st.sampled_from([0, 0, 0, 1, 1400]),
        octets,
        st.integers(0, 255),
        st.binary(max_size=12),
    ),
    max_size=40,
)


def cut(rows: list[Row], cuts: list[int]) -> list[list[Row]]:
    at = sorted({0, len(rows), *(place % (len(rows) + 1) for place in cuts)})
    return [rows[a:b] for a, b in pairwise(at)]


@given(conversations(), st.lists(st.integers(0, 100), max_size=5))
@settings(deadline=None)
def test_grouping_makes_no_difference(rows: list[Row], cuts: list[int]) -> None:
    """Rows fed at once, one by one, or cut anywhere make the same session."""
    whole = facts(session_of([rows], rows))
    assert facts(session_of([[row] for row in rows], rows)) == whole
    assert facts(session_of(cut(rows, cuts), rows)) == whole


@given(hostile)
@settings(deadline=None)
def test_hostile_rows(rows: list[Row]) -> None:
    """No row, however wrong, raises; every fact can be asked for; the same however they are grouped."""
    rows = [(number, 10**18 + number * 10**5, *row[2:]) for number, row in enumerate(rows, 1)]
    whole = facts(session_of([rows], rows))
    assert facts(session_of([[row] for row in rows], rows)) == whole


@given(conversations())
@settings(deadline=None)
def test_asking_in_between_makes_no_difference(rows: list[Row]) -> None:
    """Where nothing is missing, a session asked for early leaves the later one as it is."""
    connection = Connection()
    for row in rows:
        connection.feed([row])
        if not any(direction.waiting for direction in connection._directions):
            connection.finish(flow_of(rows))
    assert facts(connection.finish(flow_of(rows))) == facts(session_of([rows], rows))


def test_memory_is_bounded() -> None:
    """A sender of endless holes, records and resets fills no table beyond its cap."""
    talk = Talk().connect()
    connection = Connection()
    connection.feed(talk.rows)
    for number in range(3 * MAX_LOG):
        at = number * 20
        row = (
            number + 4,
            number,
            number & 1,
            0x14 if number % 7 == 0 else 0x10,
            1001 + at & 0xFFFFFFFF,
            5001,
            100,
            19,
            sealed(14),
            64,
            number & 0xFFFF,
            b"",
        )
        connection.feed([row])
    assert len(connection._log) == MAX_LOG
    assert len(connection._closes) == MAX_CLOSES
    for direction in connection._directions:
        assert direction.waiting_bytes <= MAX_WAITING_BYTES
        assert direction.limit <= MAX_WINDOW
    session = connection.finish(flow_of(talk.rows))
    assert session.tls is None or len(session.tls.messages) <= MAX_MESSAGES
