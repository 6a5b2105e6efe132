"""What the sessions of one capture teach about its servers: small, bounded, never more than was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from capanalyzer.handshake.session import Endpoint, Session

__all__ = ["DEFAULT_TLS_PORTS", "Knowledge", "ServerKnowledge"]

DEFAULT_TLS_PORTS: Final = frozenset(
    (443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 6380, 6697, 8443, 8883, 9443)
)
MAX_SERVERS: Final = 20_000
"""Servers remembered, about 1 kB each at most; a scan over a network shows no more that speak TLS."""
MAX_VALUES: Final = 64
"""Distinct suites, groups or names remembered of one server: beyond it nothing more is learned from them."""
SAMPLED: Final = 16
"""Sessions of a server that are looked into; later ones repeat what these taught."""
RACE_NS: Final = 300_000_000
"""Connects to several addresses of a name start within this time of each other: RFC 8305 section 5 recommends 250
ms."""
TRIMMED: Final = 4
"""Servers towards which handshakes stop without anybody closing; one that hangs is common, four at a time are a cut
file."""
MAX_CLIENTS: Final = 20_000
MAX_STARTS: Final = 8
"""Connects remembered of a client and port, and clients; about 400 bytes each."""


class ServerKnowledge:
    """What one address and port accepted in sessions that completed."""

    __slots__ = (
        "established",
        "groups",
        "largest_hello",
        "names",
        "proxy_headers",
        "sampled",
        "suites",
        "versions",
        "without_name",
    )

    def __init__(self) -> None:
        self.established = 0
        self.sampled = 0
        """Sessions that were looked into."""
        self.versions: set[int] = set()
        self.suites: set[int] = set()
        """Chosen ones."""
        self.groups: set[int] = set()
        """Key exchange groups used: the key share's in TLS 1.3, the named curve's before."""
        self.names: set[str] = set()
        self.without_name = 0
        """Sessions that completed without a server name."""
        self.proxy_headers = 0
        """Sessions that completed behind a PROXY protocol header."""
        self.largest_hello = 0
        """Bytes of the largest ClientHello that was answered with a ServerHello."""


class Knowledge:
    """Facts about servers gathered over one capture."""

    __slots__ = ("_ports", "_servers", "_speakers", "_stalled", "_starts", "one_sided", "servers_left_out", "two_sided")

    def __init__(self, tls_ports: Iterable[int] = ()) -> None:
        self._ports = DEFAULT_TLS_PORTS | frozenset(tls_ports)
        self._servers: dict[Endpoint, ServerKnowledge] = {}
        self._speakers: set[Endpoint] = set()
        self._stalled: set[Endpoint] = set()
        self._starts: dict[tuple[str, int], list[tuple[int, Endpoint]]] = {}
        """(client address, server port) -> start and server of connects that were answered, the last ones."""
        self.servers_left_out = 0
        """Sessions of servers beyond the cap, from which nothing was learned."""
        self.one_sided = 0
        self.two_sided = 0
        """Sessions in which one or both ends were seen to send, of those whose other end must have spoken."""

    def is_tls_port(self, server: Endpoint) -> bool:
        """A TLS port: this capture shows the server speaking TLS there, or it was named by the user or the contract."""
        return server.port in self._ports or server in self._speakers

    def server(self, server: Endpoint) -> ServerKnowledge | None:
        return self._servers.get(server)

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
        """The same client connected to the same port elsewhere within 300 ms: this one lost the race (RFC 8305)."""
        starts = self._starts.get((session.client.ip, session.server.port))
        if starts is None:
            return False
        server, own_ns = session.server, session.start_ns
        return any(other != server and abs(start_ns - own_ns) <= RACE_NS for start_ns, other in starts)

    def _learn_start(self, session: Session) -> None:
        starts = self._starts.get((session.client.ip, session.server.port))
        if starts is None:
            if len(self._starts) >= MAX_CLIENTS:
                return
            starts = self._starts[session.client.ip, session.server.port] = []
        starts.append((session.start_ns, session.server))
        if len(starts) > MAX_STARTS:
            del starts[0]

    def learn_traffic(self, session: Session) -> None:
        """What any session teaches, however it ended."""
        if session.quality.one_sided is not None:
            self.one_sided += 1
        elif session.packets[0] and session.packets[1]:
            self.two_sided += 1
        if session.tcp.server.syn_count:
            self._learn_start(session)
        tls = session.tls
        if tls is None or tls.server_hello_message is None:
            return
        server = session.server
        if server not in self._speakers:
            if len(self._speakers) < MAX_SERVERS:
                self._speakers.add(server)
            else:
                self.servers_left_out += 1
        hello = tls.client_hello_message
        known = self._servers.get(server)
        if hello is not None and known is not None and hello.length > known.largest_hello:
            known.largest_hello = hello.length

    def learn_ordinary(self, session: Session) -> None:
        """Both at once, for the many sessions that simply work."""
        self.two_sided += 1
        self._learn_start(session)
        self.learn_established(session)

    def learn_established(self, session: Session) -> None:
        """What a completed handshake teaches about its server."""
        server, tls = session.server, session.tls
        if tls is None:
            return
        known = self._servers.get(server)
        if known is None:
            if len(self._servers) >= MAX_SERVERS:
                self.servers_left_out += 1
                return
            known = self._servers[server] = ServerKnowledge()
            self._speakers.add(server)
        known.established += 1
        if known.sampled >= SAMPLED:
            return
        known.sampled += 1
        if tls.version is not None and len(known.versions) < MAX_VALUES:
            known.versions.add(tls.version)
        if session.upgrade is not None and session.upgrade.kind.startswith("proxy-"):
            known.proxy_headers += 1
        hello, suite, message = tls.client_hello, tls.handshake.suite, tls.client_hello_message
        if suite and len(known.suites) < MAX_VALUES:
            known.suites.add(suite)
            group = tls.key_exchange_group
            if group is not None:
                known.groups.add(group)
        if hello is not None:
            if hello.sni is None:
                known.without_name += 1
            elif len(known.names) < MAX_VALUES:
                known.names.add(hello.sni)
        if message is not None and message.length > known.largest_hello:
            known.largest_hello = message.length

    def is_one_sided_capture(self) -> bool:
        """Every session whose other end must have spoken shows one end only: silence of the other proves nothing."""
        return self.one_sided > 0 and self.two_sided == 0
