"""A line without what a collector put before it: syslog's header, a container's, a JSON envelope."""

from __future__ import annotations

import csv
import json
import re
from typing import Any, Final, NamedTuple

from capanalyzer.logs.stamps import Stamp, better, iso, leading

__all__ = ["Body", "bodies"]


class Body(NamedTuple):
    text: str
    """What the program wrote."""
    stamp: Stamp | None = None
    """Of the header, where it has one."""
    program: str = ""
    """As syslog calls it, without its number."""
    pid: str = ""
    json: dict[str, Any] | None = None
    """The line is a JSON object."""


_PRIORITY: Final = re.compile(r"(?:\d{1,6} (?=<\d{1,3}>1 ))?<\d{1,3}>(?:1 (?=\d{4}-|- ))?\s{0,2}")
"""RFC 6587 puts the message's length before it."""
_RFC5424: Final = re.compile(
    r"(?P<stamp>-|\S{19,40}) (?P<host>\S{1,255}) (?P<program>\S{1,48}) (?P<pid>\S{1,128}) (?P<id>\S{1,32}) "
    r"(?:-|(?:\[[^\]]{0,2048}\]){1,8})(?: |$)"
)
_VALUE: Final = re.compile(r"(?<==)\"(?:[^\"\\]|\\.){0,2048}\"")
"""Of RFC 5424's structured data, within which a bracket is nothing special (section 6.3.3)."""
_TAG: Final = re.compile(
    r" {1,4}(?:(?P<host>\S{1,255}(?<!:)) {1,4})?"
    r"(?:(?:emerg|alert|crit|err|error|warning|warn|notice|info|debug) {1,4})?"
    r"(?P<program>(?![\w.]{0,60}(?:Error|Exception):)[A-Za-z_][\w./-]{0,63})"
    r"(?:\((?:\w{1,32})\))?(?:\[(?P<pid>\d{1,10})\])?: "
)
"""RFC 3164: host, tag, number; F5 puts the level between them. An error's class is no program."""
_COMPOSE: Final = re.compile(r"[\w.-]{1,64} {0,20}\| ")
"""docker compose: the container's name before each line."""
_CONTAINER: Final = re.compile(r" (?:stdout|stderr) [FP] ")
"""CRI: what a Kubernetes node keeps of a container's output."""
_TAGGED: Final = re.compile(r"[ \t]{1,4}[\w./*-]{1,200}(?::|\t)[ \t]?(?=\{)")
"""Fluentd: its tag, before a record."""
_GREP: Final = re.compile(
    r"(?:(?:/|\./|~/)[\w./~@+%-]{1,255}|[\w.+-]{1,128}\.(?:log|txt|err|out)(?:[.-]\d{1,8})?(?:\.(?:gz|xz|zst|bz2))?|"
    r"(?:syslog|messages|ltm|maillog|daemon)(?:\.\d{1,4})?(?:\.gz)?)(?P<mark>[:-])(?:\d{1,9}(?P=mark))?|\d{1,9}:(?!\d\d:\d\d)"
)
"""The file's name and the line's number, as grep puts them before what it found."""
_POD: Final = re.compile(r"\[pod/[\w./-]{1,253}\] ")
"""kubectl logs --prefix."""
_ENVELOPES: Final = (
    "log", "message", "msg", "MESSAGE", "textPayload", "@message", "Message", "line", "_raw", "original", "body"
)  # fmt: skip
"""Keys under which collectors put the line itself."""
_OBJECTS: Final = ("event", "result", "log", "_source")
"""Keys of objects within which they stand (Elastic Common Schema, Splunk)."""
_MOMENTS: Final = ("time", "timestamp", "timeStamp", "eventTimestamp", "@timestamp", "ts", "date", "_time")
_MICROSECONDS: Final = "__REALTIME_TIMESTAMP"
"""systemd's journal; as text."""
_LOGFMT: Final = re.compile(r"(?:time|ts|t|timestamp)=\"?(?P<stamp>[^\"\s]{19,40})\"? ")
_MESSAGE: Final = re.compile(r" msg=\"(?P<text>(?:[^\"\\]|\\.){1,16384})\"")
"""logfmt, which logrus and slog write."""
_COLOUR: Final = re.compile(r"\x1b\[[\d;]{0,16}[mK]")
"""SGR and EL sequences (ECMA-48 sections 8.3.117 and 8.3.41): a terminal's colours, and what grep puts beside them."""
_MAX_JSON: Final = 64 << 10
_DEPTH: Final = 3
"""Headers and envelopes within each other that are taken off."""


def bodies(text: str) -> list[Body]:
    """The readings of a line, outermost first: the line itself, then what is inside its header or envelope."""
    return _bodies(text, _DEPTH)


