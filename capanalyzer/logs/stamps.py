"""Time stamps as programs write them, with what they leave open: the zone, the year, the fraction of the second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["Stamp", "better", "chromium", "clf", "iso", "leading", "syslog"]

_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stamp(NamedTuple):
    time_ns: int
    """Since the Unix epoch; as if it were UTC, and in 1970, where the stamp does not say."""
    has_zone: bool
    has_year: bool
    resolution_ns: int


_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905
}
_MONTH: Final = "|".join(_MONTHS)
_FRACTION: Final = r"(?:[.,](?P<fraction>\d{1,9}))?"
_ZONE: Final = r"(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_NUMERIC: Final = re.compile(
    r"\[?(?P<year>\d{4})[-/.](?P<month>\d\d)[-/.](?P<day>\d\d)[T ](?P<time>\d\d:\d\d:\d\d)"
    + _FRACTION
    + _ZONE
    + r"\b\]?"
)
"""ISO 8601 and RFC 3339, and what is near: nginx and Go with slashes, stunnel with dots, Java with a comma."""
_SYSLOG: Final = re.compile(
    rf"(?P<month>{_MONTH})\s{{1,2}}(?P<day>\d\d?)(?:\s(?P<year>\d{{4}}))?\s(?P<time>\d\d:\d\d:\d\d)" + _FRACTION + r"\b"
)
"""RFC 3164."""
_CTIME: Final = re.compile(
    rf"\[?[A-Z][a-z]{{2}} (?P<month>{_MONTH}) {{1,2}}(?P<day>\d\d?) (?P<time>\d\d:\d\d:\d\d)"
    + _FRACTION
    + r"(?: (?P<zone>UTC|GMT)| [A-Z]{3,5})? (?P<year>\d{4})\b\]?"
)
"""What C's asctime() and ``date`` write; Apache in brackets, with microseconds. Of abbreviations of zones only those of
UTC are the same everywhere.
"""
_JOURNAL: Final = re.compile(
    r"[A-Z][a-z]{2} (?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)"
    + _FRACTION
    + r"(?: (?P<zone>UTC|GMT)| [A-Z]{3,5}| [+-]\d\d(?:\d\d)?)(?= )"
)
"""journalctl -o short-full."""
_DAY_FIRST: Final = re.compile(
    rf"(?:(?:\d{{1,10}}:)?[A-Z] )?(?P<day>\d\d?)[ -](?P<month>{_MONTH})[ -](?P<year>\d{{4}}) (?P<time>\d\d:\d\d:\d\d)"
    + _FRACTION
    + r"\b"
)
"""Tomcat; Redis, behind its number and role."""
_AMERICAN: Final = re.compile(
    rf"(?P<month>{_MONTH}) (?P<day>\d\d?), (?P<year>\d{{4}}),? (?:@ )?(?P<time>\d\d?:\d\d:\d\d)"
    + _FRACTION
    + r"(?:[ \u202f](?P<half>AM|PM))?\b"
)
"""java.util.logging, Kibana."""
_EPOCH_SECONDS: Final = re.compile(
    r"(?P<seconds>[12]\d{9})(?:\.(?P<fraction>\d{1,9})|(?P<millis>\d{3}))?(?=[:,; \t\"])(?!:error:)"
)
"""Since the Unix epoch: journalctl -o short-unix, CloudWatch's exports, mosquitto; not the thread's number before an
error of OpenSSL.
"""
_CLF: Final = re.compile(
    rf"\[(?P<day>\d\d)/(?P<month>{_MONTH})/(?P<year>\d{{4}}):(?P<time>\d\d:\d\d:\d\d)"
    + _FRACTION
    + r"(?: (?P<zone>[+-]\d{4}))?\]"
)
"""Access logs; HAProxy's, with milliseconds and without a zone."""
_KLOG: Final = re.compile(r"[IWEF](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)" + _FRACTION + r"\b")
"""Kubernetes and other programs of Google's."""
_CHROMIUM: Final = re.compile(r"(?P<month>\d\d)(?P<day>\d\d)/(?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)" + _FRACTION)
_LEADING: Final = (_NUMERIC, _SYSLOG, _CTIME, _CLF, _KLOG, _AMERICAN, _DAY_FIRST, _JOURNAL)


def better(own: Stamp | None, header: Stamp | None) -> Stamp | None:
    """Of a program's own stamp and that of what collected its line the one that says more: its zone, above all."""
    if own is None or (header is not None and header.has_zone and not own.has_zone):
        return header
    return own


def leading(text: str) -> tuple[Stamp, int] | None:
    """The stamp that ``text`` begins with, and where it ends."""
    for form in _LEADING:
        match = form.match(text)
        if match is not None and (stamp := _stamp(match)) is not None:
            return stamp, match.end()
    if (match := _EPOCH_SECONDS.match(text)) is not None:
        fraction = match["millis"] or match["fraction"] or ""
        time_ns = int(match["seconds"]) * _SECOND + int(fraction.ljust(9, "0"))
        return Stamp(time_ns, has_zone=True, has_year=True, resolution_ns=_SECOND // 10 ** len(fraction)), match.end()
    return None


def iso(text: str) -> Stamp | None:
    """``text`` is a stamp of numbers, and nothing else."""
    match = _NUMERIC.fullmatch(text)
    return None if match is None else _stamp(match)


def syslog(text: str) -> Stamp | None:
    """``text`` is the short stamp of syslog, and nothing else."""
    match = _SYSLOG.fullmatch(text)
    return None if match is None else _stamp(match)


def clf(text: str) -> Stamp | None:
    """``text`` is a stamp of an access log in its brackets, and nothing else."""
    match = _CLF.fullmatch(text)
    return None if match is None else _stamp(match)


def chromium(text: str) -> Stamp | None:
    """``1126/172102.994260``, and nothing else."""
    match = _CHROMIUM.fullmatch(text)
    return None if match is None else _stamp(match)


def _stamp(match: re.Match[str]) -> Stamp | None:
    """None for a date that no calendar has."""
    parts = match.groupdict()
    month, year = parts["month"], parts.get("year")
    clock = parts["time"].split(":") if "time" in parts else [parts["h"], parts["m"], parts["s"]]
    if (half := parts.get("half")) is not None:
        clock[0] = str(int(clock[0]) % 12 + (12 if half == "PM" else 0))
    seconds = _seconds(year or "1970", month, parts["day"], *clock, parts.get("zone"))
    if seconds is None:
        return None
    fraction = parts["fraction"] or ""
    return Stamp(
        seconds * _SECOND + int(fraction.ljust(9, "0")),
        parts.get("zone") is not None,
        year is not None,
        _SECOND // 10 ** len(fraction),
    )


@lru_cache(maxsize=1024)
def _seconds(year: str, month: str, day: str, hour: str, minute: str, second: str, zone: str | None) -> int | None:
    """Since the Unix epoch; lines of the same second follow each other."""
    try:
        moment = datetime(
            int(year),
            _MONTHS.get(month) or int(month),
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),  # a leap second
            tzinfo=_zone(zone),
        )
        return (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        # 29 February without a year: 1970 has none.
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    digits = text.replace(":", "")
    size = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-size if text[0] == "-" else size)
