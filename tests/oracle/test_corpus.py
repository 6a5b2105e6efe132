"""The shared corpus with its recorded facts, by the comparison that comes with it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

LEAST = "99.5"
"""Per cent of the facts on which we must agree."""


def test_facts_of_the_corpus(corpus: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m capanalyzer analyze {{file}} --format json"
    arguments = [sys.executable, str(corpus / "compare.py"), "--tcp-only", "--min", LEAST, "--command", command]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=900, check=False)
    last = done.stdout.strip().splitlines()[-1:]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert ", 0 crashes," in last[0], last[0]
