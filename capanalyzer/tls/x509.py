"""A certificate as sent in the clear: what it says about itself, judged by nobody yet (RFC 5280).

Read by the walker in :mod:`capanalyzer.tls.der`, not by the ``cryptography`` package: hosts send certificates that a
strict parser refuses (negative serial numbers, impossible dates, repeated extensions), and those are the ones worth a
report. What cannot be read is empty and told in ``errors``; the rest is there. The package is imported only to check a
signature (``CertificateFacts.is_self_signed``), and in the tests, where both must agree.
"""

from __future__ import annotations

from hashlib import sha256

from capanalyzer.errors import WireError
from capanalyzer.lazy import lazy
from capanalyzer.tls.der import children, read_name, read_time
from capanalyzer.tls.signatures import Signature, check_signature
from capanalyzer.tls.x509_extensions import MAX_NAMES, CertificateExtensions
from capanalyzer.tls.x509_parts import read_key, read_signature_algorithm, to_rfc3339

__all__ = ["MAX_NAMES", "CertificateFacts"]


class CertificateFacts(CertificateExtensions):
    """What a certificate says. Everything but ``der`` is read when first asked for; nothing raises."""

    @lazy
    def errors(self) -> tuple[str, ...]:
        """Everything that cannot be read."""
        for name in ("serial_number", "subject", "issuer", "not_before_ns", "not_after_ns", "san", "key_kind", "is_ca"):
            getattr(self, name)
        for name in ("extended_key_usage", "key_usage", "subject_key_id", "authority_key_id", "signature_algorithm"):
            getattr(self, name)
        return tuple(self._errors)

    @property
    def error(self) -> str | None:
        """The first of ``errors``."""
        errors = self.errors
        return errors[0] if errors else None

    @lazy
    def sha256(self) -> str:
        """Fingerprint: SHA-256 of the DER, hexadecimal."""
        return sha256(self.der).hexdigest()

    # --- identity ---------------------------------------------------------------------------------------------------

    @lazy
    def version(self) -> int | None:
        """1, 2 or 3 as written there plus one; None where unreadable."""
        field = self._fields.get("version")
        if field is None:
            return 1 if "serial" in self._fields else None
        return int.from_bytes(self.der[field[1] : field[2]], "big", signed=True) + 1

    @lazy
    def serial_number(self) -> int | None:
        """May be negative or 0, which RFC 5280 forbids and some issuers wrote."""
        field = self._fields.get("serial")
        if field is None or field[1] == field[2]:
            return None
        return int.from_bytes(self.der[field[1] : field[2]], "big", signed=True)

    @lazy
    def serial(self) -> str:
        """Hexadecimal, whole bytes; "" where unreadable."""
        number = self.serial_number
        if number is None:
            return ""
        digits = f"{abs(number):x}"
        return ("-" if number < 0 else "") + digits.rjust(len(digits) + len(digits) % 2, "0")

    @lazy
    def _subject(self) -> tuple[str, str | None]:
        return self._name("subject")

    @lazy
    def _issuer(self) -> tuple[str, str | None]:
        return self._name("issuer")

    def _name(self, which: str) -> tuple[str, str | None]:
        field = self._fields.get(which)
        if field is None:
            return "", None
        try:
            return read_name(self.der[field[1] : field[2]])
        except WireError as error:
            self._note(which, error)
            return "", None

    @property
    def subject(self) -> str:
        """RFC 4514 text; "" where empty or unreadable."""
        return self._subject[0]

    @property
    def issuer(self) -> str:
        """RFC 4514 text."""
        return self._issuer[0]

    @property
    def subject_cn(self) -> str | None:
        """The most specific common name."""
        return self._subject[1]

    @property
    def issuer_cn(self) -> str | None:
        return self._issuer[1]

    @lazy
    def subject_der(self) -> bytes:
        """The Name as sent: chains are linked by equal bytes."""
        return self._whole("subject_whole")

    @lazy
    def issuer_der(self) -> bytes:
        return self._whole("issuer_whole")

    @lazy
    def self_issued(self) -> bool:
        """Issuer and subject are the same name."""
        return bool(self.subject_der) and self.subject_der == self.issuer_der

    @lazy
    def is_self_signed(self) -> bool:
        """Self-issued, and its own key verifies its signature where that can be checked."""
        if not self.self_issued:
            return False
        if self.authority_key_id and self.subject_key_id and self.authority_key_id != self.subject_key_id:
            return False
        return self.signature_by(self) is not Signature.BROKEN

    # --- validity ---------------------------------------------------------------------------------------------------

    @lazy
    def _times(self) -> list[tuple[int, int, int]]:
        field = self._fields.get("validity")
        if field is None:
            return []
        try:
            return list(children(self.der, field[1], field[2]))
        except WireError as error:
            self._note("validity", error)
            return []

    def _moment(self, which: int, name: str) -> int | None:
        if which >= len(self._times):
            return None
        tag, start, end = self._times[which]
        try:
            return read_time(tag, self.der[start:end]) * 1_000_000_000
        except WireError as error:
            self._note(name, error)
            return None

    @lazy
    def not_before_ns(self) -> int | None:
        """Nanoseconds since the Unix epoch; None where unreadable."""
        return self._moment(0, "notBefore")

    @lazy
    def not_after_ns(self) -> int | None:
        return self._moment(1, "notAfter")

    @lazy
    def not_before(self) -> str | None:
        """RFC 3339, UTC."""
        return to_rfc3339(self.not_before_ns)

    @lazy
    def not_after(self) -> str | None:
        return to_rfc3339(self.not_after_ns)

    # --- key and signature --------------------------------------------------------------------------------------------

    @lazy
    def _key(self) -> tuple[str, int | None, str | None]:
        field = self._fields.get("public_key")
        if field is None:
            return "", None, None
        try:
            return read_key(self.der, field[1], field[2])
        except WireError as error:
            self._note("public key", error)
            return "", None, None

    @property
    def key_kind(self) -> str:
        """``RSA`` ``EC`` ``Ed25519`` ``DSA`` ..., a dotted OID where unknown, "" where unreadable."""
        return self._key[0]

    @property
    def key_bits(self) -> int | None:
        """Modulus, field or key size in bits."""
        return self._key[1]

    @property
    def curve(self) -> str | None:
        """Named curve of an EC key."""
        return self._key[2]

    @lazy
    def public_key_sha256(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo contents: equal for certificates of the same key."""
        return sha256(self._whole("public_key")).hexdigest()

    @lazy
    def _signature(self) -> tuple[str, str | None]:
        field = self._fields.get("signature_algorithm")
        if field is None:
            return "", None
        try:
            return read_signature_algorithm(self.der[field[1] : field[2]])
        except WireError as error:
            self._note("signature algorithm", error)
            return "", None

    @property
    def signature_algorithm(self) -> str:
        """``sha256WithRSAEncryption`` ..., a dotted OID where unknown, "" where unreadable."""
        return self._signature[0]

    @property
    def signature_hash(self) -> str | None:
        """``sha256`` ``sha1`` ``md5`` ...; None where the algorithm has none of its own."""
        return self._signature[1]

    def signature_by(self, issuer: CertificateFacts) -> Signature:
        """Was this certificate signed with the key of ``issuer``?"""
        return check_signature(self.der, issuer.der, self.signature_algorithm, issuer.key_kind)

    def names_issuer(self, issuer: CertificateFacts) -> bool:
        """``issuer`` bears the name that this certificate gives to its issuer; string types and case do not count
        (RFC 5280 section 7.1).
        """
        if not self.issuer_der:
            return False
        return self.issuer_der == issuer.subject_der or (
            bool(self.issuer) and self.issuer.casefold() == issuer.subject.casefold()
        )

    def names_key_of(self, issuer: CertificateFacts) -> bool | None:
        """The key identifiers agree; None where one of them is missing."""
        wanted, given = self.authority_key_id, issuer.subject_key_id
        return wanted == given if wanted and given else None
