"""Plaintext dialogues before TLS, from packets to verdict: who refused what, and what is no refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import capanalyzer

from .sessions import client_hello_body, server_hello_body, vector

Step = tuple[str, bytes | None]
HELLO = b"\x16\x03\x01" + vector(2, b"\x01" + vector(3, client_hello_body(random=bytes(range(32)))))
GREETING = ("s", b"220 mail.example.com ESMTP\r\n")
FEATURES = ("s", b"250-mail.example.com\r\n250 STARTTLS\r\n")
CONNECT = b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n"
LOGIN_FIRST = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
CLIENT, SERVER = "192.0.2.1", "198.51.100.9"


def packets(steps: list[Step], port: int) -> list[Packet]:
    """A connection in which each side says its words in turn; None: it closes."""
    made: list[Packet] = []
    numbers = {"c": 1000, "s": 5000}

    def add(side: str, flags: str, load: bytes = b"") -> None:
        other = "s" if side == "c" else "c"
        ends = (CLIENT, SERVER) if side == "c" else (SERVER, CLIENT)
        ports = (40000, port) if side == "c" else (port, 40000)
        ack = numbers[other] if "A" in flags else 0
        packet = IP(src=ends[0], dst=ends[1]) / TCP(
            sport=ports[0], dport=ports[1], flags=flags, seq=numbers[side], ack=ack
        )
        packet = packet / Raw(load) if load else packet
        packet.time = 1_700_000_000 + len(made) / 100
        made.append(packet)
        numbers[side] += len(load) + ("S" in flags or "F" in flags)

    add("c", "S")
    add("s", "SA")
    add("c", "A")
    for side, words in steps:
        add(side, "FA" if words is None else "PA", words or b"")
    return made


@pytest.mark.parametrize(
    ("steps", "port", "outcome", "cause", "blame"),
    [
        pytest.param(
            [GREETING, ("c", b"EHLO x\r\n"), FEATURES, ("c", HELLO), ("s", b"500 5.5.2 bad syntax\r\n"), ("c", None)],
            25, "failed", "starttls-refused", "client", id="TLS without having asked",
        ),
        pytest.param(
            [("s", b"* OK ready\r\n"), ("c", b"a CAPABILITY\r\n"), ("s", b"* CAPABILITY IMAP4rev1\r\na OK\r\n"),
             ("c", HELLO), ("s", b"* BAD syntax\r\n"), ("c", None)],
            143, "failed", "starttls-refused", "client", id="the same in IMAP",
        ),
        pytest.param(
            [GREETING, ("c", b"EHLO x\r\n"), FEATURES, ("c", HELLO)],
            25, "incomplete", "capture-ends-mid-handshake", None, id="no answer seen yet",
        ),
        pytest.param(
            [GREETING, ("c", HELLO), ("s", b"500 5.5.2 bad syntax\r\n"), ("c", None)],
            25, "failed", "tls-to-server-first", "client", id="TLS instead of the dialogue",
        ),
        pytest.param(
            [GREETING, ("c", b"EHLO x\r\n"), FEATURES, ("c", b"STARTTLS\r\n"), ("s", b"454 not now\r\n"), ("c", None)],
            25, "failed", "starttls-refused", "server", id="refused",
        ),
        pytest.param(
            [GREETING, ("c", b"EHLO x\r\n"), ("s", b"250 mail.example.com\r\n"), ("c", b"QUIT\r\n"), ("s", None)],
            25, "plaintext", None, None, id="not offered, and the client leaves",
        ),
        pytest.param(
            [("c", bytes.fromhex("0000000804d2162f")), ("s", b"N"), ("c", None)],
            5432, "failed", "starttls-refused", "server", id="PostgreSQL refuses",
        ),
        pytest.param(
            [("c", bytes.fromhex("0000000804d2162f")), ("s", None)],
            5432, "failed", "starttls-refused", "server", id="PostgreSQL closes instead",
        ),
        pytest.param(
            [("c", bytes.fromhex("0000000804d2162f")), ("c", None)],
            5432, "plaintext", None, None, id="the client leaves first",
        ),
        pytest.param(
            [("c", bytes.fromhex("0000000804d2162f")), ("s", None)],
            443, "failed", "not-tls", "client", id="PostgreSQL's request on a TLS port",
        ),
        pytest.param(
            [("c", b"\x00\x01\x02\x03binary"), ("s", bytes.fromhex("15030300020246")), ("s", None)],
            9999, "failed", "not-tls", "client", id="a TLS alert shows a TLS port",
        ),
        pytest.param(
            [("c", b"\x00\x01\x02\x03binary"), ("s", b"\x00\x07answer"), ("s", None)],
            9999, "plaintext", None, None, id="another protocol on a port of its own",
        ),
        pytest.param(
            [("c", CONNECT), ("s", LOGIN_FIRST), ("c", None)],
            3128, "failed", "proxy-connect-refused", "client", id="CONNECT without a login",
        ),
        pytest.param(
            [("c", CONNECT), ("s", LOGIN_FIRST), ("c", CONNECT), ("s", LOGIN_FIRST), ("c", None)],
            3128, "failed", "proxy-connect-refused", "client", id="CONNECT with a login that is refused",
        ),
        pytest.param(
            [("c", CONNECT), ("s", LOGIN_FIRST), ("c", CONNECT), ("s", b"HTTP/1.1 403 No\r\n\r\n"), ("c", None)],
            3128, "failed", "proxy-connect-refused", "server", id="CONNECT refused after the login",
        ),
        pytest.param(
            [("c", CONNECT), ("s", b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"), ("c", None)],
            3128, "failed", "proxy-connect-refused", "server", id="CONNECT to a target that the proxy does not reach",
        ),
        pytest.param(
            [("c", CONNECT), ("s", LOGIN_FIRST), ("c", CONNECT), ("s", b"HTTP/1.1 200 OK\r\n\r\n"), ("c", HELLO),
             ("s", bytes.fromhex("15030300020228")), ("s", None)],
            3128, "failed", "handshake-failure-unspecified", "unknown", id="a short alert inside the tunnel",
        ),
    ],
)  # fmt: skip
def test_verdicts(
    steps: list[Step], port: int, outcome: str, cause: str | None, blame: str | None, tmp_path: Path
) -> None:
    capture = tmp_path / "dialogue.pcap"
    wrpcap(str(capture), packets(steps, port))
    [session] = capanalyzer.build_report(capture).sessions
    assert (session.outcome, session.cause, session.blame) == (outcome, cause, blame)
    if outcome == "failed":
        assert "?" not in session.findings[0].explanation


@pytest.mark.parametrize("sent", [1, 2, 3, 5, 8, 9, 60, len(HELLO) - 1])
@pytest.mark.parametrize(
    ("ends", "cause", "blame"), [("s", "server-closed", "server"), ("c", "client-abandoned", "client")]
)
def test_a_clienthello_that_was_begun(ends: str, cause: str, blame: str, sent: int, tmp_path: Path) -> None:
    """However little of a hello was sent, nobody is said not to speak TLS, and a closed session not to be over."""
    capture = tmp_path / "begun.pcap"
    wrpcap(str(capture), packets([("c", HELLO[:sent]), ("s", b""), (ends, None)], 443))
    [session] = capanalyzer.build_report(capture).sessions
    assert (session.outcome, session.cause, session.blame) == ("failed", cause, blame)
    total = str(len(HELLO)) if sent >= 5 else "50+"
    assert f"{sent} of the {total} bytes" in session.findings[0].explanation


@pytest.mark.parametrize("sent", [1, 2, 3, 6, 40])
@pytest.mark.parametrize("kind", [0x15, 0x16])
@pytest.mark.parametrize(("ends", "cause"), [("s", "server-closed"), ("c", "client-abandoned")])
def test_an_answer_that_was_begun(ends: str, cause: str, kind: int, sent: int, tmp_path: Path) -> None:
    """The first bytes of a TLS record are not the answer of another protocol."""
    capture = tmp_path / "begun.pcap"
    answer = bytes((kind, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3)) + bytes(29)
    wrpcap(str(capture), packets([("c", HELLO), ("s", answer[:sent]), (ends, None)], 443))
    [session] = capanalyzer.build_report(capture).sessions
    assert (session.outcome, session.cause) == ("failed", cause)


@pytest.mark.parametrize("port", [443, 8888])
def test_too_little_to_tell(port: int, tmp_path: Path) -> None:
    """A byte with which TLS may begin is TLS where TLS is spoken; elsewhere nobody can tell what it was."""
    capture = tmp_path / "byte.pcap"
    wrpcap(str(capture), packets([("c", b"\x16"), ("s", b""), ("s", None)], port))
    [session] = capanalyzer.build_report(capture).sessions
    assert session.outcome == ("failed" if port == 443 else "incomplete")
    assert "closed" in session.findings[0].explanation


def handshake_13() -> list[Step]:
    """A TLS 1.3 session that works, its server's flight in two segments, with a close_notify at its end."""
    server_hello = b"\x16\x03\x03" + vector(2, b"\x02" + vector(3, server_hello_body()))
    return [
        ("c", HELLO),
        ("s", server_hello + data_record(300)[:200]),
        ("s", data_record(300)[200:] + data_record(53)),
        ("c", data_record(53) + data_record(100)),
        ("s", data_record(400) + data_record(19)),
        ("c", data_record(19)),
        ("s", None),
        ("c", None),
    ]


