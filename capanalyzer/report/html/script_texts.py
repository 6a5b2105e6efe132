"""The texts and fixed words that the page's script shows."""

from __future__ import annotations

from capanalyzer.report.html.look import Look
from capanalyzer.report.html.sessions import column_names
from capanalyzer.report.words import OUTCOMES

__all__ = ["script_texts"]


def script_texts(look: Look, sessions: int) -> dict[str, object]:
    """By the names that the script uses; ``{...}`` in them is filled there.

    :param sessions: rows of the table of sessions.
    """
    _ = look.text
    return {
        "outcomes": {outcome: _(name) for outcome, name in OUTCOMES.items()},
        "columns": column_names(look),
        "captures": len(look.captures),
        "any": _("any"),
        "shown": _("{n} of {all} sessions"),
        "all": look.counted("{n} session", "{n} sessions", sessions).format(n=f"{sessions:,}"),
        "none": _("No session fits these filters."),
        "session": _("Session {number}"),
        "copy": _("Copy"),
        "copied": _("Copied"),
        "failed": _("Copying failed"),
        "copyWhat": _("Copy: {what}"),
        "brief": _("Of this session the report keeps one line."),
        "filter": _("Wireshark"),
        "milliseconds": "{n} ms",
        "seconds": "{n} s",
    }
