"""The pages of the causes: one Markdown file for each cause and language, which holds all its texts.

A page begins with a front part between two lines ``---``, one text a line:

- ``title``: one short line;
- ``title-<variant>``: instead of it, where the usual title would say too much of such a finding;
- ``summary``: one to three sentences with the values measured, as ``{fields}``;
- ``summary-<variant>``: instead of it, where a finding names a variant (the same cause decided in another way).

Then come five headings, the same in each language (``HEADINGS``). What to check first and the commands are lists,
one item a line; together they are a finding's remedies. Fields are filled with the finding's facts and the session's
own addresses, ports and names (see :func:`capanalyzer.diagnosis.fields.session_fields`); an item that names a field
which a session or finding need not have is left out where it has none; a check that only some sessions need comes
first where it applies. Literal braces are doubled.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["HEADINGS", "Page", "read_page"]

HEADINGS: Final = {
    "en": (
        "What it means",
        "How it was decided",
        "What else looks the same",
        "What to check first",
        "Commands",
    ),
    "ja": ("意味", "判定の根拠", "似て見えるもの", "最初に確認すること", "コマンド"),
}


_PAGES: Final = os.path.join(os.path.dirname(__file__), "pages")


class Page(NamedTuple):
    title: str
    titles: dict[str, str]
    """By variant, where it has one of its own."""
    summaries: dict[str, str]
    """By variant; "" is the usual one."""
    sections: tuple[tuple[str, str], ...]
    """(heading, text), in the order of the file."""
    checks: tuple[str, ...]
    commands: tuple[str, ...]

    def summary(self, variant: str) -> str:
        return self.summaries.get(variant) or self.summaries[""]


@lru_cache(maxsize=256)
def read_page(cause: str, lang: str) -> Page:
    """The page of a cause.

    :raises FileNotFoundError: there is none; a test holds that every rule's causes have theirs.
    """
    # Not through importlib.resources: its import costs more than all pages of a report.
    with open(os.path.join(_PAGES, f"{cause}.{lang}.md"), encoding="utf-8") as file:
        source = file.read()
    _, front, body = source.split("---\n", 2)
    title, titles, summaries = "", {}, {}
    for line in front.splitlines():
        key, _, text = line.partition(": ")
        if key == "title":
            title = text
        elif key.startswith("title-"):
            titles[key.removeprefix("title-")] = text
        else:
            summaries[key.removeprefix("summary").removeprefix("-")] = text
    sections = []
    for section in body.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        sections.append((heading.strip(), text.strip()))
    by_heading = dict(sections)
    _, _, _, checks, commands = HEADINGS[lang]
    return Page(title, titles, summaries, tuple(sections), _items(by_heading[checks]), _items(by_heading[commands]))


def _items(text: str) -> tuple[str, ...]:
    return tuple(line[2:].strip() for line in text.splitlines() if line.startswith("- "))
