"""The client turns down a certificate that can be seen, and the certificate shows why."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_certificate, of_hello, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.trust.faults import DAY_NS, Fault, faults
from capanalyzer.diagnosis.rules.trust.rejection import Rejection, rejection
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import alert_name

CHAIN_INCOMPLETE: Final = "certificate-chain-incomplete"


class VisibleCertificateFault(Rule):
    """The fault on the certificate is the cause, whatever the code of the client's alert.

    Refusals without a word count too: a bare close or an unreadable alert after the server's flight. A handshake
    that completes before the client leaves counts only for faults that the fields alone show: whether a leaf sent
    alone lacks an intermediate or has a private root cannot be told from them, and a client that leaves then proves
    nothing.
    """

    causes = (
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-self-signed",
        "certificate-chain-incomplete",
        "certificate-hostname-mismatch",
    )
    after_handshake = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or story.is_tls13 or not tls.certificates:
            return None
        refusal = rejection(session, story)
        if refusal is None:
            return None
        name = tls.client_hello.sni if tls.client_hello is not None else None
        for fault in faults(tls.certificates, name, session.start_ns):
            if fault.is_plain or (fault.cause == CHAIN_INCOMPLETE and refusal.how == "alert"):
                return self._finding(session, context, refusal, fault, name)
        return None

    def _finding(
        self, session: Session, context: Context, refusal: Rejection, fault: Fault, name: str | None
    ) -> Finding:
        story = context.story
        said_so = refusal.how == "alert"
        confidence = Confidence.CERTAIN if said_so and fault.is_plain else Confidence.LIKELY
        if refusal.how == "completed":
            confidence = Confidence.POSSIBLE
        facts = certificate_facts_of(session, name)
        facts["how"] = refusal.how
        facts["code"] = refusal.code if refusal.code is not None else ""
        facts["alert"] = alert_name(refusal.code) if refusal.code is not None else ""
        return failure(
            fault.cause,
            confidence,
            Blame.SERVER,
            (refusal.time_ns, refusal.frame),
            facts=facts,
            evidence=(of_hello(story), of_certificate(story), refusal.evidence),
            alternatives=_alternatives(fault, refusal),
            stage=Stage.APPLICATION if refusal.how == "completed" else Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
            variant=refusal.how if refusal.how != "alert" else "",
        )


def _alternatives(fault: Fault, refusal: Rejection) -> tuple[str, ...]:
    if fault.cause == CHAIN_INCOMPLETE:
        return ("certificate-unknown-ca",)
    return () if refusal.how == "alert" else ("client-aborted",)


def certificate_facts_of(session: Session, name: str | None) -> dict[str, str | int | float]:
    """What the texts about a visible certificate name. Dates are those of the leaf, as in the certificate (UTC)."""
    chain = session.tls.certificates if session.tls is not None else ()
    leaf = chain[0]
    names = leaf.san[:6]
    return {
        "subject": shown(leaf.subject),
        "issuer": shown(leaf.issuer),
        "names": shown(", ".join(names) + (", ..." if len(leaf.san) > len(names) else "")) if names else "-",
        "sent_name": shown(name) if name else "-",
        "certificates": len(chain),
        "not_before": _date(leaf.not_before_ns),
        "not_after": _date(leaf.not_after_ns),
        "days": _days(leaf.not_before_ns, leaf.not_after_ns, session.start_ns),
    }


def _days(not_before_ns: int | None, not_after_ns: int | None, at_ns: int) -> int:
    """Whole days by which the session lies outside the validity, or until it ends."""
    if not_before_ns is not None and at_ns < not_before_ns:
        return (not_before_ns - at_ns) // DAY_NS
    return abs(at_ns - not_after_ns) // DAY_NS if not_after_ns is not None else 0


def _date(time_ns: int | None) -> str:
    if time_ns is None:
        return "?"
    from datetime import UTC, datetime, timedelta

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // 1_000_000_000)).strftime(
            "%Y-%m-%d %H:%M:%S"
        )
    except OverflowError:
        return "?"
