"""obsolete-ssl-hello."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import SSL2, SSL2_RECORD
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.tls.codepoints import alert_name, version_name

SSL3: Final = 0x0300
_ABOUT_THE_HELLO: Final = frozenset((10, 40, 47, 50, 70, 71, 80))
"""Alerts that can mean the age of the hello; any other names another reason."""


class ObsoleteSslHello(Rule):
    """A hello in SSL 2.0 format, or one that offers SSL 3.0 at most, and the server refuses it.

    Refused: an alert (70, 80, 40 ... by implementation), a close or a reset before any ServerHello.
    """

    causes = ("obsolete-ssl-hello",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        hello, tls = story.hello, session.tls
        if hello is None or tls is None or story.server_hello is not None:
            return None
        offer = tls.client_hello
        is_sslv2 = hello.content_type == SSL2_RECORD
        if not is_sslv2 and (offer is None or max(offer.offered_versions, default=offer.legacy_version) > SSL3):
            return None
        alert, end = story.alert, story.end
        if alert is not None and (alert.side is not Side.SERVER or alert.code not in _ABOUT_THE_HELLO):
            return None
        if alert is None and (end is None or end.side is not Side.SERVER or not story.sees_all):
            return None
        highest = max(offer.offered_versions, default=offer.legacy_version) if offer is not None else SSL2
        return failure(
            "obsolete-ssl-hello",
            Confidence.CERTAIN if alert is not None else Confidence.LIKELY,
            Blame.CLIENT,
            (hello.time_ns, hello.frame),
            facts={
                "form": "SSL 2.0" if is_sslv2 else "SSL 3.0",
                "offered": version_name(highest),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(of_hello(story), of_alert(alert) if alert is not None else of_end(end)),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.SERVER,
            variant="alert" if alert is not None else "",
        )
