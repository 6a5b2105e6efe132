"""Clients that write what failed into a log of their own, without a word of their address: Python, curl, OpenSSL."""

from __future__ import annotations

import json
import random
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["KINDS", "PLAIN_PORT", "WRITERS", "Writers"]

WRITERS = ("python", "curl", "openssl")
KINDS = ("unknown-ca", "wrong-name", "old-version", "no-cipher", "to-plaintext")
"""What these clients meet; a server's port that speaks plaintext among it."""
PLAIN_PORT = 29443
_PORTS = range(41_000, 60_000)
"""The client's, of curl and OpenSSL, one after the other; outside those that the kernel gives."""


class Writers:
    """Their logs, and the truth beside them: whose connection each line is of."""

    def __init__(self, work: Path, server: str, trust: Path, chance: random.Random) -> None:
        self._server, self._trust, self._chance = server, trust, chance
        self.logs = {name: work / f"{name}.log" for name in WRITERS}
        self._truth = {name: work / f"{name}.truth" for name in WRITERS}
        self._lock = threading.Lock()
        self._ports = iter(_PORTS)

    def name(self) -> str:
        """The server name that one of many programs asks for."""
        return f"app{self._chance.randrange(40):02d}.example.test"

    def port(self) -> int:
        with self._lock:
            return next(self._ports)

    def python(self, error: OSError, client: tuple[str, int], name: str, port: int) -> None:
        """As ``logging`` writes it, in local time to the millisecond; every other one with its URL."""
        if not isinstance(error, ssl.SSLError):
            return
        url = f"GET https://{name}:{port}/ failed: " if self._chance.random() < 0.5 else ""
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        self._write("python", f"{stamp} ERROR fetch: {url}{error}", client, now)

    def curl(self, kind: str, source: str, name: str, port: int) -> tuple[str, int]:
        """As a job's output in syslog, to the second; every other one with its URL. The client's end."""
        own, url = self.port(), f"https://{name}:{port}/"
        words = {
            "unknown-ca": [],
            "wrong-name": ["--cacert", str(self._trust)],
            "old-version": ["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"],
            "no-cipher": ["--tls-max", "1.2", "--ciphers", "AES128-SHA:@SECLEVEL=0"],
            "to-plaintext": ["--cacert", str(self._trust)],
        }[kind]
        words += ["--interface", source, "--local-port", str(own), "--connect-to", f"::{self._server}:{port}"]
        told = _stderr(["curl", "-sS", "--max-time", "8", *words, url])
        now, host = time.time(), f" ({url})" if self._chance.random() < 0.5 else ""
        stamp = datetime.fromtimestamp(now, UTC).strftime("%b %e %H:%M:%S")
        for text in told.splitlines():
            if text.startswith("curl: ("):
                self._write("curl", f"{stamp} web1 fetch[815]: {text}{host}", (source, own), now)
        return source, own

    def openssl(self, kind: str, source: str, name: str, port: int) -> tuple[str, int]:
        """As a job's output behind a stamp with its zone. The client's end."""
        own = self.port()
        words = {
            "unknown-ca": ["-verify_return_error"],
            "wrong-name": ["-verify_return_error", "-CAfile", str(self._trust), "-verify_hostname", name],
            "old-version": ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            "no-cipher": ["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"],
            "to-plaintext": [],
        }[kind]
        words += ["-connect", f"{self._server}:{port}", "-bind", f"{source}:{own}", "-servername", name]
        told = _stderr(["openssl", "s_client", *words])
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        for text in told.splitlines():
            if re.search(r"error:(?:num=|[0-9A-F]{8}:SSL)", text):
                self._write("openssl", f"{stamp} {text}", (source, own), now)
        return source, own

    def of(self, writer: str) -> Callable[[str, str, str, int], tuple[str, int]]:
        """The connection that a program of its own makes: (kind, address, name, port) -> its end."""
        return {"curl": self.curl, "openssl": self.openssl}[writer]

    def _write(self, writer: str, text: str, client: tuple[str, int], now: float) -> None:
        with self._lock, self.logs[writer].open("a") as log, self._truth[writer].open("a") as truth:
            log.write(text.replace("\n", " ") + "\n")
            truth.write(json.dumps([now, *client]) + "\n")


def _stderr(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    return done.stderr.decode(errors="replace")
