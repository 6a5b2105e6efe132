"""Fatal alerts in the clear whose cause follows from code and sender."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.diagnosis.evidence import ms, of_alert, of_hello, of_server_hello
from capanalyzer.diagnosis.offer import real_suites
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.story import Story
from capanalyzer.diagnosis.verdict import Blame, Confidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Alert, Session, Side
from capanalyzer.tls.codepoints import alert_name, version_name

TLS12: Final = 0x0303


class _Meaning(NamedTuple):
    cause: str
    confidence: Confidence
    blame: Blame | None
    """None: the end that did not send the alert, whose message it refuses."""
    alternatives: tuple[str, ...] = ()


_CERTAIN, _LIKELY, _POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
_REJECTED: Final = _Meaning("message-rejected", _CERTAIN, None)
_CORRUPTED: Final = _Meaning("record-corrupted", _CERTAIN, Blame.UNKNOWN)

BY_SERVER: Final[dict[int, _Meaning]] = {
    10: _REJECTED,
    20: _CORRUPTED,
    21: _CORRUPTED,
    22: _CORRUPTED,
    30: _CORRUPTED,
    40: _Meaning(
        "handshake-failure-unspecified",
        _CERTAIN,
        Blame.UNKNOWN,
        (
            "no-shared-cipher",
            "no-shared-group",
            "no-shared-signature-algorithm",
            "protocol-version-mismatch",
            "sni-missing",
        ),
    ),
    47: _REJECTED,
    49: _Meaning("access-denied", _CERTAIN, Blame.UNKNOWN),
    50: _REJECTED,
    51: _CORRUPTED,
    70: _Meaning("protocol-version-mismatch", _CERTAIN, Blame.CLIENT),
    71: _Meaning("no-shared-cipher", _LIKELY, Blame.CLIENT, ("no-shared-group", "protocol-version-mismatch")),
    80: _Meaning("server-internal-error", _CERTAIN, Blame.SERVER),
    86: _Meaning("inappropriate-fallback", _CERTAIN, Blame.CLIENT),
    90: _Meaning("user-canceled", _CERTAIN, Blame.UNKNOWN),
    109: _REJECTED,
    110: _REJECTED,
    112: _Meaning("sni-unrecognized", _CERTAIN, Blame.UNKNOWN),
    115: _Meaning("unknown-psk", _CERTAIN, Blame.CLIENT),
    120: _Meaning("no-shared-alpn", _CERTAIN, Blame.UNKNOWN),
}
"""Alerts of RFC 8446 section 6 and RFC 5246 section 7.2 from the server. Certificate alerts are for the trust rules."""

BY_CLIENT: Final[dict[int, _Meaning]] = {
    **{code: BY_SERVER[code] for code in (10, 20, 21, 22, 30, 47, 49, 50, 51, 109, 110)},
    40: _Meaning("handshake-failure-unspecified", _CERTAIN, Blame.UNKNOWN, ("no-shared-cipher", "no-shared-group")),
    70: _Meaning("protocol-version-mismatch", _CERTAIN, Blame.SERVER),
    71: _Meaning("no-shared-cipher", _LIKELY, Blame.SERVER, ("no-shared-group", "certificate-weak")),
    90: _Meaning("user-canceled", _CERTAIN, Blame.CLIENT),
}
"""The same from the client, which refuses what the server chose."""

_OTHER: Final = _Meaning("alert-other", _CERTAIN, Blame.UNKNOWN)
_TRUST_CODES: Final = frozenset((42, 43, 44, 45, 46, 48))


class ClearAlert(Rule):
    """A readable alert ended the handshake, and nothing before it explains it better.

    Levels, and alerts that answer the other end's close, are sorted out by :class:`Story`. Certificate alerts from
    the client belong to the rules of trust. Whatever the tables do not name is alert-other.
    """

    causes = (
        "protocol-version-mismatch",
        "no-shared-cipher",
        "handshake-failure-unspecified",
        "no-shared-alpn",
        "inappropriate-fallback",
        "sni-unrecognized",
        "unknown-psk",
        "message-rejected",
        "record-corrupted",
        "server-internal-error",
        "access-denied",
        "user-canceled",
        "alert-other",
    )

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        alert = story.alert
        if alert is None or alert.code is None:
            return None
        from_client = alert.side is Side.CLIENT
        if from_client and alert.code in _TRUST_CODES:
            return None
        meaning = (BY_CLIENT if from_client else BY_SERVER).get(alert.code, _OTHER)
        blame = meaning.blame
        unseen = story.hello is None
        if meaning.cause == "protocol-version-mismatch" and not from_client and _offers_tls12(story):
            blame = Blame.SERVER  # a client with a version in use today, and a server that knows only older ones
        if meaning is _REJECTED:
            blame = Blame.SERVER if from_client else Blame.CLIENT
        if unseen and blame is not Blame.SERVER:
            blame = Blame.UNKNOWN  # nothing is known of what was offered
        alternatives = meaning.alternatives
        if meaning.cause in ("server-internal-error", "alert-other") and alert.code == 80 and not _offers_tls12(story):
            # OpenSSL 3 at its default security level answers TLS 1.0 and 1.1 like this.
            alternatives = ("protocol-version-mismatch",)
        return failure(
            meaning.cause,
            _LIKELY if meaning.confidence is _CERTAIN and _is_cut_off(story, alert) else meaning.confidence,
            blame or Blame.UNKNOWN,
            (alert.time_ns, alert.frame),
            facts=alert_facts(story, alert),
            evidence=(of_hello(story), of_server_hello(story), of_alert(alert)),
            alternatives=alternatives,
            stage=_stage(story, alert),
            waiting_on=story.waiting_on or (WaitingOn.CLIENT if from_client else WaitingOn.SERVER),
            variant="unseen" if unseen else "client" if from_client else "",
        )


def _is_cut_off(story: Story, alert: Alert) -> bool:
    """What it answers is not in the capture, or may not be all of it: the alert is certain, what it is about is not."""
    said = story.hello if alert.side is Side.SERVER else story.server_hello
    quality = story.session.quality
    is_partial = quality.lost or quality.truncated or quality.one_sided is not None
    return is_partial or (said is None and not story.sees_all)


def alert_facts(story: Story, alert: Alert) -> dict[str, str | int | float]:
    """What the texts about an alert name."""
    hello = story.hello
    offer = story.tls.client_hello if story.tls is not None else None
    since = hello.time_ns if hello is not None else story.session.start_ns
    return {
        "alert": alert_name(alert.code) if alert.code is not None else "",
        "code": alert.code if alert.code is not None else "",
        "sender": alert.side.name.lower(),
        "after_ms": ms(max(0, alert.time_ns - since)),
        "offered": ", ".join(version_name(v) for v in offer.offered_versions[:8]) if offer is not None else "?",
        "selected": version_name(story.version) if story.version is not None else "?",
        "alpn": ", ".join(offer.alpn[:8]) if offer is not None and offer.alpn else "-",
        "suites": len(real_suites(offer)) if offer is not None else 0,
    }


def _offers_tls12(story: Story) -> bool:
    offer = story.tls.client_hello if story.tls is not None else None
    return offer is not None and any(TLS12 <= v < 0x0400 for v in offer.offered_versions)


def _stage(story: Story, alert: Alert) -> Stage:
    """A server's alert that comes before its ServerHello answers the hello, whatever the client sent meanwhile; a
    client's, of which nothing before it was seen, stands where its flight should be.
    """
    if alert.side is Side.SERVER and story.server_hello is None:
        return Stage.SERVER_HELLO
    return story.stage or (Stage.CLIENT_FLIGHT if alert.side is Side.CLIENT else Stage.SERVER_FLIGHT)
