"""The whole page: sessions and trailer in, one HTML document out.

Nothing on the page can load or run but its own style and script: the policy names their hashes and forbids the rest.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.digest import Digest, digest
from capanalyzer.report.html.charts import failures_over_time, handshake_times
from capanalyzer.report.html.incidents import Limits, example_ids, incident_list
from capanalyzer.report.html.log_lines import log_table, spoken_table, unmatched_table
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Markup, data_block, element, join, text
from capanalyzer.report.html.parts import part
from capanalyzer.report.html.rows import Rows
from capanalyzer.report.html.script_texts import script_texts
from capanalyzer.report.html.sessions import detail_blocks, session_browser, unfinished_table
from capanalyzer.report.html.shortlist import Shortlist
from capanalyzer.report.html.summary import answer, capture_line, capture_table, key_banner, noticed
from capanalyzer.report.log_words import log_counts_text

__all__ = ["to_html", "to_paper"]

PAPER: Final = Limits(whole=25, listed=100)
"""Incidents on paper: some 60 pages."""


def to_html(
    sessions: Iterable[model.Session], trailer: Callable[[], model.Trailer], *, lang: str = "en"
) -> Iterator[str]:
    """The page in pieces.

    :param sessions: in any order; read to the end before anything is given out.
    :param trailer: called when all sessions have been read.
    """
    gathered = _Gathered(sessions)
    end = trailer()
    look = Look(lang, end.captures)
    style, script = part("style.css") + part("drawing.css"), part("script.js")
    shown = Limits()
    head, tail = _frame(end, look, style, script, _body(gathered, end, look, shown))
    yield head
    yield data_block("texts", script_texts(look, len(gathered.rows)))
    yield data_block("rows", gathered.rows.data())
    examples = example_ids(end, gathered.details, shown)
    yield from detail_blocks((one for one in gathered.details.values() if one.id not in examples), look)
    yield tail


def to_paper(
    sessions: Iterable[model.Session], trailer: Callable[[], model.Trailer], *, lang: str, drawing_style: str
) -> str:
    """The same page for a renderer that prints it: without data and script.

    :param drawing_style: CSS for the inside of each drawing.
    """
    gathered = _Gathered(sessions)
    end = trailer()
    look = Look(lang, end.captures, paper=True, drawing_style=drawing_style)
    head, tail = _frame(end, look, part("paper.css"), "", _body(gathered, end, look, PAPER))
    return head + tail


class _Gathered:
    """What was kept of the sessions."""

    def __init__(self, sessions: Iterable[model.Session]) -> None:
        self.rows, shortlist = Rows(), Shortlist()
        self.kept: Digest = digest(shortlist.record(self.rows.record(sessions)), keep_healthy=False)
        self.details = shortlist.by_id()


def _frame(end: model.Trailer, look: Look, style: str, script: str, body: Markup) -> tuple[str, str]:
    """What stands before the data, and behind it."""
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    fields = {
        "lang": look.lang,
        "policy": policy,
        "generator": f"{end.tool.name} {end.tool.version}",
        "title": _title(end, look),
    }
    whole = part("page.html").format(
        **{name: text(value) for name, value in fields.items()}, style=style, body=body, data="\0", script=script
    )
    head, _, tail = whole.partition("\0")
    return head, tail


def _hash(source: str) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


def _title(end: model.Trailer, look: Look) -> str:
    _, failed = look.text, end.summary.outcomes.get("failed", 0)
    name = end.captures[0].path.rsplit("/", 1)[-1] if len(end.captures) == 1 else ""
    return _("TLS report: {failed} failed, {name}").format(failed=f"{failed:,}", name=name or end.tool.name)


def _body(gathered: _Gathered, end: model.Trailer, look: Look, limits: Limits) -> Markup:
    _, kept, rows = look.text, gathered.kept, gathered.rows
    over_time, took = failures_over_time(rows, look), handshake_times(rows, look)
    charts = join(
        _section("over-time", _("Failures over time"), over_time, level=3) if over_time else None,
        _section("took", _("How long handshakes took"), took, level=3) if took else None,
    )
    unfinished = sum(end.summary.outcomes.get(outcome, 0) for outcome in ("failed", "incomplete"))
    parts = [
        ("incidents", _("Incidents"), incident_list(end, gathered.details, look, limits) if end.incidents else None),
        ("charts", _("Patterns"), element("div", charts, class_="charts") if charts else None),
        ("sessions", _("All sessions"), _sessions(gathered, unfinished, look) if rows else None),
        ("log-sessions", _("Log lines and their sessions"), spoken_table(kept, end, look)),
        ("log-lines", _("Log lines without a session"), unmatched_table(end, look)),
        ("noticed", _("Also noticed"), noticed(kept, look)),
        ("captures", _("Captures"), capture_table(end, look)),
    ]
    present = [(identity, title, content) for identity, title, content in parts if content]
    links = [element("li", element("a", title, href=f"#{identity}")) for identity, title, _content in present]
    return join(
        element("a", _("Skip to the content"), href="#content", class_="skip"),
        element(
            "header",
            element("p", element("b", end.tool.name), element("span", _("TLS session report")), class_="brand"),
            element("nav", element("ul", *links), aria_label=_("Sections")),
            class_="top",
        ),
        element(
            "main",
            element(
                "section",
                element("h1", _("Which TLS sessions failed, and why"), class_="unseen"),
                key_banner(end, look),
                capture_line(end, look),
                answer(end, kept, look),
                _logs(end, look),
                class_="summary",
            ),
            *(_section(identity, title, content) for identity, title, content in present),
            id="content",
        ),
        element(
            "footer",
            _made_by(end, look),
        ),
        None if look.paper else _dialog(look),
    )


def _logs(end: model.Trailer, look: Look) -> Markup | None:
    """The given logs and how their lines found sessions."""
    counts = end.summary.log_lines
    if counts is None:
        return None
    return element("div", element("p", log_counts_text(counts, look.lang)), log_table(end, look), class_="with-logs")


def _made_by(end: model.Trailer, look: Look) -> str:
    _, tool = look.text, f"{end.tool.name} {end.tool.version}"
    if end.logs:
        return _("Made by {tool} from the capture and the logs; verdicts rest on the packets.").format(tool=tool)
    return _("Made by {tool} from the capture alone; nothing is said that was not seen in it.").format(tool=tool)


def _section(identity: str, title: str, content: Markup, level: int = 2) -> Markup:
    return element(
        "section",
        element(f"h{level}", title, id=f"{identity}-title"),
        content,
        id=identity,
        aria_labelledby=f"{identity}-title",
    )


def _sessions(gathered: _Gathered, unfinished: int, look: Look) -> Markup:
    _, rows, details = look.text, gathered.rows, len(gathered.details)
    notes = []
    if details < unfinished:
        text = _(
            "{details} of {unfinished} failed or incomplete sessions are here in detail; others have one line each."
        )
        notes.append(text.format(details=f"{details:,}", unfinished=f"{unfinished:,}"))
    if rows.left_out:
        notes.append(
            look.counted(
                "{n} session more has no line, because the table is full.",
                "{n} sessions more have no line, because the table is full.",
                rows.left_out,
            ).format(n=f"{rows.left_out:,}")
        )
    return join(
        None
        if look.paper
        else join(
            *(element("p", note, class_="soft needs-script") for note in notes),
            element(
                "noscript",
                element(
                    "p",
                    _("The table of all sessions needs JavaScript. Below are those that failed or cannot be judged."),
                    class_="note",
                ),
            ),
            session_browser(rows, look),
        ),
        unfinished_table(gathered.kept.unfinished, unfinished, look),
    )


def _dialog(look: Look) -> Markup:
    _ = look.text
    bar = element(
        "div",
        element("h3", id="sheet-title", tabindex=-1),
        element("button", _("Previous"), type="button", id="sheet-previous"),
        element("button", _("Next"), type="button", id="sheet-next"),
        element("button", _("Close"), type="button", id="sheet-close"),
        class_="sheet-bar",
    )
    return element("dialog", bar, element("div", id="sheet-body"), id="sheet", aria_labelledby="sheet-title")
