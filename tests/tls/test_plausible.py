"""What can be a record header, a handshake message or an alert, and what cannot."""

from __future__ import annotations

import pytest

from capanalyzer.tls.plausible import (
    are_alerts,
    begins_record,
    is_header,
    is_hello,
    is_plausible,
    is_sslv2_start,
    sslv2_size,
)
from capanalyzer.tls.record_facts import MAX_MESSAGE, MAX_RECORD
from tests.tls.wires import client_hello, message, record, server_hello

HELLO = message(1, client_hello())


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        (b"\x16\x03\x01\0\x01", True),
        (b"\x14\x03\x00\0\0", True),
        (b"\x18\x03\xff" + MAX_RECORD.to_bytes(2, "big"), True),
        (b"\x17\x03\x03" + (MAX_RECORD + 1).to_bytes(2, "big"), False),
        (b"\x13\x03\x03\0\x01", False),
        (b"\x19\x03\x03\0\x01", False),
        (b"\x16\x02\x03\0\x01", False),
    ],
)
def test_header(header: bytes, is_one: bool) -> None:
    """Where one is due: the minor version may be anything."""
    assert is_header(b"x" + header, 1) is is_one


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (record(23, bytes(50)), True),
        (record(23, bytes(50)) + b"\x17\x03", True),
        (record(23, bytes(50)) + record(23, bytes(50))[:5], True),
        (record(23, bytes(50)) + b"something else", False),
        (record(23, bytes(50))[:30], True),
        (record(21, bytes(50))[:30], False),
        (record(21, bytes(50))[:52], None),
        (record(22, HELLO)[:10], None),
        (record(22, HELLO)[:11], True),
        (record(22, b"\xff" * 40)[:20], False),
        (b"\x17\x03\x05\0\x05abcde", False),
        (b"\x17\x03\x03\0\0", False),
        (b"\x17\x03\x03", None),
        (b"\x17\x04", False),
    ],
)
def test_beginning_of_a_record_where_anything_may_be(data: bytes, begins: bool | None) -> None:
    """Also the length must fit the segment; None where there is too little to tell."""
    assert begins_record(data, MAX_MESSAGE) is begins


@pytest.mark.parametrize(
    ("data", "plausible"),
    [
        (HELLO, True),
        (message(2, server_hello()), True),
        (message(2, b"\x7f\x12" + bytes(50)) + b"more", True),  # ServerHello of a draft
        (message(2, b"\x09\x09" + bytes(50)) + b"more", False),
        (message(1, bytes(20)) + b"more", False),  # shorter than version, random and session id
        (message(14, b""), True),
        (b"\x0e\0\0\x01\xff\xff", False),  # a ServerHelloDone has no body
        (b"\x14\0\x20\0" + bytes(40), False),  # a Finished of 8 kB
        (message(99, b"abc"), True),  # of no known type, but it fills the record
        (message(99, b"abc") + b"d", False),
        (message(0, b"") + message(14, b""), True),
        (bytes(8) + b"\x9d\x3c\x5f\x1e", False),  # HelloRequests without end: a nonce that counts from zero
        (b"\x0b\x05\0\0" + bytes(10), False),  # announces 327,680 bytes
        (b"\x0b\x05\0\0\x04\xff\xfd" + bytes(10), True),  # and so does its list: a long Certificate
        (b"\x0b\0", True),
        (b"\x63\0", False),
    ],
)
def test_handshake_message(data: bytes, plausible: bool) -> None:
    assert is_plausible(b"xx" + data, 2, len(data) + 2, MAX_MESSAGE) is plausible


def test_hello_among_ciphertext() -> None:
    assert is_hello(HELLO, 0, len(HELLO))
    assert not is_hello(HELLO, 0, 5)
    assert not is_hello(message(11, bytes(40)), 0, 44)
    assert not is_hello(b"\x01\x01\0\0\x03\x03", 0, 6)  # 64 kB


@pytest.mark.parametrize(
    ("body", "alerts"),
    [(b"\x01\0\x02\x28", True), (b"\x02\x28\x03\x28", False), (b"\x02\x80", False), (b"\x02\x28\x02", False)],
)
def test_alerts(body: bytes, alerts: bool) -> None:
    assert are_alerts(body) is alerts


@pytest.mark.parametrize(
    ("data", "starts"),
    [
        (b"\x80\x2e\x01\x03\x01", True),
        (b"\x80\x1f\x01\0\x02", True),
        (b"\x80\x1f\x01\x03\x05", False),
        (b"\x80\x08\x01\x03\x01", False),
        (b"\x80\x20\x04\0\x01", True),
        (b"\x80\x20\x04\x02\x01", False),
        (b"\x80\x03\0\0\x01", True),
        (b"\x80\x04\0\0\x01", False),
        (b"\0\x1f\x01\0\x02", False),
    ],
)
def test_sslv2_start(data: bytes, starts: bool) -> None:
    assert is_sslv2_start(data, 0) is starts


def test_sslv2_size() -> None:
    """Two bytes of header, or three: the third is the padding's length."""
    assert sslv2_size(b"\x81\x02", 0) == 2 + 0x102
    assert sslv2_size(b"\x01\x02\x05", 0) == 3 + 0x102
    assert sslv2_size(b"\x41\x02\x05", 0) == 3 + 0x102
