"""What is wrong with a server's chain, at a given time and for a given name.

Which fault it is is read from the fields; what was sent and whether it hangs together is told by the path
(:mod:`capanalyzer.diagnosis.trust.paths`). An issuer that is merely not among the known roots is no fault: private
authorities are common. The order is that of the contract: dates, self-signed, interception, chain, name, weak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from capanalyzer.diagnosis.trust.names import ServerNames, organisation
from capanalyzer.diagnosis.trust.paths import End, Path, PathFinder, is_begun, is_over
from capanalyzer.diagnosis.trust.products import interception_product
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.trust.strength import weakness
from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["CHAIN_INCOMPLETE", "DATES", "Fault", "faults", "unfit_usages"]

CHAIN_INCOMPLETE: Final = "certificate-chain-incomplete"
DATES: Final = frozenset(("certificate-expired", "certificate-not-yet-valid"))
"""Faults that the time of the session decides."""

_NAMED_INTERMEDIATE: Final = re.compile(r"\b(?:intermediate|issuing|subordinate|sub[ -]?ca)\b", re.IGNORECASE)
_NOT_FROM_ROOTS_SINCE_NS: Final = 1_341_100_800_000_000_000
"""2012-07-01: since then public authorities must not sign leaves with a root's key (CA/Browser Forum, Baseline
Requirements 1.0, section 12); some of those that did are not among the known roots any more."""
_SERVER_USAGES: Final = frozenset(("serverAuth", "anyExtendedKeyUsage", "msSGC", "nsSGC"))
_TLS_KEY_USAGES: Final = frozenset(("digitalSignature", "keyEncipherment", "keyAgreement"))
"""RFC 5246 section 7.4.2 wants one of them, according to the key exchange."""


class Fault(NamedTuple):
    cause: str
    about: CertificateFacts
    """The certificate that has it."""
    variant: str = ""
    """Which of the cause's summaries tells it."""
    is_plain: bool = True
    """What was sent shows it. False where it takes the client's complaint to tell it from something harmless: a leaf
    alone may come from a private root."""
    detail: str = ""
    """An identifier that the texts name: a product, a usage, an algorithm."""


def faults(finder: PathFinder, chain: tuple[CertificateFacts, ...], name: str | None, at_ns: int) -> list[Fault]:
    """All faults of a server's chain, the most telling first.

    :param chain: as sent, leaf first.
    :param name: the server name that the client sent; without one no name is compared.
    :param at_ns: when it was shown, nanoseconds since the Unix epoch.
    """
    path = finder.best(chain, at_ns)
    return [] if path is None else list(_all(finder, chain, path, name, at_ns))


def _all(
    finder: PathFinder, chain: tuple[CertificateFacts, ...], path: Path, name: str | None, at_ns: int
) -> Iterator[Fault]:
    leaf = chain[0]
    yield from _dates(path, at_ns)
    is_trusted = path.end is End.ANCHOR
    if path.end is End.SELF_SIGNED and len(path.certificates) == 1:
        yield Fault("certificate-self-signed", leaf)
    is_public = is_trusted and path.at is not None and finder.roots.is_public(path.at)
    product = None if is_public else interception_product(chain)
    if product is not None:
        yield Fault("tls-interception", leaf, "product", detail=product)
    gaps = [] if is_trusted else list(_gaps(chain, path, finder.roots))
    yield from (gap for gap in gaps if gap.cause == CHAIN_INCOMPLETE or gap.is_plain)
    if name and not ServerNames.of(leaf).match(name):
        yield Fault("certificate-hostname-mismatch", leaf)
    checked = [c for c in path.below_anchor if c is leaf or not c.is_self_signed]
    for certificate in checked:
        usages = unfit_usages(certificate, is_leaf=certificate is leaf)
        if usages:
            yield Fault("certificate-unsupported", certificate, "usage", _is_needed(certificate, path), usages)
    for certificate in checked:
        weak = weakness(certificate, at_ns)
        if weak:
            yield Fault("certificate-weak", certificate, "", _is_needed(certificate, path), weak)
    yield from (gap for gap in gaps if gap.cause != CHAIN_INCOMPLETE and not gap.is_plain)


def _dates(path: Path, at_ns: int) -> Iterator[Fault]:
    leaf = path.certificates[0]
    for certificate in path.below_anchor:
        needed = _is_needed(certificate, path)
        variant = "" if certificate is leaf else "intermediate"
        if is_over(certificate, at_ns):
            yield Fault("certificate-expired", certificate, variant, needed)
        elif not is_begun(certificate, at_ns):
            yield Fault("certificate-not-yet-valid", certificate, variant, needed)


def _is_needed(certificate: CertificateFacts, path: Path) -> bool:
    """Clients cannot do without this certificate: the leaf, its issuer, and all that lead to a known root. Of others
    higher up they may have one of their own: roots that were cross-signed once, or have been taken out since.
    """
    return path.end is End.ANCHOR or certificate in path.certificates[:2]


def _gaps(chain: tuple[CertificateFacts, ...], path: Path, roots: Roots) -> Iterator[Fault]:
    """A chain that does not hang together, or ends too early."""
    top, leaf = path.certificates[-1], path.certificates[0]
    if not top.issuer_der:
        return  # it cannot be read
    if path.end is End.BROKEN and path.at is not None:
        same_key = top.names_key_of(path.at)
        if same_key or (same_key is None and top is leaf):
            yield Fault("certificate-rejected", top, "signature", bool(same_key))
            return
        if top is leaf:
            # The certificate sent in its place shows of what kind the issuer is.
            yield Fault(CHAIN_INCOMPLETE, top, "other-key", not path.at.self_issued or lacks_intermediate(top, roots))
            return
    if path.end in (End.ABSENT, End.BROKEN):
        if top is leaf:
            yield Fault(CHAIN_INCOMPLETE, top, "", lacks_intermediate(top, roots))
        elif any(c not in path.certificates and c is not path.at and (c.is_ca or c.self_issued) for c in chain):
            yield Fault(CHAIN_INCOMPLETE, top, "gap", is_plain=False)


def lacks_intermediate(leaf: CertificateFacts, roots: Roots) -> bool:
    """The issuer of a leaf sent alone, which is none of the known roots, is an intermediate: one of a public authority,
    which never issues from a root, or one that says so in its name.
    """
    if leaf.is_logged or _NAMED_INTERMEDIATE.search(leaf.issuer_cn or ""):
        return True
    is_recent = leaf.not_before_ns is not None and leaf.not_before_ns >= _NOT_FROM_ROOTS_SINCE_NS
    return is_recent and roots.is_public_organisation(organisation(leaf.issuer))


def unfit_usages(certificate: CertificateFacts, *, is_leaf: bool = True) -> str:
    """The usages that keep a certificate from serving TLS, as they are named in it; "" where they do not."""
    extended, usage = certificate.extended_key_usage, certificate.key_usage
    if extended and not _SERVER_USAGES.intersection(extended):
        return "extKeyUsage " + ", ".join(extended[:6])
    if is_leaf and usage and not _TLS_KEY_USAGES.intersection(usage):
        return "keyUsage " + ", ".join(usage)
    return ""
