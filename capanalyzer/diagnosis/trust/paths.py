"""From a leaf upwards: every way through the certificates sent, and where each of them ends.

Servers send chains unordered, twice, with roots, with two certificates of one issuer (cross-signed, RFC 5280 section
3.2): so all ways are tried, each link by name first and then by its signature. Time plays no part here, so that one
look serves all sessions that show the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.trust.strength import weakness
from capanalyzer.tls.signatures import Signature
from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["End", "Path", "PathFinder", "is_begun", "is_over"]

MAX_PATHS: Final = 16
MAX_STEPS: Final = 128
"""Links tried for one chain. Real ones need under 10; a hostile one of 64 equal names, more than could be counted."""
MAX_KEPT: Final = 1024
"""Chains remembered: those that were refused or look odd, about 1 kB each beside the certificates."""
MAX_KEPT_BYTES: Final = 16 << 20
"""Bytes of certificates kept for them, whichever comes first."""


class End(Enum):
    """Why a path goes no further."""

    ANCHOR = "anchor"
    """At a root that clients are expected to know, or just below it."""
    SELF_SIGNED = "self-signed"
    """At a certificate that signs itself and is not among those roots."""
    ABSENT = "absent"
    """The next issuer was not sent."""
    BROKEN = "broken"
    """A certificate of the next issuer's name was sent, and its key did not make the signature."""


class Path(NamedTuple):
    certificates: tuple[CertificateFacts, ...]
    """From the leaf upwards, as far as they were sent."""
    end: End
    at: CertificateFacts | None = None
    """The anchor (which may not be among ``certificates``), or the certificate whose key does not fit."""

    @property
    def below_anchor(self) -> tuple[CertificateFacts, ...]:
        """What a client has to check: the certificates but for an anchor that was sent along."""
        if self.end is End.ANCHOR and len(self.certificates) > 1 and self.certificates[-1] is self.at:
            return self.certificates[:-1]
        return self.certificates

    def first_outside(self, at_ns: int) -> CertificateFacts | None:
        """The lowest certificate that is not valid at this time. Of an anchor the client has a copy of its own."""
        return next((c for c in self.below_anchor if not is_valid_at(c, at_ns)), None)


def is_valid_at(certificate: CertificateFacts, at_ns: int) -> bool:
    """Dates that cannot be read do not count."""
    return is_begun(certificate, at_ns) and not is_over(certificate, at_ns)


def is_begun(certificate: CertificateFacts, at_ns: int) -> bool:
    return certificate.not_before_ns is None or certificate.not_before_ns <= at_ns


def is_over(certificate: CertificateFacts, at_ns: int) -> bool:
    # notAfter is the last second of validity, RFC 5280 section 4.1.2.5.
    return certificate.not_after_ns is not None and at_ns >= certificate.not_after_ns + 1_000_000_000


class PathFinder:
    """All paths of a chain, found once."""

    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self._known: dict[tuple[CertificateFacts, ...], tuple[Path, ...]] = {}
        self._bytes = 0

    def paths(self, chain: tuple[CertificateFacts, ...]) -> tuple[Path, ...]:
        """Every way up from the first certificate, those that end at an anchor first; () for an empty chain."""
        known = self._known.get(chain)
        if known is None:
            if len(self._known) >= MAX_KEPT or self._bytes > MAX_KEPT_BYTES:
                self._known.clear()
                self._bytes = 0
            self._bytes += sum(len(certificate.der) for certificate in chain)
            search = _Search(chain, self.roots)
            known = self._known[chain] = tuple(sorted(search.paths(), key=_rank))
        return known

    def best(self, chain: tuple[CertificateFacts, ...], at_ns: int) -> Path | None:
        """The path that speaks most for the server at this time: to an anchor, valid and strong if there is one, else
        the one that comes closest. A client that finds another one is no proof of a fault.
        """

        def flaws(path: Path) -> tuple[int, bool, bool]:
            intermediates = path.below_anchor[1:]
            is_weak = any(weakness(c, at_ns) for c in intermediates if not c.is_self_signed)
            return _rank(path)[0], path.first_outside(at_ns) is not None, is_weak

        found = self.paths(chain)
        return found[0] if len(found) == 1 else min(found, key=flaws, default=None)


_RANKS: Final = {End.ANCHOR: 0, End.SELF_SIGNED: 1, End.ABSENT: 2, End.BROKEN: 3}


def _rank(path: Path) -> tuple[int, int]:
    # A longer path that stops is the better explanation: nearer to the root.
    return _RANKS[path.end], len(path.certificates) if path.end is End.ANCHOR else -len(path.certificates)


class _Search:
    """One chain."""

    def __init__(self, chain: tuple[CertificateFacts, ...], roots: Roots) -> None:
        self._sent = tuple(dict.fromkeys(chain))
        self._roots = roots
        self._steps = 0

    def paths(self) -> list[Path]:
        found = []
        for path in self._up(self._sent[:1]) if self._sent else ():
            found.append(path)
            if len(found) >= MAX_PATHS:
                break
        return found

    def _up(self, path: tuple[CertificateFacts, ...]) -> Iterator[Path]:
        top = path[-1]
        if self._roots.is_anchor(top):
            yield Path(path, End.ANCHOR, top)
            return
        if top.is_self_signed:
            yield Path(path, End.SELF_SIGNED)
            return
        goes_on, broken = False, None
        for anchor in self._roots.named(top.issuer_der):
            if self._signed(top, anchor) is not Signature.BROKEN:
                goes_on = True
                yield Path(path, End.ANCHOR, anchor)
        for issuer in self._sent:
            if issuer in path or not top.names_issuer(issuer) or self._steps >= MAX_STEPS:
                continue
            if self._signed(top, issuer) is not Signature.BROKEN:
                goes_on = True
                yield from self._up((*path, issuer))
            else:
                broken = broken or issuer
        if not goes_on:
            yield Path(path, End.ABSENT if broken is None else End.BROKEN, broken)

    def _signed(self, certificate: CertificateFacts, issuer: CertificateFacts) -> Signature:
        self._steps += 1
        return certificate.signature_by(issuer)
