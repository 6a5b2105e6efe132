"""handshake_failure told apart: by what the server chose in other sessions, or by the offer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from capanalyzer.diagnosis.evidence import of_alert, of_hello
from capanalyzer.diagnosis.offer import GREASE, authentication, doubts, real_groups, real_suites, signature_kinds
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.parameters.alerts import alert_facts
from capanalyzer.diagnosis.servers import ServerKnowledge
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Session, Side
from capanalyzer.tls.codepoints import cipher_suite_name, group_name, signature_scheme_name, version_name

if TYPE_CHECKING:
    from capanalyzer.tls.hello import ClientHello

TLS12: Final = 0x0303
TLS13: Final = 0x0304
_NO_AGREEMENT: Final = frozenset((40, 71))
SHOWN: Final = 4
_PARTS: Final = ("no-shared-cipher", "no-shared-group", "no-shared-signature-algorithm")


class _Missing(NamedTuple):
    """A part of the offer that holds nothing of what the server is known to use."""

    cause: str
    accepted: str


class NothingInCommon(Rule):
    """handshake_failure or insufficient_security, and one part of the offer points at itself.

    First by comparison: the offer holds no version, suite, group or kind of signature that the server was seen to use
    with others, in the same generation of TLS (what it chose in TLS 1.3 says nothing of its TLS 1.2). A server may know
    more than it was seen to choose, so it is likely at best; possible where several parts have nothing in common.
    Then by the offer itself: exactly one of its parts is out of the ordinary.
    """

    causes = (*_PARTS, "protocol-version-mismatch")
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        alert, offer = story.alert, session.tls.client_hello if session.tls is not None else None
        if alert is None or alert.code not in _NO_AGREEMENT or alert.side is not Side.SERVER:
            return None
        if offer is None or story.hello is None or story.server_hello is not None:
            return None
        known = context.server
        missing = _compared(known, offer) if known is not None else []
        pointed = doubts(offer)
        old = max((v for v in offer.offered_versions if v not in GREASE), default=0) < TLS12
        if missing:
            cause, accepted = next((m for m in missing if m.cause in pointed), missing[0])
            variant = "compared"
            confidence = Confidence.LIKELY if len(missing) == 1 or cause in pointed else Confidence.POSSIBLE
        elif len(pointed) == 1 and not old:
            [cause], accepted, variant, confidence = pointed, "", "offer", Confidence.LIKELY
        else:
            return None
        others = tuple(part for part in _PARTS if part != cause)
        return failure(
            cause,
            confidence,
            Blame.SERVER if cause == "protocol-version-mismatch" else Blame.CLIENT,
            (alert.time_ns, alert.frame),
            facts={
                **alert_facts(story, alert),
                "accepted": accepted,
                "offered_suites": _names(real_suites(offer), cipher_suite_name),
                "groups": _names(real_groups(offer), group_name),
                "schemes": _names(offer.signature_algorithms, signature_scheme_name),
            },
            evidence=(of_hello(story), of_alert(alert)),
            alternatives=others,
            stage=Stage.SERVER_HELLO,
            waiting_on=WaitingOn.SERVER,
            variant=variant,
        )


def _compared(known: ServerKnowledge, offer: ClientHello) -> list[_Missing]:
    """The parts of the offer in which nothing of what the server uses is found, the plainest first."""
    versions = [v for v in offer.offered_versions if v not in GREASE]
    if versions and known.lacks(min(versions)):
        return [_Missing("protocol-version-mismatch", _names(known.versions, version_name))]
    is_13 = TLS13 in versions and not known.lacks(TLS13)
    found = []
    suites = known.suites(is_13=is_13)
    if suites and suites.isdisjoint(real_suites(offer)):
        found.append(_Missing("no-shared-cipher", _names(suites, cipher_suite_name)))
    groups, offered = known.groups(is_13=is_13), real_groups(offer)
    if groups and offered and groups.isdisjoint(offered):
        found.append(_Missing("no-shared-group", _names(groups, group_name)))
    kinds = {kind for kind in map(authentication, known.suites(is_13=False)) if kind is not None}
    if kinds and offer.signature_algorithms and kinds.isdisjoint(signature_kinds(offer)):
        found.append(_Missing("no-shared-signature-algorithm", ", ".join(sorted(kinds))))
    return found


def _names(codes: Iterable[int], name: Callable[[int], str]) -> str:
    listed = [name(code) for code in dict.fromkeys(codes)]
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")
