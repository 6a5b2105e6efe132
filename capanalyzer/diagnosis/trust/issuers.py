"""Who vouches for which server before which client: what tells interception from a private authority.

Nothing depends on the order of learning, and every table is bounded by keeping the smallest of something, as in
:mod:`capanalyzer.diagnosis.bounded`: what is kept has been in it from its first time on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capanalyzer.diagnosis.bounded import Bounded
from capanalyzer.diagnosis.trust.names import ServerNames, organisation, registrable_domain
from capanalyzer.handshake.session import Endpoint
from capanalyzer.tls.x509 import CertificateFacts

if TYPE_CHECKING:
    from capanalyzer.diagnosis.trust.glance import Glance

__all__ = ["Issuers", "OtherIssuer", "Shown"]

MAX_SERVERS: Final = 4096
"""Servers whose issuers are remembered; about 2 kB each for a server with the usual one issuer."""
MAX_ISSUERS: Final = 4096
ISSUERS_OF_SERVER: Final = 8
MAX_FOUND: Final = 8_192
"""Chains at servers that are found without a search; then all are forgotten at once."""
NAMES_OF_ISSUER: Final = 32
"""Names that one issuer has vouched for at one server; certificates of more names are rarely intercepted."""
DOMAINS: Final = 16


class OtherIssuer(NamedTuple):
    """What other clients were shown."""

    issuer: str
    top: bytes
    """Name (DER) of the issuer of the uppermost certificate sent: a root's, where the chain is complete."""


class Shown:
    """One issuer's certificates at one server, and who accepted them."""

    __slots__ = ("first", "last", "names", "top")

    def __init__(self, top: bytes, names: Iterable[str], client: str) -> None:
        self.top = top
        self.names = _smallest(names, NAMES_OF_ISSUER)
        self.first = self.last = client
        """The clients whose addresses come first and last: two tell whether there is another than the one asked about.
        """

    def is_known_to_other_than(self, client: str) -> bool:
        return self.first != client or self.last != client

    def add(self, other: Shown) -> None:
        self.top = min(self.top, other.top)
        self.names = _smallest((*self.names, *other.names), NAMES_OF_ISSUER)
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)

    def __getstate__(self) -> tuple[object, ...]:
        return self.top, self.names, self.first, self.last

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.top, self.names, self.first, self.last = state


class Issuers:
    """See the module."""

    def __init__(self) -> None:
        self._servers: Bounded[Endpoint, dict[str, Shown]] = Bounded(MAX_SERVERS)
        self._domains: Bounded[tuple[str], dict[str, str]] = Bounded(MAX_ISSUERS)
        """(issuer,) -> registrable domain -> the smallest of the servers' addresses."""
        self._found: dict[tuple[int, Endpoint], Shown] = {}
        """By a glance's number and a server what is kept of it: found at once by the many sessions that show it again.
        Of use to this process alone."""

    def __getstate__(self) -> tuple[object, ...]:
        return self._servers, self._domains

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._servers, self._domains = state
        self._found = {}

    def learn_accepted(self, glance: Glance, client: str, server: Endpoint) -> None:
        """This client went on after it had been shown this chain."""
        key = glance.number, server
        shown = self._found.get(key)
        if shown is None:
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            self._found[key] = self._first_shown(glance, client, server)
        elif client < shown.first:
            shown.first = client
        elif client > shown.last:
            shown.last = client

    def _first_shown(self, glance: Glance, client: str, server: Endpoint) -> Shown:
        issuer, names = glance.chain[0].issuer, glance.names
        patterns = (*names.exact, *("*." + parent for parent in names.parents))
        shown = Shown(_top(glance.chain), patterns, client)
        self.learn_shown(glance, server)
        by_issuer = self._servers.get(server)
        if by_issuer is None:
            self._servers.add(server, {issuer: shown})
            return shown
        known = by_issuer.setdefault(issuer, shown)
        if known is not shown:
            known.add(shown)
        _trim(by_issuer, ISSUERS_OF_SERVER)
        return known

    def learn_shown(self, glance: Glance, server: Endpoint) -> None:
        """Whatever the client made of it: its issuer vouches for this domain at this address."""
        leaf = glance.chain[0]
        domain = min(filter(None, map(registrable_domain, leaf.dns_names[:NAMES_OF_ISSUER])), default=None)
        if domain is None or not _is_public(server.ip):
            return
        known = self._domains.get((leaf.issuer,))
        if known is None:
            self._domains.add((leaf.issuer,), {domain: server.ip})
        else:
            known[domain] = min(known.get(domain, server.ip), server.ip)
            _trim(known, DOMAINS)

    def elsewhere(
        self, chain: tuple[CertificateFacts, ...], name: str | None, client: str, server: Endpoint
    ) -> OtherIssuer | None:
        """Another issuer's certificate that other clients of this server accepted for the same name."""
        leaf, own_top = chain[0], _top(chain)
        own, wanted = organisation(leaf.issuer), [name] if name else leaf.dns_names[:NAMES_OF_ISSUER]
        for issuer, shown in sorted((self._servers.get(server) or {}).items()):
            is_other = issuer != leaf.issuer and shown.top != own_top and (own is None or organisation(issuer) != own)
            if is_other and shown.is_known_to_other_than(client) and shown.names:
                exact = frozenset(one for one in shown.names if not one.startswith("*."))
                parents = frozenset(one[2:] for one in shown.names if one.startswith("*."))
                if any(map(ServerNames(exact, parents).match, wanted)):
                    return OtherIssuer(issuer, shown.top)
        return None

    def unrelated_domains(self, issuer: str) -> int:
        """How many registered domains, each at an address of its own on the Internet, this issuer vouches for (a lower
        bound).
        """
        return len(set((self._domains.get((issuer,)) or {}).values()))

    def merge(self, other: Issuers) -> None:
        """Add what was learned from other sessions of the same capture."""
        self._servers.merge(other._servers, _join_shown)
        self._domains.merge(other._domains, _join_domains)


def _top(chain: tuple[CertificateFacts, ...]) -> bytes:
    """By names alone: who is above the uppermost certificate that was sent."""
    top = chain[0]
    for _ in chain:
        if top.self_issued:
            break
        above = next((c for c in chain if c is not top and top.names_issuer(c)), None)
        if above is None:
            break
        top = above
    return top.issuer_der


def _is_public(address: str) -> bool:
    from ipaddress import ip_address

    return ip_address(address).is_global


def _smallest(values: Iterable[str], count: int) -> list[str]:
    return sorted(set(values))[:count]


def _trim(table: dict[str, Any], count: int) -> None:
    """Keep the smallest keys: what is pushed out can never come back."""
    while len(table) > count:
        del table[max(table)]


def _join_shown(known: dict[str, Shown], other: dict[str, Shown]) -> None:
    for issuer, shown in other.items():
        if issuer in known:
            known[issuer].add(shown)
        else:
            known[issuer] = shown
    _trim(known, ISSUERS_OF_SERVER)


def _join_domains(known: dict[str, str], other: dict[str, str]) -> None:
    for domain, address in other.items():
        known[domain] = min(known.get(domain, address), address)
    _trim(known, DOMAINS)
