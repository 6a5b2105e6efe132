"""Damaged captures: any prefix, any flipped bits, any piece taken out yields a report or one clear line."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import capanalyzer

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"
ROUNDS = 300
SMALL = 16_000
"""Bytes: many small captures say more than few large ones."""
OUTCOMES = {"established", "failed", "incomplete", "plaintext", "idle"}


def damage(data: bytes, dice: random.Random) -> bytes:
    """One of five kinds of damage."""
    match dice.randrange(5):
        case 0:
            return data[: dice.randrange(len(data))]
        case 1:
            begin = dice.randrange(len(data))
            return data[:begin] + data[begin + dice.randrange(1, 200) :]
        case 2:
            begin = dice.randrange(len(data))
            return data[:begin] + data[begin : begin + dice.randrange(1, 400)] * 2 + data[begin:]
        case 3:
            begin = dice.randrange(len(data))
            return data[:begin] + dice.randbytes(dice.randrange(1, 64)) + data[begin + 32 :]
        case _:
            changed = bytearray(data)
            for _ in range(dice.randrange(1, 12)):
                changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            return bytes(changed)


def damaged(captures: list[Path], seed: int, rounds: int) -> Iterator[tuple[str, bytes]]:
    dice = random.Random(seed)
    for number in range(rounds):
        path = dice.choice(captures)
        yield f"{path.parent.name}/{path.name} seed {seed} round {number}", damage(path.read_bytes(), dice)


def report_or_line(data: bytes) -> None:
    try:
        report = capanalyzer.build_report(io.BytesIO(data))
    except capanalyzer.CaptureError as error:
        line = str(error)
    else:
        line = ""
        document = json.loads(report.to_json())
        assert {session["outcome"] for session in document["sessions"]} <= OUTCOMES
        assert document["summary"]["sessions"] == len(document["sessions"])
    assert "\n" not in line


@pytest.mark.parametrize("seed", range(4))
def test_our_captures_damaged(seed: int) -> None:
    captures = sorted(path for path in PCAPS.glob("*/capture.*") if path.stat().st_size < SMALL)
    for what, data in damaged(captures, seed, ROUNDS // 4):
        try:
            report_or_line(data)
        except Exception as error:
            error.add_note(what)
            raise


def test_corpus_captures_damaged(corpus: Path) -> None:
    captures = sorted(
        path for path in (corpus / "captures").iterdir() if path.is_file() and path.stat().st_size < SMALL
    )
    for what, data in damaged(captures, 11, ROUNDS):
        try:
            report_or_line(data)
        except Exception as error:
            error.add_note(what)
            raise


def test_every_prefix_of_one_capture() -> None:
    """A capture cut at any byte, as a disk that fills up does it."""
    data = (PCAPS / "healthy-tls12" / "capture.pcap").read_bytes()[:4000]
    for end in range(24, len(data), 13):
        report = capanalyzer.build_report(io.BytesIO(data[:end]))
        assert report.captures[0].packets >= 0


def test_damage_through_the_command_line(tmp_path: Path) -> None:
    """Exit status 0 with a document or 2 with one line; never a traceback."""
    captures = sorted(path for path in PCAPS.glob("*/capture.pcap*") if path.stat().st_size < SMALL)
    for number, (what, data) in enumerate(damaged(captures, 5, 8)):
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(data)
        command = [sys.executable, "-m", "capanalyzer", "analyze", str(path), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, what
        assert done.returncode in (0, 2), what
        if done.returncode == 0:
            json.loads(done.stdout)
        else:
            assert len(done.stderr.strip().splitlines()) == 1, what
