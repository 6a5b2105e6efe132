"""Chains with real signatures: which way leads to a root, and what is wrong with it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.diagnosis.trust.faults import Fault, faults
from capanalyzer.diagnosis.trust.paths import End, PathFinder
from capanalyzer.diagnosis.trust.roots import Roots, UnusablePem, read_pem
from capanalyzer.tls.signatures import Signature
from capanalyzer.tls.x509 import CertificateFacts

from .pki import SERVER_AUTH, Issued, issue, key
from .sessions import NAME, SECOND, T0

DAY = 86_400 * SECOND
ROOT = issue("Example Root", is_ca=True, days=(-3000, 3000))
MIDDLE = issue("Example CA A1", ROOT, is_ca=True, days=(-1000, 1000))
LOWER = issue("Example CA A2", MIDDLE, is_ca=True, days=(-1000, 1000))
RSA_MIDDLE = issue("Example CA R1", ROOT, is_ca=True, own_key=key("R1", "rsa", 2048), days=(-1000, 1000))
LEAF = issue(NAME, MIDDLE)
DEEP = issue(NAME, LOWER)


def chain_of(*issued: Issued) -> tuple[CertificateFacts, ...]:
    return tuple(CertificateFacts(one.der) for one in issued)


def found(*issued: Issued, name: str | None = NAME, at: int = T0, roots: tuple[Issued, ...] = (ROOT,)) -> list[Fault]:
    finder = PathFinder(Roots(one.der for one in roots))
    return faults(finder, chain_of(*issued), name, at)


def causes(*issued: Issued, **options: Any) -> list[str]:
    return [fault.cause for fault in found(*issued, **options)]


def ends(*issued: Issued, roots: tuple[Issued, ...] = (ROOT,)) -> list[End]:
    return [path.end for path in PathFinder(Roots(one.der for one in roots)).paths(chain_of(*issued))]


def test_a_chain_to_a_known_root_has_no_fault() -> None:
    assert causes(LEAF, MIDDLE) == causes(LEAF, MIDDLE, ROOT) == causes(DEEP, LOWER, MIDDLE) == []
    assert ends(LEAF, MIDDLE) == [End.ANCHOR]


def test_an_unknown_root_is_no_fault_by_itself() -> None:
    assert causes(LEAF, MIDDLE, roots=()) == causes(LEAF, MIDDLE, ROOT, roots=()) == []
    assert ends(LEAF, MIDDLE, ROOT, roots=()) == [End.SELF_SIGNED]
    assert ends(LEAF, MIDDLE, roots=()) == [End.ABSENT]


@pytest.mark.parametrize("order", list(itertools.permutations((LOWER, MIDDLE, ROOT))))
def test_order_does_not_count(order: tuple[Issued, ...]) -> None:
    assert causes(DEEP, *order) == []
    assert set(ends(DEEP, *order)) == {End.ANCHOR}


def test_a_leaf_alone() -> None:
    """Complete below a known root; else it lacks its issuer, which is not always sure to be an intermediate."""
    assert causes(issue(NAME, ROOT)) == []
    direct = issue(NAME, ROOT)
    assert [(f.cause, f.is_plain) for f in found(direct, roots=())] == [("certificate-chain-incomplete", False)]
    assert [(f.cause, f.is_plain) for f in found(LEAF)] == [("certificate-chain-incomplete", False)]
    logged = issue(NAME, MIDDLE, logged=True)
    assert [(f.cause, f.is_plain) for f in found(logged)] == [("certificate-chain-incomplete", True)]
    named = issue(NAME, issue("Example Issuing CA", ROOT, is_ca=True))
    assert [(f.cause, f.is_plain) for f in found(named)] == [("certificate-chain-incomplete", True)]
    public = issue(NAME, issue("Some New CA", ROOT, is_ca=True, organisation="DigiCert Inc"))
    assert [(f.cause, f.is_plain) for f in found(public)] == [("certificate-chain-incomplete", True)]
    assert causes(logged, roots=(MIDDLE,)) == []
    in_2009 = 1_250_000_000 * SECOND
    then = issue(NAME, issue("Some Old CA", ROOT, is_ca=True, organisation="DigiCert Inc", at=in_2009), at=in_2009)
    assert [f.is_plain for f in found(then, at=in_2009)] == [False]  # roots signed leaves in those days


def test_a_gap_further_up() -> None:
    assert [(f.cause, f.variant) for f in found(DEEP, LOWER, ROOT, roots=())] == [
        ("certificate-chain-incomplete", "gap")
    ]
    assert causes(DEEP, LOWER, roots=()) == []  # the issuer of what is sent may be a private root
    assert causes(DEEP, MIDDLE, ROOT) == ["certificate-chain-incomplete"]  # the leaf's own issuer


def test_certificates_that_do_not_belong_are_passed_over() -> None:
    stranger = issue("Stranger CA", is_ca=True)
    assert causes(LEAF, stranger, MIDDLE, LEAF, MIDDLE) == []
    assert causes(LEAF, stranger) == ["certificate-chain-incomplete"]


def test_cross_signed() -> None:
    """Two certificates of one intermediate: any way to a known root will do, also when the other has expired."""
    old_root = issue("Old Root", is_ca=True, days=(-5000, -100))
    crossed = issue("Example Root", old_root, is_ca=True, own_key=ROOT.key, days=(-1000, -100))
    assert causes(LEAF, MIDDLE, crossed) == causes(LEAF, MIDDLE, crossed, old_root) == []
    twice = issue("Example CA A1", old_root, is_ca=True, own_key=MIDDLE.key, days=(-1000, -100))
    assert causes(LEAF, twice, MIDDLE) == causes(LEAF, MIDDLE, twice) == []
    only = found(LEAF, twice, old_root, roots=(ROOT,))
    assert [(f.cause, f.variant) for f in only if f.is_plain] == [("certificate-expired", "intermediate")]


def test_an_expired_intermediate_counts_where_there_is_no_other_way() -> None:
    stale = issue("Example CA A1", ROOT, is_ca=True, own_key=MIDDLE.key, days=(-1000, -3))
    fault = found(LEAF, stale)[0]
    assert (fault.cause, fault.variant, fault.is_plain) == ("certificate-expired", "intermediate", True)
    assert fault.about.subject_cn == "Example CA A1"
    assert causes(LEAF, stale, MIDDLE) == []
    assert causes(LEAF, stale, at=T0 - 4 * DAY) == []
    high = issue("Example CA A1", ROOT, is_ca=True, own_key=MIDDLE.key, days=(-1000, -3))
    assert [(f.cause, f.is_plain) for f in found(DEEP, LOWER, high, roots=())] == [("certificate-expired", False)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (-101, ["certificate-not-yet-valid"]),
        (-100, []),
        (0, []),
        (100, []),
        (101, ["certificate-expired"]),
    ],
)
def test_dates_are_compared_with_the_sessions_time(day: int, expected: list[str]) -> None:
    assert causes(LEAF, MIDDLE, at=T0 + day * DAY) == expected


def test_self_signed_is_who_really_signs_itself() -> None:
    own = issue("device")
    assert [f.cause for f in found(own, name="device")] == ["certificate-self-signed"]
    assert causes(own, name="device", roots=(own,)) == []
    for identifiers in (True, False):
        other = issue("device", signer=key("somebody"), identifiers=identifiers)
        assert causes(other, name="device") == ["certificate-chain-incomplete"]
    same_name = issue("device", issue("device", own_key=key("authority"), is_ca=True))
    assert causes(same_name, name="device") == ["certificate-chain-incomplete"]


def test_a_signature_that_does_not_hold() -> None:
    forged = issue(NAME, MIDDLE, signer=key("forger"))
    fault = found(forged, MIDDLE)[0]
    assert (fault.cause, fault.variant, fault.is_plain) == ("certificate-rejected", "signature", True)
    rekeyed = issue("Example CA A1", ROOT, is_ca=True, own_key=key("new"))
    fault = found(LEAF, rekeyed)[0]
    assert (fault.cause, fault.variant, fault.is_plain) == ("certificate-chain-incomplete", "other-key", True)
    assert causes(LEAF, rekeyed, MIDDLE) == []
    bare = issue(NAME, MIDDLE, signer=key("forger"), identifiers=False)
    assert [(f.cause, f.is_plain) for f in found(bare, MIDDLE)] == [("certificate-rejected", False)]
    rsa_signed = issue(NAME, MIDDLE, signer=key("forger", "rsa", 2048))
    assert causes(rsa_signed, MIDDLE) == ["certificate-rejected"]


def test_another_root_of_the_same_name_sent_along_is_no_fault() -> None:
    old = issue("Example Root", is_ca=True, own_key=key("old root"))
    assert causes(LEAF, MIDDLE, old) == causes(LEAF, MIDDLE, old, roots=()) == []


@pytest.mark.parametrize(
    ("weak", "detail"),
    [
        ({"own_key": key("w", "rsa", 1024)}, "RSA 1024 bit"),
        ({"own_key": key("w", "dsa", 2048)}, "DSA 2048 bit"),
        ({"own_key": key("w", "ec", 192)}, "EC secp192r1 (192 bit)"),
        ({"sha1": True}, "sha1WithRSAEncryption"),
    ],
)
def test_weak(weak: dict[str, Any], detail: str) -> None:
    fault = found(issue(NAME, RSA_MIDDLE, **weak), RSA_MIDDLE)[0]
    assert (fault.cause, fault.detail) == ("certificate-weak", detail)


@pytest.mark.parametrize("fine", [{"own_key": key("f", "rsa", 2048)}, {"own_key": key("f", "ec", 224)}, {}])
def test_not_weak(fine: dict[str, Any]) -> None:
    assert causes(issue(NAME, MIDDLE, **fine), MIDDLE) == []


def test_weak_intermediates_and_roots() -> None:
    own_key = key("old style", "rsa", 2048)
    root = issue("Old Style Root", is_ca=True, own_key=own_key, sha1=True, days=(-5000, 5000))
    good = issue("Old Style CA", root, is_ca=True)
    poor = issue("Old Style CA", root, is_ca=True, own_key=good.key, sha1=True)
    leaf = issue(NAME, good)
    assert causes(leaf, good, root, roots=(root,)) == causes(leaf, good, root, roots=()) == []
    assert [(f.cause, f.about.subject_cn) for f in found(leaf, poor, roots=(root,))] == [
        ("certificate-weak", "Old Style CA")
    ]
    assert causes(leaf, poor, good, roots=(root,)) == causes(leaf, good, poor, roots=(root,)) == []


def test_what_was_ordinary_then_is_not_weak() -> None:
    """SHA-1 in 2012, RSA with 1024 bits in 2010; MD5 was broken in both."""
    in_2012, in_2010 = 1_330_000_000 * SECOND, 1_270_000_000 * SECOND
    root = issue("R", is_ca=True, own_key=key("R", "rsa", 2048), at=in_2010, days=(-1, 9000))
    options: dict[str, Any] = {"roots": (root,)}
    assert causes(issue(NAME, root, sha1=True, at=in_2012), at=in_2012, **options) == []
    assert causes(issue(NAME, root, sha1=True, days=(-5000, 100)), **options) == ["certificate-weak"]
    assert causes(issue(NAME, root, own_key=key("w", "rsa", 1024), at=in_2010), at=in_2010, **options) == []


@pytest.mark.parametrize(
    ("usages", "key_usage", "expected"),
    [
        ([SERVER_AUTH], None, []),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, SERVER_AUTH], "digital_signature", []),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], None, []),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], None, ["certificate-unsupported"]),
        ([ExtendedKeyUsageOID.CODE_SIGNING], None, ["certificate-unsupported"]),
        (None, "key_encipherment", []),
        (None, "key_cert_sign", ["certificate-unsupported"]),
    ],
)
def test_usages(usages: list[Any] | None, key_usage: str | None, expected: list[str]) -> None:
    assert causes(issue(NAME, MIDDLE, usages=usages, key_usage=key_usage), MIDDLE) == expected


def test_usage_of_an_intermediate() -> None:
    mail = issue("Mail CA", ROOT, is_ca=True, usages=[ExtendedKeyUsageOID.EMAIL_PROTECTION])
    assert causes(issue(NAME, mail), mail) == ["certificate-unsupported"]


def test_several_faults_come_in_the_contracts_order() -> None:
    mail = [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    poor = issue("other.example", RSA_MIDDLE, days=(-100, -1), sha1=True, usages=mail)
    assert causes(poor) == [
        "certificate-expired",
        "certificate-chain-incomplete",
        "certificate-hostname-mismatch",
        "certificate-unsupported",
        "certificate-weak",
    ]
    alone = issue("other.example", own_key=key("w", "rsa", 1024))
    assert causes(alone) == ["certificate-self-signed", "certificate-hostname-mismatch", "certificate-weak"]
    proxy = issue("mitmproxy", organisation="mitmproxy", is_ca=True)
    assert causes(issue("other.example", proxy)) == [
        "tls-interception",
        "certificate-chain-incomplete",
        "certificate-hostname-mismatch",
    ]


def test_strings_of_another_type_name_the_same_issuer() -> None:
    """RFC 5280 section 7.1: UTF8String and PrintableString are compared by what they say."""
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    from cryptography.x509.oid import NameOID

    printable = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "EXAMPLE CA A1", _ASN1Type.PrintableString)])
    leaf = CertificateFacts(
        x509.CertificateBuilder(
            printable,
            LEAF.certificate.subject,
            LEAF.key.public_key(),
            5,
            LEAF.certificate.not_valid_before_utc,
            LEAF.certificate.not_valid_after_utc,
        )
        .sign(MIDDLE.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    middle = CertificateFacts(MIDDLE.der)
    assert leaf.names_issuer(middle)
    assert leaf.signature_by(middle) is not Signature.BROKEN
    assert PathFinder(Roots([ROOT.der])).paths((leaf, middle))[0].end is End.ANCHOR


def test_hostile_chains_end() -> None:
    """64 certificates of one name, all signed by each other's key: every step would be possible."""
    same = key("one")
    loop = [
        issue("loop", issue("loop", own_key=same, is_ca=True), own_key=same, is_ca=True, days=(-n - 1, 9))
        for n in range(64)
    ]
    pair = issue("a", issue("b", own_key=same), own_key=same), issue("b", issue("a", own_key=same), own_key=same)
    assert ends(*pair) == [End.ABSENT]
    assert ends(*loop)


