"""Which clients succeeded at which servers: whether a failure is one client's, one server's, or everybody's."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from heapq import heapify, heappushpop
from operator import ne
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.session import Endpoint

__all__ = ["Comparison", "Successes"]

I64 = NDArray[np.int64]
T = TypeVar("T")
Server: TypeAlias = tuple[str, int]
"""Address and port, as an Endpoint."""

MAX_PAIRS: Final = 20_000
"""Pairs of client address and server remembered, about 400 bytes each; beyond them all counts are lower bounds."""
MAX_WAITING: Final = 10_000
"""Sessions noted before they are counted."""
MAX_SERVERS: Final = 1 << 14
"""Servers of which the hash is kept, about 200 bytes each; then all are forgotten at once."""
_NONE: Final = (0, 0, 0)
_NO_SUM: Final = (0, 0)


class Comparison(NamedTuple):
    """What else worked, beside a session that failed."""

    server_established: int
    """Sessions established with the same server (address and port)."""
    server_clients: int
    """Client addresses they came from."""
    client_established: int
    """Sessions that the same client address established with other servers."""
    client_servers: int
    """Those servers."""


class Successes:
    """Established sessions counted by client address and server; the content does not depend on the order.

    Kept are the pairs with the smallest hashes (see :mod:`capanalyzer.diagnosis.bounded`). Of 100,000 sessions nearly
    every one may be of a pair of its own: so they are only noted, as columns, and counted thousands at a time. When
    somebody has asked (mostly at the capture's end, but a live run asks all the time), what comes is counted at once,
    and a pair that has to go is taken out of the sums.
    """

    __slots__ = (
        "_asked",
        "_by_client",
        "_by_server",
        "_clients",
        "_counts",
        "_heap",
        "_limit",
        "_new_clients",
        "_new_counts",
        "_new_orders",
        "_new_servers",
        "_orders",
        "_servers",
    )

    def __init__(self) -> None:
        self._clients: list[str] = []
        """Of pairs; ``_servers``: address and port."""
        self._servers: list[Server] = []
        self._orders = np.zeros(0, np.uint32)
        """Their hashes."""
        self._counts: I64 = np.zeros((0, 3), np.int64)
        """Their sessions established, those that carried data, those left without a request."""
        self._limit: int | None = None
        """The largest hash, where there is no more room: a pair beyond it will never be kept."""
        self._forget()
        self._asked: dict[tuple[str, Server], list[int]] | None = None
        """The counts by pair, and with them the sums below, where somebody has asked."""
        self._by_server: dict[Server, tuple[int, int]] = {}
        self._by_client: dict[str, tuple[int, int]] = {}
        self._heap: list[tuple[int, tuple[str, Server]]] = []
        """Negative hash and pair, the largest hash first; filled when the table of those is full."""

    def _forget(self) -> None:
        """Nothing is waiting to be counted."""
        self._new_clients: list[str] = []
        self._new_servers: list[Server] = []
        self._new_orders = array("I")
        self._new_counts = bytearray()
        """Three bytes for each, of what ``_counts`` has."""

    def add(self, client: str, server: Endpoint, *, carried: bool, left: bool = False) -> None:
        """One more session that was established.

        :param carried: it carried data both ways.
        :param left: the client closed it without having sent a request.
        """
        if self._asked is not None:
            self._add_at_once(self._asked, client, server, carried=carried, left=left)
            return
        order = _order(client, server)
        if self._limit is None or order <= self._limit:
            self._note([client], [server], array("I", (order,)), bytes((1, carried, left)))

    def add_all(self, clients: Sequence[str], servers: Sequence[Endpoint]) -> None:
        """Client addresses and servers of sessions that carried data."""
        if self._asked is not None:
            for client, server, order in zip(clients, servers, _orders(clients, servers), strict=True):
                # Most of them, once the table is full and has met many: a pair beyond the largest hash is not in it.
                if not self._heap or order <= -self._heap[0][0]:
                    self._add_at_once(self._asked, client, server, carried=True, left=False)
            return
        orders = array("I", _orders(clients, servers))
        if self._limit is not None:
            near = np.flatnonzero(np.frombuffer(orders, np.uint32) <= self._limit).tolist()
            clients, servers = [clients[at] for at in near], [servers[at] for at in near]
            orders = array("I", [orders[at] for at in near])
        self._note(clients, servers, orders, b"\1\1\0" * len(orders))

    def _add_at_once(
        self, asked: dict[tuple[str, Server], list[int]], client: str, server: Server, *, carried: bool, left: bool
    ) -> None:
        """Count it where the sums are."""
        counts, is_new = asked.get((client, server)), False
        if counts is None:
            if len(asked) >= MAX_PAIRS and not self._make_room(asked, client, server):
                return
            counts, is_new = [0, 0, 0], True
            asked[client, server] = counts
        counts[0] += 1
        counts[1] += carried
        counts[2] += left
        sessions, clients = self._by_server.get(server, _NO_SUM)
        self._by_server[server] = sessions + 1, clients + is_new
        sessions, servers = self._by_client.get(client, _NO_SUM)
        self._by_client[client] = sessions + 1, servers + is_new

    def _make_room(self, asked: dict[tuple[str, Server], list[int]], client: str, server: Server) -> bool:
        """Push out the pair with the largest hash for a new one; False: that is the new one itself."""
        if not self._heap:
            self._heap = [(-_order(*pair), pair) for pair in asked]
            heapify(self._heap)
        _, out = heappushpop(self._heap, (-_order(client, server), (client, server)))
        if out == (client, server):
            return False
        established = asked.pop(out)[0]
        _take_away(self._by_client, out[0], established)
        _take_away(self._by_server, out[1], established)
        return True

    def _note(self, clients: Sequence[str], servers: Sequence[Server], orders: array[int], counts: bytes) -> None:
        self._new_clients += clients
        self._new_servers += servers
        self._new_orders += orders
        self._new_counts += counts
        if len(self._new_orders) >= MAX_WAITING:
            self._count()

    def _count(self) -> None:
        """All into the columns."""
        if self._asked is not None:
            self._clients, self._servers = [pair[0] for pair in self._asked], [pair[1] for pair in self._asked]
            self._orders = np.fromiter(_orders(self._clients, self._servers), np.uint32)
            self._counts = np.array(list(self._asked.values()), np.int64).reshape(-1, 3)
            self._asked, self._heap = None, []
            self._limit = int(self._orders.max()) if len(self._orders) >= MAX_PAIRS else None
        if self._new_orders:
            counts = np.frombuffer(self._new_counts, np.uint8).reshape(-1, 3)
            clients, servers, orders = self._new_clients, self._new_servers, self._new_orders
            self._forget()
            self._join(clients, servers, np.frombuffer(orders, np.uint32), counts.astype(np.int64))

    def _join(self, clients: list[str], servers: list[Server], orders: NDArray[np.uint32], counts: I64) -> None:
        """Take up counts of pairs, of which some may come several times and some be known."""
        clients, servers = self._clients + clients, self._servers + servers
        orders, counts = np.concatenate([self._orders, orders]), np.concatenate([self._counts, counts])
        by = np.argsort(orders, kind="stable")
        begins = _begins(orders.take(by), by, clients, servers)
        if len(begins) > MAX_PAIRS:
            by, begins = by[: begins[MAX_PAIRS]], begins[:MAX_PAIRS]
        chosen = by.take(begins)
        self._clients = [clients[at] for at in chosen.tolist()]
        self._servers = [servers[at] for at in chosen.tolist()]
        self._orders = orders.take(chosen)
        self._counts = np.add.reduceat(counts.take(by, axis=0), begins)
        self._limit = int(self._orders[-1]) if len(begins) == MAX_PAIRS else None

    def left(self, client: str, server: Endpoint) -> int:
        """Sessions that this client left without a request, while it never exchanged data with this server."""
        _, carried, left = self._ask().get((client, server), _NONE)
        return left if not carried else 0

    def beside(self, client: str, server: Endpoint) -> Comparison | None:
        """What worked beside a session of this client with this server; None where nothing of the server is in a
        table that is full: it may have been left out.
        """
        asked = self._ask()
        at_server, clients = self._by_server.get(server, (0, 0))
        if not at_server and len(asked) >= MAX_PAIRS:
            return None
        of_client, servers = self._by_client.get(client, (0, 0))
        own = asked.get((client, server), _NONE)[0]
        return Comparison(at_server, clients, of_client - own, servers - bool(own))

    def _ask(self) -> dict[tuple[str, Server], list[int]]:
        if self._asked is None:
            self._count()
            pairs = zip(self._clients, self._servers, strict=True)
            self._asked = dict(zip(pairs, self._counts.tolist(), strict=True))
            established = self._counts[:, 0]
            self._by_server, self._by_client = _sums(self._servers, established), _sums(self._clients, established)
        return self._asked

    def merge(self, other: Successes) -> None:
        """Add what was counted elsewhere."""
        self._count()
        other._count()
        if other._clients:
            self._join(other._clients, other._servers, other._orders, other._counts)

    def __getstate__(self) -> tuple[object, ...]:
        """For pickling: flat lists."""
        self._count()
        addresses, ports = [ip for ip, _ in self._servers], [port for _, port in self._servers]
        return self._clients, addresses, ports, self._orders.tolist(), self._counts.tolist()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__()  # type: ignore[misc]
        clients, addresses, ports, orders, counts = state
        if clients:
            servers = list(zip(addresses, ports, strict=True))
            self._join(clients, servers, np.array(orders, np.uint32), np.array(counts, np.int64))


def _begins(ranked: NDArray[np.uint32], by: I64, clients: Sequence[str], servers: Sequence[Server]) -> I64:
    """Where in ``by`` the rows of each pair begin.

    :param ranked: hashes of the rows in the order of ``by``, ascending. Rows of one hash are nearly always of one pair;
        where they are not, they are put in order here, the pair that comes last first.
    """
    is_first = np.diff(ranked, prepend=ranked[:1] ^ 1) != 0
    rows, last = by.tolist(), 0
    for at in np.flatnonzero(~is_first).tolist():
        one, other = rows[at - 1], rows[at]
        if at >= last and (clients[one] != clients[other] or servers[one] != servers[other]):
            first, last = np.searchsorted(ranked, ranked[at]), np.searchsorted(ranked, ranked[at], side="right")
            mixed = sorted(rows[first:last], key=lambda row: (clients[row], servers[row]), reverse=True)
            by[first:last] = rows[first:last] = mixed
            pairs = [(clients[row], servers[row]) for row in mixed]
            is_first[first + 1 : last] = list(map(ne, pairs[1:], pairs))
    return np.flatnonzero(is_first)


def _take_away(sums: dict[T, tuple[int, int]], name: T, count: int) -> None:
    """One of a name's counts, that of a pair which is not kept any more."""
    total, pairs = sums[name]
    if pairs > 1:
        sums[name] = total - count, pairs - 1
    else:
        del sums[name]


def _sums(names: Sequence[T], counts: I64) -> dict[T, tuple[int, int]]:
    """By name the sum of its counts, and how many."""
    number: dict[T, int] = {}
    which = np.array([number.setdefault(name, len(number)) for name in names], np.int64)
    sums = np.zeros(len(number), np.int64)
    np.add.at(sums, which, counts)
    return dict(zip(number, zip(sums.tolist(), np.bincount(which).tolist(), strict=True), strict=True))


class _OfServers(dict["Server", int]):
    """What a server adds to the hash, worked out once for many clients."""

    def __missing__(self, server: Server) -> int:
        if len(self) >= MAX_SERVERS:
            self.clear()
        order = self[server] = crc32("{} {} ".format(*server).encode())
        return order


_of_servers: Final = _OfServers()


def _order(client: str, server: Server) -> int:
    """The hash of a pair: the same in every process, unlike hash()."""
    return crc32(client.encode(), _of_servers[server])


def _orders(clients: Sequence[str], servers: Sequence[Server]) -> Iterator[int]:
    return map(crc32, map(str.encode, clients), map(_of_servers.__getitem__, servers))
