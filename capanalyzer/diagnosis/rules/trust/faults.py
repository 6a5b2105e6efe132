"""What is wrong with a chain as far as its own fields tell, at a given time and for a given name.

Signatures and the path to a root are not looked at here. The order is that of the contract: dates, self-signed, chain,
name, weak.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts

__all__ = ["Fault", "Leaf", "faults", "matches_name", "read_leaf"]

DAY_NS: Final = 86_400 * 1_000_000_000


class Fault(NamedTuple):
    cause: str
    is_plain: bool
    """The field says it; False where it takes a second reading (a chain whose root may be private)."""


def faults(chain: Sequence[CertificateFacts], name: str | None, at_ns: int) -> list[Fault]:
    """All faults of a server's chain, the most telling first; empty when the fields show none.

    :param chain: as sent, leaf first.
    :param name: the server name that the client sent; without one no name is compared.
    :param at_ns: when it was shown, nanoseconds since the Unix epoch.
    """
    if not chain:
        return []
    leaf, found = chain[0], []
    if any(c.not_after_ns is not None and c.not_after_ns < at_ns for c in chain):
        found.append(Fault("certificate-expired", leaf.not_after_ns is not None and leaf.not_after_ns < at_ns))
    if leaf.not_before_ns is not None and leaf.not_before_ns > at_ns:
        found.append(Fault("certificate-not-yet-valid", True))
    if is_self_signed(leaf):
        found.append(Fault("certificate-self-signed", True))
    elif len(chain) == 1:
        found.append(Fault("certificate-chain-incomplete", False))
    if name and not matches_name(leaf, name):
        found.append(Fault("certificate-hostname-mismatch", True))
    return found


def is_self_signed(leaf: CertificateFacts) -> bool:
    """It names itself as its issuer. Whether the signature is its own is left to verification."""
    return bool(leaf.subject) and leaf.subject == leaf.issuer


def matches_name(leaf: CertificateFacts, name: str) -> bool:
    """RFC 6125 section 6.4: a wildcard stands for one whole leftmost label. Without any SAN the common name counts, as
    it did for older clients.
    """
    return read_leaf(leaf).matches(name)


class Leaf(NamedTuple):
    """What is asked of a certificate again and again."""

    leaf: CertificateFacts
    from_ns: int
    until_ns: int
    is_self_signed: bool
    names: frozenset[str]
    """Lower case, without a final dot."""
    parents: frozenset[str]
    """Of wildcards: what follows ``*.``."""

    def matches(self, name: str) -> bool:
        if name in self.names:
            return True
        wanted = name.rstrip(".").lower()
        if wanted in self.names or wanted.partition(".")[2] in self.parents:
            return True
        return not self.names and not self.parents  # nothing to compare with: not a mismatch that could be shown


def read_leaf(leaf: CertificateFacts) -> Leaf:
    """Dates that cannot be read do not count."""
    patterns = [pattern.rstrip(".").lower() for pattern in leaf.san or common_names(leaf.subject)]
    return Leaf(
        leaf,
        leaf.not_before_ns or 0,
        leaf.not_after_ns if leaf.not_after_ns is not None else 1 << 63,
        is_self_signed(leaf),
        frozenset(p for p in patterns if not p.startswith("*.")),
        frozenset(p[2:] for p in patterns if p.startswith("*.") and len(p) > 2),
    )


def common_names(subject: str) -> tuple[str, ...]:
    """CN attributes of an RFC 4514 name."""
    return tuple(part[3:] for part in subject.split(",") if part[:3].upper() == "CN=")
