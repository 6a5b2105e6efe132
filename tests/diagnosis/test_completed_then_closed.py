"""A handshake that completes and then carries no request: when that says something, and when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session

from .sessions import (
    SECOND,
    T0,
    C,
    S,
    ccs,
    certificate,
    data,
    established_12,
    established_13,
    fin,
    finished_13,
    flight_13,
    hello,
    intermediate,
    server_hello,
    session,
)

EXPIRED = (certificate(days=(-100, -10)), intermediate())


def judged(one: Session, *others: Session) -> Verdict:
    judge = Judge()
    for other in others:
        judge.see(other)
    verdict = judge.see(one)
    return verdict or next(verdict for session, verdict in judge.finish() if session is one)


def leaves(**options: Any) -> Session:
    """TLS 1.3, and the client goes without a request."""
    return session(hello(), *flight_13(), *finished_13(), closes=[fin(C, 0.2)], **options)


def leaves_12(start: float = 0.0) -> Session:
    """TLS 1.2 with an expired certificate, likewise."""
    whole = established_12(*EXPIRED, start=start)
    assert whole.tls is not None
    messages = [m for m in whole.tls.messages if m.content_type != 23]
    return session(*messages, closes=[fin(C, 0.5)], start=start)


def test_a_client_that_took_this_certificate_before_does_not_refuse_it_now() -> None:
    """It exchanged data with the server under it: what it drops now is a spare connection."""
    assert judged(leaves_12(start=10)).cause == "certificate-expired"
    earlier = established_12(*EXPIRED, start=5)
    verdict = judged(leaves_12(start=10), earlier)
    assert verdict.outcome == "established"
    assert "client-aborted" in {finding.cause for finding in verdict.findings}
    later = established_12(*EXPIRED, start=20)  # somebody clicked through the warning
    assert judged(leaves_12(start=10), later).cause == "certificate-expired"


def test_again_and_again_with_this_server_only() -> None:
    """A client that works with other servers: likely it turns this one down. One that does nothing else is a check."""
    elsewhere = established_13(server_ip="198.51.100.77")
    assert judged(leaves(), leaves(), leaves(), elsewhere).findings[0].confidence == "likely"
    assert judged(leaves(), leaves(), leaves()).findings[0].confidence == "possible"
    assert judged(leaves(), elsewhere).findings[0].confidence == "possible"
    assert judged(leaves(), leaves(), leaves(), elsewhere, established_13()).findings[0].confidence == "possible"


def test_what_is_suspected_fits_what_was_shown() -> None:
    """No name to mismatch where none was asked for; the title does not speak of alerts."""
    named = judged(leaves()).findings[0]
    assert named.alternatives == ("certificate-rejected", "certificate-hostname-mismatch")
    nameless = session(hello(name=None), *flight_13(), *finished_13(), closes=[fin(C, 0.2)])
    assert judged(nameless).findings[0].alternatives == ("certificate-rejected",)
    for lang in ("en", "ja"):
        assert "alert" not in render_finding(named, leaves(), lang).title.lower()


def test_nothing_is_noted_past_a_hole() -> None:
    """The request may be what is missing."""
    assert judged(leaves(quality={"lost": True})).findings == ()


def mutual(*more: Any, closes: Any) -> Session:
    """TLS 1.3 in which the client sent a certificate."""
    records = [data(S, 0.04, size) for size in (27, 80, 2000, 281, 53)]
    flight = [ccs(C, 0.06), data(C, 0.06, 1200, offset=500), data(C, 0.06, 281, offset=1700)]
    finished = data(C, 0.06, 53, offset=2000)
    return session(hello(), server_hello(), ccs(S, 0.04), *records, *flight, finished, *more, closes=closes)


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (mutual(data(S, 0.08, 19), closes=[fin(S, 0.08)]), "client-certificate-rejected"),
        (
            mutual(data(C, 0.065, 120, offset=2100), data(S, 0.08, 19), closes=[fin(S, 0.08)]),
            "client-certificate-rejected",
        ),
        # Near misses: the server's close_notify answers the client's, or its FIN, or ends an unused connection.
        (mutual(data(C, 0.1, 19, offset=2100), data(S, 0.12, 19), closes=[fin(C, 0.1), fin(S, 0.12)]), None),
        (mutual(data(S, 0.12, 19), closes=[fin(C, 0.1), fin(S, 0.12)]), None),
        (mutual(data(S, 60.0, 19), closes=[fin(S, 60.0)]), None),
        (mutual(data(S, 0.08, 250), data(S, 0.09, 19), closes=[fin(S, 0.09)]), None),
    ],
)
def test_a_server_s_close_is_no_refusal_of_the_client_s_certificate(one: Session, cause: str | None) -> None:
    verdict = judged(one)
    assert verdict.cause == cause
    assert (verdict.outcome == "established") is (cause is None)


def test_a_clock_that_cannot_be_right_makes_no_date_fault() -> None:
    """TLS 1.2 spoken in 1970: the capture's clock was not set."""
    then = established_12(*EXPIRED, start=-T0 / SECOND + 40)
    assert [finding.cause for finding in judged(then).findings] == []
    now = established_12(*EXPIRED)
    assert [finding.cause for finding in judged(now).findings] == ["certificate-expired"]
