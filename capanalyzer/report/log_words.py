"""What every renderer says of logs: their state, how a line was found to be a session's, why it has none."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.i18n import N_, plural, translator
from capanalyzer.report import model
from capanalyzer.report.build import SESSIONS_PER_CAPTURE, UDP_FROM
from capanalyzer.report.words import CONFIDENCE

__all__ = [
    "agreement_text",
    "beyond_text",
    "candidates_text",
    "has_lines",
    "log_counts_text",
    "log_line_count",
    "place",
    "reason_text",
    "story_lines",
    "tie_text",
]

_SIDES: Final = {"client": N_("Client side"), "server": N_("Server side")}
_FOUND_BY: Final = {
    "addresses-and-ports": N_("by the addresses and ports of both ends"),
    "client-port": N_("by the client's address and port"),
    "client-address": N_("by the client's address and the time"),
    "server-name": N_("by the server name and the time"),
    "server-address": N_("by the server's address and the time"),
    "time": N_("by the time and what it says"),
    "words": N_("by what it says alone"),
}
_WITHOUT_TIME: Final = {
    "client-address": N_("by the client's address, without a time"),
    "server-name": N_("by the server name, without a time"),
    "server-address": N_("by the server's address, without a time"),
}
_AGREEMENT: Final = {
    "contradicts": N_(
        "The packets show otherwise, and they come first: the line is of another session, or of another time."
    ),
    "unknown": N_("The packets neither show this nor speak against it."),
}
_BEYOND: Final = {"client": N_("its client side"), "server": N_("its server side")}
_REASONS: Final = {
    "outside-capture": N_("written before or after the capture"),
    "address-not-seen": N_("its client address is not in the capture"),
    "port-not-seen": N_("its client address is in the capture, the port is not"),
    "no-session-then": N_("no session at its time that it could speak of"),
    "several-fit": N_("several sessions fit equally well"),
    "several-lines": N_("more lines say the same than there are sessions that they can mean"),
    "clock-unknown": N_("its log's clock cannot be compared with the capture's"),
    "names-nobody": N_("it names nobody, and no session failed in a way that it can mean"),
}
_ONE_FITS: Final = N_("one session fits, but the line may be of another")
"""Of another capture, of the traffic that was not captured, or of a session that was not kept."""


def place(line: model.LogLine | model.UnmatchedLogLine) -> str:
    """Where the line stands: ``error.log:12``."""
    return f"{line.source}:{line.line}"


class StoryLine(NamedTuple):
    """A line of a log in the story of a session."""

    side: str
    """``Client side`` or ``Server side`` of the proxy that speaks of them, in the report's language; else empty."""
    line: model.LogLine


def story_lines(session: model.Session, lang: str) -> list[StoryLine]:
    """Lines that speak of a session, and of what a BIG-IP made of the same connection on its other side.

    The client side first, as in the story.
    """
    f5, _ = session.f5, translator(lang)
    if f5 is None or f5.side is None:
        return [StoryLine("", line) for line in session.log_lines]
    by_side = dict[str, list[model.LogLine]](client=[], server=[])
    beyond = "server" if f5.side == "client" else "client"
    by_side[f5.side] += session.log_lines
    for other in f5.other_sides:
        by_side[beyond] += other.log_lines
    return [StoryLine(_(_SIDES[side]), line) for side, lines in by_side.items() for line in lines]


def has_lines(session: model.Session) -> bool:
    """A log speaks of it or of its other side."""
    return bool(session.log_lines) or (
        session.f5 is not None and any(other.log_lines for other in session.f5.other_sides)
    )


def tie_text(line: model.LogLine, lang: str) -> str:
    """How sure it is that the line speaks of the session, and why."""
    _ = translator(lang)
    confidence = _(CONFIDENCE.get(line.confidence, line.confidence))
    found_by = _FOUND_BY[line.found_by]
    if line.time is None:
        found_by = _WITHOUT_TIME.get(line.found_by, found_by)
    text = _("{confidence}, {found_by}").format(confidence=confidence, found_by=_(found_by))
    return text if line.because is None else _("{text}: {detail}").format(text=text, detail=line.because)


