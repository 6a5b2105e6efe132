"""TLS inside TDS packets."""

from __future__ import annotations

import pytest

from capanalyzer.classify.tds import deframe_tds
from capanalyzer.classify.upgrade import read_upgrade
from tests.classify.samples import client_hello, prelogin, server_hello, tds

HELLO, ANSWER = client_hello(), server_hello()
ASK = tds(0x12, prelogin(1))
RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)


@pytest.mark.parametrize("server_type", [0x04, 0x12], ids=["response", "prelogin"])
@pytest.mark.parametrize(
    ("wanted", "given", "words"),
    [
        pytest.param(0, 0, "ENCRYPT_OFF", id="login-only"),
        pytest.param(1, 1, "ENCRYPT_ON", id="on"),
        pytest.param(0, 3, "ENCRYPT_REQ", id="required"),
    ],
)
def test_the_hello_begins_in_the_first_packet_behind_the_prelogin(
    wanted: int, given: int, words: str, server_type: int
) -> None:
    ask, say = tds(0x12, prelogin(wanted)), tds(0x04, prelogin(given))
    reading = read_upgrade(ask + tds(0x12, HELLO), say + tds(server_type, ANSWER))
    assert reading is not None
    assert (reading.kind, reading.agreed, reading.answer) == ("tds", True, words)
    assert (reading.client_tls_at, reading.server_tls_at, reading.done) == (len(ask), len(say), True)
    assert deframe_tds(ask + tds(0x12, HELLO), len(ask)).data == HELLO


def test_the_prelogin_may_come_in_two_packets() -> None:
    options = prelogin(1)
    ask = tds(0x12, options[:9], status=0) + tds(0x12, options[9:])
    reading = read_upgrade(ask + tds(0x12, HELLO), b"")
    assert reading is not None
    assert (reading.agreed, reading.client_tls_at) == (None, len(ask))


def test_frames_are_taken_off_until_records_stand_bare() -> None:
    """The handshake over two packets, then a record without a frame; each byte leads back to its place."""
    stream = ASK + tds(0x12, HELLO[:20]) + tds(0x12, HELLO[20:]) + RECORD
    found = deframe_tds(stream, len(ASK))
    assert found.data == HELLO + RECORD
    assert found.whole
    for at in (0, 19, 20, len(HELLO) - 1, len(HELLO), len(found.data) - 1):
        assert stream[found.stream_offset(at)] == found.data[at]


@pytest.mark.parametrize(
    ("stream", "data", "whole"),
    [
        pytest.param(tds(0x12, HELLO)[:30], HELLO[:22], False, id="cut"),
        pytest.param(tds(0x12, HELLO)[:5], b"", False, id="cut-header"),
        pytest.param(tds(0x12, HELLO) + b"junk-and-more", HELLO, False, id="junk-behind"),
        pytest.param(b"\x12\x01\x00\x07\0\0\1\0", b"", False, id="length-under-header"),
        pytest.param(b"", b"", True, id="nothing"),
    ],
)
def test_what_does_not_fit_is_told(stream: bytes, data: bytes, whole: bool) -> None:
    found = deframe_tds(stream, 0)
    assert (found.data, found.whole) == (data, whole)
