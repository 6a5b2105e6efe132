"""no-shared-cipher and no-shared-group, told by what the server chose in other sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from capanalyzer.diagnosis.evidence import of_alert, of_hello
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.parameters.alerts import alert_facts
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.tls.codepoints import cipher_suite_name, group_name

_NO_AGREEMENT: Final = frozenset((40, 71))
SHOWN: Final = 4


class NothingInCommon(Rule):
    """handshake_failure or insufficient_security, and the offer holds nothing of what the server is known to use.

    Suites first; where they meet, groups. A server may know more than it was seen to choose, so it is likely at best.
    """

    causes = ("no-shared-cipher", "no-shared-group")
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, known = context.story, context.server
        alert, offer = story.alert, session.tls.client_hello if session.tls is not None else None
        if alert is None or alert.code not in _NO_AGREEMENT or alert.side is not Side.SERVER or known is None:
            return None
        if offer is None or story.server_hello is not None:
            return None
        if known.suites and known.suites.isdisjoint(offer.cipher_suites):
            cause, accepted, alternatives = (
                "no-shared-cipher",
                _names(known.suites, cipher_suite_name),
                "no-shared-group",
            )
        elif known.groups and offer.groups and known.groups.isdisjoint(offer.groups):
            cause, accepted, alternatives = "no-shared-group", _names(known.groups, group_name), "no-shared-cipher"
        else:
            return None
        return failure(
            cause,
            Confidence.LIKELY,
            Blame.CLIENT,
            (alert.time_ns, alert.frame),
            facts={**alert_facts(story, alert), "accepted": accepted, "groups": _names(offer.groups, group_name)},
            evidence=(of_hello(story), of_alert(alert)),
            alternatives=(alternatives, "no-shared-signature-algorithm"),
            stage=Stage.SERVER_HELLO,
            waiting_on=WaitingOn.SERVER,
            variant="compared",
        )


def _names(codes: Iterable[int], name: Callable[[int], str]) -> str:
    listed = [name(code) for code in sorted(set(codes))]
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")
