"""Sessions by what a line may name of them."""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from capanalyzer.logs.ends import UNSPECIFIED
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.seen import End, Seen, name_of

__all__ = ["Key", "Sessions"]

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

    @property
    def is_strong(self) -> bool:
        """At one time hardly more than one session has it."""
        return self in (Key.BOTH, Key.PORT)


class Sessions:
    """Of one capture; :meth:`sort` before asking."""

    def __init__(self) -> None:
        self.by_id: dict[int, Seen] = {}
        self._all: list[Seen] = []
        self._by_end: dict[End, list[Seen]] = defaultdict(list)
        self._by_host: dict[str, list[Seen]] = defaultdict(list)
        self._by_name: dict[str, list[Seen]] = defaultdict(list)
        self._by_server: dict[str, list[Seen]] = defaultdict(list)
        self._failed: list[Seen] = []

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
            if one.sni is not None:
                self._by_name[one.sni].append(one)
            self._by_server[one.server[0]].append(one)
            if one.outcome in ("failed", "incomplete"):
                self._failed.append(one)

    def knows_host(self, ip: str) -> bool:
        """A client has this address."""
        return ip in self._by_host

    def candidates(self, line: LogLine, starts_ns: tuple[int, int] | None = None) -> tuple[Key, Sequence[Seen]]:
        """The sessions that a line may speak of, by the best that it names; at most :data:`MAX_CANDIDATES`.

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
        return self._without_client(line, server_ip, starts_ns)

    def _without_client(
        self, line: LogLine, server_ip: str | None, starts_ns: tuple[int, int] | None
    ) -> tuple[Key, Sequence[Seen]]:
        """No client is named, or one whose address was translated on the way."""
        if not line.is_failure:
            return Key.NOTHING, ()
        name = name_of(line)
        if name is not None and name in self._by_name:
            return Key.NAME, _at(self._by_name[name], server_ip, line.server.port, starts_ns)
        if line.client.ip is not None:
            return Key.NOTHING, ()  # the log of a whole server has many clients that a capture of some has not
        if server_ip is not None:
            return Key.SERVER, _at(self._by_server.get(server_ip, ()), None, line.server.port, starts_ns)
        return Key.NOTHING, _at(self._failed, None, line.server.port, starts_ns)


def _at(
    sessions: Sequence[Seen], ip: str | None, port: int | None, starts_ns: tuple[int, int] | None
) -> Sequence[Seen]:
    """Those with this server that began in time, the latest where there are too many."""
    if starts_ns is not None:
        begin = bisect_left(sessions, starts_ns[0], key=_start)
        end = bisect_right(sessions, starts_ns[1], begin, key=_start)
        sessions = sessions[begin:end]
    if len(sessions) > MAX_CANDIDATES:
        sessions = sessions[-MAX_CANDIDATES:]
    if ip is None and port is None:
        return sessions
    return [one for one in sessions if ip in (None, one.server[0]) and port in (None, one.server[1])]


def _start(seen: Seen) -> int:
    return seen.start_ns
