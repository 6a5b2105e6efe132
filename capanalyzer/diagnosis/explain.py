"""What ``capanalyzer explain`` shows: a page with placeholders for a session's values, or all causes by stage."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from capanalyzer.diagnosis.fields import PLACEHOLDERS
from capanalyzer.diagnosis.page import Page, read_page
from capanalyzer.errors import UsageError
from capanalyzer.i18n import N_, check_language, translator
from capanalyzer.remark import Remark

__all__ = ["GROUPS", "Group", "causes", "explained", "list_causes"]

GROUPS: Final = (
    (
        N_("Reaching the server"),
        "tcp-connect",
        ("tcp-connect-timeout", "tcp-connect-refused", "tcp-connect-unreachable", "tcp-handshake-incomplete"),
    ),
    (
        N_("Wrong protocol"),
        "first-bytes",
        (
            "http-to-tls-port",
            "tls-to-http-port",
            "tls-to-server-first",
            "tls-to-plaintext-port",
            "proxy-header-unexpected",
            "proxy-header-missing",
            "starttls-refused",
            "proxy-connect-refused",
            "not-tls",
            "obsolete-ssl-hello",
        ),
    ),
    (
        N_("Agreeing on parameters"),
        "server-hello",
        (
            "protocol-version-mismatch",
            "no-shared-cipher",
            "no-shared-group",
            "no-shared-signature-algorithm",
            "handshake-failure-unspecified",
            "no-shared-alpn",
            "inappropriate-fallback",
            "sni-unrecognized",
            "sni-missing",
            "unknown-psk",
            "message-rejected",
        ),
    ),
    (
        N_("Trusting the server"),
        "client-flight",
        (
            "certificate-expired",
            "certificate-not-yet-valid",
            "certificate-hostname-mismatch",
            "certificate-chain-incomplete",
            "certificate-self-signed",
            "certificate-unknown-ca",
            "certificate-weak",
            "certificate-revoked",
            "certificate-unsupported",
            "certificate-rejected",
            "certificate-rejected-encrypted",
            "client-clock-skew",
            "tls-interception",
        ),
    ),
    (
        N_("Trusting the client (mTLS)"),
        "server-finished",
        ("client-certificate-missing", "client-certificate-rejected"),
    ),
    (
        N_("Resets, closes and silence"),
        "",
        (
            "no-client-hello",
            "client-hello-lost",
            "large-client-hello-dropped",
            "server-silent",
            "server-reset",
            "server-closed",
            "middlebox-reset",
            "mtu-black-hole",
            "server-flight-lost",
            "client-abandoned",
            "client-aborted",
            "client-silent",
            "hello-rewritten",
            "record-corrupted",
            "server-internal-error",
            "access-denied",
            "user-canceled",
            "alert-other",
        ),
    ),
    (
        N_("Established, but worth a warning"),
        "",
        ("slow-handshake", "obsolete-protocol-version", "weak-cipher", "certificate-expires-soon"),
    ),
    (
        N_("What the capture cannot tell"),
        "",
        (
            "capture-one-sided",
            "capture-starts-mid-session",
            "capture-ends-mid-handshake",
            "capture-truncated",
            "capture-lost-packets",
        ),
    ),
)
"""(title, stage where it is one alone, causes): the vocabulary in the order in which a session goes through it. A cause
that no rule gives yet is not shown.
"""


class Group(NamedTuple):
    title: str
    """In the reader's language."""
    stage: str
    """``stage`` of the sessions that fail so; "" where it can be several."""
    causes: tuple[tuple[str, str], ...]
    """(cause, title)."""


class _Placeholders(dict[str, str]):
    """What no session fills in: a word in capitals."""

    def __missing__(self, key: str) -> str:
        return PLACEHOLDERS.get(key, key.upper())


@lru_cache(maxsize=1)
def causes() -> tuple[str, ...]:
    """Every cause that a rule can give, in the rules' order."""
    from capanalyzer.diagnosis.registry import ALL_RULES

    return tuple(dict.fromkeys(cause for rule in ALL_RULES for cause in rule.causes))


def explained(cause: str, lang: str = "en") -> Page:
    """The page of a cause; what a session would fill in stands in capitals.

    :raises UsageError: no such cause (the message names close ones), or no such language.
    """
    check_language(lang)
    if cause not in causes():
        from difflib import get_close_matches

        close = get_close_matches(cause, causes(), n=3, cutoff=0.5) or [c for c in causes() if cause and cause in c][:3]
        if not close:
            raise UsageError(Remark("unknown cause {cause!r}; without a cause, explain lists them all", cause=cause))
        raise UsageError(Remark("unknown cause {cause!r}; did you mean {known}?", cause=cause, known=", ".join(close)))
    page, fields = read_page(cause, lang), _Placeholders()
    return page._replace(
        title=page.title.format_map(fields),
        titles={variant: title.format_map(fields) for variant, title in page.titles.items()},
        summaries={variant: summary.format_map(fields) for variant, summary in page.summaries.items()},
        sections=tuple((heading, text.format_map(fields)) for heading, text in page.sections),
        checks=tuple(text.format_map(fields) for text in page.checks),
        commands=tuple(text.format_map(fields) for text in page.commands),
    )


def list_causes(lang: str = "en") -> tuple[Group, ...]:
    """Every cause that a rule can give, with its title, by stage.

    :raises UsageError: for a language that does not exist.
    """
    check_language(lang)
    translate, known = translator(lang), frozenset(causes())
    return tuple(
        Group(translate(title), stage, tuple((c, explained(c, lang).title) for c in members if c in known))
        for title, stage, members in GROUPS
    )
