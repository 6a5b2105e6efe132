"""The first bytes of each side in hexadecimal, beside what was expected there."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.i18n import N_
from capanalyzer.report import model
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element, join

__all__ = ["first_bytes"]


class _Expected(NamedTuple):
    pattern: tuple[int | None, ...]
    """Bytes from the first on; None for any."""
    meaning: str


CLIENT_HELLO: Final = _Expected((0x16, 0x03, None, None, None, 0x01), N_("a TLS record with a ClientHello"))
SERVER_HELLO: Final = _Expected((0x16, 0x03, None, None, None, 0x02), N_("a TLS record with a ServerHello"))
PROXY_HEADER: Final = _Expected(tuple(b"PROXY "), N_("a PROXY header (version 1; version 2 begins 0d 0a 0d 0a)"))

WRONG_CLIENT: Final = frozenset({"http-to-tls-port", "not-tls", "obsolete-ssl-hello", "proxy-header-unexpected"})
"""Causes by which the client's first bytes are not what the server wanted."""
WRONG_SERVER: Final = frozenset({"tls-to-http-port", "tls-to-server-first", "tls-to-plaintext-port"})


def first_bytes(session: model.Session, look: Look) -> Markup:
    """A table with a row for each side."""
    _ = look.text
    sides = (
        (_("client"), session.first_bytes.client, session.protocol.client, _of_client(session)),
        (_("server"), session.first_bytes.server, session.protocol.server, _of_server(session)),
    )
    head = element(
        "tr",
        element("th", _("Sent by"), scope="col"),
        element("th", _("First bytes"), scope="col"),
        element("th", _("Read as"), scope="col"),
        element("th", _("Expected"), scope="col"),
        role="row",
    )
    rows = [
        element(
            "tr",
            element("th", side, scope="row", role="rowheader"),
            _cell(
                _("First bytes"), _bytes(data, expected) if data else element("span", _("sent nothing"), class_="soft")
            ),
            _cell(_("Read as"), protocol or "–"),
            _cell(_("Expected"), _expected(expected, look) if expected is not None else "–"),
            role="row",
        )
        for side, data, protocol, expected in sides
    ]
    return element("table", element("thead", head), element("tbody", *rows), class_="bytes", role="table")


def _cell(label: str, content: Content) -> Markup:
    """With its label, which stands in the cell itself where the window is narrow."""
    return element("td", content, data_label=label, role="cell")


def _of_client(session: model.Session) -> _Expected | None:
    if session.cause == "proxy-header-missing":
        return PROXY_HEADER
    return CLIENT_HELLO if session.cause in WRONG_CLIENT or session.protocol.client == "tls" else None


def _of_server(session: model.Session) -> _Expected | None:
    tls = session.protocol.client == "tls" or session.protocol.server == "tls"
    return SERVER_HELLO if session.cause in WRONG_SERVER or session.cause in WRONG_CLIENT or tls else None


def _bytes(data: str, expected: _Expected | None) -> Markup:
    """Hexadecimal, and the same as ASCII; bytes that are not what was expected are marked."""
    values = bytes.fromhex(data)
    pattern = expected.pattern if expected is not None else ()
    cells: list[str] = []
    for index, value in enumerate(values):
        wanted = pattern[index] if index < len(pattern) else None
        shown = f"{value:02x}"
        cells += [" " if index else "", shown if wanted in (None, value) else element("mark", shown)]
    readable = "".join(chr(value) if 0x20 <= value < 0x7F else "·" for value in values)
    return join(
        element("code", *cells, class_="hex"), " ", element("code", readable, class_="ascii", aria_hidden="true")
    )


def _expected(expected: _Expected, look: Look) -> Markup:
    pattern = " ".join("··" if value is None else f"{value:02x}" for value in expected.pattern)
    return join(element("code", pattern, class_="hex"), " ", look.text(expected.meaning))
