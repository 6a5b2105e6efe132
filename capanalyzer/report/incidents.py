"""Failed sessions gathered into incidents: one cause at one server, however many clients it hits."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from capanalyzer.i18n import plural, translator
from capanalyzer.report.model import Endpoint, Incident, Session

__all__ = ["MAX_CLIENTS", "IncidentKey", "Incidents", "Room", "client_of", "incident_key", "key_of"]

MAX_INCIDENTS: Final = 10_000
"""A port scan makes one incident for each address and port; at about 1 kB each this stays near 10 MB."""
MAX_CLIENTS: Final = 200_000
"""Client addresses remembered over all incidents: a flood with forged sources brings a new one with each packet
(about 20 MB). Beyond it ``clients`` is a lower bound."""

BY_NAME: Final = ("certificate-", "sni-", "client-certificate-", "no-shared-alpn", "tls-interception")
"""Beginnings of the causes that depend on the server name: virtual hosts of one server fail apart. All others
concern the server as a whole."""

_CONFIDENCES: Final = ("possible", "likely", "certain")


IncidentKey: TypeAlias = tuple[int, str, str, int, str | None]


@dataclass(slots=True)
class Room:
    """How much may still be remembered, by all who share it."""

    left: int

    def take(self) -> bool:
        """Room for one more; whether there was any."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True

    def give_back(self, count: int = 1) -> None:
        """So many are not remembered any more."""
        self.left += count


@dataclass(slots=True)
class _Group:
    cause: str
    server: Endpoint
    sni: str | None
    first: str
    last: str
    title: str
    blame: str
    is_beyond: bool
    """The title is told by the other side of a proxy."""
    sessions: array[int] = field(default_factory=lambda: array("q"))
    unlisted: int = 0
    """Further sessions."""
    clients: dict[str, int] = field(default_factory=dict)
    """Client addresses, and how many sessions each has here."""
    confidence: int = 0
    """Index into ``_CONFIDENCES``."""
    log_lines: int = 0
    compared: int = 0
    """Sessions of which it is known what else worked."""
    server_established: int = 0
    server_clients: int = 0
    client_established: int = 0
    client_servers: int = 0
    """The most that any of its sessions was compared with."""


class Incidents:
    """Takes sessions in any order, gives incidents in a fixed one: the most sessions first, then by time."""

    def __init__(self, clients: Room | None = None) -> None:
        """:param clients: client addresses that may be remembered, where others remember some too."""
        self._groups: dict[IncidentKey, _Group] = {}
        self._clients = Room(MAX_CLIENTS) if clients is None else clients
        self.sessions_left_out = 0
        self.clients_left_out = 0

    @property
    def clients(self) -> int:
        """Client addresses that are remembered, those of each incident apart."""
        return sum(len(group.clients) for group in self._groups.values())

    def add(self, session: Session, *, is_listed: bool = True) -> None:
        """Count a failed session to its incident.

        :param is_listed: false: its id is not remembered, all else counts.
        """
        cause, server, sni, client = session.cause or "", _server(session), _name_sent(session), client_of(session)
        key = incident_key(session)
        group = self._groups.get(key)
        title = session.findings[0].title if session.findings else cause
        is_beyond = session.f5 is not None and session.f5.cause_side != session.f5.side
        if group is None:
            if len(self._groups) >= MAX_INCIDENTS:
                self.sessions_left_out += 1
                return
            blame = session.blame or "unknown"
            group = self._groups[key] = _Group(cause, server, sni, session.start, session.end, title, blame, is_beyond)
        else:
            if group.is_beyond and not is_beyond:  # whose cause it is says it shortest
                group.title, group.is_beyond = title, False
            if group.sni != sni:
                group.sni = None
            if group.blame != session.blame:
                group.blame = "unknown"
        if is_listed:
            group.sessions.append(session.id)
        else:
            group.unlisted += 1
        group.log_lines += _lines_of_story(session)
        if session.findings:
            group.confidence = max(group.confidence, _CONFIDENCES.index(session.findings[0].confidence))
        _compare(group, session)
        # RFC 3339 texts of one form and zone order as the times do.
        group.first = min(group.first, session.start)
        group.last = max(group.last, session.end)
        if client in group.clients:
            group.clients[client] += 1
        elif self._clients.take():
            group.clients[client] = 1
        else:
            self.clients_left_out += 1

    def remove(self, key: IncidentKey, identity: int, client: str, *, is_listed: bool = True) -> None:
        """A session that was added is thought of otherwise now; what was compared, and the times, stay.

        :param key: its :func:`incident_key`; with its id and its client's address.
        """
        group = self._groups.get(key)
        if group is None or (is_listed and identity not in group.sessions):
            return
        if is_listed:
            group.sessions.remove(identity)
        else:
            group.unlisted -= 1
        group.compared = min(group.compared, len(group.sessions) + group.unlisted)
        left = group.clients.get(client, 0) - 1
        if left > 0:
            group.clients[client] = left
        elif not left:
            del group.clients[client]
            self._clients.give_back()
        if not group.sessions and not group.unlisted:
            del self._groups[key]

    def result(self, lang: str = "en") -> tuple[Incident, ...]:
        """All incidents, those with the most sessions first."""
        rows = [
            Incident(
                g.cause,
                g.server,
                g.sni,
                tuple(sorted(g.sessions)),
                len(g.clients),
                g.first,
                g.last,
                g.title,
                _sentence(g, lang),
                _CONFIDENCES[g.confidence],
                g.blame,
                g.log_lines,
                g.unlisted,
            )
            for g in self._groups.values()
        ]
        rows.sort(key=lambda row: (-row.session_count, row.first, row.sessions))
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


