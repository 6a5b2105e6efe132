"""Judged sessions as finished lines, and back: the form in which they cross between processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Session
from capanalyzer.report import model
from capanalyzer.report.build import session_id, session_model
from capanalyzer.report.line import Line, Lines, ordinary_line, run_lines

if TYPE_CHECKING:
    from capanalyzer.redact.redactor import Redactor

__all__ = ["lines_of", "read_line", "session_line", "short_line"]

_encode: Final = msgspec.json.Encoder().encode
_new: Final = tuple.__new__
_decode: Final = msgspec.json.Decoder(model.Session).decode


def short_line(session: Session, verdict: Verdict, *, timeline: bool) -> Line | None:
    """The line of a session of which no model need be made; None for all others."""
    if type(session) is not OrdinarySession or verdict.findings or timeline or session.f5 is not None:
        return None
    first_id = session_id(session.capture, "tcp", 0)
    line = ordinary_line(session, verdict, first_id)
    return None if line is None else _new(Line, (first_id + session.stream, "established", line))


def lines_of(judged: JudgedRun, *, timeline: bool) -> Iterable[Lines | tuple[Session, Verdict]]:
    """The lines of sessions that simply work; the sessions themselves where not all can be written without a model."""
    if timeline:
        return judged
    lines = run_lines(judged.run, session_id(judged.run.departure.flows.capture, "tcp", 0))
    return judged if lines is None else lines


def session_line(
    session: Session, verdict: Verdict, *, lang: str, timeline: bool, redactor: Redactor | None = None
) -> Line:
    """The line of any session; parameters as for :func:`capanalyzer.report.build.session_model`."""
    line = None if redactor is not None else short_line(session, verdict, timeline=timeline)
    if line is None:
        identity = session_id(session.capture, session.transport, session.stream)
        made = session_model(identity, session, verdict, lang=lang, timeline=timeline, redactor=redactor)
        line = Line(identity, made.outcome, _encode(made))
    return line


def read_line(data: bytes) -> model.Session:
    """The session that a line's data tell of."""
    return _decode(data)
