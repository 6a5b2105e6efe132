"""not-tls."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.credentials import clear_start
from capanalyzer.diagnosis.evidence import first_data, of_end, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.first_bytes.http_to_tls import wants_https
from capanalyzer.diagnosis.rules.first_bytes.telling import tells_nothing
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_

_OTHERS: Final = frozenset(("tls", "sslv2", "tlcp", "http", "http2", "proxy-v1", "proxy-v2"))


class NotTls(Rule):
    """On a TLS port the client's first bytes are neither TLS, HTTP nor a PROXY header, and the server fails on them.

    A TLS port is also one that says so in its answer: by a TLS alert, or a page that asks for HTTPS.
    It answers with an alert or an HTTP error page, closes, resets, or says nothing until somebody leaves. A server
    that answers in another protocol of its own is no TLS server, and the session plaintext.
    """

    causes = ("not-tls",)
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        spoken, answered = session.protocol
        if spoken is None or spoken in _OTHERS or session.quality.starts_mid_session or story.hello is not None:
            return None
        if tells_nothing(session, Side.CLIENT):
            return None
        tls = session.tls if session.protocol[Side.SERVER] == "tls" else None
        alert = next((a for a in tls.alerts if a.side is Side.SERVER), None) if tls is not None else None
        if not context.is_tls_port and alert is None and not wants_https(session.opening[Side.SERVER] or b""):
            return None
        replied: Evidence | None
        if alert is not None:
            replied = Evidence(alert.frame, alert.time_ns, Side.SERVER, N_("a TLS alert in answer"))
        elif answered == "http-response":
            time_ns, frame = first_data(session, Side.SERVER)
            replied = Evidence(frame, time_ns, Side.SERVER, N_("an HTTP error page in answer"))
        elif answered is not None or not story.sees_all:
            return None
        elif story.end is not None and (story.end.side is Side.SERVER or story.is_patient):
            replied = of_end(story.end)
        elif story.is_open and story.is_patient:
            replied = None
        else:
            return None
        is_silent = replied is None
        at = first_data(session, Side.CLIENT)
        start = clear_start(session.first_bytes[Side.CLIENT] or b"", session.opening[Side.CLIENT])
        return failure(
            "not-tls",
            Confidence.CERTAIN if alert is not None or answered else Confidence.LIKELY,
            Blame.CLIENT,
            at,
            facts={"protocol": spoken, "first_bytes": start.hex(" "), "text": shown(start.decode("latin-1"))},
            evidence=(
                Evidence(
                    at[1], at[0], Side.CLIENT, N_("first bytes {first_bytes} ({protocol}), no ClientHello (16 03)")
                ),
                replied,
            ),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.CLIENT,
            variant="silence" if is_silent else "",
        )
