"""Who sent a reset: what is evidence, what only supports it, and what says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session

from .sessions import C, S, at, hello, rst, session


def judged(*closes: Any, **options: Any) -> Verdict:
    one: Session = session(hello(), closes=list(closes), **options)
    judge = Judge()
    verdict = judge.see(one)
    return verdict or next(verdict for _, verdict in judge.finish())


@pytest.mark.parametrize(
    ("closes", "options", "cause", "confidence"),
    [
        ([rst(S, 0.05, ttl=58)], {}, "middlebox-reset", "likely"),
        ([rst(S, 0.05), rst(C, 0.052)], {}, "middlebox-reset", "likely"),
        ([rst(S, 0.05)], {"server": {"last_data_ns": at(0.06)}}, "middlebox-reset", "likely"),
        ([rst(S, 0.05, ttl=58), rst(C, 0.051)], {}, "middlebox-reset", "certain"),
        ([rst(S, 0.05, ttl=58)], {"server": {"last_data_ns": at(0.06)}}, "middlebox-reset", "certain"),
        # Near misses: its own TTL, both TTLs known from doubled packets, resets a second apart.
        ([rst(S, 0.05)], {}, "server-reset", "likely"),
        ([rst(S, 0.05, ttl=56)], {"server": {"ttls": (57, 56)}}, "server-reset", "likely"),
        ([rst(S, 0.05), rst(C, 1.05)], {}, "server-reset", "likely"),
        ([rst(S, 0.05, ttl=58)], {"server": {"ttls": ()}}, "server-reset", "likely"),
    ],
)
def test_evidence_on_the_reset(closes: list[Any], options: dict[str, Any], cause: str, confidence: str) -> None:
    verdict = judged(*closes, **options)
    assert (verdict.cause, verdict.findings[0].confidence) == (cause, confidence)
    assert verdict.closed_who == ("middlebox" if cause == "middlebox-reset" else "server")


def test_what_was_not_captured_may_have_completed_the_handshake() -> None:
    """A forged reset of a session in use is no failure of its handshake."""
    forged = rst(S, 0.05, ttl=58)
    assert judged(forged).cause == "middlebox-reset"
    verdict = judged(forged, quality={"lost": True})
    assert (verdict.outcome, verdict.cause) == ("incomplete", "capture-lost-packets")


def test_a_reset_faster_than_its_sender_supports_and_does_not_decide() -> None:
    """The server's SYN/ACK took 10 ms; this comes 1 ms after the hello."""
    fast = judged(rst(S, 0.021, ttl=58))
    assert any("SYN/ACK took" in one.text for one in fast.findings[0].evidence)
    slow = judged(rst(S, 0.031, ttl=58))
    assert not any("SYN/ACK took" in one.text for one in slow.findings[0].evidence)
    alone = judged(rst(S, 0.021))
    assert alone.cause == "server-reset"
    assert "middlebox-reset" in alone.findings[0].alternatives
