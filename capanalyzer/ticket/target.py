"""Where a report goes: a ticket, a project that gets a new one, or a mail address, written as a URL.

The URL is what the browser shows, with the system's name before it: ``redmine+https://tickets.example.com/issues/123``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

__all__ = ["EXAMPLES", "Target", "check_addresses", "is_loopback", "parse_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A ticket system and a place in it."""

    system: str
    """``redmine`` ``jira`` ``servicenow`` ``github`` ``gitlab`` ``backlog`` ``mail``."""
    base: str
    """``https://host[:port][/prefix]`` without a slash at its end; the addresses, comma separated, of a mail."""
    place: str
    """Project, table or ``owner/repository``; empty where the ticket's number says it all."""
    ticket: str | None
    """None: a new ticket is wanted."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the query asks for, by the names in :data:`OPTIONS`."""

    @property
    def host(self) -> str:
        """As credentials are looked up by: without port."""
        return urlsplit(self.base).hostname or ""


def _either(first: str, second: str) -> Remark:
    return Remark("{first} or {second}", first=first, second=second)


EXAMPLES: Final[dict[str, str]] = {
    "redmine": _either("redmine+https://HOST/issues/123", "redmine+https://HOST/projects/ops"),
    "jira": _either("jira+https://HOST/browse/OPS-1", "jira+https://HOST/projects/OPS"),
    "servicenow": _either("servicenow+https://HOST/incident/INC0012345", "servicenow+https://HOST/incident"),
    "github": _either("github+https://github.com/OWNER/REPO/issues/5", "github+https://github.com/OWNER/REPO/issues"),
    "gitlab": _either("gitlab+https://HOST/GROUP/PROJECT/-/issues/5", "gitlab+https://HOST/GROUP/PROJECT/-/issues"),
    "backlog": _either(
        "backlog+https://SPACE.backlog.com/view/OPS-1", "backlog+https://SPACE.backlog.com/projects/OPS"
    ),
    "mail": "mailto:desk@example.com?subject=TEXT",
}
"""By system, for messages and help."""

OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "redmine": frozenset({"markup"}),
    "jira": frozenset({"type"}),
    "backlog": frozenset({"type"}),
    "mail": frozenset({"subject", "cc", "in-reply-to"}),
}
"""What a query may hold."""

_NAME: Final = r"[A-Za-z0-9_][\w.-]*"
_SHAPES: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = {
    "redmine": (
        re.compile(r"(?P<prefix>(/[\w.-]+)*)/issues/(?P<ticket>\d+)"),
        re.compile(r"(?P<prefix>(/[\w.-]+)*?)/projects/(?P<place>[a-z0-9][a-z0-9_-]*)(/issues(/new)?)?"),
    ),
    "jira": (
        re.compile(r"(?P<prefix>(/[\w.-]+)*)/browse/(?P<ticket>(?P<place>[A-Z][A-Z0-9_]+)-\d+)"),
        re.compile(r"(?P<prefix>(/[\w.-]+)*?)/(browse|projects)/(?P<place>[A-Z][A-Z0-9_]+)(/issues|/summary)?"),
    ),
    "servicenow": (
        re.compile(r"(?P<prefix>)/(?P<place>[a-z][a-z0-9_]*)/(?P<ticket>[A-Za-z0-9]+)"),
        re.compile(r"(?P<prefix>)/(?P<place>[a-z][a-z0-9_]*)"),
    ),
    "github": (
        re.compile(rf"(?P<prefix>)/(?P<place>{_NAME}/[\w.-]+)/issues/(?P<ticket>\d+)"),
        re.compile(rf"(?P<prefix>)/(?P<place>{_NAME}/[\w.-]+?)(/issues(/new)?)?"),
    ),
    "gitlab": (
        re.compile(rf"(?P<prefix>)/(?P<place>{_NAME}(/{_NAME})+)(/-)?/(issues|work_items)/(?P<ticket>\d+)"),
        re.compile(rf"(?P<prefix>)/(?P<place>{_NAME}(/{_NAME})+?)((/-)?/(issues|work_items)(/new)?)?"),
    ),
    "backlog": (
        re.compile(r"(?P<prefix>(/[\w.-]+)*)/view/(?P<ticket>(?P<place>[A-Z][A-Z0-9_]*)-\d+)"),
        re.compile(r"(?P<prefix>(/[\w.-]+)*?)/(projects|find)/(?P<place>[A-Z][A-Z0-9_]*)"),
    ),
}
_ADDRESS: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII
)
"""A dot-atom on both sides (RFC 5322, section 3.4.1), without quoting and comments: what desks have."""


