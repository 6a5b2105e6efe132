"""certificate-rejected-encrypted."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import ms, of_end, of_hello, of_server_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.trust.rejection import alert_sized_refusal
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_


class CertificateRejectedEncrypted(Rule):
    """TLS 1.3: an alert-sized encrypted record from the client straight after the server's flight, before its Finished.

    19 bytes (alert, inner type, tag), 35 from JSSE, which pads. The position decides: after Finished the same size
    is close_notify or a small write. GnuTLS, Go, JSSE, NSS and BoringSSL refuse certificates like this; the code
    itself cannot be read.
    """

    causes = ("certificate-rejected-encrypted",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        record = alert_sized_refusal(session, story)
        if record is None or story.server_hello is None:
            return None
        return failure(
            "certificate-rejected-encrypted",
            Confidence.LIKELY,
            Blame.UNKNOWN,
            (record.time_ns, record.frame),
            facts={"length": record.length, "after_ms": ms(record.time_ns - story.server_hello.time_ns)},
            evidence=(
                of_hello(story),
                of_server_hello(story),
                Evidence(
                    record.frame,
                    record.time_ns,
                    Side.CLIENT,
                    N_("encrypted record of {length} bytes, the size of an alert"),
                ),
                of_end(story.end),
            ),
            alternatives=(
                "certificate-unknown-ca",
                "certificate-chain-incomplete",
                "certificate-hostname-mismatch",
                "certificate-expired",
                "tls-interception",
                "message-rejected",
            ),
            stage=Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
        )
