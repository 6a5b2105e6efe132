"""The client's certificate alert, where the certificate shows no fault or cannot be seen."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_certificate, of_hello, of_server_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.parameters.alerts import alert_facts
from capanalyzer.diagnosis.rules.trust.rejection import CERTIFICATE_ALERTS
from capanalyzer.diagnosis.rules.trust.visible import certificate_facts_of
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
EXPIRED: Final = 45
UNKNOWN_CA: Final = 48


class ClientCertificateAlert(Rule):
    """A clear certificate alert from the client names the cause by its code.

    Where the chain can be read and shows no fault: 45 on a certificate that is valid at the capture's time means the
    client's clock, 48 with an intermediate sent means a root the client does not have, 42 and 46 say no more than
    that it was rejected.
    """

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
        cause, blame, alternatives = _HIDDEN[alert.code]
        facts, variant = alert_facts(story, alert), "hidden"
        confidence = Confidence.CERTAIN if alert.code in (43, 44) else Confidence.LIKELY
        if tls.certificates:
            variant = ""
            facts |= certificate_facts_of(session, tls.client_hello.sni if tls.client_hello is not None else None)
            if alert.code == EXPIRED:
                cause, blame, alternatives = "client-clock-skew", Blame.CLIENT, ("certificate-rejected",)
            elif alert.code == UNKNOWN_CA:
                blame, alternatives = Blame.UNKNOWN, ("tls-interception",)
            elif cause == "certificate-rejected":
                alternatives = ("certificate-unknown-ca", "certificate-weak")
        if cause == "certificate-rejected":
            confidence = Confidence.CERTAIN  # it was rejected: the alert says no more, and neither does the cause
        return failure(
            cause,
            confidence,
            blame,
            (alert.time_ns, alert.frame),
            facts=facts,
            evidence=(of_hello(story), of_server_hello(story), of_certificate(story), of_alert(alert)),
            alternatives=alternatives,
            stage=Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
            variant=variant,
        )
