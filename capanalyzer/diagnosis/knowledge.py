"""What the sessions of one capture teach about its servers: small, bounded, never more than was seen.

Nothing here depends on the order in which sessions are learned from. Several processes that learn from a part of a
capture's sessions each therefore know, put together (:meth:`Knowledge.merge`), what one process would.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.diagnosis.legs import Legs
from capanalyzer.diagnosis.starts import MAX_CLIENTS, MAX_STARTS, Starts, join_starts, trim
from capanalyzer.diagnosis.successes import Successes
from capanalyzer.diagnosis.trust.knowledge import TrustKnowledge
from capanalyzer.handshake.session import Endpoint, Session

if TYPE_CHECKING:
    from capanalyzer.tls.hello import ClientHello

__all__ = ["DEFAULT_TLS_PORTS", "Knowledge", "Sample", "ServerKnowledge", "newest_offer", "sample_of"]

DEFAULT_TLS_PORTS: Final = frozenset(
    (443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 6380, 6697, 8443, 8883, 9443)
)
MAX_SERVERS: Final = 20_000
"""Servers remembered, about 3 kB each at most; a scan over a network shows no more that speak TLS."""
SAMPLED: Final = 16
"""Sessions of a server that are looked into, those with the lowest stream numbers; later ones repeat what these
taught."""
TLS13: Final = 0x0304
RACE_NS: Final = 300_000_000
"""Connects to several addresses of a name start within this time of each other: RFC 8305 section 5 recommends 250
ms."""
TRIMMED: Final = 4
"""Servers towards which handshakes stop without anybody closing; one that hangs is common, four at a time are a cut
file."""


class Sample(NamedTuple):
    """What one completed handshake showed."""

    stream: int
    version: int | None
    suite: int
    """0: unknown."""
    group: int | None
    """Key exchange group used: the key share's in TLS 1.3, the named curve's before."""
    has_hello: bool
    """The ClientHello could be read."""
    name: str | None
    has_proxy_header: bool
    hello_length: int
    offered: int
    """Highest version in the client's offer; 0: unknown."""


class ServerKnowledge:
    """What one address and port accepted in sessions that completed."""

    __slots__ = ("_largest_hello", "established", "lessons", "samples")

    def __init__(self) -> None:
        self.established = 0
        self.lessons = 0
        """Sessions that taught something of it."""
        self.samples: list[Sample] = []
        """By stream number."""
        self._largest_hello = 0

    @property
    def sampled(self) -> int:
        """Sessions that were looked into."""
        return len(self.samples)

    @property
    def versions(self) -> set[int]:
        return {sample.version for sample in self.samples if sample.version is not None}

    def suites(self, *, is_13: bool) -> set[int]:
        """Those chosen in TLS 1.3, or before: one says nothing of the other."""
        return {s.suite for s in self.samples if s.suite and (s.version == TLS13) is is_13}

    def groups(self, *, is_13: bool) -> set[int]:
        """Key exchange groups used in TLS 1.3, or before."""
        return {s.group for s in self.samples if s.suite and s.group is not None and (s.version == TLS13) is is_13}

    def lacks(self, version: int) -> bool:
        """Every client that offered this version or a later one was given an older one."""
        given = [s.version for s in self.samples if s.offered >= version and s.version is not None]
        return bool(given) and max(given) < version

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples if sample.name is not None}

    @property
    def without_name(self) -> int:
        """Sessions that completed without a server name."""
        return sum(sample.has_hello and sample.name is None for sample in self.samples)

    @property
    def proxy_headers(self) -> int:
        """Sessions that completed behind a PROXY protocol header."""
        return sum(sample.has_proxy_header for sample in self.samples)

    @property
    def largest_hello(self) -> int:
        """Bytes of the largest ClientHello that was answered with a ServerHello."""
        return max(self._largest_hello, max((sample.hello_length for sample in self.samples), default=0))

    def answered(self, length: int) -> None:
        """A ClientHello of so many bytes was answered with a ServerHello."""
        self._largest_hello = max(self._largest_hello, length)

    def __getstate__(self) -> tuple[object, ...]:
        """For pickling: plain tuples, which take a third of the time of named ones."""
        return self.established, self.lessons, [tuple(sample) for sample in self.samples], self._largest_hello

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.established, self.lessons, samples, self._largest_hello = state
        self.samples = [Sample._make(sample) for sample in samples]

    def learn(self, session: Session) -> None:
        """Learn from a completed handshake."""
        self.established += 1
        if len(self.samples) < SAMPLED or session.stream <= self.samples[-1].stream:
            self.look(sample_of(session))

    def look(self, sample: Sample | None) -> None:
        """Keep what one session showed, in the place of the latest one when there are enough."""
        if sample is not None:
            samples = self.samples
            if len(samples) >= SAMPLED:
                del samples[-1]
            if not samples or sample.stream >= samples[-1].stream:
                samples.append(sample)
            else:
                insort(samples, sample, key=_stream_of)

    def merge(self, other: ServerKnowledge) -> None:
        """Add what was learned of the same server elsewhere."""
        self.established += other.established
        self.lessons += other.lessons
        self.samples = sorted(self.samples + other.samples, key=_stream_of)[:SAMPLED]
        self.answered(other._largest_hello)


def sample_of(session: Session) -> Sample | None:
    """What a completed handshake shows."""
    tls = session.tls
    if tls is None:
        return None
    hello, message, upgrade = tls.client_hello, tls.client_hello_message, session.upgrade
    return Sample(
        session.stream,
        tls.version,
        tls.handshake.suite or 0,
        tls.key_exchange_group,
        hello is not None,
        None if hello is None else hello.sni,
        upgrade is not None and upgrade.kind.startswith("proxy-"),
        0 if message is None else message.length,
        0 if hello is None else newest_offer(hello),
    )


def newest_offer(hello: ClientHello) -> int:
    """The newest version offered, drafts and GREASE apart; 0 where there is none."""
    return max((version for version in hello.offered_versions if version <= TLS13), default=0)


_port_of: Final = itemgetter(1)


def _stream_of(sample: Sample) -> int:
    return sample.stream


class Knowledge:
    """Facts about servers gathered over one capture."""

    __slots__ = (
        "_lessons",
        "_ports",
        "_servers",
        "_stalled",
        "_starts",
        "legs",
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
        parts = self.successes, self.legs, self.trust
        return self._ports, self._servers, self._stalled, parts, columns, counts

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._ports, self._servers, self._stalled, parts, columns, counts_of_sessions = state
        self.successes, self.legs, self.trust = parts
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
        """The rest of it: connects and hellos that were answered."""
        if session.tcp.server.syn_count:
            self._learn_start(session.client.ip, session.server, session.start_ns)
        tls = session.tls
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
            known.established += len(here)
            samples = known.samples
            for at in here:
                if len(samples) >= SAMPLED and streams[at] > samples[-1].stream:
                    break  # nor is any of the later ones needed
                known.look(sample(at))

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
