"""The stored lines: what programs wrote, where they come from, and the facts that are in them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capanalyzer.logs.line import LogLine, Peer

__all__ = ["STORED", "Stored", "facts_of"]

LINES = Path(__file__).parent / "lines"


@dataclass(frozen=True)
class Stored:
    """One entry of a log."""

    format: str
    name: str
    text: str
    """Several lines where they make one entry."""
    origin: str
    """The program that wrote it, with its version; or, behind ``documented:``, what describes it."""
    expect: dict[str, Any]
    """Facts by the names of :class:`LogLine`; those that are not here are not there."""

    @property
    def is_made(self) -> bool:
        return not self.origin.startswith("documented: ")


def load() -> list[Stored]:
    return [
        Stored(path.stem.removesuffix("-documented").removesuffix("-by-hand"), **entry)
        for path in sorted(LINES.glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["line"]
    ]


def facts_of(line: LogLine) -> dict[str, Any]:
    """The facts of a line in the form in which they are stored."""
    facts: dict[str, Any] = {"meaning": line.meaning, "is_failure": line.is_failure}
    for name, end in (("client", line.client), ("server", line.server)):
        if end != Peer():
            facts[name] = written(end)
    for name in ("sni", "alert"):
        if getattr(line, name) is not None:
            facts[name] = getattr(line, name)
    for name in ("role", "said"):
        if (value := getattr(line, name)) is not None:
            facts[name] = value.value
    if line.time_ns is not None:
        moment = datetime.fromtimestamp(line.time_ns // 1_000_000_000, UTC)
        shown = moment.strftime("%m-%d %H:%M:%S" if not line.has_year else "%Y-%m-%d %H:%M:%S")
        digits = len(str(1_000_000_000 // line.resolution_ns)) - 1
        if digits:
            shown += f".{line.time_ns % 1_000_000_000:09d}"[: digits + 1]
        facts["time"] = shown + ("Z" if line.has_zone else "")
        facts["time_of"] = line.time_of.value
    return facts


def written(end: Peer) -> str:
    ip = "*" if end.ip is None else f"[{end.ip}]" if ":" in end.ip else end.ip
    domain = "" if end.route_domain is None else f"%{end.route_domain}"
    return f"{ip}{domain}" + ("" if end.port is None else f":{end.port}")


STORED = load()
