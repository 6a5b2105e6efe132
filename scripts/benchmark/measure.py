"""Whole processes measured: CPU seconds, user and system, and peak memory, as the kernel accounts them."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

__all__ = ["Run", "measure", "middle"]

LIMIT_S = 1800.0


class Run(NamedTuple):
    cpu_s: float
    """User and system, children that were waited for included."""
    wall_s: float
    peak_mb: float
    """Largest resident set of any one of its processes."""
    status: int


def measure(command: Sequence[str], *, limit_s: float = LIMIT_S) -> Run:
    """Run a command to its end, output thrown away."""
    began = time.perf_counter()
    # An installed package comes with its bytecode; a checkout is to keep its own from one run to the next.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    _, status, used = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024, process.returncode)


def middle(runs: Sequence[Run]) -> Run:
    """Medians of each figure; the worst exit status."""
    return Run(
        median(run.cpu_s for run in runs),
        median(run.wall_s for run in runs),
        median(run.peak_mb for run in runs),
        max((run.status for run in runs), key=abs),
    )