def incident_key(session: Session) -> IncidentKey:
    """Equal for failed sessions of one incident. Each capture is a world of its own: what was wrong at a server on one
    day may be another matter on the next.
    """
    cause, server = session.cause or "", _server(session)
    name = _name_sent(session) if cause.startswith(BY_NAME) else None
    return session.capture, cause, server.ip, server.port, name


def key_of(incident: Incident) -> tuple[str, str, int, str | None]:
    """Equal for what is told of one incident of a capture again and again, however it grows."""
    name = incident.sni if incident.cause.startswith(BY_NAME) else None
    return incident.cause, incident.server.ip, incident.server.port, name


def _lines_of_story(session: Session) -> int:
    """Log lines of a failed session, with those of a side beside it that is in no incident itself."""
    others = () if session.f5 is None else session.f5.other_sides
    return len(session.log_lines) + sum(
        len(other.log_lines) for other in others if other.outcome not in (None, "failed")
    )


def _server(session: Session) -> Endpoint:
    """At which server it failed: of a proxied connection, on the side on which the cause lies."""
    f5 = session.f5
    if f5 is not None and f5.cause_side != f5.side:
        return next((other.server for other in f5.other_sides if other.server is not None), session.server)
    return session.server


def client_of(session: Session) -> str:
    """Who fails: the client of the proxy, where it is known, and not the proxy."""
    f5 = session.f5
    if f5 is not None and f5.side == "server":
        return next((other.client.ip for other in f5.other_sides if other.client is not None), session.client.ip)
    return session.client.ip


def _name_sent(session: Session) -> str | None:
    tls = session.tls
    return tls.client_hello.sni if tls is not None and tls.client_hello is not None else None


def _compare(group: _Group, session: Session) -> None:
    beside = session.comparison
    if beside is None:
        return
    group.compared += 1
    group.server_established = max(group.server_established, beside.server_established)
    group.server_clients = max(group.server_clients, beside.server_clients)
    group.client_established = max(group.client_established, beside.client_established)
    group.client_servers = max(group.client_servers, beside.client_servers)


def _sentence(group: _Group, lang: str) -> str:
    """Whom it hits, whom it does not, and why."""
    _, counted = translator(lang), plural(lang)
    clients = len(group.clients)
    fails = counted("{n} client fails at this server", "{n} clients fail at this server", clients)
    if group.compared < len(group.sessions) + group.unlisted:
        return _("{reason}.").format(reason=group.title)  # what else worked is not known of all of them
    if group.server_established:
        works = counted("{n} session with it works", "{n} sessions with it work", group.server_established)
        scope = _("{one}, {other}").format(
            one=fails.format(n=f"{clients:,}"), other=works.format(n=f"{group.server_established:,}")
        )
    elif clients == 1 and group.client_servers:
        scope = counted(
            "The client fails at this server and works with {n} other",
            "The client fails at this server and works with {n} others",
            group.client_servers,
        ).format(n=f"{group.client_servers:,}")
    else:
        none = _("no session with it is seen to work")
        scope = _("{one}, {other}").format(one=fails.format(n=f"{clients:,}"), other=none)
    return _("{scope}: {reason}.").format(scope=scope, reason=_continued(group.title))


def _continued(title: str) -> str:
    """A title as it goes on behind a colon: its first word small, unless it is a name or an abbreviation."""
    word = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if word[1:] == word[1:].lower() else title
