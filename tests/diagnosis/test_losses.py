"""What a capture lost, mixed up or timed wrongly is never held against a session that works."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.analysis import Options, analyze_captures
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.connection import Connection
from capanalyzer.report.model import Session
from capanalyzer.streams.flow import ACK, PSH, RST, SYN
from tests.capture.builders import Packet, pcap, read_bytes
from tests.handshake.messages import CLIENT_HELLO, handshake, server_hello_body
from tests.handshake.rows import CLIENT, Talk

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
NAMES = (
    "certificate-accepted-all-the-same",
    "client-certificate-given",
    "client-certificate-given-tls13",
    "health-checks",
    "health-checks-tls",
    "healthy-ecdsa-tls13",
    "postgresql",
    "proxy-header-missing",
    "resumption",
    "starttls",
)
LOSSES: dict[str, Callable[[list[Packet], random.Random], list[Packet]]] = {
    "some": lambda packets, draw: [packet for packet in packets if draw.random() > 0.05],
    "many": lambda packets, draw: [packet for packet in packets if draw.random() > 0.4],
    "a run each": lambda packets, draw: [p for at, p in enumerate(packets) if at % 23 >= draw.choice((1, 2, 3, 5))],
    "bytes": lambda packets, draw: [
        Packet(p.time_ns, p.data[:96] if draw.random() < 0.2 else p.data, p.original) for p in packets
    ],
}


def two_clocks(packets: list[Packet], draw: random.Random, *, is_sorted: bool) -> list[Packet]:
    """Captured at two interfaces of which one has another clock; whom it hears is told by the lower address or port."""
    shift_ns = draw.choice((-1, 1)) * draw.choice((1_000_000, 50_000_000, 2_000_000_000, 30_000_000_000))
    moved = [Packet(p.time_ns + shift_ns * is_lower(p.data), p.data, p.original) for p in packets]
    return sorted(moved, key=time_of) if is_sorted else moved


def is_lower(data: bytes) -> bool:
    """Of an Ethernet frame with IPv4 or IPv6: its sender is the one of two that comes first."""
    at, size = (26, 4) if data[12:14] == b"\x08\x00" else (22, 16)
    ports = 14 + 4 * (data[14] & 15) if size == 4 else 54
    one, two = data[at : at + size], data[at + size : at + 2 * size]
    return (one, data[ports : ports + 2]) < (two, data[ports + 2 : ports + 4])


def time_of(packet: Packet) -> int:
    return packet.time_ns


def by_queues(packets: list[Packet], draw: random.Random) -> list[Packet]:
    """Up to 20 ms late, and timed only then."""
    late = [Packet(p.time_ns + draw.randrange(20_000_000), p.data, p.original) for p in packets]
    return sorted(late, key=time_of)


def set_clock(packets: list[Packet], draw: random.Random) -> list[Packet]:
    """Set by hours between two packets, perhaps set right again later."""
    step_ns = draw.choice((-7, 3_600, -3_600)) * 10**9
    first, last = sorted(draw.sample(range(len(packets) + 1), 2))
    last = draw.choice((last, len(packets)))
    return [Packet(p.time_ns + step_ns * (first <= at < last), p.data, p.original) for at, p in enumerate(packets)]


ORDERS: dict[str, Callable[[list[Packet], random.Random], list[Packet]]] = {
    "two clocks": lambda packets, draw: two_clocks(packets, draw, is_sorted=False),
    "two clocks, sorted": lambda packets, draw: two_clocks(packets, draw, is_sorted=True),
    "queues": by_queues,
    "a clock that is set": set_clock,
    "no clock": lambda packets, _: [Packet(0, p.data, p.original) for p in packets],
    "seconds": lambda packets, _: [Packet(p.time_ns // 10**9 * 10**9, p.data, p.original) for p in packets],
}


def analyze(packets: list[Packet], link: int) -> list[Session]:
    data = pcap(packets, network=link, magic=0xA1B23C4D, nanoseconds=True)
    return list(capanalyzer.analyze(io.BytesIO(data)))


def ends_of(session: Session) -> frozenset[tuple[str, int]]:
    """Which end is the client may no longer be known."""
    return frozenset(((session.client.ip, session.client.port), (session.server.ip, session.server.port)))


@pytest.mark.parametrize("loss", [*LOSSES, *ORDERS])
@pytest.mark.parametrize("name", NAMES)
def test_damage_makes_no_failure(name: str, loss: str) -> None:
    found = read_bytes(next((PCAPS / name).glob("capture.*")).read_bytes())
    packets, [link] = found.packets[:1500], set(found.links)
    whole = analyze(packets, link)
    failed = {ends_of(session) for session in whole if session.outcome == "failed"}
    assert len(failed) < len(whole)
    for seed in range(4):
        damage = {**LOSSES, **ORDERS}[loss]
        for session in analyze(damage(packets, random.Random(seed)), link):
            if session.outcome == "failed":
                assert ends_of(session) in failed, (seed, session.stream, session.cause)


def with_a_loss() -> tuple[list[Packet], int]:
    """Sessions that work, one of which shows that a packet is missing, and when that had arrived."""
    packets = read_bytes(next((PCAPS / "healthy-tls12").glob("capture.*")).read_bytes()).packets[:200]
    for at in range(20, len(packets)):
        lossy = packets[:at] + packets[at + 1 :]
        for run in analyze_captures([io.BytesIO(pcap(lossy, magic=0xA1B23C4D, nanoseconds=True))], Options()):
            assert not isinstance(run, CaptureError)
            for session, _ in run.sessions():
                if session.tcp.server.gap_ns is not None:
                    return lossy, session.tcp.server.gap_ns
    raise AssertionError("no packet of these is missed")


@pytest.mark.parametrize(
    ("after_s", "outcome", "cause"),
    [(0.5, "incomplete", "capture-lost-packets"), (20, "failed", "server-silent")],
)
def test_who_falls_silent_when_packets_are_lost_may_have_gone_on(after_s: float, outcome: str, cause: str) -> None:
    """Hellos that were never answered: a failure, unless others' packets are missing just then."""
    silent = read_bytes(next((PCAPS / "ends-while-waiting").glob("capture.*")).read_bytes()).packets
    lossy, lost_ns = with_a_loss()
    shift_ns = silent[-1].time_ns + int(after_s * 1e9) - lost_ns
    later = [Packet(p.time_ns + shift_ns, p.data, p.original) for p in lossy]
    end = Packet(later[-1].time_ns + 60 * 10**9, later[-1].data, later[-1].original)
    sessions = analyze([*silent, *later, end], 1)
    ports = {session.client.port for session in analyze(silent, 1)}
    found = {(s.outcome, s.cause) for s in sessions if s.client.port in ports}
    assert found == {(outcome, cause)}
    assert all(session.outcome != "failed" for session in sessions if session.client.port not in ports)


