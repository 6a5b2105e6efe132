"""Which clients succeeded at which servers: whether a failure is one client's, one server's, or everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.handshake.session import Endpoint

__all__ = ["Comparison", "Successes"]

MAX_PAIRS: Final = 20_000
"""Pairs of client address and server remembered, about 400 bytes each; beyond them all counts are lower bounds."""


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


class _Pairs(Bounded[tuple[str, str, int], list[int]]):
    """Ordered so that what a server adds to the hash is worked out once for many clients."""

    def order(self, key: tuple[str, str, int]) -> int:
        return crc32(key[0].encode(), _order_of_server(key[1], key[2]))


class Successes:
    """Established sessions counted by client address and server; the content does not depend on the order."""

    __slots__ = ("_by_client", "_by_server", "_pairs")

    def __init__(self) -> None:
        self._pairs = _Pairs(MAX_PAIRS)
        """Client address, server's address and port -> (sessions established, those that carried data, those left
        without a request), in a list so that counting changes no table."""
        self._by_server: dict[Endpoint, tuple[int, int]] | None = None
        self._by_client: dict[str, tuple[int, int]] = {}

    def add(self, client: str, server: Endpoint, *, carried: bool, left: bool = False) -> None:
        """One more session that was established.

        :param carried: it carried data both ways.
        :param left: the client closed it without having sent a request.
        """
        pair = (client, server[0], server[1])
        known = self._pairs.get(pair)
        if known is None:
            was_full = self._pairs.is_full
            self._pairs.add(pair, [1, int(carried), int(left)])
            if was_full:
                self._by_server = None  # another pair may have had to go
            elif self._by_server is not None:
                self._sum_up_one(client, server, new=True)
        else:
            known[0] += 1
            known[1] += carried
            known[2] += left
            if self._by_server is not None:
                self._sum_up_one(client, server, new=False)

    def add_all(self, sessions: Iterable[tuple[str, Endpoint]]) -> None:
        """Client address and server of sessions that carried data."""
        if self._by_server is not None:
            for client, server in sessions:
                self.add(client, server, carried=True)
            return
        pairs, largest, order = self._pairs, self._pairs.largest, None
        for client, (ip, port) in sessions:
            if largest is not None:
                order = crc32(client.encode(), _order_of_server(ip, port))
                if order > largest:
                    continue  # most of them, once the table is full
            key = client, ip, port
            known = pairs.get(key)
            if known is None:
                pairs.add(key, [1, 1, 0], order)
                largest = pairs.largest
            else:
                known[0] += 1
                known[1] += 1

    def left(self, client: str, server: Endpoint) -> int:
        """Sessions that this client left without a request, while it never exchanged data with this server."""
        known = self._pairs.get((client, *server))
        return known[2] if known is not None and not known[1] else 0

    def merge(self, other: Successes) -> None:
        """Add what was counted elsewhere."""
        self._pairs.merge(other._pairs, _add)
        self._by_server = None

    def beside(self, client: str, server: Endpoint) -> Comparison | None:
        """What worked beside a session of this client with this server; None where nothing of the server is in a
        table that is full: it may have been left out.
        """
        if self._by_server is None:
            self._sum_up()
        assert self._by_server is not None
        at_server, clients = self._by_server.get(server, (0, 0))
        if not at_server and self._pairs.is_full:
            return None
        of_client, servers = self._by_client.get(client, (0, 0))
        own = self._pairs.get((client, *server))
        if own is not None:
            of_client, servers = of_client - own[0], servers - 1
        return Comparison(at_server, clients, of_client, servers)

    def _sum_up(self) -> None:
        by_server: dict[Endpoint, tuple[int, int]] = {}
        by_client: dict[str, tuple[int, int]] = {}
        for (client, ip, port), (count, _, _) in zip(self._pairs.keys(), self._pairs.values(), strict=True):
            server = Endpoint(ip, port)
            sessions, clients = by_server.get(server, (0, 0))
            by_server[server] = sessions + count, clients + 1
            sessions, servers = by_client.get(client, (0, 0))
            by_client[client] = sessions + count, servers + 1
        self._by_server, self._by_client = by_server, by_client

    def _sum_up_one(self, client: str, server: Endpoint, *, new: bool) -> None:
        """One more session, where sums are there."""
        assert self._by_server is not None
        sessions, clients = self._by_server.get(server, (0, 0))
        self._by_server[server] = sessions + 1, clients + new
        sessions, servers = self._by_client.get(client, (0, 0))
        self._by_client[client] = sessions + 1, servers + new

    def __getstate__(self) -> _Pairs:
        return self._pairs

    def __setstate__(self, state: _Pairs) -> None:
        self._pairs = state
        self._by_server, self._by_client = None, {}


@lru_cache(1 << 14)
def _order_of_server(ip: str, port: int) -> int:
    return crc32(f"{ip} {port} ".encode())


def _add(known: list[int], other: list[int]) -> None:
    known[0] += other[0]
    known[1] += other[1]
    known[2] += other[2]
