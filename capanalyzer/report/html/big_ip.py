"""A connection that a BIG-IP proxies: its two sides beside each other, the BIG-IP between them, and what it says."""

from __future__ import annotations

from capanalyzer.report import model
from capanalyzer.report.f5_texts import big_ip_texts
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element, join, lines, wire
from capanalyzer.report.words import OUTCOMES, endpoint

__all__ = ["big_ip"]


def big_ip(session: model.Session, look: Look) -> Markup:
    """All of it; nothing where no BIG-IP says anything of the session."""
    texts = big_ip_texts(session, look.lang)
    if not texts:
        return Markup()
    told = element("ul", *(element("li", wire(text)) for text in texts), class_="told")
    return join(_sides(session, look), told)


def _sides(session: model.Session, look: Look) -> Markup:
    """The two sides; nothing where only one is known."""
    f5, _ = session.f5, look.text
    other = None if f5 is None else next((one for one in f5.other_sides if one.outcome is not None), None)
    if f5 is None or f5.side is None or other is None or other.client is None or other.server is None:
        return Markup()
    own = _card(session.client, session.server, session.outcome, f5.state, f5.cause_side == f5.side, None, look)
    beyond = f5.cause_side is not None and f5.cause_side != f5.side
    beside = _card(other.client, other.server, other.outcome or "", other.state, beyond, other, look)
    client, server = (own, beside) if f5.side == "client" else (beside, own)
    middle = element(
        "div",
        element("b", "BIG-IP"),
        element("span", wire(f5.virtual_server)) if f5.virtual_server else None,
        class_="middle",
    )
    return element(
        "div",
        element("div", element("p", _("Client side"), class_="side-name"), client, class_="side"),
        middle,
        element("div", element("p", _("Server side"), class_="side-name"), server, class_="side"),
        class_="sides",
    )


def _card(
    client: model.Endpoint,
    server: model.Endpoint,
    outcome: str,
    state: str,
    is_cause: bool,
    other: model.F5Side | None,
    look: Look,
) -> Markup:
    _ = look.text
    number: Content = None
    if other is not None:
        number = element("span", _("Session {number}").format(number=look.number_of(other.session)), class_="soft")
    return join(
        element("p", endpoint(client), " → ", endpoint(server), class_="end-of"),
        element(
            "p",
            element("span", _(OUTCOMES.get(outcome, outcome)), class_=f"outcome {outcome}"),
            " ",
            element("b", _("the cause lies here")) if is_cause else None,
            " ",
            number,
        ),
        element("p", lines(state)),
    )
