"""What the timeline says of plaintext: how it begins, in the frame that brings it, and no more than that."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

import capanalyzer
from tests.small_captures import ACK, FIN, PSH, SYN, Packet, capture, connection

HELLO = b"GET /secret?password=x HTTP/1.1\r\nAuthorization: Basic eHh4\r\n\r\n"


def data_of(packets: Sequence[Packet], port: int = 443) -> list[tuple[str | None, str]]:
    """(sender, detail) of each event that is data."""
    (session,) = capanalyzer.analyze(io.BytesIO(capture((port, packets))), timeline=True)
    return [(entry.sender, entry.detail) for entry in session.timeline if entry.event == "data"]


@pytest.mark.parametrize(
    ("request_", "answer", "expected"),
    [
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            [("client", '18 bytes, "GET / HTTP/1.1"'), ("server", '28 bytes, "HTTP/1.1 400 Bad..."')],
        ),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07", b"", [("client", "8 bytes, 00 01 02 03 04 05")]),
        (b"\r\n\r\n\r\n", b"", [("client", "6 bytes, 0d 0a 0d 0a 0d 0a")]),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x15\x03\x03\x00\x02\x02\x0a",  # a TLS alert: the request is seen beside it
            [("client", '18 bytes, "GET / HTTP/1.1"')],
        ),
    ],
    ids=["text", "binary", "line-ends", "answered-in-tls"],
)
def test_how_it_begins(request_: bytes, answer: bytes, expected: list[tuple[str, str]]) -> None:
    assert data_of(connection(request_, answer)) == expected


def test_no_more_than_sixteen_bytes() -> None:
    """What follows may be a password, which the report has nowhere else either."""
    [(_, detail)] = data_of(connection(HELLO, b""))
    assert detail == f'{len(HELLO)} bytes, "GET /secret?pass..."'


def test_only_the_segment_that_begins_the_stream_is_quoted() -> None:
    """Of two that came in the wrong order it is the second one."""
    first, second = b"SSH-2.0-OpenSSH_9.2p1 ", b"Debian-2+deb12u3\r\n"
    packets: list[Packet] = [
        (True, SYN, 1000, 0, b""),
        (False, SYN | ACK, 5000, 1001, b""),
        (True, ACK, 1001, 5001, b""),
        (True, PSH | ACK, 1001 + len(first), 5001, second),
        (True, PSH | ACK, 1001, 5001, first),
        (True, FIN | ACK, 1001 + len(first) + len(second), 5001, b""),
    ]
    details = [detail for _, detail in data_of(packets) if "bytes" in detail]
    assert [detail for detail in details if "SSH-2.0" in detail] == [
        detail for detail in details if detail.startswith("22")
    ]
    assert not any("Debian" in detail for detail in details)