def data_record(length: int) -> bytes:
    return b"\x17\x03\x03" + vector(2, bytes(0xA0 + at % 7 for at in range(length)))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_whatever_the_capture_lost(count: int, tmp_path: Path) -> None:
    """A session that works never fails because packets of it, or all of one end, are not in the file."""
    whole = packets(handshake_13(), 443)
    kept = [whole[:at] + whole[at + count :] for at in range(len(whole))]
    kept += [[packet for packet in whole if packet[IP].src == sender] for sender in (CLIENT, SERVER)]
    for number, left in enumerate(kept):
        capture = tmp_path / f"{number}.pcap"
        wrpcap(str(capture), left)
        for session in capanalyzer.build_report(capture).sessions:
            assert session.outcome != "failed", (number, session.cause)
    wrpcap(str(tmp_path / "whole.pcap"), whole)
    assert [session.outcome for session in capanalyzer.build_report(tmp_path / "whole.pcap").sessions] == [
        "established"
    ]


@pytest.mark.parametrize("zeros", [2, 6])
def test_padding_that_was_counted_as_payload(zeros: int, tmp_path: Path) -> None:
    """Devices that take an Ethernet frame's padding for the packet's end: it is nobody's data."""
    steps = handshake_13()
    padded = [packet if Raw in packet else packet / Raw(bytes(zeros)) for packet in packets(steps, 443)]
    wrpcap(str(tmp_path / "padded.pcap"), padded)
    [session] = capanalyzer.build_report(tmp_path / "padded.pcap").sessions
    assert session.outcome == "established"
    assert session.first_bytes.client == HELLO[:16].hex()
    assert (session.closed_by.how, session.closed_by.who) == ("fin", "server")
