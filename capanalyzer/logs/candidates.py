"""Sessions by what a line may name of them."""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from capanalyzer.logs.ends import UNSPECIFIED
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.seen import End, Seen, name_of

__all__ = ["Key", "Pool", "Sessions"]

Span: TypeAlias = tuple[int, int]
MAX_CANDIDATES: Final = 256
"""Sessions that one line is compared with."""


class Key(enum.Enum):
    """What a line's session was found by."""

    BOTH = "addresses-and-ports"
    """Of both ends."""
    PORT = "client-port"
    """The client's address and port."""
    CLIENT = "client-address"
    NAME = "server-name"
    SERVER = "server-address"
    NOTHING = "time"
    """Neither end: by its time and by what it says."""
    WORDS = "words"
    """By what it says alone."""

    @property
    def is_strong(self) -> bool:
        """At one time hardly more than one session has it."""
        return self in (Key.BOTH, Key.PORT)


class Pool(NamedTuple):
    """Sessions that a line may speak of."""

    key: Key
    sessions: Sequence[Seen]
    looks: int
    """How many were looked at to find them."""


class Sessions:
    """Of one capture; :meth:`sort` before asking."""

    def __init__(self) -> None:
        self.by_id: dict[int, Seen] = {}
        self._all: list[Seen] = []
        self._by_end: dict[End, list[Seen]] = defaultdict(list)
        self._by_host: dict[str, list[Seen]] = defaultdict(list)
        self._by_name: dict[str, list[Seen]] = defaultdict(list)
        self._by_certificate: dict[str, list[Seen]] = defaultdict(list)
        self._by_server: dict[str, list[Seen]] = defaultdict(list)
        self._failed: list[Seen] = []
        self._nameless: list[Seen] = []

    def __len__(self) -> int:
        return len(self._all)

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """From the first session's start to the last one's end."""
        if not self._all:
            return None
        return min(one.start_ns for one in self._all), max(one.end_ns for one in self._all)

    def add(self, seen: Seen) -> None:
        self._all.append(seen)

    def sort(self) -> None:
        """All are there."""
        self._all.sort(key=lambda one: (one.start_ns, one.id))
        for one in self._all:
            self.by_id[one.id] = one
            for end in dict.fromkeys((one.client, *one.aliases)):
                self._by_end[end].append(one)
            for host in dict.fromkeys(end[0] for end in (one.client, *one.aliases)):
                self._by_host[host].append(one)
            for name in {one.sni, one.request_host}:
                if name is not None:
                    self._by_name[name].append(one)
            for name in set(one.certificate_names):
                self._by_certificate[name].append(one)
            self._by_server[one.server[0]].append(one)
            if one.may_have_failed:
                self._failed.append(one)
                if one.sni is None and one.request_host is None:
                    self._nameless.append(one)

    def knows_host(self, ip: str) -> bool:
        """A client has this address."""
        return ip in self._by_host

    def candidates(self, line: LogLine, starts_ns: Span | None = None) -> tuple[Key, Sequence[Seen]]:
        """The sessions that a line which names its client may speak of, by the best that it names.

        At most :data:`MAX_CANDIDATES`.

        :param starts_ns: the first and last time at which they may have begun; None: any.
        """
        client, server = line.client, line.server
        server_ip = None if server.ip in UNSPECIFIED else server.ip
        if client.ip is not None and (client.port is not None or self.knows_host(client.ip)):
            if client.port is None:
                found = _at(self._by_host[client.ip], server_ip, server.port, starts_ns)
                return Key.CLIENT, [one for one in found if one.client[0] == client.ip] or found
            own = self._by_end.get((client.ip, client.port), ())
            found = _at(own, server_ip, server.port, starts_ns)
            # Where both connections of a proxy are in the capture, the client's own is the first to be meant.
            found = [one for one in found if one.client == (client.ip, client.port)] or found
            if server_ip is None or server.port is None:
                if found or self.knows_host(client.ip):
                    return Key.PORT, found
            else:
                # A line about what was sent may name the sender first.
                found = found or _at(self._by_end.get((server_ip, server.port), ()), client.ip, client.port, starts_ns)
                if found:
                    return Key.BOTH, found
                # Of a connection that goes on with another server, the client may be known by its first address.
                behind = [one for one in own if one.client != (client.ip, client.port)]
                if behind or self.knows_host(client.ip):
                    return Key.PORT, _at(behind, None, None, starts_ns)
        return self._of_stranger(line, server_ip, starts_ns)

    def of_address(self, line: LogLine) -> Sequence[Seen]:
        """All sessions of the end that a line names as the client's, with the server that it names; at any time."""
        ip, client = None if line.server.ip in UNSPECIFIED else line.server.ip, line.client
        own: Sequence[Seen] = ()
        if client.ip is not None:
            own = (
                self._by_host.get(client.ip, ())
                if client.port is None
                else self._by_end.get((client.ip, client.port), ())
            )
        return _with(own, ip, line.server.port)

    def _of_stranger(self, line: LogLine, server_ip: str | None, starts_ns: Span | None) -> tuple[Key, Sequence[Seen]]:
        """The client's address was translated on the way, or the capture does not have it; or no client is named."""
        name = name_of(line)
        if line.client.ip is None or not line.is_failure or name not in self._by_name:
            return Key.NOTHING, ()
        return Key.NAME, _at(self._by_name[name], server_ip, line.server.port, starts_ns)

    def without_client(self, line: LogLine, starts_ns: Span | None = None) -> Iterator[Pool]:
        """The sessions that a line which names no client may speak of, those by the best that it names first.

        :param starts_ns: as for :meth:`candidates`, which also tells how many there are at most; None: any, and all.
        """
        name, server = name_of(line), line.server
        ip, port = None if server.ip in UNSPECIFIED else server.ip, server.port
        if name is not None:
            named = _in_time(self._named(name), starts_ns)
            # A proxy is asked for the name at its own port.
            meant = [
                one
                for one in named
                if ip in (None, one.server[0]) and (port in (None, one.server[1]) or one.request_host == name)
            ]
            yield Pool(Key.NAME, meant, len(named))
        # A connection that was refused has asked for no name yet; one that asked for another is not meant.
        unfinished = self._failed if ip is None else self._by_server.get(ip, ())
        among = _in_time(unfinished if name is None else self._nameless, starts_ns)
        yield Pool(Key.NOTHING if ip is None else Key.SERVER, _with(among, ip, port), len(among))

    def _named(self, name: str) -> Sequence[Seen]:
        """Those that ask for it; where none does, those whose certificate is for it."""
        if (asking := self._by_name.get(name)) is not None:
            return asking
        star = f"*.{name.partition('.')[2]}"  # RFC 6125 section 6.4.3
        return self._by_certificate.get(name) or self._by_certificate.get(star) or ()


def _at(sessions: Sequence[Seen], ip: str | None, port: int | None, starts_ns: Span | None) -> Sequence[Seen]:
    """Those with this server that began in time, the latest where there are too many."""
    return _with(_in_time(sessions, starts_ns)[-MAX_CANDIDATES:], ip, port)


def _in_time(sessions: Sequence[Seen], starts_ns: Span | None) -> Sequence[Seen]:
    if starts_ns is None:
        return sessions
    begin = bisect_left(sessions, starts_ns[0], key=_start)
    end = bisect_right(sessions, starts_ns[1], begin, key=_start)
    return sessions[max(begin, end - MAX_CANDIDATES) : end]


def _with(sessions: Sequence[Seen], ip: str | None, port: int | None) -> Sequence[Seen]:
    if ip is None and port is None:
        return sessions
    return [one for one in sessions if ip in (None, one.server[0]) and port in (None, one.server[1])]


def _start(seen: Seen) -> int:
    return seen.start_ns
