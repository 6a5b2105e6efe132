"""Who succeeded where: counts that do not depend on the order, nor on who counted."""

from __future__ import annotations

import pickle
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.diagnosis import successes as module
from capanalyzer.diagnosis.successes import Comparison, Successes
from capanalyzer.handshake.session import Endpoint

ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
SERVERS = st.builds(Endpoint, st.sampled_from(["198.51.100.1", "198.51.100.2"]), st.sampled_from([443, 8443]))
PAIRS = st.lists(st.tuples(ADDRESSES, SERVERS), max_size=30)


def counted(pairs: list[tuple[str, Endpoint]]) -> Successes:
    known = Successes()
    for client, server in pairs:
        known.add(client, server, carried=True)
    return known


@given(PAIRS, ADDRESSES, SERVERS)
def test_what_worked_beside_a_session(pairs: list[tuple[str, Endpoint]], client: str, server: Endpoint) -> None:
    """Against a plain count over the list."""
    elsewhere = [at for who, at in pairs if who == client and at != server]
    assert counted(pairs).beside(client, server) == Comparison(
        sum(at == server for _, at in pairs),
        len({who for who, at in pairs if at == server}),
        len(elsewhere),
        len(set(elsewhere)),
    )


@given(PAIRS, PAIRS, ADDRESSES, SERVERS)
def test_parts_put_together(
    one: list[tuple[str, Endpoint]], other: list[tuple[str, Endpoint]], client: str, server: Endpoint
) -> None:
    """Counted in two processes and merged, it is what one would have counted."""
    known = counted(one)
    known.beside(client, server)  # an early question does not freeze the answer
    known.merge(pickle.loads(pickle.dumps(counted(other))))
    assert known.beside(client, server) == counted(one + other).beside(client, server)


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap the counts are lower bounds."""
    monkeypatch.setattr(module, "MAX_PAIRS", 8)
    server = Endpoint("198.51.100.1", 443)
    known = counted([(f"192.0.2.{number}", server) for number in range(100)])
    assert known.beside("192.0.2.200", server) == Comparison(8, 8, 0, 0)


def test_nothing_is_said_of_a_server_that_a_full_table_may_have_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAIRS", 8)
    server, other = Endpoint("198.51.100.1", 443), Endpoint("198.51.100.2", 443)
    many = [(f"192.0.2.{number}", server) for number in range(100)]
    assert counted(many).beside("192.0.2.1", other) is None
    merged = Successes()
    merged.merge(pickle.loads(pickle.dumps(counted(many))))
    assert merged.beside("192.0.2.1", other) is None
    assert counted(many[:7]).beside("192.0.2.200", other) == Comparison(0, 0, 0, 0)


CLIENTS = st.integers(0, 12).map(lambda number: f"192.0.2.{number}")
MANY = st.lists(st.tuples(CLIENTS, SERVERS), max_size=60)


def told(known: Successes, pairs: list[tuple[str, Endpoint]]) -> list[Comparison | None]:
    """All that can be asked about the ends of these pairs."""
    servers = sorted({server for _, server in pairs})
    return [known.beside(client, server) for client in sorted({client for client, _ in pairs}) for server in servers]


@pytest.mark.parametrize("order", [None, 7], ids=["by their hashes", "all of one hash"])
@given(
    MANY.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))),
    st.integers(1, 8),
    st.integers(1, 9),
    st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_many_at_once_in_any_order(
    order: int | None,
    both: tuple[list[tuple[str, Endpoint]], list[tuple[str, Endpoint]]],
    size: int,
    waiting: int,
    asks: list[bool],
) -> None:
    """Noted in groups or one by one, counted early or late, asked in between or not: a small table keeps the same
    pairs, and all of each.
    """
    pairs, permuted = both
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_PAIRS", size)
        patch.setattr(module, "_of_servers", type(module._of_servers)())
        if order is not None:
            patch.setattr(module, "crc32", lambda *_: order)
        expected = told(counted(pairs), pairs)
        patch.setattr(module, "MAX_WAITING", waiting)
        known = Successes()
        for start, is_asked in zip(range(0, len(pairs), 7), asks, strict=False):
            clients, servers = zip(*permuted[start : start + 7], strict=True)
            known.add_all(clients, servers)
            if is_asked:
                assert told(known, pairs) == told(counted(permuted[: start + 7]), pairs)
        assert told(known, pairs) == expected
        kept = sorted(set(pairs), key=lambda pair: (-hash_of(*pair, order), pair))[-size:]
        for server in {server for _, server in pairs}:
            beside = known.beside("192.0.2.200", server)
            sessions = sum(pair in kept and pair[1] == server for pair in pairs)
            assert sessions == (beside.server_established if beside is not None else 0)


def hash_of(client: str, server: Endpoint, order: int | None) -> int:
    return crc32(client.encode(), crc32("{} {} ".format(*server).encode())) if order is None else order


def test_sessions_left_without_a_request() -> None:
    """Counted while the client never exchanged data with this server."""
    server = Endpoint("198.51.100.1", 443)
    known = Successes()
    for _ in range(3):
        known.add("192.0.2.1", server, carried=False, left=True)
    assert known.left("192.0.2.1", server) == 3
    assert known.left("192.0.2.2", server) == 0
    known.add("192.0.2.1", server, carried=True)
    assert known.left("192.0.2.1", server) == 0
