"""What is told of a new incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from capanalyzer.i18n import plural, translator
from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.words import ACTS, endpoint

__all__ = ["Message", "make_message"]

MAX_OTHERS: Final = 20
"""Incidents held back that are told by name; all are counted."""


@dataclass(frozen=True, slots=True)
class Message:
    """One notification."""

    incident: model.Incident
    text: str
    """One line, without control characters."""
    held_back: int
    """Incidents that begun since the last notification and were not told apart from this one."""
    body: bytes
    """JSON: all of it, see :func:`make_message`."""


def make_message(
    incident: model.Incident, others: Sequence[model.Incident], uncounted: int, *, source: str, lang: str
) -> Message:
    """A notification.

    Its JSON has ``text`` (which chat systems show), ``incident`` as in a report, ``session`` (id of the first one that
    failed), ``held_back`` (``incidents``: how many, ``some``: the first of them), ``source``, ``tool`` and
    ``schema_version``.

    :param others: incidents that begun meanwhile.
    :param uncounted: how many more there were.
    """
    count = len(others) + uncounted
    text = _text(incident, count, lang)
    some = [
        {"cause": one.cause, "server": one.server, "sni": one.sni, "session": _first_session(one)}
        for one in others[:MAX_OTHERS]
    ]
    body = msgspec.json.encode(
        {
            "text": text,
            "incident": incident,
            "session": _first_session(incident),
            "held_back": {"incidents": count, "some": some},
            "source": source,
            "tool": model.TOOL,
            "schema_version": model.SCHEMA_VERSION,
        }
    )
    return Message(incident, text, count, body)


def _first_session(incident: model.Incident) -> int | None:
    return incident.sessions[0] if incident.sessions else None


def _text(incident: model.Incident, others: int, lang: str) -> str:
    _, counted = translator(lang), plural(lang)
    server = endpoint(incident.server) + (f" ({incident.sni})" if incident.sni else "")
    text = _("{cause} at {server}: {sentence} Who acts: {who}.").format(
        cause=incident.cause,
        server=server,
        sentence=incident.sentence or incident.title,
        who=_(ACTS.get(incident.blame, ACTS["unknown"])),
    )
    if others:
        more = counted("And {n} more new incident.", "And {n} more new incidents.", others)
        text += " " + more.format(n=f"{others:,}")
    return printable(text)
