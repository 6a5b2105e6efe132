"""The capture fuzz target on captures mutated in a fixed way."""

from __future__ import annotations

import gzip
import random

import lz4.frame
import pytest
import zstandard

from tests.capture.builders import many, pcap, pcapng, snoop
from tests.fuzz.fuzz_capture import fuzz_one

SEEDS = {
    "pcap": pcap(many(40)),
    "pcap-big-endian": pcap(many(40), order=">"),
    "modified": pcap(many(20), magic=0xA1B2CD34, extra=bytes(12)),
    "pcapng": pcapng(many(30)) + pcapng(many(20), ">"),
    "snoop": snoop(many(40)),
    "gzip": gzip.compress(pcap(many(30))),
    "zstd": zstandard.compress(pcapng(many(30))),
    "lz4": lz4.frame.compress(snoop(many(30))),
}


@pytest.mark.parametrize("name", list(SEEDS))
def test_mutations(name: str) -> None:
    """Bytes changed, cut out, doubled and overwritten with telling numbers."""
    chance = random.Random(name)
    for _ in range(250):
        data = bytearray(SEEDS[name])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(5):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(1, 40)]
                case 2:
                    data[at:at] = data[max(0, at - chance.randrange(1, 60)) : at]
                case 3:
                    data[at : at + 4] = chance.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\4\0", b"\x06\0\0\0"])
                case _:
                    del data[at + 1 :]
            if not data:
                break
        fuzz_one(bytes([chance.randrange(256)]) + bytes(data))


def test_plain_seeds_are_read_whole() -> None:
    assert [fuzz_one(b"\x13" + SEEDS[name]) for name in ("pcap", "pcapng", "snoop", "gzip", "lz4")] == [
        40,
        50,
        40,
        30,
        30,
    ]