def _bodies(text: str, depth: int) -> list[Body]:
    line = _COLOUR.sub("", text).strip().lstrip("\ufeff") if "\x1b[" in text else text.strip().lstrip("\ufeff")
    if line.startswith("{"):
        found = [_json(line)]
        if depth and (inner := _inside(found[0].json or {})) is not None:
            found += [one._replace(stamp=better(one.stamp, inner.stamp)) for one in _bodies(inner.text, depth - 1)]
        return found
    found = [Body(line)]
    if depth and (before := _COMPOSE.match(line) or _POD.match(line) or _GREP.match(line)) is not None:
        return found + _bodies(line[before.end() :], depth - 1)
    header = _PRIORITY.match(line)
    start = header.end() if header is not None else 0
    is_versioned = header is not None and header[0].rstrip().endswith(">1")
    if (
        is_versioned
        and (match := _RFC5424.match(_VALUE.sub(_blank, line), start)) is not None
        and ((stamp := iso(match["stamp"])) is not None or match["stamp"] == "-")
    ):
        rest = line[match.end() :].lstrip("\ufeff")
        pid = match["pid"] if match["pid"].isdigit() else ""
        return [*found, Body(rest, stamp, match["program"], pid), *_nested(rest, stamp, depth)]
    if (match := _LOGFMT.match(line)) is not None and (stamp := iso(match["stamp"])) is not None:
        message = _MESSAGE.search(line, match.end() - 1)
        inside = [Body(re.sub(r"\\(.)", r"\1", message["text"]), stamp)] if message is not None else []
        return [Body(line, stamp), *inside]
    if (row := _row(line)) is not None:
        return [*found, row, *(_nested(row.text, row.stamp, depth))]
    if (read := leading(line[start : start + 64])) is None:
        return found
    stamp, end = read[0], start + read[1]
    found = [Body(line, stamp)]
    if (container := _CONTAINER.match(line, end) or _TAGGED.match(line, end)) is not None:
        rest = line[container.end() :]
        return [*found, Body(rest, stamp), *_nested(rest, stamp, depth)]
    if (tag := _TAG.match(line, end)) is not None and (tag["host"] or tag["pid"]):
        rest = line[tag.end() :]
        program = tag["program"].rpartition("/")[2] if not tag["program"].startswith("postfix") else tag["program"]
        return [*found, Body(rest, stamp, program, tag["pid"] or ""), *_nested(rest, stamp, depth)]
    return found


def _blank(match: re.Match[str]) -> str:
    return "_" * len(match[0])


def _row(line: str) -> Body | None:
    """A row of an export (CSV), that begins with its time: the longest of the other fields."""
    mark = '"' if line.startswith('"') else ""
    if (read := leading(line[len(mark) : len(mark) + 64])) is None:
        return None
    stamp, end = read[0], len(mark) + read[1]
    if not line.startswith(f"{mark},", end):
        return None
    text = line[end + len(mark) + 1 :]
    if text.startswith('"') or ',"' in text:
        try:
            text = max(next(csv.reader([text])), key=len)
        except (csv.Error, StopIteration):
            return None
    return Body(text.strip(), stamp)


def _nested(rest: str, stamp: Stamp | None, depth: int) -> list[Body]:
    """A header or an envelope within a header."""
    if not depth or not (rest.startswith(("{", "<")) or leading(rest[:64]) or _LOGFMT.match(rest)):
        return []
    inner = _bodies(rest, depth - 1)
    return [one._replace(stamp=better(one.stamp, stamp)) for one in (inner if rest.startswith("{") else inner[1:])]


def _json(line: str) -> Body:
    try:
        value = json.loads(line) if len(line) <= _MAX_JSON else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Body(line)
    return Body(line, _moment(value), json=value)


def _inside(value: dict[str, Any]) -> Body | None:
    for key in _ENVELOPES:
        text = value.get(key)
        if isinstance(text, str) and text:
            return Body(text, _moment(value))
    for key in _OBJECTS:
        inner = value.get(key)
        if isinstance(inner, dict) and (found := _inside(inner)) is not None:
            return found._replace(stamp=better(found.stamp, _moment(value)))
    return None


def _moment(value: dict[str, Any]) -> Stamp | None:
    for key in _MOMENTS:
        text = value.get(key)
        if isinstance(text, str) and len(text) <= 64 and (stamp := iso(text.strip())) is not None:
            return stamp
        if isinstance(text, float | int) and 1e9 <= text < 1e10:
            return Stamp(round(text * 1_000_000) * 1000, has_zone=True, has_year=True, resolution_ns=1000)
        if isinstance(text, int) and 10**12 <= text < 10**13:
            return Stamp(text * 1_000_000, has_zone=True, has_year=True, resolution_ns=1_000_000)
    if isinstance(inner := value.get("t"), dict) and isinstance(text := inner.get("$date"), str):  # MongoDB
        return iso(text)
    text = value.get(_MICROSECONDS)
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) == 16:
        return Stamp(int(text) * 1000, has_zone=True, has_year=True, resolution_ns=1000)
    return None
