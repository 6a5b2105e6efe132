"""The judge: what is final at once, what is held, the caps, and the warnings on sessions that work."""

from __future__ import annotations

import pytest

from capanalyzer.diagnosis import judge as judge_module
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.registry import RULES
from capanalyzer.diagnosis.trust.glance import expires_soon
from capanalyzer.diagnosis.verdict import Confidence, Severity
from capanalyzer.handshake.session import Session, Side
from capanalyzer.tls.records import Message

from .sessions import (
    SECOND,
    T0,
    C,
    S,
    alert,
    certificate,
    client_flight_12,
    data,
    established_12,
    established_13,
    fin,
    finished_13,
    flight_12,
    flight_13,
    hello,
    intermediate,
    rst,
    server_finished_12,
    server_hello,
    session,
)

DAY = 86_400 * SECOND


def causes(judged: Session) -> list[str]:
    verdict = Judge().see(judged)
    assert verdict is not None
    assert verdict.outcome == "established"
    assert verdict.cause is None
    return [finding.cause for finding in verdict.findings]


def test_ordinary_sessions_ask_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are 100,000 of them."""

    def fail(*_: object) -> None:
        pytest.fail("a rule was asked")

    for rule in RULES:
        monkeypatch.setattr(type(rule), "check", fail)
    judge = Judge()
    for ordinary in (established_13(), established_12()):
        verdict = judge.see(ordinary)
        assert verdict is not None
        assert (verdict.outcome, verdict.closed_how, verdict.closed_who) == ("established", "fin", "client")


def test_failed_sessions_wait_for_the_end_in_order() -> None:
    judge = Judge()
    first = session(hello(), closes=[fin(S, 0.05)])
    second = session(hello(), alert(S, 0.04, 40), closes=[fin(S, 0.05)])
    assert judge.see(first) is None
    assert judge.see(second) is None
    assert [(s, v.cause) for s, v in judge.finish()] == [
        (first, "server-closed"),
        (second, "handshake-failure-unspecified"),
    ]
    assert not list(judge.finish())
    assert judge.limits() == {}


def test_beyond_the_cap_sessions_are_judged_at_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "MAX_HELD", 1)
    judge = Judge()
    assert judge.see(session(hello(), closes=[fin(S, 0.05)])) is None
    verdict = judge.see(session(hello(), closes=[rst(S, 0.05)]))
    assert verdict is not None
    assert verdict.cause == "server-reset"
    assert judge.limits() == {"held": 1}


def test_refusals_of_tcp_do_not_wait() -> None:
    """No comparison can change them, and a scan has thousands."""
    verdict = Judge().see(session(connected=False, server={"packets": 1}, closes=[rst(S, 0.02)]))
    assert verdict is not None
    assert verdict.cause == "tcp-connect-refused"


def test_captures_do_not_learn_from_each_other() -> None:
    first, second = Judge(), Judge()
    first.see(established_13(port=4433))
    assert first.knowledge.is_tls_port(established_13(port=4433).server)
    assert not second.knowledge.is_tls_port(established_13(port=4433).server)


def test_warnings() -> None:
    assert causes(established_13()) == []
    assert causes(established_12()) == []
    expired = certificate(days=(-400, -10))
    assert causes(established_12(expired, intermediate())) == ["certificate-expired"]
    assert causes(established_12(certificate(days=(-85, 5)), intermediate())) == ["certificate-expires-soon"]
    assert causes(established_12(certificate(("other.example",)), intermediate())) == ["certificate-hostname-mismatch"]
    assert causes(established_12(certificate())) == []  # a leaf alone may come from a private root


def test_obsolete_version() -> None:
    old = session(
        hello(legacy=0x0301, versions=()),
        server_hello(0.04, 0x0301, suite=0x002F),
        *flight_12(chain=(certificate(), intermediate()))[1:],
        *client_flight_12(),
        *server_finished_12(),
        data(C, 0.09),
        data(S, 0.1),
    )
    assert causes(old) == ["obsolete-protocol-version"]


def test_slow_handshake() -> None:
    messages = [hello(), *flight_13(3.0), *finished_13(3.1), data(C, 3.2, offset=600), data(S, 3.3)]
    assert causes(session(*messages)) == ["slow-handshake"]


def test_a_client_that_leaves_without_a_request_gets_a_note() -> None:
    quiet = session(hello(), *flight_13(), *finished_13(), closes=[fin(C, 0.2)])
    judge = Judge()
    assert judge.see(quiet) is None  # whether it does so again and again is known at the end
    [(_, verdict)] = judge.finish()
    assert verdict.outcome == "established"
    assert [(f.cause, f.severity, f.confidence) for f in verdict.findings] == [
        ("client-aborted", Severity.NOTE, Confidence.POSSIBLE)
    ]


def test_soon_is_the_last_fortnight_or_fifth() -> None:
    assert expires_soon(T0 - 76 * DAY, T0 + 13 * DAY, T0)
    assert not expires_soon(T0 - 75 * DAY, T0 + 15 * DAY, T0)
    assert not expires_soon(T0 - 3 * DAY, T0 + 3 * DAY, T0)  # lives for days
    assert expires_soon(T0 - 5 * DAY, T0 + DAY, T0)
    assert not expires_soon(T0 - 90 * DAY, T0 - DAY, T0)  # over
    assert not expires_soon(None, T0, T0)


def test_a_clean_chain_is_looked_at_once_for_a_name_and_while_it_lasts() -> None:
    judge = Judge()
    chain = certificate(days=(-10, 40)), intermediate()
    assert judge.see(established_12(*chain)) is not None
    later = established_12(*chain, start=50 * DAY / SECOND)
    verdict = judge.see(later)
    assert verdict is not None
    assert [f.cause for f in verdict.findings] == ["certificate-expired"]


def test_sessions_of_ssl_2_that_work_are_established() -> None:
    from .sessions import record

    def ssl2(side: Side, seconds: float, length: int, kind: int = -1) -> Message:
        return record(side, seconds, 0x80, length, encrypted=kind < 0)._replace(handshake_type=kind, body=bytes(length))

    old = session(
        ssl2(C, 0.02, 45, 1), ssl2(S, 0.04, 900, 4), ssl2(C, 0.05, 273, 2), ssl2(S, 0.06, 40), ssl2(C, 0.07, 40),
        protocol=("sslv2", "sslv2"), closes=[fin(S, 1)],
    )  # fmt: skip
    assert causes(old) == ["obsolete-protocol-version"]
