"""The columns hold what the sessions hold, in an order that numbers alone can sort."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report import model
from capanalyzer.report.html.rows import Rows
from capanalyzer.report.times import from_rfc3339, to_rfc3339
from tests.report.samples import START_NS, failed, session, tls

addresses = st.ip_addresses().map(str)
times = st.integers(0, 10**15).map(lambda offset: to_rfc3339(START_NS + offset))


@st.composite
def sessions(draw: st.DrawFn) -> model.Session:
    number = draw(st.integers(0, 500))
    make = draw(st.sampled_from([session, failed]))
    return make(
        number,
        capture=draw(st.integers(0, 2)),
        client=model.Endpoint(draw(addresses), draw(st.integers(0, 65535))),
        server=model.Endpoint(draw(addresses), draw(st.sampled_from([443, 8443]))),
        start=draw(times),
        tls=draw(st.sampled_from([None, tls(None), tls("a.example"), tls("b.example", "TLS 1.2")])),
        timing=model.Timing(None, None, None, draw(st.none() | st.floats(0, 1e7))),
    )


def at(table: dict[str, Any], column: str, row: int) -> Any:
    values = table[column]
    return values[row] if isinstance(values, list) else values


@given(st.lists(sessions(), max_size=12, unique_by=lambda one: one.id))
def test_columns_are_the_sessions(given_sessions: list[model.Session]) -> None:
    rows = Rows()
    assert list(rows.record(given_sessions)) == given_sessions
    table: dict[str, Any] = rows.data()
    assert table["rows"] == len(given_sessions)
    for row, one in enumerate(sorted(given_sessions, key=lambda one: one.id)):
        assert (at(table, "capture", row), at(table, "stream", row)) == (one.capture, one.stream)
        assert table["addresses"][at(table, "client", row)] == one.client.ip
        assert at(table, "clientPort", row) == one.client.port
        assert table["addresses"][at(table, "server", row)] == one.server.ip
        assert at(table, "serverPort", row) == one.server.port
        assert table["outcomes"][at(table, "outcome", row)] == one.outcome
        assert table["causes"][at(table, "cause", row)] == (one.cause or "")
        hello = one.tls.client_hello if one.tls is not None else None
        assert table["names"][at(table, "name", row)] == ((hello.sni if hello is not None else None) or "")
        assert table["start"] + at(table, "time", row) == from_rfc3339(one.start) // 10**6
        done = one.timing.handshake_ms
        assert at(table, "handshake", row) == (-1 if done is None else round(done * 1000))
    ordered = [ip_address(text) for text in table["addresses"]]
    assert ordered == sorted(ordered, key=lambda ip: (ip.version, int(ip)))
    for name in ("names", "causes", "versions"):
        assert table[name] == sorted(table[name])


def test_a_name_longer_than_any_host_is_cut() -> None:
    rows = Rows()
    list(rows.record([session(0, tls=tls("a" * 60_000))]))
    assert max(map(len, rows.data()["names"])) == 255  # type: ignore[arg-type, call-overload]
