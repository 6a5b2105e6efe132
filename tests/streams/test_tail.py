"""Alerts at the end of a segment."""

from __future__ import annotations

import pytest

from capanalyzer.streams.tail import ALERT_LENGTHS, alert_at_end


@pytest.mark.parametrize("length", ALERT_LENGTHS)
@pytest.mark.parametrize("before", [0, 1, 300])
def test_found(length: int, before: int) -> None:
    record = bytes((21, 3, 3, 0, length)) + b"\x15\x03" * (length // 2)
    assert alert_at_end(b"\x17" * before + record) == before


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x15",
        b"\x15\x03\x03\x00\x02\x01",  # cut
        b"\x15\x03\x03\x00\x02\x01\x00\x00",  # more follows
        b"\x15\x03\x03\x01\x02" + bytes(258),  # too long for an alert
        b"\x15\x03\x05\x00\x02\x01\x00",  # no version
        b"\x17\x03\x03\x00\x02\x01\x00",
        b"\x15\x03\x03\x00\x03\x01\x00\x00",  # no cipher makes an alert of three bytes
    ],
)
def test_not_found(payload: bytes) -> None:
    assert alert_at_end(payload) == -1
