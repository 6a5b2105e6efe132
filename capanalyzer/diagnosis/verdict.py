"""What the diagnosis says of a session: identifiers and facts only, no text (texts are made per language)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from capanalyzer.diagnosis.successes import Comparison
from capanalyzer.handshake.session import Session, Side

__all__ = [
    "Blame",
    "Confidence",
    "Evidence",
    "Finding",
    "OtherSide",
    "Outcome",
    "Severity",
    "Stage",
    "Verdict",
    "WaitingOn",
]


class Outcome(StrEnum):
    ESTABLISHED = "established"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    PLAINTEXT = "plaintext"
    IDLE = "idle"


class Stage(StrEnum):
    """The step that was being waited for."""

    TCP_CONNECT = "tcp-connect"
    FIRST_BYTES = "first-bytes"
    SERVER_HELLO = "server-hello"
    SERVER_FLIGHT = "server-flight"
    CLIENT_FLIGHT = "client-flight"
    SERVER_FINISHED = "server-finished"
    APPLICATION = "application"


class WaitingOn(StrEnum):
    CLIENT = "client"
    SERVER = "server"
    NETWORK = "network"


class Blame(StrEnum):
    CLIENT = "client"
    SERVER = "server"
    NETWORK = "network"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    FAILURE = "failure"
    WARNING = "warning"
    NOTE = "note"


class Confidence(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Evidence(NamedTuple):
    """One frame that proves it."""

    frame: int
    time_ns: int
    side: Side | None
    text: str
    """Message id of a translatable sentence with ``{name}`` fields, filled from the finding's facts."""


@dataclass(frozen=True, slots=True)
class Finding:
    cause: str
    """An identifier of the public vocabulary (causes)."""
    severity: Severity
    confidence: Confidence
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """Values that fill the texts: measured, with the unit in the name (``waited_ms``)."""
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[str, ...] = ()
    """Causes that would look the same from here."""
    at_ns: int = 0
    """Capture time of the event judged: of several explanations the one of the earliest event is the cause."""
    at_frame: int = 0
    blame: Blame | None = None
    """Who has to change something; None on notes and warnings that ask for nothing."""
    stage: Stage | None = None
    """Where it stalled, where the finding knows better than the order of messages."""
    waiting_on: WaitingOn | None = None
    variant: str = ""
    """Which of the page's summaries tells it (``summary-<variant>``), where the same cause is decided in several
    ways."""
    about: Session | None = None
    """The session of which it speaks, where that is the one on the other side of a proxy; None: its own."""


class OtherSide(NamedTuple):
    """The connection on the other side of a BIG-IP that proxies this one."""

    session: Session
    verdict: Verdict
    """Its own."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    stage: Stage | None = None
    waiting_on: WaitingOn | None = None
    blame: Blame | None = None
    closed_how: str = "none"
    """``rst`` ``fin`` ``timeout`` ``none``."""
    closed_who: str | None = None
    """``client`` ``server`` ``middlebox``."""
    findings: tuple[Finding, ...] = ()
    """The primary one first when failed or incomplete."""
    comparison: Comparison | None = None
    """What else worked at this server and for this client; of failed sessions that the whole capture was known for."""
    other_leg: int | None = None
    """Stream of the connection on the other side of a device in between: it carried the same ClientHello, or a BIG-IP
    says so."""
    other_side: OtherSide | None = None
    """What became of that connection, where a BIG-IP proxies both."""
    cause_is_beyond: bool = False
    """The cause is that of the other side: what failed here is its consequence."""

    @property
    def cause(self) -> str | None:
        """The primary cause; None unless failed or incomplete."""
        if self.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) and self.findings:
            return self.findings[0].cause
        return None
