"""hello-rewritten: shown by one session's downgrade sentinel, or by two that carried the same hello."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_hello, shown
from capanalyzer.diagnosis.legs import differences
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import TLS13
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_
from capanalyzer.tls.codepoints import alert_name, version_name

ILLEGAL_PARAMETER: Final = 47


class DowngradeSentinel(Rule):
    """The downgrade sentinel in ServerHello.random (RFC 8446 section 4.1.3) to a client that offered TLS 1.3.

    The server speaks TLS 1.3 and was not offered it: something between rewrote the hello. The client must answer with
    illegal_parameter; a client that closes instead has seen the same.
    """

    causes = ("hello-rewritten",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        answer = story.server_hello
        if (
            tls is None
            or answer is None
            or not tls.downgrade_sentinel
            or tls.client_hello is None
            or tls.version is None
        ):
            return None
        if TLS13 not in tls.client_hello.offered_versions or tls.version >= TLS13:
            return None
        alert, end = story.alert, story.end
        by_client = alert.side is Side.CLIENT if alert is not None else end is not None and end.side is Side.CLIENT
        if not by_client:
            return None
        return failure(
            "hello-rewritten",
            Confidence.CERTAIN if alert is not None and alert.code == ILLEGAL_PARAMETER else Confidence.LIKELY,
            Blame.NETWORK,
            (answer.time_ns, answer.frame),
            facts={
                "selected": version_name(tls.version),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(
                of_hello(story),
                Evidence(
                    answer.frame,
                    answer.time_ns,
                    Side.SERVER,
                    N_("ServerHello chooses {selected}; its random ends in DOWNGRD"),
                ),
                of_alert(alert) if alert is not None else of_end(end),
            ),
            alternatives=("tls-interception",),
        )


class HelloRewritten(Rule):
    """The same ClientHello random on another connection at the same time, with different content, and this one failed.

    Something between the ends took the hello and sent on another one. The ends cannot agree after that, whatever
    they say of it: each of their Finished covers what it saw itself.
    """

    causes = ("hello-rewritten",)
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, legs = context.story, context.knowledge.legs
        hello, other = story.hello, legs.other(session)
        if hello is None or other is None:
            return None
        own = legs.own(session)
        if own is None or own.is_same_hello(other):
            return None
        alert, end = story.alert, story.end
        if alert is None and end is None and not story.is_patient:
            return None
        before, behind = (own, other) if own.time_ns <= other.time_ns else (other, own)
        changed = "; ".join(differences(before, behind)) or "extension contents"
        return failure(
            "hello-rewritten",
            Confidence.LIKELY,
            Blame.NETWORK,
            (hello.time_ns, hello.frame),
            facts={
                "before": str(before.client),
                "behind": str(behind.client),
                "other_stream": other.stream,
                "other_frame": other.frame,
                "changed": shown(changed),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(
                of_hello(story),
                Evidence(
                    other.frame,
                    other.time_ns,
                    Side.CLIENT,
                    N_("the same ClientHello random in stream {other_stream}, with other content: {changed}"),
                ),
                of_alert(alert) if alert is not None else of_end(end),
            ),
            variant="legs",
        )
