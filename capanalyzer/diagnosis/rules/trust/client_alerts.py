"""The client's certificate alert, where the certificate shows no fault or cannot be seen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from capanalyzer.diagnosis.evidence import of_alert, of_certificate, of_hello, of_server_hello, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.parameters.alerts import alert_facts
from capanalyzer.diagnosis.rules.trust.certificate_texts import certificate_facts_of
from capanalyzer.diagnosis.rules.trust.rejection import CERTIFICATE_ALERTS
from capanalyzer.diagnosis.trust.clocks import published_ns
from capanalyzer.diagnosis.trust.glance import DAY_NS
from capanalyzer.diagnosis.trust.paths import End
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side

_HIDDEN: Final = {
    42: (
        "certificate-rejected",
        Blame.UNKNOWN,
        ("certificate-hostname-mismatch", "certificate-not-yet-valid", "certificate-weak"),
    ),
    43: ("certificate-unsupported", Blame.SERVER, ()),
    44: ("certificate-revoked", Blame.SERVER, ()),
    45: ("certificate-expired", Blame.SERVER, ("client-clock-skew",)),
    46: (
        "certificate-rejected",
        Blame.UNKNOWN,
        ("certificate-unknown-ca", "certificate-hostname-mismatch", "certificate-expired"),
    ),
    48: (
        "certificate-unknown-ca",
        Blame.SERVER,
        ("certificate-chain-incomplete", "certificate-self-signed", "tls-interception"),
    ),
}
"""The cause by the code, when the chain cannot be read: TLS 1.3, resumption, snap length."""
BAD_CERTIFICATE: Final = 42
EXPIRED: Final = 45
UNKNOWN_CA: Final = 48
FRESH_NS: Final = DAY_NS
"""A certificate so young is not valid yet for a client whose clock is behind."""
SEVERAL: Final = 3
"""Servers whose valid certificates one client calls expired: their administrators do not share a mistake, the client's
sessions share its clock."""


class ClientCertificateAlert(Rule):
    """A clear certificate alert from the client names the cause by its code.

    Where the chain can be read and shows no fault: 45 on a certificate that is valid at the capture's time means the
    client's clock, 48 with an intermediate sent means a root the client does not have, 42 and 46 say no more than
    that it was rejected. OpenSSL sends 42 for a certificate that is not valid yet, but for much else too: only hellos
    that tell the time make a clock that is behind more than an alternative.
    """

    compares = True
    causes = (
        "certificate-rejected",
        "certificate-unsupported",
        "certificate-revoked",
        "certificate-expired",
        "certificate-unknown-ca",
        "client-clock-skew",
    )

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        alert = story.alert
        if tls is None or alert is None or alert.side is not Side.CLIENT or alert.code not in CERTIFICATE_ALERTS:
            return None
        if tls.certificates:
            reading = _visible(session, context, alert.code)
        else:
            cause, blame, alternatives = _HIDDEN[alert.code]
            reading = _Reading(cause, blame, alternatives, variant="hidden")
        certain = alert.code in (43, 44) or reading.cause == "certificate-rejected" or reading.is_certain
        return failure(
            reading.cause,
            # Where it is only said to be rejected, it was: the alert says no more, and neither does the cause.
            Confidence.CERTAIN if certain else Confidence.LIKELY,
            reading.blame,
            (alert.time_ns, alert.frame),
            facts={**alert_facts(story, alert), **reading.facts},
            evidence=(of_hello(story), of_server_hello(story), of_certificate(story), of_alert(alert)),
            alternatives=reading.alternatives,
            stage=Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
            variant=reading.variant,
        )


class _Reading(NamedTuple):
    """What an alert means."""

    cause: str
    blame: Blame
    alternatives: tuple[str, ...]
    facts: Mapping[str, str | int | float] = MappingProxyType({})
    variant: str = ""
    is_certain: bool = False


def _visible(session: Session, context: Context, code: int) -> _Reading:
    """The alert beside a certificate that can be read and has no fault that explains it."""
    cause, blame, alternatives = _HIDDEN[code]
    facts = certificate_facts_of(session)
    if code == EXPIRED:
        if session.start_ns >= published_ns(context.story.version):
            return _ahead(session, context, facts)
        # The capture's own clock is wrong: it cannot tell whose else is.
        return _Reading("certificate-rejected", Blame.UNKNOWN, ("certificate-expired", "client-clock-skew"), facts)
    path = context.finder.best(session.tls.certificates, session.start_ns) if session.tls is not None else None
    if code == UNKNOWN_CA:
        if path is not None and path.end is End.ANCHOR and path.at is not None:
            facts["root"] = shown(path.at.subject)
            return _Reading(cause, Blame.CLIENT, ("tls-interception",), facts, "known-root")
        return _Reading(cause, Blame.UNKNOWN, ("tls-interception",), facts)
    if cause != "certificate-rejected":
        return _Reading(cause, blame, alternatives, facts)
    alternatives = ("certificate-unknown-ca", "certificate-weak")
    if code == BAD_CERTIFICATE:
        leaf = session.tls.certificates[0] if session.tls is not None else None
        begun_ns = leaf.not_before_ns if leaf is not None else None
        if begun_ns is not None and session.start_ns - begun_ns < FRESH_NS:
            offset_s = context.knowledge.trust.clocks.offset_s(session.client.ip)
            if offset_s is not None and session.start_ns + offset_s * 1_000_000_000 < begun_ns:
                facts |= {"offset_s": -offset_s}
                return _Reading("client-clock-skew", Blame.CLIENT, ("certificate-rejected",), facts, "behind")
            alternatives = ("client-clock-skew", *alternatives)
    return _Reading(cause, blame, alternatives, facts)


def _ahead(session: Session, context: Context, facts: dict[str, str | int | float]) -> _Reading:
    """The client calls a certificate expired that is valid when it is shown."""
    clocks, client = context.knowledge.trust.clocks, session.client.ip
    servers, offset_s = clocks.refusals(client), clocks.offset_s(client)
    leaf = session.tls.certificates[0] if session.tls is not None else None
    until_ns = leaf.not_after_ns if leaf is not None else None
    variant = "several" if servers >= SEVERAL else ""
    is_measured = (
        offset_s is not None and until_ns is not None and session.start_ns + offset_s * 1_000_000_000 > until_ns
    )
    if offset_s is not None and is_measured:
        facts |= {"offset_s": offset_s}
        variant = "ahead"
    facts |= {"servers": servers}
    return _Reading("client-clock-skew", Blame.CLIENT, ("certificate-rejected",), facts, variant, bool(variant))
