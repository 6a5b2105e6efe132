"""Programs of our own that speak TLS with other people's libraries: built once, kept in the temporary folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import threading
from pathlib import Path

__all__ = ["GO", "JAVA", "NODE", "PYTHON", "program"]

SOURCES = Path(__file__).parent / "programs"
GO, JAVA, NODE, PYTHON = "stack.go", "Stack.java", "stack.js", "stack.py"
LOCK = threading.Lock()


def program(source: str) -> list[str]:
    """The command that runs ``source``, compiled first where that has to be."""
    path = SOURCES / source
    if source == NODE:
        return ["node", str(path)]
    if source == PYTHON:
        return ["/usr/bin/python3", str(path)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"capanalyzer-lab-{os.getuid()}-{digest}"
    with LOCK:
        folder.mkdir(exist_ok=True, mode=0o700)
        if source == GO:
            binary = folder / "stack"
            if not binary.exists():
                go = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOPROXY": "off"}
                subprocess.run(["go", "build", "-o", str(binary), str(path)], check=True, env=go)
            return [str(binary)]
        if not (folder / "Stack.class").exists():
            subprocess.run(["javac", "-d", str(folder), str(path)], check=True)
    # The share of memory is small: many of these run at once. The empty list allows old algorithms.
    settings = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"]
    return ["java", *settings, "-cp", str(folder), "Stack"]
