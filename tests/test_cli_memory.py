"""Columns of one batch are made of what those of the last one left."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from capanalyzer.cli.memory import keep_freed_pieces

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


def page_faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="the C library is not GNU's",
)
def test_freed_pieces_are_used_again() -> None:
    """100 MB in columns, ten times: without help nearly every page is asked for ten times."""
    assert page_faults("kept") < 2_560
    assert page_faults("as it is") > 100_000, "the C library needs no help any more"
