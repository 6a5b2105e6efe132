"""The roots that clients are expected to know: Mozilla's, as ``certifi`` brings them, and those that the user names."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from capanalyzer.diagnosis.trust.names import organisation
from capanalyzer.errors import UserError
from capanalyzer.remark import Remark
from capanalyzer.tls.certificates import certificate_facts
from capanalyzer.tls.x509 import CertificateFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Roots", "UnusablePem", "public_subjects", "read_pem"]

_PEM: Final = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END (?:TRUSTED |X509 )?CERTIFICATE-----", re.DOTALL
)


class UnusablePem(UserError):  # noqa: N818 - says what it is about
    """A file of certificates holds none, or a damaged one."""


def read_pem(data: bytes) -> tuple[bytes, ...]:
    """The DERs of all certificates in a PEM file (RFC 7468); text around them is passed over.

    :raises UnusablePem: there is none, or one of them is damaged; the message says which.
    """
    found = []
    for number, match in enumerate(_PEM.finditer(data), 1):
        try:
            der = binascii.a2b_base64(b"".join(match[1].split()), strict_mode=True)
        except binascii.Error:
            raise UnusablePem(Remark("certificate {number} is not Base64", number=number)) from None
        facts = CertificateFacts(der)
        if not facts.subject_der or not facts.key_kind:
            raise UnusablePem(
                Remark("certificate {number} cannot be read: {reason}", number=number, reason=facts.error)
            )
        found.append(der)
    if not found:
        raise UnusablePem(Remark("it holds no certificate (PEM, -----BEGIN CERTIFICATE-----)"))
    return tuple(found)


class Roots:
    """Trust anchors by name. Which they are is read when the first chain is looked at."""

    def __init__(self, extra: Iterable[bytes] = ()) -> None:
        """:param extra: DERs of further anchors, roots or not."""
        self._extra = _by_name(tuple(extra))

    def load(self) -> None:
        """Read the public ones now, which are read when first asked for otherwise."""
        _public_organisations()

    def named(self, name: bytes) -> list[CertificateFacts]:
        """The anchors of this name (DER)."""
        return [*_public().get(name, ()), *self._extra.get(name, ())]

    def is_anchor(self, certificate: CertificateFacts) -> bool:
        """It is one of them, or the same name with the same key: a root issued anew."""
        key = certificate.public_key_sha256
        return any(key == root.public_key_sha256 for root in self.named(certificate.subject_der))

    def is_public(self, anchor: CertificateFacts) -> bool:
        """It is one that everybody has, not one that the user named."""
        return any(anchor.der == root.der for root in _public().get(anchor.subject_der, ()))

    def is_public_name(self, name: bytes) -> bool:
        """A public root is called so."""
        return name in _public()

    def is_public_organisation(self, name: str | None) -> bool:
        """The owner of a public root is called so; see :func:`capanalyzer.diagnosis.trust.names.organisation`."""
        return name in _public_organisations()


@lru_cache(maxsize=1)
def _public_organisations() -> frozenset[str]:
    found = (organisation(root.subject) for roots in _public().values() for root in roots)
    return frozenset(name for name in found if name)


@lru_cache(maxsize=1)
def public_subjects() -> frozenset[str]:
    """The public roots' names, as RFC 4514 texts."""
    return frozenset(root.subject for roots in _public().values() for root in roots)


@lru_cache(maxsize=1)
def _public() -> Mapping[bytes, list[CertificateFacts]]:
    import certifi

    return _by_name(read_pem(certifi.contents().encode()))


def _by_name(ders: Iterable[bytes]) -> dict[bytes, list[CertificateFacts]]:
    found: dict[bytes, list[CertificateFacts]] = {}
    for der in ders:
        facts = certificate_facts(der)
        found.setdefault(facts.subject_der, []).append(facts)
    return found
