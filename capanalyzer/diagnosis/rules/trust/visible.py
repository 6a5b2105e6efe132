"""The client turns down a certificate that can be seen, and the certificate shows why."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_certificate, of_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.trust.certificate_texts import certificate_facts_of
from capanalyzer.diagnosis.rules.trust.intercepted import interception
from capanalyzer.diagnosis.rules.trust.rejection import CERTIFICATE_ALERTS, Rejection, rejection
from capanalyzer.diagnosis.trust.faults import CHAIN_INCOMPLETE, Fault
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import alert_name

_EXPIRED, _UNKNOWN_CA = 45, 48
_NAME: Final = "certificate-hostname-mismatch"
_NOT_OF_NAMES: Final = {
    43: ("certificate-unsupported",),
    44: ("certificate-revoked",),
    _EXPIRED: (),
    _UNKNOWN_CA: ("certificate-unknown-ca",),
}
"""Codes that no client sends for a name, and what they speak of."""
_GENERIC: Final = frozenset((42, 46))
_ABOUT_ISSUERS: Final = _GENERIC | {_UNKNOWN_CA}
"""What clients send when they find no way to a root. 43, 44 and 45 are said of certificates whose issuer was found."""
_COMPLETED: Final = frozenset(
    (
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-self-signed",
        CHAIN_INCOMPLETE,
        _NAME,
    )
)
"""Faults for which clients finish the handshake and then leave. No other makes a completed session a failed one."""
_IN_DOUBT: Final = frozenset(("certificate-weak", "certificate-unsupported"))
"""Faults that some clients take and others do not."""
_ALTERNATIVES: Final = {
    CHAIN_INCOMPLETE: ("certificate-unknown-ca",),
    "tls-interception": ("certificate-unknown-ca",),
    "certificate-weak": ("certificate-rejected", "certificate-unknown-ca"),
    "certificate-unsupported": ("certificate-rejected", "certificate-unknown-ca"),
    "certificate-rejected": (CHAIN_INCOMPLETE, "tls-interception"),
}


class VisibleCertificateFault(Rule):
    """The fault on the certificate is the cause, whatever the code of the client's alert.

    Refusals without a word count too: a bare close or an unreadable alert after the server's flight. A handshake
    that completes before the client leaves counts only for faults that what was sent shows by itself: whether a leaf
    sent alone lacks an intermediate or has a private root can often not be told, and a client that leaves then proves
    nothing.
    """

    causes = (
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-self-signed",
        "tls-interception",
        "certificate-chain-incomplete",
        "certificate-rejected",
        "certificate-hostname-mismatch",
        "certificate-unsupported",
        "certificate-weak",
    )
    after_handshake = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or not tls.certificates:
            return None
        refusal = rejection(session, story)
        if refusal is None:
            return None
        if refusal.how in ("close", "completed") and context.knowledge.trust.accepted.was_before(session):
            return None  # it took this certificate before: that it leaves now without a word is no refusal
        found = interception(session, context) if refusal.how != "completed" else context.certificate_faults()
        fault = _cause([f for f in found if _explains(f, refusal)], refusal)
        return None if fault is None else self._finding(session, context, refusal, fault)

    def _finding(self, session: Session, context: Context, refusal: Rejection, fault: Fault) -> Finding:
        story = context.story
        facts = certificate_facts_of(session, fault)
        facts["how"] = refusal.how
        facts["code"] = refusal.code if refusal.code is not None else ""
        facts["alert"] = alert_name(refusal.code) if refusal.code is not None else ""
        variant = fault.variant or ("" if refusal.how == "alert" else refusal.how)
        return failure(
            fault.cause,
            _confidence(fault, refusal),
            Blame.NETWORK if fault.cause == "tls-interception" else Blame.SERVER,
            (refusal.time_ns, refusal.frame),
            facts=facts,
            evidence=(of_hello(story), of_certificate(story), refusal.evidence),
            alternatives=_alternatives(fault, refusal),
            stage=Stage.APPLICATION if refusal.how == "completed" else Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
            variant=variant,
        )


def _cause(explaining: list[Fault], refusal: Rejection) -> Fault | None:
    """Of faults that explain a refusal, the most telling first, the one to be told."""
    first = explaining[0] if explaining else None
    if first is not None and _may_be_complete(first) and refusal.code != _UNKNOWN_CA:
        # Whether an issuer is missing cannot be seen; that the leaf is for another name can. Clients that look for a
        # way to a root first say unknown_ca where they find none (OpenSSL), others look at the name first (Go).
        named = next((f for f in explaining if f.cause == _NAME), None)
        return first if named is None else named._replace(is_plain=False)
    return first


def _may_be_complete(fault: Fault) -> bool:
    return fault.cause == CHAIN_INCOMPLETE and not fault.is_plain


def _explains(fault: Fault, refusal: Rejection) -> bool:
    """This fault is why the client left like this."""
    how, code = refusal.how, refusal.code
    if how == "completed":
        return fault.is_plain and fault.cause in _COMPLETED
    if how != "alert":
        # An unreadable alert is a complaint about something; a bare close may be none.
        return fault.is_plain or (how == "encrypted" and fault.cause == CHAIN_INCOMPLETE)
    if fault.cause == "certificate-rejected":
        return code in (_ABOUT_ISSUERS if fault.is_plain else _GENERIC)
    if fault.cause == CHAIN_INCOMPLETE:
        return code in _ABOUT_ISSUERS or (fault.is_plain and code not in CERTIFICATE_ALERTS)
    if fault.cause in _IN_DOUBT:
        return code in CERTIFICATE_ALERTS - {_EXPIRED}
    if not fault.is_plain or fault.cause == "tls-interception":
        return code in CERTIFICATE_ALERTS
    return True


def _confidence(fault: Fault, refusal: Rejection) -> Confidence:
    if fault.cause == "tls-interception" and fault.variant == "other-issuer" and not fault.is_plain:
        return Confidence.POSSIBLE
    if (fault.cause in _IN_DOUBT or fault.cause == CHAIN_INCOMPLETE) and refusal.how in ("close", "completed"):
        return Confidence.POSSIBLE
    is_sure = fault.is_plain and fault.cause not in _ALTERNATIVES and not _is_of_another_matter(fault, refusal)
    return Confidence.CERTAIN if refusal.how == "alert" and is_sure else Confidence.LIKELY


def _is_of_another_matter(fault: Fault, refusal: Rejection) -> bool:
    """The certificate is for another name, and the alert complains of something else."""
    return fault.cause == _NAME and refusal.code in _NOT_OF_NAMES


def _alternatives(fault: Fault, refusal: Rejection) -> tuple[str, ...]:
    found = _ALTERNATIVES.get(fault.cause, ())
    if fault.cause == _NAME:
        found = _NOT_OF_NAMES.get(refusal.code or 0, ()) if fault.is_plain else (CHAIN_INCOMPLETE,)
    if refusal.code == _EXPIRED and not fault.cause.startswith(("certificate-expired", "certificate-not")):
        found = ("client-clock-skew", *found)
    return found if refusal.how == "alert" else (*found, "client-aborted")
