"""protocol-version-mismatch without an alert: the server picks what was not offered."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_hello, of_server_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding
from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import alert_name, version_name


class VersionNotOffered(Rule):
    """ServerHello selects a version outside the client's offer, and the handshake ends there.

    With supported_versions the list counts (RFC 8446 section 4.2.1). Without it any version up to the client's is
    allowed on the wire; whether the client accepts one is told by what it does.
    """

    causes = ("protocol-version-mismatch",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        answer = story.server_hello
        offer = tls.client_hello if tls is not None else None
        if answer is None or tls is None or offer is None or tls.version is None:
            return None
        offered = offer.offered_versions
        if not offered or tls.version in offered:
            return None
        if offer.supported_versions is None and tls.version <= offer.legacy_version:
            return None
        alert, end = story.alert, story.end
        if alert is None and end is None:
            return None
        return failure(
            "protocol-version-mismatch",
            Confidence.CERTAIN,
            Blame.SERVER,
            (answer.time_ns, answer.frame),
            facts={
                "selected": version_name(tls.version),
                "offered": ", ".join(version_name(v) for v in offered[:8]),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(of_hello(story), of_server_hello(story), of_alert(alert) if alert is not None else of_end(end)),
            variant="selected",
        )
