"""Values in a filter that are more than text: numbers, networks and points in time.

Each function raises UsageError, which points at the value and says how it is written.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NoReturn, TypeAlias

from capanalyzer.remark import Remark
from capanalyzer.report.filter_syntax import Value, refuse
from capanalyzer.report.times import to_rfc3339

__all__ = ["addresses_from", "number_from", "period_from"]

Addresses: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""First and last address, each (IP version, number)."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.IGNORECASE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_NS: Final = 10**9
_FIRST_NS: Final = -(2**63)
_LAST_NS: Final = 2**63 - 1
"""Where capture times lie: from 1677 to 2262."""


def number_from(value: Value, name: str) -> float:
    """``443``, ``0.5``; an int where it is whole."""
    match = _NUMBER.fullmatch(value.text)
    if match is None:
        refuse(value.column, Remark("{name} is compared with a number, not with {text!r}", name=name, text=value.text))
    return float(value.text) if match[1] else int(value.text)


def addresses_from(value: Value, name: str) -> Addresses:
    """``192.0.2.1``, ``10.0.0.0/8``, ``2001:db8::/32``."""
    from ipaddress import ip_network

    try:
        network = ip_network(value.text, strict=False)
    except ValueError:
        refuse(
            value.column,
            Remark(
                "{name} is compared with an address or network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32), not with "
                "{text!r}",
                name=name,
                text=value.text,
            ),
        )
    version = network.version
    return (version, int(network.network_address)), (version, int(network.broadcast_address))


def period_from(value: Value) -> tuple[str, str]:
    """The day, minute, second or fraction that a time names: its begin, and the begin of what follows, as RFC 3339."""
    match = _TIME.fullmatch(value.text)
    if match is None:
        _no_time(value)
    day, minute, second, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}").replace(tzinfo=_zone(zone))
        since = at - _EPOCH
        begin_ns = (since.days * 86_400 + since.seconds) * _SECOND_NS + int((fraction or "").ljust(9, "0"))
        if fraction is not None:
            length_ns = 10 ** (9 - len(fraction))
        else:
            length_ns = (1 if second else 60 if minute else 86_400) * _SECOND_NS
    except (ValueError, OverflowError):
        _no_time(value)
    if not _FIRST_NS <= begin_ns <= _LAST_NS - length_ns:
        _no_time(value)
    return to_rfc3339(begin_ns), to_rfc3339(begin_ns + length_ns)


def _zone(text: str | None) -> timezone:
    """UTC unless an offset is given."""
    if text is None or text in "Zz":
        return UTC
    hours, minutes = text[1:].split(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if text[0] == "-" else offset)


def _no_time(value: Value) -> NoReturn:
    refuse(
        value.column,
        Remark(
            "no time: {text!r}; write 2026-11-23, 2026-11-23T10:00 or 2026-11-23T10:00:00.5+09:00 (UTC without an "
            "offset)",
            text=value.text,
        ),
    )
