"""Free memory goes back to the system."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

import pytest

from capanalyzer.live.memory import EVERY_S, FreeMemory


def resident_mb() -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="the C library is not GNU's",
)
def test_what_lies_between_pieces_in_use_goes_back_once_a_minute() -> None:
    now_s = [1000.0]
    memory = FreeMemory(lambda: now_s[0])
    # Larger than what Python manages itself; every hundredth one stays.
    pieces = [bytes(4_000) for _ in range(20_000)]
    left = pieces[::100]
    del pieces
    before = resident_mb()
    now_s[0] += EVERY_S - 1
    memory.give_back()
    assert resident_mb() > before - 20
    now_s[0] += 1
    memory.give_back()
    assert resident_mb() < before - 40
    assert len(left) == 200
