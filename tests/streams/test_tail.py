"""Alerts at the end of a segment."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from capanalyzer.streams.tail import ALERT_LENGTHS, alert_at_end, alerts_at_end


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


def test_columns_agree() -> None:
    """Many segments at once, long and short, of bytes that often look like an alert: as one by one."""
    random = Random(15)
    pieces, expected = [b"\x15\x03" * 50], list[int]()
    position, length = list[int](), list[int]()
    for _ in range(4_000):
        record = bytes((21, 3, random.choice((1, 3, 4, 5)), 0, size := random.choice((*ALERT_LENGTHS, 3, 81))))
        record += bytes(random.choices((0x15, 0x03, 0x00, 0x02), k=size))
        payload = random.choice((b"", b"\x15" * 3, bytes(120))) + record + b"\x17" * random.choice((0, 0, 0, 1))
        payload = payload[random.choice((0, 0, 0, 1, 4)) :]
        position.append(sum(map(len, pieces[-1:])) + (position[-1] if position else 0))
        length.append(len(payload))
        pieces.append(payload)
        at = alert_at_end(payload)
        expected.append(at if at < 0 else position[-1] + at)
    data = np.frombuffer(b"".join(pieces), np.uint8)
    found = alerts_at_end(data, np.array(position), np.array(length))
    assert found.tolist() == expected
    assert {at < 0 for at in expected} == {True, False}
