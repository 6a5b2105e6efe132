"""What the client had not received when it left it neither saw nor refused; what was not read proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import CloseEvent, Session, Upgrade
from capanalyzer.streams.flow import Ended
from capanalyzer.tls.records import Message

from .sessions import (
    C,
    S,
    alert,
    at,
    certificate,
    client_flight_12,
    data,
    fin,
    finished_13,
    flight_12,
    flight_13,
    frame,
    handshake,
    hello,
    intermediate,
    record,
    server_finished_12,
    server_hello,
    session,
)

GOOD = (certificate(), intermediate())
EXPIRED = (certificate(days=(-100, -10)), intermediate())
SERVER_ISN = 5000


def leaves(seconds: float, acked: int) -> CloseEvent:
    """The client's FIN, which acknowledges so many bytes of the server's."""
    ack = SERVER_ISN + 1 + acked
    return CloseEvent(at(seconds), frame(seconds), C, False, 1, ack, 0x11, 500, 64, 1, b"")


def placed(messages: list[Message], start: int = 0) -> list[Message]:
    """The messages one behind the other in the server's stream."""
    found = []
    for message in messages:
        found.append(message._replace(offset=start))
        start += message.length + 9
    return found


def verdict_of(*messages: Message, closes: list[CloseEvent], **options: Any) -> Verdict:
    return judged(session(hello(versions=()), *messages, closes=closes, **options))


def judged(one: Session) -> Verdict:
    judge = Judge()
    verdict = judge.see(one)
    return verdict if verdict is not None else next(verdict for _, verdict in judge.finish())


def test_a_flight_that_came_after_the_client_had_left_was_not_refused() -> None:
    """The Certificate behind the FIN says nothing of the client's reasons."""
    late = [flight_12(0.04)[0], *(m._replace(time_ns=at(0.3), frame=frame(0.3)) for m in flight_12(0.04, EXPIRED)[1:])]
    verdict = verdict_of(*late, closes=[fin(C, 0.2)])
    assert (verdict.cause, verdict.stage, verdict.waiting_on) == ("client-abandoned", "server-flight", "server")
    assert "late" in verdict.findings[0].variant
    assert verdict.findings[0].alternatives == ()


def test_a_flight_that_the_client_did_not_acknowledge_had_not_arrived() -> None:
    """Captured near the server: the flight was sent, the client's FIN acknowledges none of it."""
    flight = placed(flight_12(0.04, EXPIRED))
    unseen = verdict_of(*flight, closes=[leaves(0.5, 0)])
    assert (unseen.cause, unseen.stage) == ("client-abandoned", "server-hello")
    whole = flight[-1].offset + flight[-1].length
    seen = verdict_of(*flight, closes=[leaves(0.5, whole)])
    assert seen.cause == "certificate-expired"


def test_an_acknowledgement_far_away_is_not_believed() -> None:
    """A forged close, or one that a device renumbered."""
    flight = placed(flight_12(0.04, EXPIRED))
    assert verdict_of(*flight, closes=[leaves(0.5, -4000)]).cause == "certificate-expired"
    assert verdict_of(*flight, closes=[leaves(0.5, 1 << 24)]).cause == "certificate-expired"


def test_a_handshake_that_was_done_only_behind_the_client_s_back() -> None:
    """The server's Finished after the client's FIN completes nothing; data both ways show that it did not matter."""
    parts = [*flight_12(0.04, GOOD), *client_flight_12(0.06), *server_finished_12(0.5)]
    left = verdict_of(*parts, closes=[fin(C, 0.3)])
    assert (left.outcome, left.cause, left.stage) == ("failed", "client-abandoned", "server-finished")
    half_closed = verdict_of(*parts, data(C, 0.2, offset=700), data(S, 0.6, offset=990), closes=[fin(C, 0.3)])
    assert half_closed.outcome == "established"
    waited = verdict_of(*parts, closes=[fin(C, 0.6)])
    assert waited.outcome == "established"


def test_a_server_that_had_left_before_the_client_s_finished() -> None:
    """TLS 1.3 is done with the client's Finished, but not if that meets a closed connection."""
    flight = [*flight_13(0.04), *finished_13(0.1), data(C, 0.11, 200, offset=600)]
    left = judged(session(hello(), *flight, closes=[fin(S, 0.04), fin(C, 0.3)]))
    assert (left.cause, left.stage) == ("server-closed", "client-flight")
    waited = judged(session(hello(), *flight_13(), *finished_13(15.1), closes=[fin(S, 15.0), fin(C, 15.3)]))
    assert (waited.cause, waited.stage) == ("client-silent", "client-flight")
    answered = judged(session(hello(), *flight, data(S, 0.25, offset=3000), closes=[fin(S, 0.26), fin(C, 0.3)]))
    assert answered.outcome == "established"


def test_a_flight_that_ends_inside_a_record() -> None:
    """TLS 1.3: the client cannot go on, so it is the server who is waited for."""
    part = flight_13(0.04)[:3]
    options: dict[str, Any] = {"ended": Ended.CAPTURE_END, "watched": 0.05}
    cut = judged(session(hello(), *part, server={"in_record": True}, **options))
    assert (cut.outcome, cut.stage, cut.waiting_on) == ("incomplete", "server-flight", "server")
    whole = judged(session(hello(), *flight_13(0.04), **options))
    assert (whole.stage, whole.waiting_on) == ("client-flight", "client")


