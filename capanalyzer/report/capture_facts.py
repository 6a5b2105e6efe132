"""What every report for readers says of a capture, in the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.ladder import duration
from capanalyzer.report.times import from_rfc3339

__all__ = [
    "Language",
    "capture_comments",
    "capture_facts",
    "capture_notes",
    "key_warnings",
    "packet_count",
    "size_text",
    "time_span",
]


class Language(Protocol):
    """Texts in the reader's language."""

    @property
    def text(self) -> Callable[[str], str]: ...

    @property
    def counted(self) -> Callable[[str, str, int], str]: ...


def capture_facts(capture: model.Capture, look: Language) -> list[str]:
    """Files of a ring, packets, bytes, times, link types; safe to show."""
    facts = [
        _files(capture, look),
        packet_count(capture.packets, look),
        size_text(capture.bytes),
        time_span(capture.first_time, capture.last_time),
        *(printable(name) for name in capture.link_types),
        *_big_ip(capture),
    ]
    return [fact for fact in facts if fact]


def key_warnings(end: model.Trailer, look: Language) -> list[str]:
    """One for each capture that holds TLS session keys, to stand before everything else; not escaped."""
    _ = look.text
    text = _(
        "{path} contains TLS session keys; do not attach it to a ticket. Whoever has the file can read what was "
        "encrypted. `capanalyzer strip-keys` writes a copy without them."
    )
    return [text.replace("{path}", capture.path) for capture in end.captures if capture.session_keys]


def _big_ip(capture: model.Capture) -> Iterator[str]:
    """``BIG-IP 17.1.0 0.0.16, bigip1.example.test, Z100 (Virtual Edition)``."""
    f5 = capture.f5
    if f5 is not None:
        named = " ".join(part for part in (f5.product or "BIG-IP", f5.version) if part)
        yield printable(", ".join(part for part in (named, f5.host, f5.platform) if part))


def capture_comments(capture: model.Capture) -> list[str]:
    """What was written into the capture, a line each however many it has there; not escaped."""
    command = [] if capture.f5 is None or capture.f5.command is None else [capture.f5.command]
    return command + [" ".join(text.splitlines()) for text in capture.comments]


def capture_notes(capture: model.Capture, look: Language) -> list[str]:
    """Warnings and losses, a sentence each, as they came: not escaped."""
    notes = [*capture.warnings, *(() if capture.f5 is None else capture.f5.advice)]
    if count := capture.dropped_packets:
        notes.append(
            look.counted("The capturing host lost {n} packet.", "The capturing host lost {n} packets.", count).format(
                n=f"{count:,}"
            )
        )
    if count := capture.truncated_packets:
        text = look.counted(
            "{n} packet was not captured whole (snap length).",
            "{n} packets were not captured whole (snap length).",
            count,
        )
        notes.append(text.format(n=f"{count:,}"))
    return notes


def _files(capture: model.Capture, look: Language) -> str:
    count = len(capture.files)
    return look.counted("{n} file", "{n} files", count).format(n=f"{count:,}") if count > 1 else ""


def packet_count(count: int, look: Language) -> str:
    return look.counted("{n} packet", "{n} packets", count).format(n=f"{count:,}")


def size_text(count: int) -> str:
    """``9.1 MB``: decimal units, as capinfos and disks count."""
    size, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def _begin(time: str | None) -> str:
    return f"{time[:10]} {time[11:19]}" if time is not None else ""


def time_span(first: str | None, last: str | None) -> str:
    """``2026-11-23 10:01:02 - 10:06:10 UTC``; the date again where it changes, a duration below a minute."""
    if first is None or last is None:
        return ""
    lasted = from_rfc3339(last) - from_rfc3339(first)
    if lasted < 60 * 10**9:
        return f"{_begin(first)} UTC + {duration(lasted)}"
    until = last[11:19] if first[:10] == last[:10] else _begin(last)
    return f"{_begin(first)} - {until} UTC"
