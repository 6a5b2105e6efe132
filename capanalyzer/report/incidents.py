"""Failed sessions gathered into incidents: one cause at one server, however many clients it hits."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Final

from capanalyzer.i18n import translator
from capanalyzer.report.model import Endpoint, Incident, Session

__all__ = ["Incidents"]

MAX_INCIDENTS: Final = 10_000
"""A port scan makes one incident for each address and port; at about 1 kB each this stays near 10 MB."""
MAX_CLIENTS: Final = 200_000
"""Client addresses remembered over all incidents: a flood with forged sources brings a new one with each packet
(about 20 MB). Beyond it ``clients`` is a lower bound."""

BY_NAME: Final = ("certificate-", "sni-", "client-certificate-", "no-shared-alpn", "tls-interception")
"""Beginnings of the causes that depend on the server name: virtual hosts of one server fail apart. All others
concern the server as a whole."""


@dataclass(slots=True)
class _Group:
    cause: str
    server: Endpoint
    sni: str | None
    first: str
    last: str
    sessions: array[int] = field(default_factory=lambda: array("q"))
    clients: set[str] = field(default_factory=set)


class Incidents:
    """Takes sessions in any order, gives incidents in a fixed one: the most sessions first, then by time."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, int, str | None], _Group] = {}
        self._clients = 0
        self.sessions_left_out = 0
        self.clients_left_out = 0

    def add(self, session: Session) -> None:
        """Count a failed session to its incident."""
        cause, server, tls = session.cause or "", session.server, session.tls
        sni = tls.client_hello.sni if tls is not None and tls.client_hello is not None else None
        key = (cause, server.ip, server.port, sni if cause.startswith(BY_NAME) else None)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MAX_INCIDENTS:
                self.sessions_left_out += 1
                return
            group = self._groups[key] = _Group(cause, server, sni, session.start, session.end)
        elif group.sni != sni:
            group.sni = None
        group.sessions.append(session.id)
        # RFC 3339 texts of one form and zone order as the times do.
        group.first = min(group.first, session.start)
        group.last = max(group.last, session.end)
        if session.client.ip not in group.clients:
            if self._clients < MAX_CLIENTS:
                self._clients += 1
                group.clients.add(session.client.ip)
            else:
                self.clients_left_out += 1

    def result(self) -> tuple[Incident, ...]:
        """All incidents, those with the most sessions first."""
        rows = [
            Incident(g.cause, g.server, g.sni, tuple(sorted(g.sessions)), len(g.clients), g.first, g.last)
            for g in self._groups.values()
        ]
        rows.sort(key=lambda row: (-len(row.sessions), row.first, row.sessions))
        return tuple(rows)

    def notes(self, lang: str) -> list[str]:
        """Limits that were reached, a sentence each."""
        _, notes = translator(lang), []
        if self.sessions_left_out:
            notes.append(
                _("More than {limit} incidents: {sessions} further failed sessions belong to none.").format(
                    limit=MAX_INCIDENTS, sessions=self.sessions_left_out
                )
            )
        if self.clients_left_out:
            notes.append(
                _("More than {limit} client addresses failed: the numbers of clients are lower bounds.").format(
                    limit=MAX_CLIENTS
                )
            )
        return notes
