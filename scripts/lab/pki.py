"""Throw-away certificates, right ones and wrong ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Identity"]

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)


class Identity:
    """A key and its certificate, as files: ``cert`` alone, ``chain`` with what is above, ``both`` chain and key."""

    def __init__(
        self, folder: Path, name: str, key: Key, certificate: x509.Certificate, above: tuple[x509.Certificate, ...]
    ) -> None:
        self.private, self.certificate, self.above = key, certificate, above
        self.key, self.cert = folder / f"{name}.key", folder / f"{name}.crt"
        self.chain, self.both = folder / f"{name}.chain.pem", folder / f"{name}.both.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        own = certificate.public_bytes(serialization.Encoding.PEM)
        upper = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in above)
        for path, data in (
            (self.key, secret),
            (self.cert, own),
            (self.chain, own + upper),
            (self.both, own + upper + secret),
        ):
            path.write_bytes(data)


class Authority:
    """A root, an intermediate below it, and leaves below that. Hosts are called as the plan calls them."""

    def __init__(self, folder: Path, fqdn: Callable[[str], str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.fqdn = folder, fqdn
        self._numbers = itertools.count(1)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.root = self.authority("Sample Root CA", elliptic=True)
        self.issuing = self.authority("Sample Issuing CA", self.root)

    @property
    def trust(self) -> Path:
        """The root alone, as a client's trust store."""
        return self.root.cert

    def leaf(
        self,
        host: str = "www",
        *,
        begins: timedelta = -30 * DAY,
        ends: timedelta = 60 * DAY,
        elliptic: bool = False,
        client: bool = False,
        issuer: Identity | None = None,
        bits: int = 2048,
        hosts: tuple[str, ...] = (),
        sha1: bool = False,
        self_signed: bool = False,
    ) -> Identity:
        """A certificate for ``host``, valid from ``now + begins`` to ``now + ends``; ``client``: not for servers."""
        key: Key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa_key("leaf", bits)
        names = [x509.DNSName(self.fqdn(one)) for one in (host, *hosts)]
        extensions: list[x509.ExtensionType] = [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName(names),
        ]
        above = None if self_signed else issuer or self.issuing
        subject = named("Sample", self.fqdn(host))
        return self._issue(host, subject, key, above, (self.now + begins, self.now + ends), extensions, sha1=sha1)

    def authority(self, common_name: str, issuer: Identity | None = None, *, elliptic: bool = False) -> Identity:
        """A root, or what is below ``issuer``."""
        key: Key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa_key(common_name)
        dates = (self.now - 700 * DAY, self.now + 3000 * DAY)
        subject = named(common_name.split(maxsplit=1)[0], common_name)
        return self._issue("ca", subject, key, issuer, dates, [x509.BasicConstraints(ca=True, path_length=None)])

    def elsewhere(self) -> Identity:
        """An intermediate below a root that no client of the laboratory knows."""
        return self.authority("Elsewhere Issuing CA", self.authority("Elsewhere Root CA"))

    def _issue(
        self,
        label: str,
        subject: x509.Name,
        key: Key,
        issuer: Identity | None,
        dates: tuple[datetime, datetime],
        extensions: list[x509.ExtensionType],
        *,
        sha1: bool = False,
    ) -> Identity:
        parent: Key = issuer.private if issuer else key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(dates[0])
            .not_valid_after(dates[1])
        )
        for one in (
            *extensions,
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.public_key()),
        ):
            builder = builder.add_extension(one, critical=isinstance(one, x509.BasicConstraints))
        certificate = builder.sign(parent, hashes.SHA256())
        if sha1 and isinstance(parent, rsa.RSAPrivateKey):
            certificate = with_sha1(certificate, parent)
        above = (issuer.certificate, *issuer.above) if issuer else ()
        # What a careful server sends: everything between itself and the root, not the root.
        sent = tuple(one for one in above if one.subject != one.issuer)
        return Identity(self.folder, f"{next(self._numbers):02d}-{label}", key, certificate, sent)


def named(organization: str, common_name: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


@cache
def rsa_key(_: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """RSA keys are slow to make: one per purpose and run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
SHA1_WITH_RSA = bytes.fromhex("300d06092a864886f70d0101050500")
"""AlgorithmIdentifier in DER (RFC 8017, appendix A.2.4)."""


def with_sha1(certificate: x509.Certificate, issuer: rsa.RSAPrivateKey) -> x509.Certificate:
    """The same, signed with SHA-1, which the library's builder refuses: both algorithm identifiers are exchanged."""
    body = certificate.tbs_certificate_bytes.replace(SHA256_WITH_RSA, SHA1_WITH_RSA)
    signature = issuer.sign(body, padding.PKCS1v15(), hashes.SHA1())
    whole = certificate.public_bytes(serialization.Encoding.DER).replace(SHA256_WITH_RSA, SHA1_WITH_RSA)
    return x509.load_der_x509_certificate(whole[: -len(signature)] + signature)
