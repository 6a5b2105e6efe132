"""Authorities and certificates with throw-away keys, as servers could show them at T0 (see sessions.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from .sessions import NAME, SECOND, T0

__all__ = ["SERVER_AUTH", "Issued", "issue", "key"]

SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH


class Issued(NamedTuple):
    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@cache
def key(label: str, kind: str = "ec", bits: int = 256) -> Any:
    """One key for each label and kind: RSA keys are slow to make."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if kind == "dsa":
        return dsa.generate_private_key(key_size=bits)
    return ec.generate_private_key({192: ec.SECP192R1, 224: ec.SECP224R1, 256: ec.SECP256R1}[bits]())


def name_of(common: str | None, organisation: str | None, unit: str | None) -> x509.Name:
    parts = (
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    )
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text is not None])


def issue(
    common: str | None = NAME,
    issuer: Issued | None = None,
    *,
    organisation: str | None = None,
    unit: str | None = None,
    names: Sequence[str] | None = None,
    days: tuple[int, int] = (-100, 100),
    signer: Any = None,
    own_key: Any = None,
    is_ca: bool = False,
    usages: Sequence[x509.ObjectIdentifier] | None = None,
    key_usage: str | None = None,
    sha1: bool = False,
    identifiers: bool = True,
    logged: bool = False,
    ocsp: str | None = None,
    at: int = T0,
) -> Issued:
    """A certificate for a common name, self-signed without an issuer.

    :param signer: the key that really signs it, instead of the issuer's.
    :param identifiers: with subject and authority key identifiers.
    :param sha1: signed like that, which the library does not do any more; the signing key must be RSA.
    :param logged: with (meaningless) signed certificate timestamps.
    """
    now = datetime.fromtimestamp(at / SECOND, UTC).replace(microsecond=0)
    mine = own_key or key(common or organisation or "-")
    subject = name_of(common, organisation, unit)
    parent = issuer.key if issuer is not None else mine
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(mine.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(mine.public_key()), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.public_key()), critical=False
        )
    if is_ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    else:
        wanted = [common] if names is None and common else list(names or ())
        if wanted:
            general = [x509.IPAddress(ip_address(n)) if n[0].isdigit() or ":" in n else x509.DNSName(n) for n in wanted]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if key_usage is not None:
        builder = builder.add_extension(one_key_usage(key_usage), critical=True)
    if ocsp is not None:
        place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    if logged:
        timestamps = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04\x02\x00\x00")
        builder = builder.add_extension(timestamps, critical=False)
    signed = builder.sign(signer or parent, hashes.SHA256())
    return Issued(with_sha1(signed, signer or parent) if sha1 else signed, mine)


def with_sha1(certificate: x509.Certificate, signer: rsa.RSAPrivateKey) -> x509.Certificate:
    """The same certificate, signed again with sha1WithRSAEncryption; its OID and signature are as long."""
    new, old = (bytes.fromhex("06092a864886f70d0101" + last) for last in ("05", "0b"))
    tbs = certificate.tbs_certificate_bytes.replace(old, new)
    der = certificate.public_bytes(Encoding.DER).replace(certificate.tbs_certificate_bytes, tbs).replace(old, new)
    signature = signer.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    return x509.load_der_x509_certificate(der.removesuffix(certificate.signature) + signature)


def one_key_usage(which: str) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    every += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name == which for name in every})
