"""What the sessions of one capture teach about its servers: small, bounded, never more than was seen.

Nothing here depends on the order in which sessions are learned from. Several processes that learn from a part of a
capture's sessions each therefore know, put together (:meth:`Knowledge.merge`), what one process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.diagnosis.legs import Legs
from capanalyzer.diagnosis.lost import LossTimes
from capanalyzer.diagnosis.servers import Sample, ServerKnowledge
from capanalyzer.diagnosis.starts import MAX_CLIENTS, MAX_STARTS, Starts, join_starts, trim
from capanalyzer.diagnosis.successes import Successes
from capanalyzer.diagnosis.trust.knowledge import TrustKnowledge
from capanalyzer.handshake.session import Endpoint, Session

__all__ = ["DEFAULT_TLS_PORTS", "Knowledge"]

DEFAULT_TLS_PORTS: Final = frozenset(
    (443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 6380, 6697, 8443, 8883, 9443)
)
MAX_SERVERS: Final = 20_000
"""Servers remembered, about 3 kB each at most; a scan over a network shows no more that speak TLS."""
RACE_NS: Final = 300_000_000
"""Connects to several addresses of a name start within this time of each other: RFC 8305 section 5 recommends 250
ms."""
TRIMMED: Final = 4
"""Servers towards which handshakes stop without anybody closing; one that hangs is common, four at a time are a cut
file."""


_port_of: Final = itemgetter(1)


class Knowledge:
    """Facts about servers gathered over one capture."""

    __slots__ = (
        "_lessons",
        "_ports",
        "_servers",
        "_stalled",
        "_starts",
        "legs",
        "losses",
        "one_sided",
        "successes",
        "trust",
        "two_sided",
    )

    def __init__(self, tls_ports: Iterable[int] = ()) -> None:
        self._ports = DEFAULT_TLS_PORTS | frozenset(tls_ports)
        self._servers: Bounded[Endpoint, ServerKnowledge] = Bounded(MAX_SERVERS)
        """Servers that were seen to speak TLS."""
        self._stalled: set[Endpoint] = set()
        self._starts = Starts(MAX_CLIENTS)
        """(client address, server port) -> start and server of connects that were answered, the latest ones."""
        self._lessons = 0
        self.successes = Successes()
        self.legs = Legs()
        self.losses = LossTimes()
        """When the capture lost packets."""
        self.trust = TrustKnowledge()
        """Issuers and clocks."""
        self.one_sided = 0
        self.two_sided = 0
        """Sessions in which one or both ends were seen to send, of those whose other end must have spoken."""

    @property
    def servers_left_out(self) -> int:
        """Sessions of servers beyond the cap, from which nothing was learned."""
        return self._lessons - sum(server.lessons for server in self._servers.values())

    def merge(self, other: Knowledge) -> None:
        """Add what was learned from other sessions of the same capture. ``other`` is not to be used any more."""
        self._servers.merge(other._servers, ServerKnowledge.merge)
        self._starts.merge(other._starts, join_starts)
        self._stalled |= other._stalled
        self._lessons += other._lessons
        self.successes.merge(other.successes)
        self.legs.merge(other.legs)
        self.losses.merge(other.losses)
        self.trust.merge(other.trust)
        self.one_sided += other.one_sided
        self.two_sided += other.two_sided

    def __getstate__(self) -> tuple[object, ...]:
        """For pickling: flat lists, for 100,000 small objects take ten times as long."""
        clients, starts = self._starts.keys(), list(self._starts.values())
        for known in starts:
            if len(known) > MAX_STARTS:
                trim(known)
        flat = [start for known in starts for start in known]
        times = [time_ns for time_ns, _ in flat]
        addresses, ports = [server[0] for _, server in flat], [server[1] for _, server in flat]
        columns = [*map(tuple, clients)], [len(known) for known in starts], times, addresses, ports
        counts = self._lessons, self.one_sided, self.two_sided
        parts = self.successes, self.legs, self.losses, self.trust
        return self._ports, self._servers, self._stalled, parts, columns, counts

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._ports, self._servers, self._stalled, parts, columns, counts_of_sessions = state
        self.successes, self.legs, self.losses, self.trust = parts
        self._lessons, self.one_sided, self.two_sided = counts_of_sessions
        clients, counts, times, addresses, ports = columns
        flat = zip(times, zip(addresses, ports, strict=True), strict=True)
        self._starts = Starts(MAX_CLIENTS)
        for client, count in zip(clients, counts, strict=True):
            self._starts.add(client, list(islice(flat, count)))

    def is_tls_port(self, server: Endpoint) -> bool:
        """A TLS port: this capture shows the server speaking TLS there, or it was named by the user or the contract."""
        return server.port in self._ports or server in self._servers

    def server(self, server: Endpoint) -> ServerKnowledge | None:
        """What completed handshakes showed of a server; None where there were none."""
        known = self._servers.get(server)
        return known if known is not None and known.established else None

    def learn_stall(self, session: Session) -> None:
        """A handshake that stopped while nobody closed and the capture went on."""
        if len(self._stalled) < TRIMMED:
            self._stalled.add(session.server)

    def is_trimmed(self) -> bool:
        """Handshakes with several servers stop in mid-air: the file keeps the beginnings of connections only, and
        what is missing from an open one proves nothing.
        """
        return len(self._stalled) >= TRIMMED

    def is_race_loser(self, session: Session) -> bool:
        """The same client connected to the same port elsewhere within 300 ms: this one lost the race (RFC 8305), and
        was closed before it could send its SYN again.
        """
        if session.tcp.client.syn_count > 1:
            return False
        starts = self._starts.get((session.client.ip, session.server.port))
        if starts is None:
            return False
        server, own_ns = session.server, session.start_ns
        trim(starts)
        return any(other != server and abs(start_ns - own_ns) <= RACE_NS for start_ns, other in starts)

    def _learn_start(self, client: str, server: Endpoint, start_ns: int) -> None:
        starts = self._starts.get((client, server[1]))
        if starts is None:
            self._starts.add((client, server[1]), [(start_ns, server)])
        else:
            starts.append((start_ns, server))
            if len(starts) >= 2 * MAX_STARTS:
                trim(starts)

    def learn_sides(self, session: Session) -> bool:
        """Whether the capture shows both directions, as far as a session tells; False: it tells nothing of it."""
        if session.quality.one_sided is not None:
            self.one_sided += 1
        elif session.packets[0] and session.packets[1]:
            self.two_sided += 1
        else:
            return False
        return True

    def learn_traffic(self, session: Session) -> None:
        """What any session teaches, however it ended."""
        self.learn_sides(session)
        self.learn_answers(session)

    def learn_answers(self, session: Session) -> None:
        """The rest of it: connects and hellos that were answered, and what the capture lost."""
        tls = session.tls
        if session.quality.lost:
            for facts in (session.tcp.client, session.tcp.server):
                if facts.gap_ns is not None:
                    self.losses.add(facts.gap_ns)
        elif _lacks_its_connect(session):
            self.losses.add(session.start_ns)
        if session.tcp.server.syn_count:
            self._learn_start(session.client.ip, session.server, session.start_ns)
        if tls is None or tls.server_hello_message is None:
            return
        server, hello = self._teaches(session.server), tls.client_hello_message
        if hello is not None:
            server.answered(hello.length)

    def learn_ordinary(self, session: Session) -> None:
        """All at once, for the many sessions that simply work."""
        self.two_sided += 1
        self.successes.add(session.client.ip, session.server, carried=True)
        self._learn_start(session.client.ip, session.server, session.start_ns)
        self._teaches(session.server).learn(session)

    def learn_all(
        self,
        streams: Sequence[int],
        clients: Sequence[str],
        servers: Sequence[Endpoint],
        starts_ns: Sequence[int],
        sample: Callable[[int], Sample | None],
    ) -> None:
        """The same for several, of which stream numbers (ascending), client addresses, servers and starts are given.

        :param sample: looks into one of them, by its place, None where there is nothing to be seen; called only where
            it is of use.
        """
        if not streams:
            return
        self.two_sided += len(streams)
        self._lessons += len(streams)
        self.successes.add_all(clients, servers)
        self._learn_starts(clients, servers, starts_ns)
        places: dict[Endpoint, list[int]] = {}
        for at, server in enumerate(servers):
            here = places.get(server)
            if here is None:
                places[server] = [at]
            else:
                here.append(at)
        for server, here in places.items():
            known = self._servers.get(server)
            if known is None:
                known = ServerKnowledge()
                self._servers.add(server, known)
            known.lessons += len(here)
            known.learn_all(here, streams, sample)

    def _learn_starts(self, clients: Sequence[str], servers: Sequence[Endpoint], starts_ns: Sequence[int]) -> None:
        starts, largest, order = self._starts, self._starts.largest, None
        get = starts.get
        for key, start in zip(
            zip(clients, map(_port_of, servers), strict=True), zip(starts_ns, servers, strict=True), strict=True
        ):
            known = get(key)
            if known is None:
                if largest is not None:
                    order = starts.order(key)
                    if order > largest:
                        continue  # most of them, once the table is full
                starts.add(key, [start], order)
                largest = starts.largest
            else:
                known.append(start)
                if len(known) >= 2 * MAX_STARTS:
                    trim(known)

    def learn_established(self, session: Session, *, left: bool) -> None:
        """What a completed handshake teaches about its server, beside what any session teaches.

        :param left: the client closed it without having sent a request.
        """
        tls = session.tls
        if tls is None:
            return
        self.successes.add(session.client.ip, session.server, carried=all(tls.data_from), left=left)
        server = self._servers.get(session.server)
        if server is None:
            if tls.server_hello_message is not None:
                return  # beyond the cap
            server = self._teaches(session.server)
        server.learn(session)

    def _teaches(self, server: Endpoint) -> ServerKnowledge:
        """A session shows this server speaking TLS: the place for what it teaches, which the cap may take away."""
        self._lessons += 1
        known = self._servers.get(server)
        if known is None:
            known = ServerKnowledge()
            self._servers.add(server, known)
        known.lessons += 1
        return known

    def is_one_sided_capture(self) -> bool:
        """Every session whose other end must have spoken shows one end only: silence of the other proves nothing."""
        return self.one_sided > 0 and self.two_sided == 0


def _lacks_its_connect(session: Session) -> bool:
    """A handshake of which both ends' words are there, and the connect, which came just before, is not. Behind an
    upgrade it may lie long before the capture; what one end alone says, anybody can send.
    """
    tls = session.tls
    is_whole = session.upgrade is None and all(session.payload_bytes)
    return session.quality.starts_mid_session and is_whole and tls is not None and tls.is_read
