"""Certificates: against the cryptography package, and where it refuses."""

from __future__ import annotations

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from capanalyzer.errors import Malformed
from capanalyzer.tls import certificates
from capanalyzer.tls.certificates import CertificateFacts, certificate_facts, read_certificate_message, read_chain
from tests.fuzz.fuzz_tls import every_fact
from tests.tls.wires import vector

RSA_KEY = rsa.generate_private_key(65537, 1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
START = dt.datetime(2024, 2, 29, 12, 0, 1, tzinfo=dt.UTC)
END = dt.datetime(2061, 1, 2, tzinfo=dt.UTC)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey


def build(
    key: Key = EC_KEY, *, issuer: str = "Test CA", signer: Key | None = None, subject: str = "www.example.com"
) -> bytes:
    """A leaf with every extension that is read."""
    authority = signer or key
    digest = None if isinstance(authority, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    names = [
        x509.DNSName("www.example.com"),
        x509.DNSName("*.Example.com"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.RFC822Name("a@example.com"),
        x509.UniformResourceIdentifier("https://example.com/"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inner")])),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01u"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
    ]
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o.example")),
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://i.example")
        ),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                    x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'A, "B" + C = 株式会社'),
                    x509.NameAttribute(NameOID.COMMON_NAME, subject),
                ]
            )
        )
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(0x0ABCDEF0123456789)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.2.3.4")]), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=True,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=True,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier(b"subject-key"), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(b"issuer-key", None, None), critical=False)
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        .sign(authority, digest)
    )
    return certificate.public_bytes(Encoding.DER)


LEAF = build()


def self_signed(key: Key = EC_KEY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_all_facts() -> None:
    facts = certificate_facts(LEAF)
    assert facts.errors == ()
    assert facts.error is None
    parsed = x509.load_der_x509_certificate(LEAF)
    assert facts.subject == parsed.subject.rfc4514_string()
    assert facts.issuer == "CN=Test CA"
    assert (facts.subject_cn, facts.issuer_cn) == ("www.example.com", "Test CA")
    assert (facts.serial, facts.serial_number) == ("abcdef0123456789", 0x0ABCDEF0123456789)
    assert facts.version == 3
    assert (facts.not_before, facts.not_after) == ("2024-02-29T12:00:01Z", "2061-01-02T00:00:00Z")
    assert facts.not_before_ns == int(START.timestamp()) * 10**9
    assert facts.not_after_ns == int(END.timestamp()) * 10**9
    assert facts.san == (
        "www.example.com",
        "*.Example.com",
        "192.0.2.1",
        "2001:db8::1",
        "a@example.com",
        "https://example.com/",
        "DirName:CN=inner",
        "othername:1.3.6.1.4.1.311.20.2.3",
        "1.2.3",
    )
    assert facts.dns_names == ("www.example.com", "*.example.com")
    assert (facts.key_kind, facts.key_bits, facts.curve) == ("EC", 256, "secp256r1")
    assert (facts.signature_algorithm, facts.signature_hash) == ("ecdsa-with-SHA256", "sha256")
    assert (facts.is_ca, facts.path_length) == (True, 3)
    assert facts.extended_key_usage == ("serverAuth", "1.2.3.4")
    assert facts.key_usage == ("digitalSignature", "keyAgreement", "keyCertSign", "decipherOnly")
    assert (facts.subject_key_id, facts.authority_key_id) == (b"subject-key", b"issuer-key")
    assert (facts.ocsp, facts.ca_issuers) == (("http://o.example",), ("http://i.example",))
    assert facts.must_staple
    assert facts.sha256 == parsed.fingerprint(hashes.SHA256()).hex()
    assert not facts.self_issued


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (RSA_KEY, "RSA", 1024),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256),
        (dsa.generate_private_key(1024), "DSA", 1024),
    ],
)
def test_keys(key: Key, kind: str, bits: int) -> None:
    facts = CertificateFacts(build(key, signer=EC_KEY))
    assert (facts.key_kind, facts.key_bits) == (kind, bits)


def test_pss_takes_its_hash_from_the_parameters() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pss")])
    builder = x509.CertificateBuilder(name, name, RSA_KEY.public_key(), 5, START, END)
    signed = builder.sign(RSA_KEY, hashes.SHA384(), rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), 48))
    facts = CertificateFacts(signed.public_bytes(Encoding.DER))
    assert (facts.signature_algorithm, facts.signature_hash) == ("rsassaPss", "sha384")


