"""The two sides of a connection that a BIG-IP proxies, judged together.

Each side has been judged for itself. Where one failed because the BIG-IP stopped serving it (reset, closed, or never
went on), and the other one failed of something that is not the BIG-IP's doing and came first, that is the cause of
both: the first is its consequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from capanalyzer.diagnosis.f5.resets import BIG_IP, resets, side_of
from capanalyzer.diagnosis.legs import hello_random
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, OtherSide, Outcome, Severity, Stage, Verdict
from capanalyzer.handshake.connection import TLS_PORTS
from capanalyzer.handshake.session import Session, Side

__all__ = ["Judged", "both_sides", "with_other_side"]

Judged = Mapping[int, tuple[Session, Verdict]]
"""By stream."""

BY_THE_SERVER: Final = frozenset(
    (
        "middlebox-reset", "server-closed", "server-flight-lost", "server-internal-error", "server-reset",
        "server-silent", "tcp-connect-refused", "tcp-connect-timeout", "tcp-handshake-incomplete",
    )
)  # fmt: skip
"""What a client sees of a BIG-IP that does not go on."""
BY_THE_CLIENT: Final = frozenset(
    ("client-abandoned", "client-aborted", "client-silent", "middlebox-reset", "no-client-hello")
)
"""What a server sees of it."""
_MAYBE_TLS: Final = (None, "unknown", "tls")
"""What a client's first bytes were taken for, where a ClientHello may be among what was not captured."""
_TEARDOWN: Final = "Closing"
"""A reason that says nothing of its own."""
_BLAME: Final = {
    # (side on which the cause is, who has to act there) -> who has to act as seen from the other side
    ("server", Blame.SERVER): Blame.SERVER,
    ("server", Blame.CLIENT): Blame.SERVER,
    ("client", Blame.CLIENT): Blame.CLIENT,
    ("client", Blame.SERVER): Blame.CLIENT,
}


def both_sides(judged: Iterable[tuple[Session, Verdict]]) -> Iterator[tuple[Session, Verdict]]:
    """The same sessions in the same order, each with what became of its other side."""
    sessions = list(judged)
    by_stream = {session.stream: (session, verdict) for session, verdict in sessions if session.f5 is not None}
    for session, verdict in sessions:
        yield session, with_other_side(session, verdict, by_stream)


def with_other_side(session: Session, verdict: Verdict, by_stream: Judged) -> Verdict:
    """The verdict, with what became of the other side.

    :param by_stream: sessions judged each for itself, this one among them.
    """
    facts = session.f5
    if facts is None or not facts.others:
        return verdict
    pair = _other(session, by_stream)
    if pair is None:
        return replace(verdict, other_leg=facts.others[0])
    _compare(session, pair[0])
    beside = OtherSide(pair[0], _told(*pair, by_stream))
    return replace(_told(session, verdict, by_stream), other_leg=pair[0].stream, other_side=beside)


def _compare(session: Session, other: Session) -> None:
    """Note whether what the client says goes through as it is."""
    one, two = hello_random(session), hello_random(other)
    first, second = session.first_bytes[Side.CLIENT], other.first_bytes[Side.CLIENT]
    is_passed_on: bool | None = None
    if one is not None and two is not None:
        is_passed_on = one == two
    elif one is not None or two is not None:
        without = session if one is None else other
        is_passed_on = False if without.protocol[Side.CLIENT] not in _MAYBE_TLS else None
    elif first and second:
        is_passed_on = first == second
    for facts in (session.f5, other.f5):
        if facts is not None and is_passed_on is not None:
            facts.is_passed_on = is_passed_on


def _told(session: Session, verdict: Verdict, by_stream: Judged) -> Verdict:
    pair = _other(session, by_stream)
    return verdict if pair is None else _with_cause(session, verdict, *pair)


def _other(session: Session, by_stream: Judged) -> tuple[Session, Verdict] | None:
    """The other side, judged for itself. A connection that is kept open for many requests has many: one that failed
    tells more.
    """
    streams = session.f5.others if session.f5 is not None else ()
    others = [by_stream[stream] for stream in streams if stream in by_stream]
    return next((one for one in others if one[1].outcome is Outcome.FAILED), others[0] if others else None)


def _with_cause(session: Session, verdict: Verdict, other: Session, others_verdict: Verdict) -> Verdict:
    """The verdict, with the other side's cause where that is its own."""
    beyond = _cause_beyond(session, verdict, other, others_verdict)
    if beyond is None:
        return verdict
    own = tuple(replace(finding, severity=Severity.NOTE) for finding in verdict.findings)
    return replace(verdict, findings=(beyond, *own), blame=beyond.blame, cause_is_beyond=True)


def _cause_beyond(session: Session, verdict: Verdict, other: Session, others_verdict: Verdict) -> Finding | None:
    """The other side's finding, where it is the cause of what failed here."""
    side, others_side = side_of(session), side_of(other)
    if verdict.outcome is not Outcome.FAILED or others_verdict.outcome is not Outcome.FAILED:
        return None
    if side is None or others_side is None or side == others_side:
        return None
    cause, own = others_verdict.findings[0], verdict.findings[0]
    reasons = [r.cause for r in resets(session) if r.made_by == BIG_IP and r.cause is not None]
    is_said = any(reason.is_peer for reason in reasons)
    if reasons and not is_said and not reasons[0].reason.startswith(_TEARDOWN):
        return None  # it decided by itself, and says why
    if cause.cause == own.cause and verdict.stage is Stage.TCP_CONNECT is others_verdict.stage:
        return replace(cause, about=other) if side == "client" else None  # it waited for the server's answer to a SYN
    blame = _BLAME.get((others_side, cause.blame or Blame.UNKNOWN), cause.blame)
    if cause.cause == own.cause and session.f5 is not None and session.f5.is_passed_on:
        virtual_server = session.server if side == "client" else other.server
        if cause.cause == "http-to-tls-port" and virtual_server.port not in TLS_PORTS:
            # What was right for the virtual server, the BIG-IP led to a port of TLS.
            return replace(cause, about=other, blame=blame) if side == "client" else None
        return replace(cause, about=other) if (cause.at_ns, cause.at_frame) < (own.at_ns, own.at_frame) else None
    if not _is_consequence(session, verdict, side) or _is_consequence(other, others_verdict, others_side):
        return None
    if cause.at_ns > session.end_ns:
        return None
    sure = cause.confidence if is_said or cause.confidence is not Confidence.CERTAIN else Confidence.LIKELY
    return replace(cause, about=other, confidence=sure, blame=blame)


def _is_consequence(session: Session, verdict: Verdict, side: str) -> bool:
    """It failed by what the BIG-IP did or did not do."""
    cause = verdict.findings[0].cause
    if cause == "middlebox-reset" and session.f5 is not None and any(one.is_ingress for one in session.f5.resets):
        return False  # it came in
    return cause in (BY_THE_SERVER if side == "client" else BY_THE_CLIENT)
