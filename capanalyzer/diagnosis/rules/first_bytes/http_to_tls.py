"""http-to-tls-port."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import first_data, first_line, of_end, shown
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_

_WANTS_HTTPS: Final = (
    b"plain http request was sent to https port",  # nginx, AWS ALB
    b"speaking plain http to an ssl-enabled server port",  # Apache
    b"client sent an http request to an https server",  # Go
    b"combination of host and port requires tls",  # Tomcat
)
"""What error pages of TLS listeners say, in lower case."""


def wants_https(page: bytes) -> bool:
    """The page says that the port speaks TLS."""
    return any(phrase in page.lower() for phrase in _WANTS_HTTPS)


class HttpToTlsPort(Rule):
    """The first bytes are an HTTP request, and the server wanted TLS.

    On any port when the answer is a TLS alert or a page that says so. On a TLS port also when the request gets no
    HTTP answer: a close, a reset, other bytes, or silence long enough to be one. Any other HTTP answer is a
    plaintext session.
    """

    causes = ("http-to-tls-port",)
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        if (
            session.protocol[Side.CLIENT] not in ("http", "http2")
            or story.hello is not None
            or session.upgrade is not None
        ):
            return None
        page = session.opening[Side.SERVER]
        answer = first_line(page) if page else ""
        tls = session.tls if session.protocol[Side.SERVER] == "tls" else None
        alert = next((a for a in tls.alerts if a.side is Side.SERVER), None) if tls is not None else None
        replied: Evidence | None
        if alert is not None:
            variant, text = "alert", N_("a TLS alert in answer")
            replied = Evidence(alert.frame, alert.time_ns, Side.SERVER, text)
        elif wants_https(page):
            variant = "page"
            time_ns, frame = first_data(session, Side.SERVER)
            replied = Evidence(frame, time_ns, Side.SERVER, N_('"{answer}": a page that asks for HTTPS'))
        elif (
            session.protocol[Side.SERVER] in ("http-response", "http2") or not context.is_tls_port or not story.sees_all
        ):
            return None
        elif story.end is not None:
            variant, replied = "close", of_end(story.end)
        elif story.is_patient:
            variant, replied = "silence", None
        else:
            return None
        at = first_data(session, Side.CLIENT)
        left = variant == "close" and story.end is not None and story.end.side is Side.CLIENT
        return failure(
            "http-to-tls-port",
            Confidence.LIKELY if left else Confidence.CERTAIN,
            Blame.CLIENT,
            at,
            facts={
                "request": first_line(session.opening[Side.CLIENT]) or shown(session.first_bytes[Side.CLIENT] or b""),
                "answer": answer,
                "first_bytes": (session.first_bytes[Side.CLIENT] or b"")[:6].hex(" "),
            },
            evidence=(
                Evidence(
                    at[1],
                    at[0],
                    Side.CLIENT,
                    N_('"{request}" ({first_bytes}), where a ClientHello (16 03) was expected'),
                ),
                replied,
            ),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.CLIENT,
            variant=variant,
        )