def test_a_handshake_without_its_beginning_shows_a_loss_before_it() -> None:
    """Its connect must have come when the capture was going on, and is not there."""
    silent = read_bytes(next((PCAPS / "ends-while-waiting").glob("capture.*")).read_bytes()).packets
    whole = read_bytes(next((PCAPS / "healthy-tls12").glob("capture.*")).read_bytes()).packets[:200]
    shift_ns = silent[-1].time_ns + 2 * 10**9 - whole[0].time_ns
    later = [Packet(p.time_ns + shift_ns, p.data, p.original) for p in whole]
    end = Packet(later[-1].time_ns + 60 * 10**9, later[-1].data, later[-1].original)
    ports = {session.client.port for session in analyze(silent, 1)}
    for missing, cause in ((0, "server-silent"), (4, "capture-lost-packets")):
        sessions = analyze([*silent, *later[missing:], end], 1)
        assert {s.cause for s in sessions if s.client.port in ports} == {cause}


def test_a_reset_of_something_else_refuses_no_connect() -> None:
    """Its number is that of an acknowledgement, which was not captured: more of this connection was not (RFC 9293
    section 3.5.2).
    """
    one = Talk()
    one.packet(0, SYN)
    one.packet(1, RST, seq=0)
    assert judged(one) == ("failed", "tcp-connect-refused")
    other = Talk()
    other.packet(0, SYN)
    other.packet(1, RST, seq=5001)
    assert judged(other)[0] == "incomplete"


def test_an_answer_in_a_dialogue_with_holes_refuses_nothing() -> None:
    """The server's greeting is missing, so its answers seem to be those to other words."""
    words = (b"220 mail\r\n", b"EHLO x\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"STARTTLS\r\n", b"454 not now\r\n")
    talk = Talk().connect()
    for at, text in enumerate(words):
        talk.send(1 - at % 2, text)
    talk.close(0).close(1).ack(0)
    assert judged(talk, port=25) == ("failed", "starttls-refused")
    talk.rows = [row for row in talk.rows if row[8] != words[0]]
    assert judged(talk, port=25)[0] != "failed"


def test_a_handshake_behind_an_upgrade_or_of_one_end_shows_no_loss() -> None:
    """A connection to a proxy is older than what it is used for; a hello alone, without a connect, anybody can send."""
    hello, answer = CLIENT_HELLO, handshake(2, server_hello_body())
    asked, agreed = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    for words, is_loss in (((hello, answer), True), ((asked, agreed, hello, answer), False), ((hello,), False)):
        talk = Talk()
        for at, text in enumerate(words):
            talk.send(at % 2, text)
        judge = Judge()
        judge.knowledge.learn_answers(talk.session())
        assert judge.knowledge.losses.any_between(talk.rows[0][1], talk.time_ns) is is_loss


@pytest.mark.parametrize(
    ("times", "cause"), [(2, "capture-lost-packets"), (4, "client-hello-lost"), (0, "tcp-connect-timeout")]
)
def test_what_was_asked_often_in_vain_failed_whatever_is_lost_then(times: int, cause: str) -> None:
    """Half a minute without an answer: whatever may be missing then, this client was not served."""
    talk = Talk()
    if times:
        hello = talk.connect().packet(CLIENT, ACK | PSH, CLIENT_HELLO)
        for _ in range(times - 1):
            talk.packet(CLIENT, ACK | PSH, hello[8], seq=hello[4], after_ms=12_000)
    else:
        for _ in range(4):
            talk.packet(CLIENT, SYN, seq=1000, after_ms=12_000)
    judge = Judge()
    judge.knowledge.losses.add(talk.time_ns + 2 * 10**9)
    session = talk.session(watched_ms=60_000)
    verdict = judge.see(session) or next(judge.finish())[1]
    assert verdict.cause == cause


def judged(talk: Talk, port: int = 443) -> tuple[str, str | None]:
    judge = Judge()
    connection = Connection()
    connection.feed(talk.rows)
    session = connection.finish(talk.flow()._replace(ports=(40000, port)))
    verdict = judge.see(session) or next(judge.finish())[1]
    return verdict.outcome.value, verdict.cause
