"""What can be seen to be wrong with a client's certificate (up to TLS 1.2)."""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import shown
from capanalyzer.diagnosis.rules.trust.certificate_texts import date
from capanalyzer.diagnosis.trust.paths import is_begun, is_over
from capanalyzer.errors import WireError
from capanalyzer.handshake.session import Session, Side, TlsFacts
from capanalyzer.tls.messages import CertificateRequestFacts, read_certificate_request
from capanalyzer.tls.records import HANDSHAKE
from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["visible_client_fault"]

_CERTIFICATE_REQUEST: Final = 13
_CLIENT_USAGES: Final = frozenset(("clientAuth", "anyExtendedKeyUsage"))


def visible_client_fault(session: Session, tls: TlsFacts) -> tuple[str, dict[str, str | int | float]]:
    """(which summary of client-certificate-rejected tells it, its values); "" where nothing is visibly wrong."""
    chain = tls.client_certificates
    if not chain:
        return "", {"subject": "?", "issuer": "?"}
    leaf, asked = chain[0], _request(tls)
    usages = leaf.extended_key_usage
    facts: dict[str, str | int | float] = {
        "subject": shown(leaf.subject),
        "issuer": shown(leaf.issuer),
        "not_before": date(leaf.not_before_ns),
        "not_after": date(leaf.not_after_ns),
        "usages": shown(", ".join(usages[:6])),
        "authorities": asked.ca_count if asked is not None else 0,
    }
    if is_over(leaf, session.start_ns):
        return "expired", facts
    if not is_begun(leaf, session.start_ns):
        return "not-yet-valid", facts
    if asked is not None and _is_from_elsewhere(chain, asked):
        return "issuer", facts
    if usages and not _CLIENT_USAGES.intersection(usages):
        return "usage", facts
    return "", facts


def _request(tls: TlsFacts) -> CertificateRequestFacts | None:
    for message in tls.messages:
        if (
            message.handshake_type == _CERTIFICATE_REQUEST
            and message.side == Side.SERVER
            and message.content_type == HANDSHAKE
            and not message.encrypted
            and tls.version is not None
        ):
            try:
                return read_certificate_request(message.body, tls.version)
            except WireError:
                return None
    return None


def _is_from_elsewhere(chain: tuple[CertificateFacts, ...], asked: CertificateRequestFacts) -> bool:
    """No issuer in the client's chain is among those the server names, of which all could be read."""
    if not asked.ca_names or len(asked.ca_names) < asked.ca_count or "" in asked.ca_names:
        return False
    named = {name.casefold() for name in asked.ca_names}
    return not any(certificate.issuer.casefold() in named for certificate in chain)
