"""Fuzz target: any bytes as any link type. Run as a program it mutates packets of given captures for a while.

python -m tests.fuzz.fuzz_packets SECONDS CAPTURE...
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from capanalyzer.packets.stack import LAYERS
from tests.packets.tables import decode
from tests.packets.tiny_capture import Record, read_records

LINKS = sorted(number & 0xFFFF for number in LAYERS if number >> 16 == 1)


def fuzz_one(data: bytes) -> None:
    """The first byte chooses the link type, the second where to cut; then the packet. Raises on any difference."""
    if len(data) < 2:
        return
    link, cut, packet = LINKS[data[0] % len(LINKS)], data[1], data[2:]
    records: list[Record] = [(0, link, len(packet) + cut % 3, packet), (1, 1, len(packet), packet[:cut])]
    check(records)


def check(records: list[Record]) -> None:
    """Both paths agree, and every position lies in the batch."""
    fast, fast_icmp, decoder = decode(records)
    slow, slow_icmp, slow_decoder = decode(records, fast=False)
    assert (fast, fast_icmp, decoder.finish()) == (slow, slow_icmp, slow_decoder.finish())


def mutate(packet: bytes, rng: random.Random) -> bytes:
    """A few changes near the front, where the headers are; sometimes a cut."""
    changed = bytearray(packet)
    for _ in range(rng.randrange(1, 6)):
        if changed:
            at = min(int(rng.expovariate(1 / 30)), len(changed) - 1)
            changed[at] = rng.choice((rng.randrange(256), changed[at] ^ 1 << rng.randrange(8), 0, 255))
    return bytes(changed[: rng.randrange(len(changed) + 1)] if rng.random() < 0.2 else changed)


def main(seconds: float, captures: list[str]) -> None:
    """Mutate for ``seconds``; the seed of a failing round is shown by the exception's note."""
    records = [record for name in captures for record in read_records(Path(name))[:200]]
    stop, seed = time.monotonic() + seconds, 0
    while time.monotonic() < stop:
        seed += 1
        rng = random.Random(seed)
        chosen = [
            (t, rng.choice(LINKS) if rng.random() < 0.05 else link, size, mutate(packet, rng)[:size])
            for t, link, size, packet in rng.choices(records, k=40)
        ]
        try:
            check(chosen)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    sys.stdout.write(f"{seed} rounds of 40 packets\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
