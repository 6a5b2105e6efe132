"""no-shared-group: a HelloRetryRequest that is not followed."""

from __future__ import annotations

from capanalyzer.diagnosis.evidence import of_alert, of_end, of_hello, seconds
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.handshake.states import State
from capanalyzer.i18n import N_
from capanalyzer.tls.codepoints import alert_name, group_name


class RetryNotFollowed(Rule):
    """HelloRetryRequest (RFC 8446 section 4.1.4) names a group, and no second ClientHello comes.

    The client closes, refuses with an alert, or stays silent long enough.
    """

    causes = ("no-shared-group",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or story.state is not State.AWAIT_SECOND_CLIENT_HELLO:
            return None
        alert, end = story.alert, story.end
        last: Evidence | None
        if alert is not None and alert.side is Side.CLIENT:
            at, last = (alert.time_ns, alert.frame), of_alert(alert)
        elif not story.sees_all:
            return None
        elif end is not None:
            at, last = (end.time_ns, end.frame), of_end(end)
        elif story.is_patient:
            at, last = (story.until_ns, 0), None
        else:
            return None
        retry = next((m for m in tls.messages if m.side == Side.SERVER and m.handshake_type in (2, 6)), None)
        share = tls.hello_retry.key_share if tls.hello_retry is not None else None
        group = group_name(share.group) if share is not None else "?"
        return failure(
            "no-shared-group",
            Confidence.LIKELY,
            Blame.CLIENT,
            at,
            facts={
                "group": group,
                "waited_s": seconds(story.waited_ns),
                "alert": alert_name(alert.code) if alert is not None and alert.code is not None else "",
                "code": alert.code if alert is not None and alert.code is not None else "",
            },
            evidence=(
                of_hello(story),
                Evidence(retry.frame, retry.time_ns, Side.SERVER, N_("HelloRetryRequest, wants the group {group}"))
                if retry is not None
                else None,
                last,
            ),
            alternatives=("client-aborted",),
            stage=Stage.SERVER_HELLO,
            waiting_on=WaitingOn.CLIENT,
            variant="silence" if last is None else "",
        )
