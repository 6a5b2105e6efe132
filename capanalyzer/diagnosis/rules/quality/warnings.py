"""Warnings and notes on sessions whose handshake completed."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import ms, of_certificate, of_end, of_hello, of_server_hello, seconds
from capanalyzer.diagnosis.rule import Context, Rule
from capanalyzer.diagnosis.rules.trust.certificate_texts import certificate_facts_of
from capanalyzer.diagnosis.rules.trust.rejection import rejection
from capanalyzer.diagnosis.trust.faults import CHAIN_INCOMPLETE, Fault
from capanalyzer.diagnosis.trust.glance import expires_soon
from capanalyzer.diagnosis.verdict import Confidence, Finding, Severity
from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import version_name

TLS12: Final = 0x0303
REPEATED: Final = 3
"""Sessions that a client leaves without a request before that is taken for more than chance."""
SLOW_NS: Final = 2_000_000_000
"""A handshake is one or two round trips and a few milliseconds of arithmetic; seconds mean that somebody was busy,
asked a human, or lost packets."""


class ObsoleteProtocolVersion(Rule):
    """SSL 3.0 (RFC 7568), TLS 1.0 and TLS 1.1 (RFC 8996) must not be used."""

    causes = ("obsolete-protocol-version",)

    def check(self, session: Session, context: Context) -> Finding | None:
        version = context.story.version
        if version is None or version >= TLS12 or version < 0x0002:
            return None
        evidence = of_server_hello(context.story)
        return Finding(
            "obsolete-protocol-version",
            Severity.WARNING,
            Confidence.CERTAIN,
            {"selected": version_name(version)},
            (evidence,) if evidence is not None else (),
        )


class SlowHandshake(Rule):
    """ClientHello to the end of the handshake took two seconds or more."""

    causes = ("slow-handshake",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or tls.handshake_done_ns is None or story.hello is None:
            return None
        took = tls.handshake_done_ns - story.hello.time_ns
        if took < SLOW_NS:
            return None
        answer = story.server_hello.time_ns - story.hello.time_ns if story.server_hello is not None else 0
        return Finding(
            "slow-handshake",
            Severity.WARNING,
            Confidence.CERTAIN,
            {
                "took_s": seconds(took),
                "answer_ms": ms(answer),
                "rtt_ms": ms(session.tcp.rtt_ns) if session.tcp.rtt_ns is not None else "?",
            },
            tuple(e for e in (of_hello(story), of_server_hello(story)) if e is not None),
        )


class CertificateLetPass(Rule):
    """A visible fault that the client let pass, the most telling one, or a certificate near its end.

    Only what was sent counts: a leaf alone gives no finding, for private authorities that sign leaves directly are
    common, unless it is a public authority's, which never does.
    """

    causes = (
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-self-signed",
        "certificate-chain-incomplete",
        "certificate-rejected",
        "certificate-hostname-mismatch",
        "certificate-unsupported",
        "certificate-weak",
        "certificate-expires-soon",
    )

    def check(self, session: Session, context: Context) -> Finding | None:
        story, tls = context.story, session.tls
        if tls is None or not tls.certificates:
            return None
        fault = next((f for f in context.certificate_faults() if _is_worth_a_word(f)), None)
        if fault is None:
            leaf = tls.certificates[0]
            if not expires_soon(leaf.not_before_ns, leaf.not_after_ns, session.start_ns):
                return None
            fault = Fault("certificate-expires-soon", leaf)
        evidence = of_certificate(story)
        return Finding(
            fault.cause,
            Severity.WARNING,
            Confidence.CERTAIN,
            {**certificate_facts_of(session, fault), "how": "passed", "code": "", "alert": ""},
            (evidence,) if evidence is not None else (),
            variant=""
            if fault.cause == "certificate-expires-soon"
            else f"{fault.variant}-passed"
            if fault.variant
            else "passed",
        )


def _is_worth_a_word(fault: Fault) -> bool:
    if fault.cause == CHAIN_INCOMPLETE:
        return fault.about.is_logged and fault.is_plain
    return fault.is_plain and fault.cause != "tls-interception"


class CompletedThenClosed(Rule):
    """The client closed after a completed handshake without having sent a request.

    Health checks and connections opened ahead do that, and so do clients that turn the certificate down after their
    own Finished (Node, NSS, curl checking a host name). A note, never a failure; likely where a client that works with
    other servers does so again and again with this one.
    """

    causes = ("client-aborted",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        refusal = rejection(session, story)
        if refusal is None or refusal.how != "completed":
            return None
        successes, client, server = context.knowledge.successes, session.client.ip, session.server
        beside = successes.beside(client, server)
        repeats = successes.left(client, server) >= REPEATED and beside is not None and beside.client_servers > 0
        return Finding(
            "client-aborted",
            Severity.NOTE,
            Confidence.LIKELY if repeats else Confidence.POSSIBLE,
            {"waited_ms": ms(story.waited_ns), "waited_s": seconds(story.waited_ns)},
            tuple(e for e in (of_server_hello(story), of_end(story.end)) if e is not None),
            _suspicions(session, context),
            variant="completed",
        )


def _suspicions(session: Session, context: Context) -> tuple[str, ...]:
    """What the client may have seen: where the chain shows something, that; where it is hidden, what is usual."""
    tls = session.tls
    if tls is None or tls.resumed:
        return ()  # no certificate was shown
    if not tls.certificates:
        asked = tls.client_hello is not None and tls.client_hello.sni is not None
        return ("certificate-rejected", "certificate-hostname-mismatch") if asked else ("certificate-rejected",)
    seen = dict.fromkeys(fault.cause for fault in context.certificate_faults())
    return tuple(dict.fromkeys((*seen, "certificate-rejected")))
