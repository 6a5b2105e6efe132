"""Certificate databases of NSS, which tstclnt, selfserv and Chromium read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.net import Lab
from lab.pki import Identity

__all__ = ["database"]


def database(lab: Lab, name: str, *, trust: Path | None = None, own: Identity | None = None, chain: bool = True) -> str:
    """``sql:FOLDER`` of a new database; the key, if any, has the nickname ``own``."""
    folder = lab.work / name
    spoken = f"sql:{folder}"
    if folder.exists():
        return spoken
    folder.mkdir(parents=True)

    def call(*words: str) -> None:
        subprocess.run(words, capture_output=True, check=True)

    call("certutil", "-N", "-d", spoken, "--empty-password")
    if trust is not None:
        call("certutil", "-A", "-d", spoken, "-n", "trusted", "-t", "CT,C,C", "-i", str(trust))
    if own is not None:
        bundle = folder / "own.p12"
        above = ("-certfile", str(own.chain)) if chain and own.above else ()
        pair = ("-in", str(own.cert), "-inkey", str(own.key))
        call("openssl", "pkcs12", "-export", *pair, *above, "-name", "own", "-passout", "pass:", "-out", str(bundle))
        call("pk12util", "-i", str(bundle), "-d", spoken, "-W", "", "-K", "")
    return spoken
