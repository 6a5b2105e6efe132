"""What the page's table holds of every session: a line of numbers in columns, texts once each.

A session takes about 60 bytes here and 50 in the page; nothing else of a healthy one is kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, TypeAlias

from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.times import from_rfc3339
from capanalyzer.report.words import OUTCOMES

__all__ = ["MAX_ROWS", "Rows"]

MAX_ROWS: Final = 200_000
"""Sessions in the table: a page of some 12 MB. Beyond it only failed and incomplete ones get a row."""
MAX_UNFINISHED_ROWS: Final = 300_000
"""Rows at which those end too."""
MAX_NAME: Final = 255
"""Characters of a server name: a host name has no more (RFC 1035 section 2.3.4)."""
NOT_SEEN: Final = -1

Table: TypeAlias = dict[str, int]


class Rows:
    """Sessions as they come; columns of the same length."""

    def __init__(self) -> None:
        self.left_out = 0
        self.ids, self.captures, self.streams = array("q"), array("i"), array("i")
        self.starts_ns, self.handshakes_us = array("q"), array("q")
        self.outcomes, self.transports = array("b"), array("b")
        self.causes, self.versions, self.names = array("i"), array("i"), array("i")
        self.clients, self.client_ports = array("i"), array("H")
        self.servers, self.server_ports = array("i"), array("H")
        self.cause_table: Table = {"": 0}
        self.version_table: Table = {"": 0}
        self.name_table: Table = {"": 0}
        self.address_table: Table = {}

    def __len__(self) -> int:
        return len(self.ids)

    def record(self, sessions: Iterable[model.Session]) -> Iterator[model.Session]:
        """The same sessions, each with its row made in passing."""
        for session in sessions:
            self._add(session)
            yield session

    def _add(self, session: model.Session) -> None:
        if len(self) >= (MAX_ROWS if session.cause is None else MAX_UNFINISHED_ROWS):
            self.left_out += 1
            return
        tls, timing = session.tls, session.timing
        hello = tls.client_hello if tls is not None else None
        answer = tls.server_hello if tls is not None else None
        name = hello.sni if hello is not None else None
        if answer is not None:
            spoken = answer.version
        else:
            spoken = "" if tls is not None else session.protocol.client or session.protocol.server or ""
        self.ids.append(session.id)
        self.captures.append(session.capture)
        self.streams.append(session.stream)
        self.transports.append(session.transport == "udp")
        self.starts_ns.append(_nanoseconds(session.start))
        done = timing.handshake_ms
        self.handshakes_us.append(NOT_SEEN if done is None else round(done * 1000))
        self.outcomes.append(_OUTCOME_CODES[session.outcome])
        self.causes.append(_code(self.cause_table, session.cause or ""))
        self.versions.append(_code(self.version_table, spoken))
        self.names.append(_code(self.name_table, (name or "")[:MAX_NAME]))
        self.clients.append(_code(self.address_table, session.client.ip))
        self.client_ports.append(session.client.port)
        self.servers.append(_code(self.address_table, session.server.ip))
        self.server_ports.append(session.server.port)

    def data(self) -> dict[str, object]:
        """For the page's script: ordered by capture and stream; a column of one value throughout is that value.

        Texts are in tables, ordered as a reader would sort them, so that columns sort by number alone.
        """
        order = sorted(range(len(self)), key=self.ids.__getitem__)
        start = min(self.starts_ns, default=0) // 1_000_000
        addresses, address_at = _ranked(self.address_table, _address_order)
        names, name_at = _ranked(self.name_table)
        causes, cause_at = _ranked(self.cause_table)
        versions, version_at = _ranked(self.version_table)
        return {
            "rows": len(self),
            "start": start,
            "outcomes": list(OUTCOMES),
            "addresses": addresses,
            "names": names,
            "causes": causes,
            "versions": versions,
            "capture": _column(self.captures, order),
            "stream": _column(self.streams, order),
            "udp": _column(self.transports, order),
            "time": _column(array("q", [ns // 1_000_000 - start for ns in self.starts_ns]), order),
            "outcome": _column(self.outcomes, order),
            "cause": _column(self.causes, order, cause_at),
            "client": _column(self.clients, order, address_at),
            "clientPort": _column(self.client_ports, order),
            "server": _column(self.servers, order, address_at),
            "serverPort": _column(self.server_ports, order),
            "name": _column(self.names, order, name_at),
            "version": _column(self.versions, order, version_at),
            "handshake": _column(self.handshakes_us, order),
        }


_OUTCOME_CODES: Final = {outcome: code for code, outcome in enumerate(OUTCOMES)}


@lru_cache(4096)
def _second(text: str) -> int:
    return from_rfc3339(text + ".000000000Z")


def _nanoseconds(time: str) -> int:
    """As :func:`from_rfc3339`, for many times of the same seconds."""
    return _second(time[:19]) + int(time[20:29])


def _code(table: Table, value: str) -> int:
    return table.setdefault(value, len(table))


def _address_order(ip: str) -> tuple[bool, bytes]:
    version6 = ":" in ip
    return version6, inet_pton(AF_INET6 if version6 else AF_INET, ip)


def _ranked(table: Table, key: Callable[[str], Any] = str) -> tuple[list[str], array[int]]:
    """The table's texts in order, and for each code the place of its text in them."""
    ordered = sorted(table, key=key)
    places = array("i", bytes(4 * len(ordered)))
    for place, value in enumerate(ordered):
        places[table[value]] = place
    return [printable(value) for value in ordered], places


def _column(values: array[int], order: list[int], places: array[int] | None = None) -> list[int] | int:
    if values and values.count(values[0]) == len(values):
        return values[0] if places is None else places[values[0]]
    if places is None:
        return [values[index] for index in order]
    return [places[values[index]] for index in order]
