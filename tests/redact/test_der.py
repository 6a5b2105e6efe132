"""Certificates with other names in them: as long, as readable, and telling nothing of the original."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.diagnosis.trust.products import product_named
from capanalyzer.diagnosis.trust.roots import public_subjects
from capanalyzer.redact.authorities import name_text
from capanalyzer.redact.der import redact_certificate, redact_distinguished_name
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.stream import redact_stream
from capanalyzer.report.model import Certificate
from capanalyzer.report.redacted import redact_certificate_model
from capanalyzer.tls.certificates import read_chain
from capanalyzer.tls.signatures import Signature
from capanalyzer.tls.x509 import CertificateFacts
from tests.tls.wires import message, record, vector

REDACTOR = Redactor(b"a key of sixteen bytes")
KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
SECRETS = (b"example", b"Acme", b"Geheim", b"www", b"db-7", b"admin", b"ocsp", bytes((198, 51, 100, 77)))


def certificate(kind: str, *, with_names: bool = True) -> bytes:
    key = KEYS[kind]()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme Geheim 日本 GmbH"),
            x509.NameAttribute(NameOID.COMMON_NAME, "www.example.com"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme Issuing CA 2")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(0x7FEDCBA9876543210011223344556677)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2021, 1, 1, tzinfo=UTC))
    )  # fmt: skip
    if with_names:
        names: list[x509.GeneralName] = [
            x509.DNSName("www.example.com"),
            x509.DNSName("*.db-7.example.com"),
            x509.IPAddress(ip_address("198.51.100.77")),
            x509.RFC822Name("admin@example.com"),
            x509.UniformResourceIdentifier("https://www.example.com/x"),
            x509.DirectoryName(subject),
        ]
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example.com")
        )
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x04\x06Geheim")
        builder = (
            builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(unknown, critical=False)
        )  # fmt: skip
    signed = builder.sign(key, None if kind == "ed25519" else hashes.SHA256())
    from cryptography.hazmat.primitives.serialization import Encoding

    return signed.public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", KEYS)
def test_everything_stays_readable_and_nothing_recognisable(kind: str) -> None:
    der = certificate(kind)
    made = redact_certificate(der, REDACTOR)
    assert len(made) == len(der)
    old, new = CertificateFacts(der), CertificateFacts(made)
    assert new.errors == old.errors == ()
    same = ("not_before", "not_after", "key_kind", "key_bits", "curve", "signature_algorithm", "is_ca", "version")
    for name in same:
        assert getattr(new, name) == getattr(old, name), name
    assert list(new.extensions) == list(old.extensions)
    assert len(new.san) == len(old.san)
    for secret in SECRETS:
        assert secret.lower() not in made.lower()
    assert old.public_key_sha256 != new.public_key_sha256
    x509.load_der_x509_certificate(made).public_key()  # also for a strict parser: of the same kind, on its curve


@pytest.mark.parametrize("kind", KEYS)
def test_the_report_and_the_capture_say_the_same(kind: str) -> None:
    der = certificate(kind)
    old, new = CertificateFacts(der), CertificateFacts(redact_certificate(der, REDACTOR))
    told = Certificate(old.subject, old.issuer, old.serial, old.not_before, old.not_after, old.san)
    hidden = redact_certificate_model(told, REDACTOR)
    assert (hidden.issuer, hidden.serial) == (new.issuer, new.serial)
    assert hidden.san[:5] == new.san[:5]
    assert "".join(hidden.subject.split(",")[-1:]) == "".join(new.subject.split(",")[-1:])


@given(st.integers(0, 700), st.integers(0, 255), st.integers(0, 700))
def test_damaged_certificates_never_raise(at: int, value: int, size: int) -> None:
    der = bytearray(DER)
    der[at % len(der)] = value
    for piece in (bytes(der), bytes(der[:size])):
        assert len(redact_certificate(piece, REDACTOR)) == len(piece)
        assert len(redact_distinguished_name(piece, REDACTOR)) == len(piece)


def test_what_is_not_understood_does_not_stay() -> None:
    for junk in (b"", b"Acme Geheim www.example.com", b"\x30\x82\xff\xffAcme Geheim"):
        assert b"Geheim" not in redact_certificate(junk, REDACTOR)


DER = certificate("p256")


def signed(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    return (
        builder.not_valid_after(datetime(2040, 1, 1, tzinfo=UTC)).sign(by, hashes.SHA256()).public_bytes(Encoding.DER)
    )


def chain_message(*ders: bytes) -> bytes:
    return vector(3, b"".join(vector(3, der) for der in ders))


def test_a_chain_hangs_together_as_before() -> None:
    """What did not sign still did not; what did sign is not called broken."""
    ca, other, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = signed("Acme Root", ca, "Acme Root", ca)
    good, bad = signed("a.example", leaf, "Acme Root", ca), signed("a.example", leaf, "Acme Root", other)
    for first, result in ((good, Signature.UNKNOWN), (bad, Signature.BROKEN)):
        body = chain_message(first, root)
        wire = record(22, message(11, body))
        made = read_chain(redact_stream(wire, [0], REDACTOR)[9:]).certificates
        assert made[0].names_issuer(made[1])
        assert made[0].signature_by(made[1]) is result
        assert made[1].is_self_signed


def test_names_of_public_roots_and_kinds_of_authorities_stay() -> None:
    public = min(public_subjects())
    assert name_text(public, REDACTOR) == public
    assert name_text("CN=Acme Issuing CA 2,O=Acme", REDACTOR).startswith("CN=")
    assert " Issuing CA " in name_text("CN=Acme Issuing CA 2,O=Acme", REDACTOR)
    assert "acme" not in name_text("CN=Acme Issuing CA 2,O=Acme", REDACTOR).lower()
    assert product_named(name_text("CN=FortiGate CA,O=Fortinet,OU=Acme Berlin", REDACTOR)) == "FortiGate"
    assert name_text("CN=gateway.acme.test", REDACTOR) == "CN=" + REDACTOR.name("gateway.acme.test")
