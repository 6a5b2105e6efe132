#!/usr/bin/env python3
"""Placeholder head, replaced below."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from benchmark.workloads import ensure
import time

t = time.time()
for n, p in ensure(Path(sys.argv[1]), sys.argv[2:]):
    print(n, p, round(time.time() - t, 1), p.stat().st_size)
    t = time.time()
