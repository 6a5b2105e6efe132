"""A finding in words: the page's texts filled with what was measured and whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from capanalyzer.diagnosis.evidence import shown
from capanalyzer.diagnosis.page import read_page
from capanalyzer.diagnosis.verdict import Finding
from capanalyzer.handshake.session import Session
from capanalyzer.i18n import translator

__all__ = ["SESSION_FIELDS", "RenderedFinding", "render_finding", "session_fields"]

SESSION_FIELDS: Final = ("client", "client_port", "server", "port", "host", "url_host", "name", "filter")
"""Fields that every page can use, beside the facts of its findings."""


class RenderedFinding(NamedTuple):
    title: str
    explanation: str
    evidence: tuple[str, ...]
    """One text for each item of the finding's evidence."""
    alternatives: tuple[str, ...]
    """Causes, as identifiers."""
    remedies: tuple[str, ...]
    """What to check first, then commands."""


class _Fields(dict[str, str | int | float]):
    """A field that is not there shows as a question mark: a text with a hole is better than none."""

    def __missing__(self, key: str) -> str:
        return "?"


def session_fields(session: Session) -> dict[str, str | int | float]:
    """What the session itself gives to the texts.

    ``name``: the server name sent, else the server's address; ``host``: the server's address; ``url_host``: ``name``
    as it stands in a URL (IPv6 in brackets).
    """
    server, client = session.server, session.client
    hello = session.tls.client_hello if session.tls is not None else None
    name = _host_name(hello.sni) if hello is not None and hello.sni else server.ip
    return {
        "client": client.ip,
        "client_port": client.port,
        "server": f"[{server.ip}]" if ":" in server.ip else server.ip,
        "port": server.port,
        "host": server.ip,
        "url_host": f"[{name}]" if ":" in name else name,
        "name": name,
        "filter": f"{session.transport}.stream eq {session.stream}",
    }


def render_finding(
    finding: Finding,
    session: Session,
    lang: str = "en",
    hide: Callable[[str, str | int | float], str | int | float] | None = None,
) -> RenderedFinding:
    """The texts of a finding in one language.

    :param hide: gives what is shown of a field, by its name and value; None shows all.

    :raises UsageError: for a language that does not exist.
    """
    translate = translator(lang)
    page = read_page(finding.cause, lang)
    fields = _Fields(session_fields(session))
    fields.update(_translated(finding.facts, lang))
    if hide is not None:
        fields = _Fields({name: hide(name, value) for name, value in fields.items()})
    return RenderedFinding(
        page.titles.get(finding.variant, page.title).format_map(fields),
        page.summary(finding.variant).format_map(fields),
        tuple(translate(item.text).format_map(fields) for item in finding.evidence),
        finding.alternatives,
        tuple(text.format_map(fields) for text in page.checks + page.commands),
    )


_SIDES_JA: Final = {"client": "クライアント", "server": "サーバ"}


def _translated(facts: Mapping[str, str | int | float], lang: str) -> dict[str, str | int | float]:
    """Facts that are words and not values: the two ends."""
    if lang != "ja":
        return dict(facts)
    return {
        key: _SIDES_JA.get(value, value) if key in ("sender", "seen", "missing") and isinstance(value, str) else value
        for key, value in facts.items()
    }


def _host_name(name: str) -> str:
    """A server name as a command may carry it: what no host name has is left out, so that nothing of the wire
    reaches a shell.
    """
    safe = "".join(c for c in name if c.isalnum() or c in "-._")
    return shown(safe) if safe else "?"