def agreement_text(line: model.LogLine, lang: str) -> str:
    """What the packets say to it; empty where they say the same, or where the line tells of no failure."""
    _ = translator(lang)
    if line.failed_side is not None and line.agreement != "contradicts":
        text = _("This side of the proxied connection works; what failed is {side}: {cause}.")
        return text.format(side=beyond_text(line.failed_side, lang), cause=line.failed_side.cause)
    text = _AGREEMENT.get(line.agreement, "") if line.is_failure else ""
    return _(text) if text else ""


def beyond_text(failed: model.FailedSide, lang: str) -> str:
    """``its server side``: what failed in the place of the session that a line names."""
    return translator(lang)(_BEYOND[failed.side])


def named_text(session: model.Session, lang: str) -> str:
    """What the log of the end that decided adds to the verdict; empty where it adds nothing."""
    cause, _ = session.named_by_log, translator(lang)
    if cause is None:
        return ""
    if cause == session.cause:
        return _("The program that decided gives the same reason, so the verdict is surer.")
    text = _("The program that decided names `{cause}`; `capanalyzer explain {cause}` tells what to do.")
    return text.format(cause=cause)


def reason_text(line: model.UnmatchedLogLine, lang: str) -> str:
    """Why it has no session."""
    is_one = line.reason == "several-fit" and len(line.candidates) == 1
    return translator(lang)(_ONE_FITS if is_one else _REASONS[line.reason])


def candidates_text(line: model.UnmatchedLogLine, several: bool, lang: str) -> str:
    """Which sessions fit equally well, as the report numbers them; empty where none does.

    :param several: the report is about several captures.
    """
    if not line.candidates:
        return ""
    names = [number(identity, several) for identity in line.candidates]
    _ = translator(lang)
    return _("Sessions that it may speak of: {sessions}").format(sessions=", ".join(names))


def silent_text(end: model.Trailer, limit: int, lang: str) -> str:
    """Which failed sessions no line speaks of; empty where there are none.

    :param limit: how many are named.
    """
    counts, _ = end.summary.log_lines, translator(lang)
    if counts is None or not counts.sessions_without_line:
        return ""
    several, shown = len(end.captures) > 1, counts.sessions_without_line[:limit]
    names = ", ".join(number(identity, several) for identity in shown)
    if left := counts.failed_without_line - len(shown):
        names = _("{sessions} and {n} more").format(sessions=names, n=f"{left:,}")
    return _("Failed sessions without a line: {sessions}").format(sessions=names)


def number(identity: int, several: bool) -> str:
    """How a report names a session: its stream, or its capture and stream."""
    capture, stream = divmod(identity, SESSIONS_PER_CAPTURE)
    return f"{capture}:{stream % UDP_FROM}" if several else str(stream % UDP_FROM)


def log_counts_text(counts: model.LogCounts, lang: str) -> str:
    """How lines and sessions found each other, in one sentence."""
    _, counted = translator(lang), plural(lang)
    parts = [counted("{n} log line has its session", "{n} log lines have their sessions", counts.joined)]
    numbers = [counts.joined]
    if counts.unmatched:
        parts.append(counted("{n} line of a failure has none", "{n} lines of failures have none", counts.unmatched))
        numbers.append(counts.unmatched)
    if counts.failed_without_line:
        parts.append(
            counted("{n} failed session has no line", "{n} failed sessions have no line", counts.failed_without_line)
        )
        numbers.append(counts.failed_without_line)
    texts = [part.format(n=f"{n:,}") for part, n in zip(parts, numbers, strict=True)]
    return _("{text}.").format(text=_("; ").join(texts))


def log_line_count(incident: model.Incident, lang: str) -> tuple[str, ...]:
    """How many log lines speak of its sessions; empty where none does."""
    counted, n = plural(lang), incident.log_lines
    return (counted("{n} log line", "{n} log lines", n).format(n=f"{n:,}"),) if n else ()
