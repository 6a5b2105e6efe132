"""What is said of a capture without failures: that it has none, and what it would not have shown."""

from __future__ import annotations

from capanalyzer.i18n import plural, translator
from capanalyzer.report import model
from capanalyzer.report.digest import Digest

__all__ = ["not_visible", "nothing_failed"]


def nothing_failed(end: model.Trailer, lang: str) -> str:
    """The answer where no session failed, in a sentence."""
    _, counted, summary = translator(lang), plural(lang), end.summary
    applied = summary.filter
    if not summary.sessions:
        if applied is not None and applied.left_out:
            return _("The filter leaves out every session.")
        return counted("No TCP connection in this capture.", "No TCP connection in these captures.", len(end.captures))
    return _("No session failed.") if applied is None else _("None of the chosen sessions failed.")


def not_visible(kept: Digest, summary: model.Summary, lang: str) -> list[str]:
    """What could have gone wrong without being seen, a phrase each."""
    _, counted = translator(lang), plural(lang)
    outcomes, notes = summary.outcomes, []
    if count := outcomes.get("incomplete", 0):
        text = counted(
            "{n} session of which too little was captured to tell",
            "{n} sessions of which too little was captured to tell",
            count,
        )
        notes.append(text.format(n=f"{count:,}"))
    if count := kept.tls13:
        text = counted(
            "{n} TLS 1.3 session: its certificates are encrypted",
            "{n} TLS 1.3 sessions: their certificates are encrypted",
            count,
        )
        notes.append(text.format(n=f"{count:,}"))
    if count := kept.resumed:
        text = counted(
            "{n} resumed session: no certificate was sent", "{n} resumed sessions: no certificate was sent", count
        )
        notes.append(text.format(n=f"{count:,}"))
    if outcomes.get("established"):
        notes.append(_("what happened inside the encrypted channels"))
    notes.append(_("connections that were open and silent while this was captured, and UDP (QUIC, DTLS)"))
    return notes
