"""What is freed goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import re, sys
import numpy as np
from capanalyzer.live.memory import map_large_pieces

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) >> 10

if sys.argv[1] == "mapped":
    map_large_pieces()
np.ones(30 << 20, np.uint8)  # freed at once: from now on less counts as small
columns, small = [], []
for _ in range(40):
    columns.append(np.ones(4 << 20, np.uint8))
    small.append(bytes(4_000))
before = resident_mb()
del columns
print(before - resident_mb())
"""


def freed_mb(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="the C library is not GNU's",
)
def test_large_pieces_go_back_whatever_was_freed_before() -> None:
    """160 MB in columns, with pieces between them that stay."""
    assert freed_mb("mapped") > 150
    assert freed_mb("as it is") < 50, "the C library needs no help any more"
