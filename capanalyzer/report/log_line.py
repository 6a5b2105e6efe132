"""A log line explained, as text for a terminal: what it says, what it means, what misleads, and what to capture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.cells import cell_len

from capanalyzer.diagnosis.explain import explained
from capanalyzer.i18n import N_
from capanalyzer.logs.body import bodies
from capanalyzer.logs.capture_plan import capture_commands
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.line import LogLine, Peer, Role, Said, TimeOf
from capanalyzer.logs.meanings import MEANINGS, Acts
from capanalyzer.logs.programs import PROGRAMS
from capanalyzer.logs.stamps import Stamp
from capanalyzer.report.escape import printable
from capanalyzer.report.log_texts import reset_reason
from capanalyzer.report.terminal import Line, Look, fit, painter, wrap, wrap_prose
from capanalyzer.tls.codepoints import alert_name

__all__ = ["explained_line", "unknown_line"]

_INDENT: Final = 2
_MAX_SHOWN: Final = 600
"""Characters of the line that are shown again."""
_SAID: Final = {
    Said.LOCAL: N_("the program that wrote the line: it decided by itself"),
    Said.TRANSPORT: N_("nobody: the connection was closed, reset or silent, and the reason is in the other end's log"),
    None: N_("the line does not tell"),
}
_ROLE: Final = {
    Role.SERVER: N_("the TLS server of this connection"),
    Role.CLIENT: N_("the TLS client of this connection"),
}
_TIME_OF: Final = {
    TimeOf.ACCEPT: N_("of the connection's beginning"),
    TimeOf.FAILURE: N_("of the failure"),
    TimeOf.END: N_("of the session's end"),
}


def explained_line(line: LogLine, look: Look, *, others: int = 0) -> Iterator[str]:
    """One entry of a log, in lines that each end.

    :param others: entries that say the same and are not shown.
    """
    paint, meaning, _ = painter(look), MEANINGS[line.meaning], look.text
    title = wrap(_(meaning.title), look.text_width)
    for text in title:
        yield paint([(text, "failed" if line.is_failure else "fine")])
    yield paint([])
    yield from map(paint, _quoted(line.text, look))
    if others:
        more = look.counted("and {n} more line that says the same", "and {n} more lines that say the same", others)
        yield paint([(" " * _INDENT + more.format(n=others), "quiet")])
    yield paint([])
    yield from map(paint, _facts(line, look))
    reason = reset_reason(line)
    means = [_(meaning.text)] if reason is None else [_(meaning.text), _(reason.meaning)]
    yield from map(paint, _section(_(N_("What it means")), means, look))
    if meaning.misleads:
        yield from map(paint, _section(_(N_("Where it misleads")), [_(meaning.misleads)], look, style="warning"))
    yield from map(paint, _causes(line, look))
    checks = [_(one) for one in (*(() if reason is None else (reason.action,)), *meaning.checks)]
    yield from map(paint, _section(_(N_("What to check first")), checks, look, item="- "))
    yield from map(paint, _capture(line, line.client, line.server, look))


def unknown_line(text: str, look: Look) -> Iterator[str]:
    """A line of which no format is known: what could be read all the same."""
    paint, _ = painter(look), look.text
    yield paint([(_(N_("No line about TLS that is known here")), "strong")])
    yield paint([])
    yield from map(paint, _quoted(text, look))
    yield paint([])
    stamp = next((one.stamp for one in bodies(text[:4096]) if one.stamp is not None), None)
    ends = [end for one in re.findall(ENDPOINT, text[:4096]) if (end := endpoint(one)) is not None][:2]
    rows = []
    if stamp is not None:
        rows.append((_(N_("Time")), _stamp(stamp, look)))
    if ends:
        rows.append((_(N_("Addresses")), _(", ").join(map(_end, ends))))
    yield from map(paint, _rows(rows, look))
    note = N_(
        "It may be of a program that is not known, or say nothing of TLS, or lack the part that names the error. "
        "Give the whole line as it stands in the log. Lines of one entry (a stack trace, Apache's two lines) go "
        "together: with line feeds between them, or through standard input with --line -."
    )
    yield from map(paint, _section(_(N_("What now")), [_(note)], look, lead=bool(rows)))
    client, server = (ends[0], ends[1]) if len(ends) == 2 else (ends[0] if ends else Peer(), Peer())
    yield from map(paint, _capture(None, client, server, look))


def _quoted(text: str, look: Look) -> Iterator[Line]:
    """What the log says, with nothing in it that a terminal would obey."""
    shown = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + look.glyphs.more
    for one in shown.split("\n"):
        for part in wrap(printable(one.strip("\r").expandtabs(4)), look.text_width - _INDENT) or [""]:
            yield [(" " * _INDENT + part, "quiet")]


def _facts(line: LogLine, look: Look) -> Iterator[Line]:
    _ = look.text
    rows = [(_(N_("Written by")), PROGRAMS[line.format])]
    if line.role is not None:
        rows.append((_(N_("It is")), _(_ROLE[line.role])))
    if line.time_ns is None:
        rows.append((_(N_("Time")), _(N_("not in the line"))))
    else:
        stamp = Stamp(line.time_ns, line.has_zone, line.has_year, line.resolution_ns)
        rows.append((_(N_("Time")), _(", ").join((_stamp(stamp, look), _(_TIME_OF[line.time_of])))))
    for label, end in ((_(N_("Client")), line.client), (_(N_("Server")), line.server)):
        if end != Peer():
            rows.append((label, _end(end)))
    if line.client == line.server == Peer():
        rows.append((_(N_("Addresses")), _(N_("not in the line"))))
    if line.sni is not None:
        rows.append((_(N_("Server name")), printable(line.sni)))
    rows.append((_(N_("Who speaks")), _speaker(line, look)))
    if line.reason:
        rows.append((_(N_("Its words")), printable(line.reason.replace("\n", " "))))
    rows.append((_(N_("Who acts")), _(_acts(line).value)))
    return _rows(rows, look)


def _acts(line: LogLine) -> Acts:
    """Which side the other end is shows where the writer's role does; a certificate that it refused is that end's."""
    acts = MEANINGS[line.meaning].acts
    if acts not in (Acts.OTHER, Acts.OWNER, Acts.OWN) or line.role is None:
        return acts
    return Acts.SERVER if (line.role is Role.SERVER) is (acts is Acts.OWN) else Acts.CLIENT


def _speaker(line: LogLine, look: Look) -> str:
    _ = look.text
    if line.said is Said.PEER:
        if line.alert is None:
            return _(N_("the other end: it sent an alert"))
        text = _(N_("the other end: it sent alert {code}, {alert}"))
        return text.format(code=line.alert, alert=alert_name(line.alert))
    text = _(_SAID[line.said])
    if line.alert is not None:
        text += " " + _(N_("(alert {code}, {alert})")).format(code=line.alert, alert=alert_name(line.alert))
    return text


def _stamp(stamp: Stamp, look: Look) -> str:
    _ = look.text
    moment = datetime.fromtimestamp(stamp.time_ns // 1_000_000_000, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if stamp.has_year else "%m-%d %H:%M:%S")
    digits = len(str(1_000_000_000 // stamp.resolution_ns)) - 1
    if digits:
        text += f".{stamp.time_ns % 1_000_000_000:09d}"[: digits + 1]
    notes = [] if stamp.has_year else [_(N_("no year"))]
    if not stamp.has_zone:
        notes.append(_(N_("no time zone")))
    return f"{text} UTC" if not notes else _("{text} ({detail})").format(text=text, detail=_(", ").join(notes))


def _end(end: Peer) -> str:
    if end.ip is None:
        return f"*:{end.port}"
    ip = end.ip if end.route_domain is None else f"{end.ip}%{end.route_domain}"
    if end.port is None:
        return ip
    return f"[{ip}]:{end.port}" if ":" in ip else f"{ip}:{end.port}"


def _rows(rows: list[tuple[str, str]], look: Look) -> Iterator[Line]:
    """Labels in a column, values beside them."""
    width = max((cell_len(label) for label, _ in rows), default=0) + 2
    for label, value in rows:
        name = label
        for part in wrap(value, look.text_width - _INDENT - width) or [""]:
            yield [(" " * _INDENT + fit(name, width, look), "strong"), (part, "")]
            name = ""


def _section(
    heading: str, texts: list[str], look: Look, *, item: str = "", style: str = "", lead: bool = True
) -> Iterator[Line]:
    if not texts:
        return
    if lead:
        yield []
    yield [(heading, "strong")]
    for text in texts:
        mark = item
        for part in wrap_prose(text, look.text_width - _INDENT - len(item)):
            yield [(" " * _INDENT + mark, ""), (part, style)]
            mark = " " * len(item)


def _causes(line: LogLine, look: Look) -> Iterator[Line]:
    _ = look.text
    yield []
    yield [(_(N_("Causes that can be behind it, likeliest first")), "strong")]
    if not line.causes:
        text = _(N_("None: a capture shows no failed session for it."))
        yield from ([(" " * _INDENT + part, "")] for part in wrap(text, look.text_width - _INDENT))
        return
    width = max(map(len, line.causes)) + 2
    for cause in line.causes:
        name = cause
        for part in wrap(explained(cause, look.lang).title, max(look.text_width - _INDENT - width, 20)):
            yield [(f"{'':{_INDENT}}{name:<{width}}", "strong"), (part, "")]
            name = ""


def _capture(line: LogLine | None, client: Peer, server: Peer, look: Look) -> Iterator[Line]:
    """Commands stay in one piece, however long."""
    _ = look.text
    yield []
    yield [(_(N_("Capture that would show it")), "strong")]
    record, analyse = capture_commands(line, client, server)
    where = (
        N_("on the BIG-IP, until it happens again; both sides of the proxied connection are in it")
        if line is not None and line.format == "f5-ltm"
        else N_("on the machine that wrote the line, until it happens again")
    )
    for command, note in (
        (record, _(where)),
        (analyse, _(N_("FILE: this log; lines and sessions are brought together"))),
    ):
        yield [(" " * _INDENT, ""), (command, "strong")]
        yield from ([("    " + "  " + part, "quiet")] for part in wrap(note, look.text_width - 6))
