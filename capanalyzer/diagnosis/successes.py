"""Which clients succeeded at which servers: whether a failure is one client's, one server's, or everybody's."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.handshake.session import Endpoint

__all__ = ["Comparison", "Successes"]

MAX_PAIRS: Final = 20_000
"""Pairs of client address and server remembered, about 300 bytes each; beyond them all counts are lower bounds."""


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
    """Established sessions counted by client address and server; the content does not depend on the order."""

    __slots__ = ("_by_client", "_by_server", "_pairs")

    def __init__(self) -> None:
        self._pairs: Bounded[tuple[str, Endpoint], list[int]] = Bounded(MAX_PAIRS)
        """A number in a list of its own, so that counting changes no table."""
        self._by_server: dict[Endpoint, tuple[int, int]] | None = None
        self._by_client: dict[str, tuple[int, int]] = {}

    def add(self, client: str, server: Endpoint) -> None:
        """One more session that was established."""
        count = self._pairs.get((client, server))
        if count is None:
            self._pairs.add((client, server), [1])
        else:
            count[0] += 1
        self._by_server = None

    def merge(self, other: Successes) -> None:
        """Add what was counted elsewhere."""
        self._pairs.merge(other._pairs, _add)
        self._by_server = None

    def beside(self, client: str, server: Endpoint) -> Comparison:
        """What worked beside a session of this client with this server."""
        if self._by_server is None:
            self._sum_up()
        assert self._by_server is not None
        at_server, clients = self._by_server.get(server, (0, 0))
        of_client, servers = self._by_client.get(client, (0, 0))
        own = self._pairs.get((client, server))
        if own is not None:
            of_client, servers = of_client - own[0], servers - 1
        return Comparison(at_server, clients, of_client, servers)

    def _sum_up(self) -> None:
        by_server: dict[Endpoint, tuple[int, int]] = {}
        by_client: dict[str, tuple[int, int]] = {}
        for (client, server), [count] in zip(self._pairs.keys(), self._pairs.values(), strict=True):
            sessions, clients = by_server.get(server, (0, 0))
            by_server[server] = sessions + count, clients + 1
            sessions, servers = by_client.get(client, (0, 0))
            by_client[client] = sessions + count, servers + 1
        self._by_server, self._by_client = by_server, by_client

    def __getstate__(self) -> Bounded[tuple[str, Endpoint], list[int]]:
        return self._pairs

    def __setstate__(self, state: Bounded[tuple[str, Endpoint], list[int]]) -> None:
        self._pairs = state
        self._by_server, self._by_client = None, {}


def _add(known: list[int], other: list[int]) -> None:
    known[0] += other[0]
