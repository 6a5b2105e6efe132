"""The story of a connection that a BIG-IP proxies, told with the log lines of both its sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from capanalyzer.i18n import N_, translator
from capanalyzer.report import model
from capanalyzer.report.log_words import place

__all__ = ["with_other_sides"]

MAX_LINES: Final = 3
"""Lines told of with a story."""
_LOGS: Final = {
    "client": N_("Log of the client side: {title} ({place})."),
    "server": N_("Log of the server side: {title} ({place})."),
}
_OTHER: Final = {"client": "server", "server": "client"}


def with_other_sides(session: model.Session, lines: Mapping[int, Sequence[model.LogLine]], lang: str) -> model.Session:
    """A session whose lines stand with it already does without them in its story; those of its other sides do not.

    :param lines: by the id of their session.
    """
    told = session.f5
    if told is None or not told.story or told.side is None:
        return session
    others = [line for side in told.other_sides for line in lines.get(side.session, ())]
    if not others:
        return session
    text = translator(lang)(_LOGS[_OTHER[told.side]])
    more = [text.format(title=line.title, place=place(line)) for line in others[:MAX_LINES]]
    return replace(session, f5=replace(told, story=" ".join([told.story, *more])))