@given(
    st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([LEAF.der, MIDDLE.der, ROOT.der])), max_size=6),
    st.data(),
)
def test_no_bytes_raise_and_what_cannot_be_read_is_no_fault(ders: list[bytes], data: st.DataObject) -> None:
    chain = tuple(CertificateFacts(der) for der in ders)
    at = data.draw(st.integers(0, 1 << 63))
    told = faults(PathFinder(Roots([ROOT.der])), chain, data.draw(st.one_of(st.none(), st.text(max_size=20))), at)
    if chain and not chain[0].subject_der:
        assert told == []


@given(st.data())
def test_a_damaged_certificate_raises_nothing(data: st.DataObject) -> None:
    der = bytearray(LEAF.der)
    for place in data.draw(st.lists(st.integers(0, len(der) - 1), min_size=1, max_size=4)):
        der[place] = data.draw(st.integers(0, 255))
    chain = CertificateFacts(bytes(der)), CertificateFacts(MIDDLE.der)
    for fault in faults(PathFinder(Roots([ROOT.der])), chain, NAME, T0):
        assert fault.cause


def test_pem_files() -> None:
    both = read_pem(b"# our roots\n" + ROOT.pem + b"\nsome text\n" + MIDDLE.pem)
    assert both == (ROOT.der, MIDDLE.der)
    with pytest.raises(UnusablePem, match="holds no certificate"):
        read_pem(b"nothing")
    with pytest.raises(UnusablePem, match="certificate 2 is not Base64"):
        read_pem(ROOT.pem + b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
    with pytest.raises(UnusablePem, match="certificate 1 cannot be read"):
        read_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_the_public_roots_are_known() -> None:
    """Each of certifi's roots is an anchor, by whatever certificate of its key."""
    import certifi

    roots = Roots()
    ders = read_pem(certifi.contents().encode())
    assert len(ders) > 100
    for der in ders:
        root = CertificateFacts(der)
        assert roots.is_anchor(root)
        assert roots.is_public(root)
    assert not roots.is_anchor(CertificateFacts(ROOT.der))
    assert not Roots([ROOT.der]).is_public(CertificateFacts(ROOT.der))
