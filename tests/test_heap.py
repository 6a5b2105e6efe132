"""What is freed is used again in an analysis, and goes back to the system in a live run."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="the C library is not GNU's",
)

BATCHES = """
import resource, sys
import numpy as np
from capanalyzer.heap import keep_freed_pieces

if sys.argv[1] == "kept":
    keep_freed_pieces()

def batch():
    columns = [np.ones(1 << 20, np.uint8) for _ in range(100)]

batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
COLUMNS = """
import re, sys
import numpy as np
from capanalyzer.heap import map_large_pieces

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


def page_faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", BATCHES, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_freed_pieces_are_used_again() -> None:
    """100 MB in columns, ten times: without help nearly every page is asked for ten times."""
    assert page_faults("kept") < 2_560
    assert page_faults("as it is") > 100_000, "the C library needs no help any more"


def freed_mb(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", COLUMNS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_large_pieces_go_back_whatever_was_freed_before() -> None:
    """160 MB in columns, with pieces between them that stay."""
    assert freed_mb("mapped") > 150
    assert freed_mb("as it is") < 50, "the C library needs no help any more"
