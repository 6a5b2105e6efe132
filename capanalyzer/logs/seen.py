"""What the join knows of a session, and how well a line's words go with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias

from capanalyzer.logs.line import LogLine, Role, Said

__all__ = ["SPECIFIC", "Agreement", "End", "Seen", "agreement", "is_of_another_kind", "name_of"]

End: TypeAlias = tuple[str, int]
"""Address (RFC 5952 form) and port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A session of one capture, as far as a line can speak of it. Times: nanoseconds since the Unix epoch."""

    id: int
    start_ns: int
    end_ns: int
    client: End
    server: End
    moment_ns: int
    """When it failed, as far as that is known; else its end."""
    aliases: tuple[End, ...] = ()
    """What else a log may call its client: the source in a PROXY header, the peer in a trailer."""
    sni: str | None = None
    """In lower case: host names are compared without regard to it (RFC 6066 section 3)."""
    request_host: str | None = None
    """The host of a plaintext request at its beginning, in lower case."""
    certificate_names: tuple[str, ...] = ()
    """Where it asks for no name: those of the server's certificate, in lower case."""
    outcome: str = "established"
    causes: tuple[str, ...] = ()
    """Of its findings, that of the verdict first."""
    open_causes: tuple[str, ...] = ()
    """What else the verdict may be."""
    is_proxied: bool = False
    """It is one side of a connection that a proxy goes on with, by what the proxy itself says in the capture."""
    alerts: tuple[tuple[str, int], ...] = ()
    """(``client`` or ``server``, code) of each readable alert."""

    @property
    def may_have_failed(self) -> bool:
        """Somebody may have complained of it without a client's address: not of one that simply works.

        A client may be content with the handshake and leave for what it was shown.
        """
        return self.outcome in ("failed", "incomplete", "idle") or self.causes[:1] == ("client-aborted",)


class Agreement(enum.IntEnum):
    """How a line and the packets of a session go together; a higher one is better."""

    CONTRADICTS = -1
    """The packets show that it was otherwise."""
    UNKNOWN = 0
    """They neither show it nor speak against it."""
    LIKE = 1
    """Both tell of a failure; of which is not comparable."""
    SAME = 2
    """Both tell of the same."""


SPECIFIC: Final = 4
"""A line that may have more causes than this says only that something failed."""
_CLOSE_NOTIFY: Final = 0
_ENDS_NOTHING: Final = frozenset((_CLOSE_NOTIFY, 41, 90, 100, 112))
"""Sent as warnings, too: no_certificate (SSL 3.0), user_canceled, no_renegotiation, unrecognized_name."""
_ECHOES: Final = frozenset(("unreadable-alert", "record-corrupted", "message-malformed"))
"""What a program says of an alert that reached it without the keys of that moment."""
_INSIDE: Final = "renegotiation-refused"
"""Meaning of lines about a second handshake, encrypted within a session that is there."""
_OF_BACKEND: Final = frozenset(("backend-alpn", "backend-check-failed", "backend-tls-failed", "backend-unreachable"))
"""A proxy's lines that name its client and speak of the other connection, to the server."""
_ENDED_BY: Final = {
    Role.SERVER: frozenset(("server-closed", "server-reset")),
    Role.CLIENT: frozenset(("client-aborted", "client-abandoned")),
}
"""Verdicts of sessions that one end left without an alert; what the other sends then is about that."""
_OF_UNKNOWN_REASON: Final = frozenset(
    (
        "alert-other",
        "certificate-rejected",
        "certificate-rejected-encrypted",
        "client-abandoned",
        "client-aborted",
        "client-silent",
        "handshake-failure-unspecified",
        "message-rejected",
        "middlebox-reset",
        "mtu-black-hole",
        "record-corrupted",
        "server-closed",
        "server-flight-lost",
        "server-internal-error",
        "server-reset",
        "server-silent",
    )
)
"""Verdicts behind which there may be many reasons."""
_OTHER: Final = {Role.SERVER: "client", Role.CLIENT: "server"}
_OWN: Final = {Role.SERVER: "server", Role.CLIENT: "client"}


def name_of(line: LogLine) -> str | None:
    """The server name in a line, as :attr:`Seen.sni` has it."""
    return None if line.sni is None else line.sni.lower()


def agreement(line: LogLine, seen: Seen) -> Agreement:
    """How well a line goes with a session that it might speak of."""
    named = _alerts(line, seen)
    if named is not None:
        return named
    if not line.is_failure:
        return Agreement.LIKE if seen.outcome == "established" else Agreement.UNKNOWN
    if line.meaning == _INSIDE and seen.outcome == "established":
        return Agreement.LIKE
    if len(line.causes) <= SPECIFIC and not set(line.causes).isdisjoint(seen.causes):
        return Agreement.SAME
    if line.meaning in _OF_BACKEND and seen.outcome != "failed":
        return Agreement.UNKNOWN
    if _is_others_decision(line, seen):
        return Agreement.CONTRADICTS
    if seen.outcome == "failed":
        return Agreement.LIKE
    if seen.outcome == "idle" and line.said is Said.TRANSPORT:
        return Agreement.SAME  # it came and went, and that is what the line says
    if seen.outcome == "established" and line.role is not Role.CLIENT:
        # A client may still refuse what it was shown; a server that failed would not have gone on. A proxy that does
        # not say which side failed may name the one for the other.
        return Agreement.UNKNOWN if seen.is_proxied and line.role is None else Agreement.CONTRADICTS
    return Agreement.UNKNOWN


def is_of_another_kind(line: LogLine, seen: Seen) -> bool:
    """The packets tell for certain why the session failed, and that is not what the line says."""
    is_told = line.is_failure and 0 < len(line.causes) <= SPECIFIC
    if not is_told or not seen.causes or seen.causes[0] in _OF_UNKNOWN_REASON:
        return False
    return set(line.causes).isdisjoint((*seen.causes, *seen.open_causes))


def _alerts(line: LogLine, seen: Seen) -> Agreement | None:
    """By the alert that the line names; None where that decides nothing."""
    if line.alert is None or line.said is Said.TRANSPORT:
        return None
    whose = _OTHER if line.said is Said.PEER else _OWN
    sender = whose.get(line.role) if line.role is not None else None
    codes = {code for side, code in seen.alerts if sender in (None, side)}
    if line.alert in codes:
        return Agreement.SAME
    if line.said is Said.PEER and codes - {_CLOSE_NOTIFY}:
        return Agreement.CONTRADICTS
    return None


def _is_others_decision(line: LogLine, seen: Seen) -> bool:
    """The line says which end gave up; the packets show that the other one did: they have its alert alone."""
    if line.role is None or line.said not in (Said.LOCAL, Said.PEER):
        return False
    if line.said is Said.LOCAL and (len(line.causes) > SPECIFIC or line.meaning in _ECHOES):
        return False  # no decision is named
    if line.said is Said.LOCAL and not _ENDED_BY[line.role].isdisjoint(seen.causes[:1]):
        return False  # it left, and the other end's alert came after that
    sender = (_OWN if line.said is Said.LOCAL else _OTHER)[line.role]
    senders = {side for side, code in seen.alerts if code not in _ENDS_NOTHING}
    return bool(senders) and sender not in senders
