"""For which servers a certificate is (RFC 6125 section 6, RFC 9525)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final, NamedTuple

from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["ServerNames", "common_names", "organisation", "registrable_domain"]


class ServerNames(NamedTuple):
    """Names and addresses of a certificate, in one form: lower case, A-labels, no final dot."""

    exact: frozenset[str]
    parents: frozenset[str]
    """Of wildcards: what follows ``*.``."""
    partial: tuple[tuple[str, str, str], ...] = ()
    """Of wildcards within a label, which some clients still take: before and after the star, parent."""

    @classmethod
    def of(cls, leaf: CertificateFacts) -> ServerNames:
        """Subject alternative names. The common name counts where no DNS name is among them, as it did for older
        clients (RFC 6125 section 6.4.4): a certificate that one client accepts is no proof of a fault.
        """
        if not leaf.has_all_names:
            return cls(frozenset(), frozenset())
        written = [*leaf.dns_names, *leaf.ip_addresses]
        if not leaf.dns_names:
            written += [name for name in (leaf.subject_cn, *common_names(leaf.subject)) if name]
        exact, parents, partial = set(), set(), []
        for pattern in map(canonical, written):
            label, _, parent = pattern.partition(".")
            if "*" not in label or not parent:
                exact.add(pattern)
            elif label == "*":
                parents.add(parent)
            elif label.count("*") == 1 and not label.startswith("xn--"):
                before, _, after = label.partition("*")
                partial.append((before, after, parent))
        return cls(frozenset(exact), frozenset(parents), tuple(partial))

    def match(self, name: str) -> bool:
        """Does the certificate fit a server name or address as the client sent it? A wildcard stands for one whole
        leftmost label. True where there is nothing to compare with: no mismatch could be shown.
        """
        if name in self.exact:
            return True
        label, _, parent = name.partition(".")
        if label and parent in self.parents and name[-1].isalpha() and ":" not in name:
            return True  # as it was sent, and no address: the common case
        if not any(self):
            return True
        wanted = canonical(name)
        label, _, parent = wanted.partition(".")
        if wanted in self.exact:
            return True
        if _is_address(wanted):
            return False
        if label and parent in self.parents:
            return True
        return any(
            parent == of and label.startswith(before) and label.endswith(after) and len(label) >= len(before + after)
            for before, after, of in self.partial
        )


def canonical(name: str) -> str:
    """Lower case, no final dot, labels beyond ASCII as A-labels where they have one, addresses as RFC 5952."""
    name = name.strip().rstrip(".").lower()
    if name.isascii():
        return str(ip_address(name)) if _is_address(name) else name
    try:
        return ".".join(label if label.isascii() else label.encode("idna").decode() for label in name.split("."))
    except UnicodeError:
        return name


def common_names(subject: str) -> tuple[str, ...]:
    """CN attributes of an RFC 4514 name."""
    return tuple(part[3:] for part in re.split(r"(?<!\\)[,+]", subject) if part[:3].upper() == "CN=")


def organisation(name: str) -> str | None:
    """The O attribute of an RFC 4514 name, for comparison."""
    found = re.search(r"(?:^|[,+])O=((?:\\.|[^,+\\])*)", name)
    return found[1].casefold() if found else None


def _is_address(name: str) -> bool:
    if not name[:1].isdecimal() and ":" not in name:
        return False
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


_SECOND_LEVELS: Final = frozenset(
    (
        "ac",
        "ad",
        "co",
        "com",
        "ed",
        "edu",
        "go",
        "gob",
        "gouv",
        "gov",
        "gr",
        "gv",
        "lg",
        "mil",
        "ne",
        "net",
        "nom",
        "or",
        "org",
    )
)
"""Below a country's domain these are shared: ``example.co.jp`` is the registrable one."""
_PRIVATE: Final = frozenset(
    (
        "alt",
        "arpa",
        "corp",
        "example",
        "home",
        "internal",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "test",
    )
)
"""Top-level names that nobody registers under: RFC 6761, RFC 6762, RFC 9476, and what companies use instead."""


def registrable_domain(name: str) -> str | None:
    """The domain that somebody has registered, near enough; None for addresses and names that are not public."""
    labels = canonical(name).removeprefix("*.").split(".")
    if len(labels) < 2 or labels[-1] in _PRIVATE or not labels[-1].isalnum() or labels[-1].isdecimal():
        return None
    count = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-count:]) if len(labels) >= count else None