def test_self_signed() -> None:
    good = self_signed()
    assert CertificateFacts(good).is_self_signed
    assert CertificateFacts(good).self_issued
    broken = good[:-4] + bytes((good[-4] ^ 1,)) + good[-3:]
    assert not CertificateFacts(broken).is_self_signed
    assert not CertificateFacts(LEAF).is_self_signed


def test_issuer_by_name_and_key() -> None:
    root = CertificateFacts(self_signed())
    leaf = CertificateFacts(build(issuer="me"))
    assert leaf.names_issuer(root)
    assert root.names_issuer(root)
    assert not CertificateFacts(LEAF).names_issuer(root)


def replaced(der: bytes, old: bytes, new: bytes) -> CertificateFacts:
    assert der.count(old) == 1
    assert len(old) == len(new)
    return CertificateFacts(der.replace(old, new))


def test_impossible_date_leaves_the_rest() -> None:
    facts = replaced(LEAF, b"20610102000000Z", b"00000102000000Z")
    assert (facts.not_after, facts.not_after_ns, facts.not_before) == (None, None, "2024-02-29T12:00:01Z")
    assert "notAfter" in (facts.error or "")
    assert facts.subject_cn == "www.example.com"


def test_negative_serial() -> None:
    assert replaced(LEAF, b"\x02\x09\x00\xab\xcd", b"\x02\x09\xff\xab\xcd").serial == "-54321 0fedcba9877".replace(
        " ", ""
    )


def test_repeated_extension_is_told_and_the_first_one_counts() -> None:
    facts = replaced(LEAF, bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d11"))
    assert facts.san[0] == "www.example.com"
    assert facts.errors == ("extension 2.5.29.17 is repeated",)


def test_text_of_the_wrong_type_is_printable() -> None:
    facts = replaced(LEAF, "株式会社".encode(), b"\xff" * 12)
    assert "ÿ" in facts.subject
    assert facts.errors == ()


@pytest.mark.parametrize("size", range(0, len(LEAF), 9))
def test_cut_certificate_gives_what_is_there(size: int) -> None:
    every_fact(LEAF[:size])
    facts = CertificateFacts(LEAF[:size])
    assert facts.errors


def test_every_flipped_byte_gives_facts() -> None:
    for place in range(len(LEAF)):
        every_fact(LEAF[:place] + bytes((LEAF[place] ^ 0x41,)) + LEAF[place + 1 :])


# --- messages ---------------------------------------------------------------------------------------------------------


def chain(*ders: bytes) -> bytes:
    return vector(3, b"".join(vector(3, der) for der in ders))


def test_certificate_message() -> None:
    assert read_certificate_message(chain(b"one", b"two")) == (b"one", b"two")
    assert read_certificate_message(chain()) == ()
    body = b"\0" + vector(3, vector(3, b"one") + vector(2, b"ext") + vector(3, b"two") + vector(2, b""))
    assert read_certificate_message(body, is_tls13=True) == (b"one", b"two")
    assert [c.der for c in read_chain(body, is_tls13=True).certificates] == [b"one", b"two"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        b"\0\0\x09abc",
        chain(b"one") + b"x",
        vector(3, b"\0\0\x09abc"),
        vector(3, b"\0\0"),
        chain(*[b"x"] * 65),
    ],
)
def test_damaged_certificate_message(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_certificate_message(body)
    found = read_chain(body)
    assert found.error
    assert len(found.certificates) <= certificates.MAX_CERTIFICATES


def test_same_bytes_give_the_same_objects() -> None:
    body = chain(LEAF, self_signed())
    first = read_chain(body)
    assert read_chain(bytes(bytearray(body))) is first
    assert certificate_facts(bytes(bytearray(LEAF))) is first.certificates[0]
    other = body[:-1] + bytes((body[-1] ^ 1,))
    assert read_chain(other) is not first
    assert read_chain(other).certificates[0] is first.certificates[0]


def test_caches_are_bounded() -> None:
    kept = certificates._Kept()
    for number in range(certificates.MAX_KEPT + 100):
        kept.put(number.to_bytes(100, "big"), number)
    assert kept.get((99).to_bytes(100, "big")) is None
    big = certificates.MAX_KEPT_BYTES // 64
    for number in range(100):
        kept.put(number.to_bytes(4, "big") + bytes(big - 4), number)
    assert kept._bytes <= certificates.MAX_KEPT_BYTES
    assert kept.get((99).to_bytes(4, "big") + bytes(big - 4)) == 99
    kept.put(bytes(big + 1), 1)
    assert kept.get(bytes(big + 1)) is None