def parse_target(text: str) -> Target:
    """The target that ``text`` names.

    :raises UsageError: it names none; the message says how one is written, and repeats no user name or password.
    """
    if text.lower().startswith("mailto:"):
        return _mail(text)
    scheme, _, rest = text.partition("://")
    system, plus, transport = scheme.lower().partition("+")
    if not plus or system not in _SHAPES or transport not in ("https", "http"):
        raise UsageError(_unknown(scheme if rest else ""))
    try:
        url = urlsplit(f"{transport}://{rest}")
        port = url.port
    except ValueError:
        raise UsageError(Remark("the target is no URL: write {example}", example=EXAMPLES[system])) from None
    if "@" in url.netloc:
        raise UsageError(
            Remark(
                "the target holds a user name or password: leave it out of the URL, and set "
                "CAPANALYZER_{system}_TOKEN or use netrc or a keyring",
                system=system.upper(),
            )
        )
    host = url.hostname
    if not host or not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
        raise UsageError(Remark("the target has no host name: write {example}", example=EXAMPLES[system]))
    if transport == "http" and not is_loopback(host):
        raise UsageError(
            Remark("{system}+http:// would send credentials in clear text: write {system}+https://", system=system)
        )
    path = unquote(url.path).rstrip("/")
    found = next((match for shape in _SHAPES[system] if (match := shape.fullmatch(path))), None)
    if found is None or ".." in path:
        raise UsageError(
            Remark("the target's path names neither ticket nor project: write {example}", example=EXAMPLES[system])
        )
    parts = found.groupdict()
    at = f"[{host}]" if ":" in host else host
    return Target(
        system,
        f"{transport}://{at}{'' if port is None else f':{port}'}{parts['prefix']}",
        parts.get("place") or "",
        parts.get("ticket"),
        _options(system, url.query),
    )


def is_loopback(host: str) -> bool:
    """This machine itself: what is sent there crosses no network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unknown(scheme: str) -> Remark:
    if scheme in ("https", "http"):
        return Remark(
            "the target does not say which system it is: put redmine+, jira+, servicenow+, github+, gitlab+ or "
            "backlog+ before {scheme}://",
            scheme=scheme,
        )
    return Remark("no such target: write one of {examples}", examples=tuple(EXAMPLES.values()))


def _options(system: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        key = name.lower()
        if key not in OPTIONS.get(system, frozenset()):
            known = ", ".join(sorted(OPTIONS.get(system, ()))) or Remark("none")
            raise UsageError(
                Remark(
                    "a {system} target takes no {name!r} after the question mark (known: {known})",
                    system=system,
                    name=name,
                    known=known,
                )
            )
        options[key] = value
    if options.get("markup", "textile") not in ("textile", "markdown"):
        raise UsageError(Remark("markup is {markup!r}: textile or markdown", markup=options["markup"]))
    return options


def _mail(text: str) -> Target:
    # RFC 6068: addresses are separated by commas, and percent-encoded as in any URL.
    addresses, _, query = text[len("mailto:") :].partition("?")
    options = _options("mail", query.replace("+", "%2B"))  # in mailto a plus is a plus
    for name in ("cc", "to"):
        check_addresses(options.get(name, ""), name)
    to = unquote(addresses)
    if not to:
        raise UsageError(Remark("the target has no address: write {example}", example=EXAMPLES["mail"]))
    check_addresses(to, "address")
    return Target("mail", to, "", None, options)


def check_addresses(text: str, name: str) -> None:
    """:raises UsageError: ``text`` is no list of mail addresses; ``name`` says where it stands."""
    for address in filter(None, (one.strip() for one in text.split(","))):
        if not _ADDRESS.fullmatch(address):
            raise UsageError(Remark("{address!r} is no mail address ({name})", address=address, name=name))
