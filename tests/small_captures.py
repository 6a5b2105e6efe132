"""Captures of a few packets for the tests of the command line and the public API, made byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence

CLIENT, SERVER = bytes([192, 0, 2, 7]), bytes([198, 51, 100, 9])
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START_S = 1_795_514_462

Packet = tuple[bool, int, int, int, bytes]
"""(from the client, flags, seq, ack, payload)"""


def connection(request: bytes, answer: bytes, *, reset: bool = False) -> list[Packet]:
    """A connection in which each side says one thing; the server closes, or resets."""
    asked, answered = 1001 + len(request), 5001 + len(answer)
    packets: list[Packet] = [
        (True, SYN, 1000, 0, b""),
        (False, SYN | ACK, 5000, 1001, b""),
        (True, ACK, 1001, 5001, b""),
    ]
    if request:
        packets.append((True, PSH | ACK, 1001, 5001, request))
    if answer:
        packets.append((False, PSH | ACK, 5001, asked, answer))
    if reset:
        return [*packets, (False, RST | ACK, answered, asked, b"")]
    return [
        *packets,
        (False, FIN | ACK, answered, asked, b""),
        (True, FIN | ACK, asked, answered + 1, b""),
        (False, ACK, answered + 1, asked + 1, b""),
    ]


HTTP_TO_TLS = connection(
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
)
PLAIN_HTTP = connection(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def capture(*connections: tuple[int, Sequence[Packet]], client_ports: int = 10_000) -> bytes:
    """A pcap (raw IP, microseconds) of connections to the server ports given, one after the other.

    After ``client_ports`` connections the client uses its ports again, with other sequence numbers.
    """
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    tick = 0
    for number, (port, packets) in enumerate(connections):
        again, client_port = divmod(number, client_ports)
        client_port, later = client_port + 51000, again * 100_000
        for from_client, flags, seq, ack, payload in packets:
            source, destination = (client_port, port) if from_client else (port, client_port)
            numbers = seq + later, ack + (later if flags & ACK else 0)
            tcp = struct.pack(">HHIIBBHHH", source, destination, *numbers, 5 << 4, flags, 8192, 0, 0)
            ends = CLIENT + SERVER if from_client else SERVER + CLIENT
            length = 40 + len(payload)
            ip = struct.pack(">BBHHHBBH", 0x45, 0, length, tick & 0xFFFF, 0, 64 if from_client else 57, 6, 0) + ends
            seconds, micros = divmod(tick * 10_000, 1_000_000)
            parts.append(struct.pack("<IIII", START_S + seconds, micros, length, length) + ip + tcp + payload)
            tick += 1
    return b"".join(parts)


ONE_FAILED = capture((443, HTTP_TO_TLS), (8080, PLAIN_HTTP))
NONE_FAILED = capture((8080, PLAIN_HTTP))
EMPTY = capture()


def _vector(prefix: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return len(body).to_bytes(prefix, "big") + body


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + _vector(2, body)


def _client_hello(name: bytes) -> bytes:
    """A TLS 1.2 ClientHello record (RFC 5246 section 7.4.1.2) with a server name and ALPN."""
    body = b"".join(
        (
            b"\x03\x03",
            bytes(32),
            _vector(1, b""),
            _vector(2, b"\xc0\x2f\x00\x2f"),
            _vector(1, b"\0"),
            _vector(
                2,
                _extension(0, _vector(2, b"\0" + _vector(2, name))),
                _extension(16, _vector(2, _vector(1, b"h2"), _vector(1, b"\xff\n"))),
                _extension(10, _vector(2, b"\0\x1d\0\x17")),
            ),
        )
    )
    return b"\x16\x03\x01" + _vector(2, b"\x01" + _vector(3, body))


WITH_HELLO = capture(
    (443, connection(_client_hello(b"www.example.test"), b"\x15\x03\x03\0\x02\x02\x28")),
    (443, connection(_client_hello("\x1b[2J\u202e例え".encode() + b"\xed\xa0\x80"), b"", reset=True)),
    (443, HTTP_TO_TLS),
    (25, connection(b"", b"220 mail\x1b[31m ESMTP\r\n")),
)
"""TLS that is refused, a hostile server name, HTTP on a TLS port, a banner."""
