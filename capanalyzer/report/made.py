"""Judged sessions as finished lines, and back: the form in which they cross between processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Session
from capanalyzer.report import model
from capanalyzer.report.build import session_id, session_model
from capanalyzer.report.line import Line, ordinary_line

if TYPE_CHECKING:
    from capanalyzer.redact.redactor import Redactor

__all__ = ["read_line", "session_line", "short_line"]

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(model.Session).decode


def short_line(session: Session, verdict: Verdict, *, timeline: bool) -> Line | None:
    """The line of a session of which no model need be made; None for all others."""
    if type(session) is not OrdinarySession or verdict.findings or timeline:
        return None
    return ordinary_line(session_id(session.capture, "tcp", session.stream), session, verdict)


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


def read_line(line: Line) -> model.Session:
    """The session that a line tells of."""
    return _decode(line.data)
