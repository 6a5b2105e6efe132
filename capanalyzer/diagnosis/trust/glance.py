"""What one look at a chain's fields tells, so that the many sessions that show it again cost a lookup.

No signature is checked and no root looked up here: a client that goes on has done so. A chain about which there may be
more to say is *suspect*, and the rules look at it closely.
"""

from __future__ import annotations

from itertools import count
from typing import Final, NamedTuple

from capanalyzer.diagnosis.trust.faults import unfit_usages
from capanalyzer.diagnosis.trust.names import ServerNames
from capanalyzer.diagnosis.trust.products import product_named
from capanalyzer.diagnosis.trust.strength import looks_weak
from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["SOON_NS", "Glance", "Glances", "expires_soon"]

DAY_NS: Final = 86_400 * 1_000_000_000
SOON_NS: Final = 14 * DAY_NS
SOON_SHARE: Final = 5
"""A certificate expires soon in its last fortnight, but not before the last fifth of its life (some live for days)."""
MAX_GLANCES: Final = 4096
"""Chains remembered, as many as their reader keeps; an entry is about 1 kB beside the certificates."""
MAX_KEPT_BYTES: Final = 16 << 20
"""Bytes of certificates kept for them, whichever comes first."""

_numbers: Final = count()


class Glance(NamedTuple):
    chain: tuple[CertificateFacts, ...]
    from_ns: int
    until_ns: int
    """From and before these times nothing is to be said of its dates."""
    is_suspect: bool
    names: ServerNames
    number: int
    """No other glance of this process has it."""

    def is_clean(self, name: str | None, at_ns: int) -> bool:
        """The chain shows no fault for this name at this time."""
        _, from_ns, until_ns, is_suspect, names, _ = self  # quicker than five attributes, for every session
        return not is_suspect and from_ns <= at_ns < until_ns and (not name or name in names[0] or names.match(name))


class Glances:
    """One for each chain, by its identity, which the entry itself keeps alive."""

    def __init__(self) -> None:
        self._known: dict[int, Glance] = {}
        self._bytes = 0

    def at(self, chain: tuple[CertificateFacts, ...]) -> Glance:
        """The glance at a chain, which is not empty."""
        known = self._known.get(id(chain))
        if known is None or known.chain is not chain:
            if len(self._known) >= MAX_GLANCES or self._bytes > MAX_KEPT_BYTES:
                self._known.clear()
                self._bytes = 0
            self._bytes += sum(len(certificate.der) for certificate in chain)
            known = self._known[id(chain)] = look_at(chain)
        return known


def look_at(chain: tuple[CertificateFacts, ...]) -> Glance:
    """The first look. Dates that cannot be read do not count."""
    leaf = chain[0]
    begins = [c.not_before_ns for c in chain if c.not_before_ns is not None]
    ends = [c.not_after_ns for c in chain[1:] if c.not_after_ns is not None]
    if leaf.not_after_ns is not None:
        ends.append(leaf.not_after_ns - SOON_NS)
    return Glance(
        chain,
        max(begins, default=0),
        min(ends, default=1 << 63),
        leaf.self_issued
        or (len(chain) == 1 and leaf.is_logged)
        or bool(unfit_usages(leaf))
        or looks_weak(leaf)
        or product_named(leaf.issuer) is not None
        or any(_is_suspect(above) for above in chain[1:]),
        ServerNames.of(leaf),
        next(_numbers),
    )


def _is_suspect(above: CertificateFacts) -> bool:
    if product_named(above.issuer) is not None:
        return True
    return not above.self_issued and (looks_weak(above) or bool(unfit_usages(above, is_leaf=False)))


def expires_soon(not_before_ns: int | None, not_after_ns: int | None, at_ns: int) -> bool:
    """Valid, but not for long any more (see SOON_SHARE)."""
    if not_before_ns is None or not_after_ns is None or not not_before_ns <= at_ns <= not_after_ns:
        return False
    return not_after_ns - at_ns < min(SOON_NS, (not_after_ns - not_before_ns) // SOON_SHARE)
