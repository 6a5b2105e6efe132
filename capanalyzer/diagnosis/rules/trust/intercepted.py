"""tls-interception: what the rest of the capture adds to the faults of a chain, and the note on sessions that work."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import of_certificate
from capanalyzer.diagnosis.rule import Context, Rule
from capanalyzer.diagnosis.rules.trust.certificate_texts import certificate_facts_of
from capanalyzer.diagnosis.trust.faults import Fault
from capanalyzer.diagnosis.trust.paths import End
from capanalyzer.diagnosis.verdict import Confidence, Finding, Severity
from capanalyzer.handshake.session import Session
from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["InterceptionSeen", "interception"]

UNRELATED: Final = 3
"""Domains of different owners on different servers of the Internet that one issuer vouches for. Public authorities do
that, and devices that intercept; a company's own authority vouches for its own names."""
_BEFORE: Final = frozenset(("certificate-expired", "certificate-not-yet-valid", "certificate-self-signed"))


def interception(session: Session, context: Context) -> list[Fault]:
    """The faults of the server's chain, with the interception that other sessions show in its place among them."""
    found, tls = context.certificate_faults(), session.tls
    if tls is None or any(fault.cause == "tls-interception" for fault in found):
        return found
    chain = tls.certificates
    path = context.finder.best(chain, session.start_ns)
    if path is None or path.end is End.ANCHOR or _looks_public(chain[0]):
        return found
    seen = _seen_elsewhere(session, context)
    if seen is None:
        return found
    place = next((n for n, fault in enumerate(found) if fault.cause not in _BEFORE), len(found))
    return [*found[:place], seen, *found[place:]]


def _looks_public(leaf: CertificateFacts) -> bool:
    """It says where its status is published, as public authorities' leaves do and those made on the fly do not. Its
    root may have been one that everybody knew at the capture's time.
    """
    return leaf.is_logged or bool(leaf.ocsp)


def _seen_elsewhere(session: Session, context: Context) -> Fault | None:
    tls, issuers = session.tls, context.knowledge.trust.issuers
    assert tls is not None
    chain = tls.certificates
    name = tls.client_hello.sni if tls.client_hello is not None else None
    other = issuers.elsewhere(chain, name, session.client.ip, session.server)
    if other is not None:
        # Two private authorities may also be two servers behind one address.
        is_public = context.finder.roots.is_public_name(other.top)
        return Fault("tls-interception", chain[0], "other-issuer", is_public, other.issuer)
    count = issuers.unrelated_domains(chain[0].issuer)
    return Fault("tls-interception", chain[0], "many-names", detail=str(count)) if count >= UNRELATED else None


class InterceptionSeen(Rule):
    """A known product's authority issued the chain, and the client trusts it: worth knowing, nothing to mend."""

    causes = ("tls-interception",)

    def check(self, session: Session, context: Context) -> Finding | None:
        fault = next((f for f in context.certificate_faults() if f.cause == "tls-interception"), None)
        if fault is None:
            return None
        evidence = of_certificate(context.story)
        return Finding(
            "tls-interception",
            Severity.NOTE,
            Confidence.LIKELY,
            {**certificate_facts_of(session, fault), "how": "passed", "code": "", "alert": ""},
            (evidence,) if evidence is not None else (),
            variant="passed",
        )