def test_the_wait_is_counted_from_the_last_step() -> None:
    """A heartbeat or an alert is none."""
    beat = record(S, 0.3, 24, 40)
    verdict = verdict_of(*flight_12(0.04, GOOD), beat, closes=[fin(C, 0.34)])
    assert verdict.findings[0].facts["waited_ms"] == 300.0


def test_no_verdict_from_absence_past_what_was_read() -> None:
    """A flight longer than is read of one: what the server said at its end is not known."""
    part = flight_12(0.04, GOOD)[:2]
    assert verdict_of(*part, closes=[fin(C, 0.3)], server={"unread": True}).outcome == "incomplete"
    assert verdict_of(*part, closes=[fin(C, 0.3)]).outcome == "failed"
    # Nor the other way round: what the server went on to say is not what the client owed.
    assert verdict_of(*flight_12(0.04, GOOD), closes=[fin(C, 0.3)], server={"unread": True}).cause == "client-aborted"


@pytest.mark.parametrize(("code", "outcome"), [(10, "incomplete"), (40, "incomplete"), (70, "failed"), (112, "failed")])
def test_an_alert_that_may_answer_a_fin(code: int, outcome: str) -> None:
    """The file begins with it: a client that closes without a word is told so by some servers (health checks)."""
    begun: dict[str, Any] = {"quality": {"starts_mid_session": True}, "connected": False}
    verdict = judged(session(alert(S, 0.04, code), closes=[fin(S, 0.05)], server={"packets": 2}, **begun))
    assert verdict.outcome == outcome
    if outcome == "incomplete":
        assert verdict.cause == "capture-starts-mid-session"
    assert judged(session(server_hello(), alert(S, 0.05, code), **begun)).outcome == "failed"
    assert judged(session(hello(), alert(S, 0.05, code), **begun)).outcome == "failed"


@pytest.mark.parametrize("partial", [{"lost": True}, {"truncated": True}, {"starts_mid_session": True}])
def test_what_an_alert_is_about_is_certain_where_that_was_captured(partial: dict[str, Any]) -> None:
    """A handshake_failure may be about a certificate that nobody sent, where more than a hello was captured."""
    seen = session(hello(), alert(S, 0.04, 40), closes=[fin(S, 0.05)])
    assert judged(seen).findings[0].confidence == "certain"
    messages = [] if "starts_mid_session" in partial else [hello()]
    missed = judged(session(*messages, alert(S, 0.04, 70), closes=[fin(S, 0.05)], quality=partial))
    assert (missed.outcome, missed.cause) == ("failed", "protocol-version-mismatch")
    assert missed.findings[0].confidence == "likely"


def test_an_alert_without_its_hello_blames_nobody() -> None:
    """The offer is not in the capture."""
    alone = judged(session(alert(S, 0.04, 70), quality={"starts_mid_session": True}))
    assert (alone.cause, alone.blame, alone.waiting_on) == ("protocol-version-mismatch", "unknown", "server")
    assert alone.findings[0].variant == "unseen"
    with_hello = judged(session(hello(versions=(), legacy=0x0301), alert(S, 0.04, 70), closes=[fin(S, 0.05)]))
    assert (with_hello.blame, with_hello.findings[0].variant) == ("client", "")


def test_what_began_before_the_capture_waits_for_nobody() -> None:
    """Ciphertext from the middle of a session: where it stood is not known."""
    middle = judged(
        session(data(C, 0.1), data(S, 0.2), closes=[fin(C, 0.3)], quality={"starts_mid_session": True}, connected=False)
    )
    assert (middle.outcome, middle.stage, middle.waiting_on) == ("incomplete", None, None)


def test_a_hello_behind_other_bytes_by_chance() -> None:
    """Nobody asked for TLS, and the server spoke none: no session of TLS failed."""
    other = Upgrade("other", asked=False, agreed=None, tls_offset=(32, None))
    chance = judged(
        session(
            hello(),
            upgrade=other,
            closes=[fin(C, 0.03)],
            opening=(b"\xde\xad\xbe\xef" * 8, b""),
            protocol=("unknown", None),
        )
    )
    assert chance.outcome != "failed"
    real = judged(
        session(
            hello(),
            alert(S, 0.04, 40),
            upgrade=other,
            closes=[fin(S, 0.05)],
            opening=(b"\xde\xad\xbe\xef" * 8, b""),
            protocol=("unknown", "tls"),
        )
    )
    assert real.cause == "handshake-failure-unspecified"


def test_evidence_stands_in_the_order_of_the_capture() -> None:
    verdict = verdict_of(handshake(S, 0.04, 2, flight_12()[0].body, offset=1), closes=[fin(C, 0.03)])
    frames = [one.frame for one in verdict.findings[0].evidence]
    assert frames == sorted(frames)


def test_records_without_a_hello_are_no_handshake() -> None:
    """Whole from the SYN: a protocol that imitates TLS. From the middle: the hello came before the capture."""
    records = [data(C, 0.1), data(S, 0.12, offset=600), data(C, 0.2, offset=600), data(S, 0.22, offset=1200)]
    imitated = judged(session(*records, closes=[fin(C, 0.3)]))
    assert (imitated.outcome, imitated.cause) == ("plaintext", None)
    middle = judged(session(*records, closes=[fin(C, 0.3)], quality={"starts_mid_session": True}, connected=False))
    assert (middle.outcome, middle.cause) == ("incomplete", "capture-starts-mid-session")
