"""What the client offered beside what the server took."""

from __future__ import annotations

from collections.abc import Iterable

from capanalyzer.report import model
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element, join, wire
from capanalyzer.tls.codepoints import cipher_suite_name, group_name

__all__ = ["parameters"]

MAX_OFFERED = 100
"""Values of one list; a ClientHello may hold 32,000."""


def parameters(tls: model.Tls, look: Look) -> Markup:
    """A table; empty without a ClientHello."""
    hello, answer = tls.client_hello, tls.server_hello
    if hello is None:
        return Markup()
    _ = look.text
    suite = None if answer is None else cipher_suite_name(answer.cipher_suite)
    version = None if answer is None else answer.version
    alpn = None if answer is None else answer.alpn
    suites = [cipher_suite_name(code) for code in hello.cipher_suites]
    groups = [group_name(code) for code in hello.groups]
    rows: list[tuple[str, Content, Content]] = [
        (_("Version"), _offered(hello.offered_versions, version, look), _chosen(version)),
        (_("Cipher suite"), _offered(suites, suite, look), _chosen(suite)),
        (_("Group"), _offered(groups, None, look), element("span", _("not recorded"), class_="soft")),
        ("ALPN", _offered(hello.alpn, alpn, look), _chosen(alpn)),
    ]
    name = wire(hello.sni) if hello.sni else element("span", _("not sent"), class_="soft")
    head = element(
        "tr",
        element("td"),
        element("th", _("Offered by the client (frame {frame})").format(frame=hello.frame), scope="col"),
        element(
            "th",
            _("Chosen by the server")
            if answer is None
            else _("Chosen by the server (frame {frame})").format(frame=answer.frame),
            scope="col",
        ),
    )
    body = [_row(*row, look) for row in rows]
    body.insert(0, _row(_("Server name"), name, "", look))
    if answer is None:
        note = element("p", _("No ServerHello was seen."), class_="soft")
    elif answer.hello_retry:
        note = element("p", _("The server first asked for another key share (HelloRetryRequest)."), class_="soft")
    else:
        note = Markup()
    return join(
        element("table", element("thead", head), element("tbody", *body), class_="parameters", role="table"), note
    )


def _row(label: str, offered: Content, chosen: Content, look: Look) -> Markup:
    """Roles, because a narrow window draws it as no table; labels, because it then has no head."""
    _ = look.text
    return element(
        "tr",
        element("th", label, scope="row", role="rowheader"),
        element("td", offered, data_label=_("Offered"), role="cell"),
        element("td", chosen, data_label=_("Chosen"), role="cell"),
        role="row",
    )


def _chosen(value: str | None) -> Content:
    return "–" if value is None else wire(value)


def _offered(values: Iterable[str], taken: str | None, look: Look) -> Content:
    """A list in the client's order, with what was taken marked by a word too."""
    _, values = look.text, tuple(values)
    if not values:
        return element("span", _("not sent"), class_="soft")
    items = [
        element("li", wire(value), element("b", " ✓ ", _("chosen")), class_="taken")
        if value == taken
        else element("li", wire(value))
        for value in values[:MAX_OFFERED]
    ]
    if len(values) > MAX_OFFERED:
        more = _("and {n} more").format(n=f"{len(values) - MAX_OFFERED:,}")
        items.append(element("li", more, class_="soft"))
    return element("ol", *items, class_="offered")
