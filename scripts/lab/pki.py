"""Throw-away certificates, right ones and wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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
    """A root, an intermediate below it, and leaves below that. Made when first asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.root = self._issue(
            "root", "Sample Root CA", None, authority=True, key=ec.generate_private_key(ec.SECP256R1())
        )
        self.issuing = self._issue("issuing", "Sample Issuing CA", self.root, authority=True, key=rsa_key("issuing"))

    @property
    def trust(self) -> Path:
        """The root alone, as a client's trust store."""
        return self.root.cert

    def leaf(
        self,
        name: str = "www.example.test",
        *,
        begins: timedelta = -30 * DAY,
        ends: timedelta = 60 * DAY,
        elliptic: bool = False,
        client: bool = False,
        issuer: Identity | None = None,
        bits: int = 2048,
        extra_names: tuple[str, ...] = (),
    ) -> Identity:
        """A certificate for ``name``, valid from ``now + begins`` to ``now + ends``."""
        key: Key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa_key(f"leaf-{bits}", bits)
        label = f"{name}-{abs(hash((begins, ends, elliptic, client, bits, issuer is None))):x}"
        return self._issue(
            label,
            name,
            issuer or self.issuing,
            key=key,
            begins=begins,
            ends=ends,
            client=client,
            extra_names=extra_names,
        )

    def self_signed(self, name: str = "www.example.test") -> Identity:
        """A leaf that signs itself."""
        return self._issue(f"self-{name}", name, None, key=rsa_key("self"))

    def private_root(self, common_name: str = "Somebody Else Root CA") -> Identity:
        """A root that no client of the laboratory trusts."""
        return self._issue("other-root", common_name, None, authority=True, key=rsa_key("other"))

    def intermediate(self, issuer: Identity, common_name: str = "Somebody Else Issuing CA") -> Identity:
        """An authority below ``issuer``."""
        return self._issue("other-issuing", common_name, issuer, authority=True, key=rsa_key("other issuing"))

    def _issue(
        self,
        label: str,
        common_name: str,
        issuer: Identity | None,
        *,
        key: Key,
        authority: bool = False,
        client: bool = False,
        begins: timedelta = -30 * DAY,
        ends: timedelta = 60 * DAY,
        extra_names: tuple[str, ...] = (),
    ) -> Identity:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sample"),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        if authority:
            begins, ends = -700 * DAY, 3000 * DAY
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + begins)
            .not_valid_after(self.now + ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        parent: Key = issuer.private if issuer else key
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.public_key()), critical=False
        )
        if not authority:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            if not client:
                names = [x509.DNSName(one) for one in (common_name, *extra_names)]
                builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(parent, hashes.SHA256())
        above = (
            (issuer.certificate, *issuer.above) if issuer and issuer.above else (issuer.certificate,) if issuer else ()
        )
        # What a careful server sends: everything between itself and the root, not the root.
        sent = tuple(one for one in above if one.subject != one.issuer)
        return Identity(self.folder, label, key, certificate, sent)


@cache
def rsa_key(_: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """RSA keys are slow to make: one per purpose and run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
