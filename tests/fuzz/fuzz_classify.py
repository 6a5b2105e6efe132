"""Fuzz target: first bytes, upgrades and HTTP start lines of any bytes.

With atheris installed: ``python tests/fuzz/fuzz_classify.py [libFuzzer options]``. Without it the same target is
driven by random changes of the samples: ``python tests/fuzz/fuzz_classify.py --seconds 60 --seed 1``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from capanalyzer.classify.first_bytes import NAMES, classify, classify_pair
from capanalyzer.classify.upgrade import deframe_tds, may_upgrade, read_upgrade
from capanalyzer.http.start import connect_target, read_host, read_status_line, safe_request_line, wants_https
from tests.classify.samples import NEAR_MISSES, SAMPLES
from tests.classify.test_upgrade import DIALOGUES


def target(data: bytes) -> None:
    """One run. The first two bytes say where the client's bytes end and the server's begin."""
    cut = int.from_bytes(data[:2], "big") % max(1, len(data))
    client, server = data[2 : 2 + cut], data[2 + cut :]
    final = classify(client, ended=True)
    assert final in NAMES
    assert classify(client) in (None, final)
    assert classify(client[: len(client) // 2]) in (None, final)
    pair = classify_pair(client, server, True, True, cut)
    assert classify_pair(client, server, False, False, cut)[0] in (None, pair[0])
    may_upgrade(client, pair)
    reading = read_upgrade(client, server, range(0, len(client), 7))
    if reading is not None:
        assert reading.answer.isprintable()
        assert len(reading.answer) <= 200
        assert all(at is None or 0 <= at <= len(client) for at in (reading.request_at, reading.client_tls_at))
        assert all(at is None or 0 <= at <= len(server) for at in (reading.answer_at, reading.server_tls_at))
    deframe_tds(client, cut % 16)
    text = safe_request_line(client)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 200
    for reader in (connect_target, read_host, read_status_line, wants_https):
        reader(server)


def _seeds() -> list[bytes]:
    pairs = [*DIALOGUES, *((data, b"") for _, _, data in SAMPLES), *((data, b"") for _, data in NEAR_MISSES)]
    return [len(client).to_bytes(2, "big") + client + server for client, server in pairs]


def _mutations(seconds: float, seed: int) -> int:
    source, seeds = random.Random(seed), _seeds()
    runs, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = bytearray(source.choice(seeds))
        for _ in range(source.randint(0, 4)):
            at = source.randrange(len(data))
            change = source.randrange(4)
            if change == 0:
                data[at] = source.choice((0, 1, 2, 3, 10, 13, 32, 127, 128, 255, source.randrange(256)))
            elif change == 1:
                del data[at : at + source.randint(1, 8)]
            elif change == 2:
                data[at:at] = source.choice(seeds)[2 : 2 + source.randint(1, 60)]
            else:
                data[at:at] = data[at : at + source.randint(1, 20)] * source.randint(1, 3)
            if not data:
                data = bytearray(b"\0")
        try:
            target(bytes(data))
        except Exception:
            sys.stderr.write(f"input: {bytes(data)!r}\n")
            raise
        runs += 1
    return runs


def main() -> None:
    try:
        import atheris  # type: ignore[import-untyped]  # it has no stubs
    except ImportError:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--seconds", type=float, default=30.0)
        parser.add_argument("--seed", type=int, default=1)
        options = parser.parse_args()
        runs = _mutations(options.seconds, options.seed)
        sys.stdout.write(f"{runs} runs, nothing found\n")
        return
    atheris.instrument_all()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
