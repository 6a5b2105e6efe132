"""A report that ``analyze`` wrote, read back: only what a ticket's text says, from JSON of any version 1."""

from __future__ import annotations

from typing import Final

import msgspec

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.report.model import Endpoint

__all__ = ["Capture", "Finding", "Incident", "LogLine", "Report", "Session", "read_report"]

_HEAD_BYTES: Final = 4096


class _View(msgspec.Struct, frozen=True, gc=False):
    """Some keys of an object; the others are passed over, and those that older reports lack have a default."""


class Evidence(_View, frozen=True, gc=False):
    frame: int
    text: str = ""


class Finding(_View, frozen=True, gc=False):
    title: str = ""
    explanation: str = ""
    confidence: str = ""
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[str, ...] = ()


class LogLine(_View, frozen=True, gc=False):
    source: str
    line: int
    text: str | None = None
    title: str = ""
    confidence: str = ""
    is_failure: bool = True


class _OtherSide(_View, frozen=True, gc=False):
    log_lines: tuple[LogLine, ...] = ()


class _BigIp(_View, frozen=True, gc=False):
    other_sides: tuple[_OtherSide, ...] = ()


class Session(_View, frozen=True, gc=False):
    id: int
    capture: int
    stream: int
    outcome: str
    cause: str | None = None
    blame: str | None = None
    findings: tuple[Finding, ...] = ()
    display_filter: str = ""
    log_lines: tuple[LogLine, ...] = ()
    f5: _BigIp | None = None

    def lines(self) -> tuple[LogLine, ...]:
        """Lines of logs that tell of this failure: of the session itself, then of its other side of a BIG-IP."""
        others = self.f5.other_sides if self.f5 is not None else ()
        beyond = (line for other in others for line in other.log_lines)
        return tuple(line for line in (*self.log_lines, *beyond) if line.is_failure)


class Capture(_View, frozen=True, gc=False):
    path: str
    packets: int = 0
    bytes: int = 0
    first_time: str | None = None
    last_time: str | None = None
    warnings: tuple[str, ...] = ()


class Incident(_View, frozen=True, gc=False):
    cause: str
    server: Endpoint
    sessions: tuple[int, ...]
    clients: int
    first: str
    last: str
    sni: str | None = None
    title: str = ""
    sentence: str = ""
    confidence: str = ""
    blame: str = ""
    sessions_unlisted: int = 0
    log_lines: int = 0

    @property
    def session_count(self) -> int:
        return len(self.sessions) + self.sessions_unlisted


class Summary(_View, frozen=True, gc=False):
    sessions: int
    outcomes: dict[str, int]
    causes: dict[str, int]
    notes: tuple[str, ...] = ()


class _Trailer(_View, frozen=True, gc=False):
    schema_version: str
    captures: tuple[Capture, ...]
    incidents: tuple[Incident, ...]
    summary: Summary


class _Document(_Trailer, frozen=True, gc=False):
    sessions: tuple[Session, ...] = ()


class Report(msgspec.Struct, frozen=True, gc=False):
    """What is known of some captures."""

    captures: tuple[Capture, ...]
    incidents: tuple[Incident, ...]
    summary: Summary
    examples: dict[int, Session]
    """By id: the first session of each incident."""


def read_report(path: str) -> Report | None:
    """The report in a JSON or JSONL file; None where the file is something else.

    :raises TicketError: it is a report, but a newer or a broken one.
    :raises OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        if not head.startswith(b"{"):
            return None
        file.seek(0)
        if path.endswith(".jsonl") or (head.startswith(b'{"id"') and b"\n" in head):
            return _lines(path, file.read())
        content = file.read()
    if b'"schema_version"' not in content:
        return None
    try:
        document = msgspec.json.decode(content, type=_Document)
    except msgspec.DecodeError as error:
        if content.count(b"\n") > 1 and not path.endswith(".json"):
            return _lines(path, content)
        raise TicketError(Remark("{path}: is no whole report: {reason}", path=path, reason=error)) from None
    return _report(path, document, {session.id: session for session in document.sessions})


def _lines(path: str, content: bytes) -> Report | None:
    lines = content.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or b'"schema_version"' not in lines[-1]:
        if path.endswith(".jsonl"):
            raise TicketError(Remark("{path}: is no whole report: its last line is not there", path=path))
        return None
    decode = msgspec.json.Decoder(Session).decode
    try:
        trailer = msgspec.json.decode(lines[-1], type=_Trailer)
        wanted = {incident.sessions[0] for incident in trailer.incidents if incident.sessions}
        sessions = (decode(line) for line in lines[:-1] if line.strip())
        examples = {session.id: session for session in sessions if session.id in wanted}
    except msgspec.DecodeError as error:
        raise TicketError(Remark("{path}: is no whole report: {reason}", path=path, reason=error)) from None
    return _report(path, trailer, examples)


def _report(path: str, trailer: _Trailer, sessions: dict[int, Session]) -> Report:
    if trailer.schema_version.partition(".")[0] != "1":
        raise TicketError(
            Remark(
                "{path}: a report of version {schema_version}, which is newer than this program",
                path=path,
                schema_version=trailer.schema_version,
            )
        )
    wanted = (incident.sessions[0] for incident in trailer.incidents if incident.sessions)
    examples = {identity: sessions[identity] for identity in wanted if identity in sessions}
    names = _names([capture.path for capture in trailer.captures])
    captures = tuple(
        msgspec.structs.replace(capture, path=name) for capture, name in zip(trailer.captures, names, strict=True)
    )
    return Report(captures, trailer.incidents, trailer.summary, examples)


def _names(paths: list[str]) -> list[str]:
    """What a ticket's readers know the captures by: no folders of this machine, but where names are the same."""
    parts = [[part for part in path.replace("\\", "/").split("/") if part] or [path] for path in paths]
    for depth in (1, 2, 3):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(set(paths)):
            break
    return names
