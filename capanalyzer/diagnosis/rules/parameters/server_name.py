"""sni-missing."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.trust.rejection import rejection
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding
from capanalyzer.handshake.session import Session, Side
from capanalyzer.tls.codepoints import alert_name

UNRECOGNIZED_NAME: Final = 112
_ABOUT_NO_NAME: Final = frozenset((40, 80, 112))
"""Alerts with which servers answer a hello without a name: strict-sni, sni-require, no default virtual host."""


class SniMissing(Rule):
    """No server name was sent, and the server fails, or shows a default certificate that the client rejects.

    Alert 112 speaks of the name itself. Anything else needs the comparison: the server's sessions with a name work,
    and none without one.
    """

    causes = ("sni-missing",)
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or tls.client_hello is None or story.hello is None or tls.client_hello.sni is not None:
            return None
        if tls.client_hello.ech is not None:
            return None
        alert, end, known = story.alert, story.end, context.server
        last: Evidence | None
        compared = known is not None and bool(known.names) and not known.without_name
        if alert is not None and alert.side is Side.SERVER:
            if alert.code != UNRECOGNIZED_NAME and not (compared and alert.code in _ABOUT_NO_NAME):
                return None
            at, last = (alert.time_ns, alert.frame), of_alert(alert)
        elif compared and story.server_hello is None and end is not None and end.side is Side.SERVER and story.sees_all:
            at, last = (end.time_ns, end.frame), of_end(end)
        elif compared and (refusal := rejection(session, story)) is not None:
            at, last = (refusal.time_ns, refusal.frame), refusal.evidence
        else:
            return None
        return failure(
            "sni-missing",
            Confidence.LIKELY,
            Blame.CLIENT,
            at,
            facts={
                "others": len(known.names) if known is not None else 0,
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(of_hello(story), last),
            variant="compared" if compared else "",
        )
