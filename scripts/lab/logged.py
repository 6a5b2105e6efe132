"""Programs that fail on purpose, and the lines that they write about it: what a sample is, and how it is collected."""

from __future__ import annotations

import itertools
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.kernel import reset_on_close
from lab.net import Lab, LabError

__all__ = ["WAIT", "Act", "Log", "Sample", "as_toml", "hello", "openssl", "ports", "raw"]

Stamp = tuple[str, str, str]
"""Where the time stands in a line (a pattern with one group), as strptime reads it, as the facts write it
(a Z at its end where the line says the zone)."""


def WAIT() -> None:  # noqa: N802 - it stands where others act
    """The program acts by itself."""


Act = Callable[[int], Callable[[], object]]
"""From the source port to what is done with it."""

ports = itertools.count(41_001)
"""Source ports: every attempt has its own, so that a line can be told from all others."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An entry of a log, and what is known of it from elsewhere than its text."""

    format: str
    name: str
    text: str
    origin: str
    expect: dict[str, Any]


@dataclass(slots=True)
class Log:
    """A file that a program writes to. Facts that are the same for all its lines are given once."""

    lab: Lab
    path: Path
    format: str
    origin: str
    stamp: Stamp | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    start: int = 0

    def after(self, act: Callable[[], object], pick: str, name: str, *, lines: int = 1, **expect: Any) -> Sample:
        """Do something; the line that it causes is the first new one that ``pick`` finds, with ``lines - 1`` more.
        Where nothing is to be done, it may be there already.

        :raises LabError: no such line comes.
        """
        began, start = datetime.now(UTC).timestamp(), self._size()
        if act is WAIT:
            start = 0
        act()
        wanted = re.compile(pick)
        for _ in range(100):
            found = self._new(start).split("\n")[:-1]
            for place, line in enumerate(found):
                if wanted.search(line) and len(found) >= place + lines:
                    return self.sample(name, "\n".join(found[place : place + lines]), began, expect)
            time.sleep(0.1)
        raise LabError(f"{self.format} {name}: nothing matches {pick!r} in\n{self._new(start)[-2000:]}")

    def sample(self, name: str, text: str, began: float, expect: dict[str, Any]) -> Sample:
        facts = {key: value for key, value in {**self.facts, **expect}.items() if value is not None}
        if self.stamp is not None:
            facts["time"] = self._time(text, began)
        return Sample(self.format, name, text, self.origin, facts)

    def _time(self, text: str, began: float) -> str:
        assert self.stamp is not None
        pattern, reading, writing = self.stamp
        match = re.search(pattern, text)
        if match is None:
            raise LabError(f"{self.format}: no time in {text!r}")
        given = match[1] if "%Y" in reading else f"{datetime.now(UTC).year} {match[1]}"
        moment = datetime.strptime(given, reading if "%Y" in reading else f"%Y {reading}").replace(tzinfo=UTC)
        if not -61 < moment.timestamp() - began < 61:
            raise LabError(f"{self.format}: {match[1]} is not the time")
        digits = re.search(r"[.,](\d{3,6})", match[1])
        shown = moment.strftime(writing.removesuffix("Z")) + (f".{digits[1]}" if digits else "")
        return shown + ("Z" if writing.endswith("Z") else "")

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _new(self, start: int) -> str:
        if not self.path.exists():
            return ""
        return self.path.read_bytes()[start:].decode("utf-8", "backslashreplace")


def raw(
    lab: Lab, port: int, data: bytes, source: int, *, reset: bool = False, wait_s: float = 0.5
) -> Callable[[], None]:
    """Bytes over TCP from a given port, then an end."""

    def talk() -> None:
        with socket.create_connection((lab.plan.server, port), 10, source_address=(lab.plan.client, source)) as plain:
            if reset:
                reset_on_close(plain)
            with suppress(OSError):
                if data:
                    plain.sendall(data)
                plain.settimeout(wait_s)
                plain.recv(65536)

    return lambda: lab.inside("client", talk)


def openssl(lab: Lab, port: int, source: int, *words: str, name: str | None = "www") -> Callable[[], object]:
    """OpenSSL's client from a given port."""
    server = ("-servername", lab.plan.fqdn(name)) if name else ("-noservername",)
    where = ("-connect", f"{lab.plan.server}:{port}", "-bind", f"{lab.plan.client}:{source}")
    request = f"GET / HTTP/1.0\r\nHost: {lab.plan.fqdn(name or 'www')}\r\n\r\n".encode()
    return lambda: lab.run(
        "client", "openssl", "s_client", *where, *server, *words, "-quiet", stdin=request, limit_s=20
    )


def hello(cut: int = 0) -> bytes:
    """The beginning of a ClientHello, or all of it."""
    from lab.raw import hello as whole

    data = b"\n"
    while b"\n" in data[:107]:  # nginx logs so much of it, and would break its line
        data = whole("www.example.test")
    return data[:cut] if cut else data


def as_toml(samples: Iterator[Sample], format_name: str) -> str:
    """The file of one format."""
    parts = [f"# Written by the program itself, and made again by: scripts/make_log_lines.py {format_name}\n"]
    for one in samples:
        # A JSON string is a TOML basic string as long as DEL is escaped.
        text = json.dumps(one.text, ensure_ascii=False).replace("\x7f", "\\u007f")
        parts.append(f'[[line]]\nname = "{one.name}"\norigin = "{one.origin}"\ntext = {text}\n[line.expect]')
        parts += [f"{key} = {json.dumps(value)}" for key, value in one.expect.items()]
        parts.append("")
    return "\n".join(parts)
