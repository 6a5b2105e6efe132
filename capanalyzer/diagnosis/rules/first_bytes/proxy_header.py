"""PROXY protocol headers where none is expected, and none where one is: proxy-header-unexpected,
proxy-header-missing.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import first_data, first_line, of_alert, of_end, of_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.first_bytes.telling import tells_nothing
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_
from capanalyzer.tls.codepoints import alert_name

_NOT_TLS_ALERTS: Final = frozenset((10, 40, 50, 70))
"""Alerts with which servers answer bytes that are no TLS: unexpected_message (JSSE, GnuTLS), decode_error, and what
others make of a record with a strange version."""


class ProxyHeaderUnexpected(Rule):
    """A PROXY header came first and the server failed on it.

    It answered in plaintext, closed, reset, or sent an alert that answers no TLS, before any ServerHello. Where the
    server was seen to accept such headers, its failure has another reason, and so has one that names something later
    (an unknown name, a certificate).
    """

    causes = ("proxy-header-unexpected",)
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        kind = session.upgrade.kind if session.upgrade is not None else session.protocol[Side.CLIENT]
        if kind not in ("proxy-v1", "proxy-v2") or story.server_hello is not None:
            return None
        known = context.server
        if known is not None and known.proxy_headers:
            return None
        if story.hello is None and not context.is_tls_port:
            return None  # another protocol behind the header
        spoken, tls = session.protocol[Side.SERVER], session.tls
        alert = next((a for a in tls.alerts if a.side is Side.SERVER), None) if tls is not None else None
        replied: Evidence | None
        is_plain = spoken == "http-response" or (
            spoken not in (None, "tls") and story.hello is not None and not tells_nothing(session, Side.SERVER)
        )
        if is_plain:
            time_ns, frame = first_data(session, Side.SERVER)
            replied = Evidence(frame, time_ns, Side.SERVER, N_('"{answer}" in answer'))
        elif alert is not None:
            if alert.code not in _NOT_TLS_ALERTS:
                return None
            replied = of_alert(alert)
        elif story.end is not None and story.end.side is Side.SERVER and story.sees_all:
            replied = of_end(story.end)
        else:
            return None
        at = first_data(session, Side.CLIENT)
        certain = is_plain or (alert is not None and alert.code == 10)
        return failure(
            "proxy-header-unexpected",
            Confidence.CERTAIN if certain else Confidence.LIKELY,
            Blame.CLIENT,
            at,
            facts={
                "header": kind.replace("proxy-", "PROXY protocol "),
                "line": first_line(session.opening[Side.CLIENT]) if kind == "proxy-v1" else "",
                "answer": first_line(session.opening[Side.SERVER]),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(
                Evidence(at[1], at[0], Side.CLIENT, N_("a {header} header before the ClientHello")),
                of_hello(story),
                replied,
            ),
            alternatives=() if certain else ("server-reset", "server-closed"),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.SERVER,
        )


class ProxyHeaderMissing(Rule):
    """The server closes on a bare ClientHello, and all its sessions that work began with a PROXY header."""

    causes = ("proxy-header-missing",)
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        hello, end = story.hello, story.end
        if hello is None or session.upgrade is not None or session.protocol[Side.SERVER] is not None:
            return None
        if end is None or end.side is not Side.SERVER:
            return None
        known = context.server
        if known is None or not known.proxy_headers or known.proxy_headers < known.sampled:
            return None
        return failure(
            "proxy-header-missing",
            Confidence.LIKELY,
            Blame.CLIENT,
            (hello.time_ns, hello.frame),
            facts={"others": known.proxy_headers},
            evidence=(of_hello(story), of_end(end)),
            alternatives=("server-reset", "server-closed"),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.SERVER,
        )
