"""The sessions: a table that the script fills and filters, and one of the unfinished ones that needs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.html.detail import session_detail
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Markup, data_block, element, join, wire
from capanalyzer.report.html.rows import Rows
from capanalyzer.report.words import OUTCOMES, endpoint

__all__ = ["detail_blocks", "session_browser", "unfinished_table"]

MAX_LISTED: Final = 500
"""Rows of the table without script."""

COLUMNS: Final = ("number", "time", "outcome", "cause", "client", "server", "name", "version", "handshake")
"""Of the table, in order; the script knows them by these names."""


def column_names(look: Look) -> dict[str, str]:
    """What stands above each column."""
    _ = look.text
    return {
        "number": "#",
        "time": _("Start (UTC)"),
        "outcome": _("Outcome"),
        "cause": _("Cause"),
        "client": _("Client"),
        "server": _("Server"),
        "name": "SNI",
        "version": _("Version"),
        "handshake": _("Handshake"),
    }


def session_browser(rows: Rows, look: Look) -> Markup:
    """The frame of the table; hidden until the script has filled it."""
    _ = look.text
    names = column_names(look)
    fields = join(
        _field("search", _("Search"), type="search", placeholder=_("address, name, cause …")),
        _choice("outcome", names["outcome"]),
        _choice("cause", names["cause"]),
        _field("client", names["client"]),
        _field("server", names["server"]),
        _field("name", "SNI"),
        element("button", _("Clear"), type="reset", class_="clear"),
    )
    head = [
        element(
            "th",
            element("button", names[key], element("span", class_="arrow", aria_hidden="true"), type="button"),
            scope="col",
            data_key=key,
            class_=key,
            aria_sort="ascending" if key == "number" else None,
        )
        for key in COLUMNS
    ]
    table = element(
        "table",
        element("caption", _("All sessions"), class_="unseen"),
        element("thead", element("tr", *head, aria_rowindex=1)),
        element("tbody"),
        aria_rowcount=len(rows) + 1,
        id="table",
    )
    return element(
        "div",
        element("form", fields, id="filters", role="search", aria_label=_("Filter the sessions")),
        element("p", id="shown", role="status"),
        element("div", table, id="window"),
        element("p", _("In the table: arrow keys move, Enter opens a session, Escape closes it."), class_="soft hint"),
        class_="needs-script browser",
    )


def _field(name: str, label: str, *, type: str = "text", placeholder: str | None = None) -> Markup:  # noqa: A002
    field = element(
        "input",
        type=type,
        name=name,
        id=f"filter-{name}",
        autocomplete="off",
        spellcheck="false",
        placeholder=placeholder,
    )
    return element("div", element("label", label, for_=f"filter-{name}"), field, class_=f"field field-{name}")


def _choice(name: str, label: str) -> Markup:
    field = element("select", name=name, id=f"filter-{name}")
    return element("div", element("label", label, for_=f"filter-{name}"), field, class_=f"field field-{name}")


def unfinished_table(sessions: Sequence[model.Session], total: int, look: Look) -> Markup:
    """Failed and incomplete sessions, for paper and where no script runs.

    :param total: how many there are.
    """
    if not sessions:
        return Markup()
    _, names = look.text, column_names(look)
    keys = ("number", "time", "outcome", "cause", "client", "server", "name")
    body = []
    for session in sorted(sessions, key=lambda one: (one.outcome != "failed", one.id))[:MAX_LISTED]:
        hello = session.tls.client_hello if session.tls is not None else None
        body.append(
            element(
                "tr",
                element("td", look.number(session), class_="number"),
                element("td", session.start[11:23]),
                element("td", element("span", _(OUTCOMES[session.outcome]), class_=f"outcome {session.outcome}")),
                element("td", element("code", session.cause or "")),
                element("td", endpoint(session.client), class_="end-of"),
                element("td", endpoint(session.server), class_="end-of"),
                element("td", wire(hello.sni) if hello is not None and hello.sni else ""),
            )
        )
    left = total - len(body)
    return element(
        "div",
        element("h3", _("Sessions that failed or cannot be judged")),
        element(
            "table",
            element("thead", element("tr", *(element("th", names[key], scope="col") for key in keys))),
            element("tbody", *body),
            class_="plain",
        ),
        element("p", _("and {n} more").format(n=f"{left:,}"), class_="soft") if left > 0 else None,
        class_="unfinished",
    )


def detail_blocks(sessions: Iterable[model.Session], look: Look) -> Iterable[Markup]:
    """Sessions in detail as data: markup that the script puts into the page when one is opened."""
    for session in sessions:
        yield data_block(f"session-{session.id}", str(session_detail(session, look)))
