"""The course of a session in the reader's language: events of its timeline and what is said beside them.

The model has them in English, as :mod:`capanalyzer.handshake.timeline` makes them: names of messages and alerts, and a
few words around them. Only these words are translated, where they stand at the beginning or the end of a detail; what
came from the wire stays between them as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.report import model

__all__ = ["told_detail", "told_event"]

_EVENTS: Final = frozenset(
    (
        N_("application data"),
        N_("data"),
        N_("encrypted handshake message"),
        N_("encrypted record"),
        N_("keep-alive"),
        N_("out of order"),
        N_("retransmission"),
        N_("zero window"),
    )
)
_FIRST: Final = {
    re.compile(r"(?P<n>\d+) bytes of data(?=, |$)"): N_("{n} bytes of data"),
    re.compile(r"(?P<n>\d+) bytes(?=, |$)"): N_("{n} bytes"),
    re.compile(r"encrypted, (?P<n>\d+) bytes(?=, |$)"): N_("encrypted, {n} bytes"),
    re.compile(r"begins in frame (?P<n>\d+)$"): N_("begins in frame {n}"),
    re.compile(r"retransmission (?P<n>\d+) bytes of data$"): N_("retransmission {n} bytes of data"),
    re.compile(r"retransmission$"): N_("retransmission"),
    re.compile(r"no SNI(?=, |$)"): N_("no SNI"),
    re.compile(r"(?P<n>\d+) more$"): N_("{n} more"),
}
_LAST: Final = {
    re.compile(r", begins in frame (?P<n>\d+)$"): N_(", begins in frame {n}"),
    re.compile(r", encrypted$"): N_(", encrypted"),
    re.compile(r", by its size$"): N_(", by its size"),
    re.compile(r", the size of an alert$"): N_(", the size of an alert"),
    re.compile(r", no SNI$"): N_(", no SNI"),
}


def told_event(entry: model.TimelineEntry, text: Callable[[str], str]) -> str:
    """What happened: a message by its name, other things in words. Not escaped.

    :param text: the translator of the report's language.
    """
    return text(entry.event) if entry.event in _EVENTS else entry.event


def told_detail(entry: model.TimelineEntry, text: Callable[[str], str]) -> str:
    """What is said beside it. Not escaped.

    :param text: as for :func:`told_event`.
    """
    detail, end = entry.detail, ""
    if entry.event in ("Alert", "RST") and not detail.startswith("encrypted, "):
        return detail  # the name of an alert; the words of whoever reset
    while found := next(filter(None, (pattern.search(detail) for pattern in _LAST)), None):
        detail, end = detail[: found.start()], text(_LAST[found.re]).format(**found.groupdict()) + end
    for pattern, words in _FIRST.items():
        if found := pattern.match(detail):
            return text(words).format(**found.groupdict()) + detail[found.end() :] + end
    return detail + end
