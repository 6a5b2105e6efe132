"""mTLS: client-certificate-missing, client-certificate-rejected."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_server_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.trust.client_faults import visible_client_fault
from capanalyzer.diagnosis.story import Story, first_tls13_records
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side, TlsFacts
from capanalyzer.i18n import N_
from capanalyzer.tls.codepoints import alert_name
from capanalyzer.tls.records import Message

CERTIFICATE_REQUIRED: Final = 116
NO_CERTIFICATE: Final = 41
"""SSL 3.0: the client's warning in place of an empty Certificate (RFC 6101 section 5.4.2)."""
_REFUSALS: Final = frozenset((42, 43, 44, 45, 46, 48, 51))
"""Alerts with which a server refuses a client's certificate; 51 is a CertificateVerify that does not verify."""


REFUSED_WITHIN_NS: Final = 5_000_000_000
"""A server judges a certificate when it has it; an alert-sized record after a longer silence is the end of a connection
that nobody used."""


class ClientCertificate(Rule):
    """The server asked for a client certificate and ended the session over the answer.

    TLS 1.2: the request and the answer can be read. TLS 1.3: sizes tell an empty Certificate (25 bytes, 41 padded)
    from a real one, and an alert-sized record from the server before any ticket or answer is its refusal, even when
    a request was already sent. Servers use many codes for a missing certificate (40, 42, 50, 116), so with an empty
    answer any will do.
    """

    causes = ("client-certificate-missing", "client-certificate-rejected")
    after_handshake = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or story.server_hello is None:
            return None
        alert = story.alert
        if alert is None:
            alert = next((a for a in tls.alerts if a.side is Side.SERVER and a.code == CERTIFICATE_REQUIRED), None)
        if alert is not None and alert.side is Side.CLIENT and alert.code != NO_CERTIFICATE:
            return None
        required = alert is not None and alert.code == CERTIFICATE_REQUIRED
        if not required and tls.client_certificate_sent is None:
            return None
        missing = required or tls.client_certificate_sent is False
        ended = self._server_refused(context, missing)
        if ended is None:
            return None
        at, last, confidence, code = ended
        answer = tls.certificate_message(Side.CLIENT)
        variant, facts = ("", {}) if missing else visible_client_fault(session, tls)
        return failure(
            "client-certificate-missing" if missing else "client-certificate-rejected",
            confidence,
            Blame.CLIENT,
            at,
            facts={
                "code": code if code is not None else "",
                "alert": alert_name(code) if code is not None else "",
                **facts,
            },
            evidence=(
                of_server_hello(story),
                Evidence(
                    answer.frame,
                    answer.time_ns,
                    Side.CLIENT,
                    N_("an empty client Certificate") if missing else N_("the client's Certificate"),
                )
                if answer is not None
                else None,
                last,
            ),
            alternatives=() if confidence is Confidence.CERTAIN else ("server-closed", "alert-other"),
            stage=Stage.SERVER_FINISHED,
            waiting_on=WaitingOn.SERVER,
            variant=variant if code is not None else "encrypted",
        )

    def _server_refused(
        self, context: Context, missing: bool
    ) -> tuple[tuple[int, int], Evidence | None, Confidence, int | None] | None:
        """The server's refusal: (time and frame, evidence, confidence, alert code)."""
        story = context.story
        tls, alert, end = story.tls, story.alert, story.end
        if tls is None:
            return None
        if alert is not None and alert.side is Side.SERVER:
            if not missing and alert.code not in _REFUSALS:
                return None
            return (alert.time_ns, alert.frame), of_alert(alert), Confidence.CERTAIN, alert.code
        if not story.sees_all:
            return None  # what the server said in between may have been its Finished
        sized = tls.alert_sized[Side.SERVER]
        if sized is not None and not tls.data_from[Side.SERVER] and not _is_close(story, tls, sized):
            text = N_("encrypted record of the size of an alert, before any ticket or answer")
            evidence = Evidence(sized.frame, sized.time_ns, Side.SERVER, text)
            return (sized.time_ns, sized.frame), evidence, Confidence.LIKELY, None
        if story.established:
            return None
        hidden = next((a for a in tls.alerts if a.encrypted and a.side is Side.SERVER), None)
        if hidden is not None:
            return (hidden.time_ns, hidden.frame), of_alert(hidden), Confidence.LIKELY, None
        if missing and end is not None and end.side is Side.SERVER:
            return (end.time_ns, end.frame), of_end(end), Confidence.LIKELY, None
        return None


def _is_close(story: Story, tls: TlsFacts, sized: Message) -> bool:
    """The server's alert-sized record is a close_notify: it answers the client's own end, or comes after a silence. A
    client that sent a request gets an answer before that, or a refusal in place of one.
    """
    mine = [m for m in first_tls13_records(tls, Side.CLIENT) if (m.time_ns, m.frame) <= (sized.time_ns, sized.frame)]
    if not mine:
        return True  # the server's own flight: it has not seen a certificate
    finished, end = tls.finished[Side.CLIENT], story.end
    alert_size = tls.handshake.alert_size + tls.handshake.padding(Side.CLIENT)
    behind = mine[1:] if finished is None else [m for m in mine if m.offset > finished.offset]
    if finished is not None and any(m.length != alert_size for m in behind):
        return False
    if end is not None and end.side is Side.CLIENT and end.time_ns <= sized.time_ns:
        return True
    if any(m.length == alert_size for m in behind):
        return True
    return sized.time_ns - mine[-1].time_ns > REFUSED_WITHIN_NS
