"""A certificate as sent in the clear: what it says about itself, judged by nobody yet (RFC 5280).

Read by the walker in :mod:`capanalyzer.tls.der`, not by the ``cryptography`` package: hosts send certificates that a
strict parser refuses (negative serial numbers, impossible dates, repeated extensions), and those are the ones worth a
report. What cannot be read is empty and told in ``errors``; the rest is there. The package is imported only to check a
signature (``CertificateFacts.is_self_signed``), and in the tests, where both must agree.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Final

from capanalyzer.errors import Malformed, WireError
from capanalyzer.tls import oids
from capanalyzer.tls.der import children, element, read_name, read_oid, read_string, read_time
from capanalyzer.tls.x509_parts import general_name, read_key, read_signature_algorithm, to_rfc3339, verifies_itself

__all__ = ["MAX_NAMES", "CertificateFacts"]

MAX_NAMES: Final = 2000
"""Subject alternative names kept; the largest public certificates have a few hundred."""


class CertificateFacts:
    """What a certificate says. Everything but ``der`` is read when first asked for; nothing raises."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        self._errors: list[str] = []

    # --- structure --------------------------------------------------------------------------------------------------

    @cached_property
    def _fields(self) -> dict[str, tuple[int, int, int]]:
        """Elements of the TBSCertificate by name: (tag, start, end) of their contents; as far as they can be read."""
        der = self.der
        found: dict[str, tuple[int, int, int]] = {}
        try:
            tag, start, end = element(der, 0, len(der))
            if tag != 0x30:
                raise Malformed(f"tag 0x{tag:02x}", "Certificate", 0)
            if end != len(der):
                self._errors.append(f"{len(der) - end} bytes after the certificate")
            _, at, tbs_end = element(der, start, end)
            found["tbs"] = (0x30, start, tbs_end)
            try:
                found["signature_algorithm"] = element(der, tbs_end, end)
                found["signature"] = element(der, found["signature_algorithm"][2], end)
            except WireError as error:
                self._errors.append(f"signature: {error}")
            names = ["serial", "inner_algorithm", "issuer", "validity", "subject", "public_key"]
            while at < tbs_end:
                tag, start, stop = item = element(der, at, tbs_end)
                if tag == 0xA0 and "version" not in found and "serial" not in found:
                    found["version"] = element(der, start, stop)
                elif names:
                    name = names.pop(0)
                    found[name] = item
                    if name in ("issuer", "subject"):
                        found[name + "_whole"] = (tag, at, stop)
                elif tag == 0xA3:
                    found["extensions"] = element(der, start, stop)
                at = stop
            if names:
                raise Malformed(f"no {names[0]}", "TBSCertificate", at)
        except WireError as error:
            self._errors.append(str(error))
        return found

    def _note(self, what: str, error: WireError) -> None:
        text = f"{what}: {error}"
        if text not in self._errors:
            self._errors.append(text)

    @cached_property
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

    @cached_property
    def sha256(self) -> str:
        """Fingerprint: SHA-256 of the DER, hexadecimal."""
        return sha256(self.der).hexdigest()

    # --- identity ---------------------------------------------------------------------------------------------------

    @cached_property
    def version(self) -> int | None:
        """1, 2 or 3 as written there plus one; None where unreadable."""
        field = self._fields.get("version")
        if field is None:
            return 1 if "serial" in self._fields else None
        return int.from_bytes(self.der[field[1] : field[2]], "big", signed=True) + 1

    @cached_property
    def serial_number(self) -> int | None:
        """May be negative or 0, which RFC 5280 forbids and some issuers wrote."""
        field = self._fields.get("serial")
        if field is None or field[1] == field[2]:
            return None
        return int.from_bytes(self.der[field[1] : field[2]], "big", signed=True)

    @cached_property
    def serial(self) -> str:
        """Hexadecimal, whole bytes; "" where unreadable."""
        number = self.serial_number
        if number is None:
            return ""
        digits = f"{abs(number):x}"
        return ("-" if number < 0 else "") + digits.rjust(len(digits) + len(digits) % 2, "0")

    @cached_property
    def _subject(self) -> tuple[str, str | None]:
        return self._name("subject")

    @cached_property
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

    @cached_property
    def subject_der(self) -> bytes:
        """The Name as sent: chains are linked by equal bytes."""
        return self._whole("subject_whole")

    @cached_property
    def issuer_der(self) -> bytes:
        return self._whole("issuer_whole")

    def _whole(self, which: str) -> bytes:
        field = self._fields.get(which)
        return self.der[field[1] : field[2]] if field else b""

    @cached_property
    def self_issued(self) -> bool:
        """Issuer and subject are the same name."""
        return bool(self.subject_der) and self.subject_der == self.issuer_der

    @cached_property
    def is_self_signed(self) -> bool:
        """Self-issued, and its own key verifies its signature where that can be checked."""
        if not self.self_issued:
            return False
        if self.authority_key_id and self.subject_key_id and self.authority_key_id != self.subject_key_id:
            return False
        return verifies_itself(self.der)

    # --- validity ---------------------------------------------------------------------------------------------------

    @cached_property
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

    @cached_property
    def not_before_ns(self) -> int | None:
        """Nanoseconds since the Unix epoch; None where unreadable."""
        return self._moment(0, "notBefore")

    @cached_property
    def not_after_ns(self) -> int | None:
        return self._moment(1, "notAfter")

    @cached_property
    def not_before(self) -> str | None:
        """RFC 3339, UTC."""
        return to_rfc3339(self.not_before_ns)

    @cached_property
    def not_after(self) -> str | None:
        return to_rfc3339(self.not_after_ns)

    # --- key and signature --------------------------------------------------------------------------------------------

    @cached_property
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

    @cached_property
    def public_key_sha256(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo contents: equal for certificates of the same key."""
        return sha256(self._whole("public_key")).hexdigest()

    @cached_property
    def _signature(self) -> tuple[str, str | None]:
        field = self._fields.get("signature_algorithm")
        if field is None:
            return "", None
        try:
            return read_signature_algorithm(self.der, field[1], field[2])
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

    # --- extensions -------------------------------------------------------------------------------------------------

    @cached_property
    def extensions(self) -> dict[str, tuple[int, int]]:
        """Start and end of each extension's value in ``der`` by OID; the first one of a repeated type."""
        field = self._fields.get("extensions")
        found: dict[str, tuple[int, int]] = {}
        if field is None:
            return found
        der = self.der
        try:
            for _, start, stop in children(der, field[1], field[2]):
                _, oid_start, at = element(der, start, stop)
                oid = read_oid(der[oid_start:at])
                tag, value_start, value_end = element(der, at, stop)
                if tag == 0x01:
                    tag, value_start, value_end = element(der, value_end, stop)
                if oid in found:
                    self._errors.append(f"extension {oid} is repeated")
                else:
                    found[oid] = value_start, value_end
        except WireError as error:
            self._note("extensions", error)
        return found

    def _extension(self, oid: str) -> tuple[int, int, int] | None:
        """(tag, start, end) of the value's outer element; None where absent or unreadable."""
        span = self.extensions.get(oid)
        if span is None:
            return None
        try:
            return element(self.der, *span)
        except WireError as error:
            self._note(f"extension {oid}", error)
            return None

    @cached_property
    def san(self) -> tuple[str, ...]:
        """Subject alternative names: DNS names, addresses, e-mail addresses and URIs as they are; ``DirName:`` and
        ``othername:`` before the rest.
        """
        value = self._extension("2.5.29.17")
        names: list[str] = []
        if value is None:
            return ()
        try:
            for tag, start, end in children(self.der, value[1], value[2]):
                if len(names) >= MAX_NAMES:
                    self._errors.append(f"more than {MAX_NAMES} subject alternative names")
                    break
                names.append(general_name(self.der, tag, start, end))
        except WireError as error:
            self._note("subjectAltName", error)
        return tuple(names)

    @cached_property
    def dns_names(self) -> tuple[str, ...]:
        """DNS names among ``san``, lower case."""
        value = self._extension("2.5.29.17")
        if value is None:
            return ()
        try:
            return tuple(
                read_string(0x16, self.der[start:end]).lower()
                for tag, start, end in children(self.der, value[1], value[2])
                if tag == 0x82
            )[:MAX_NAMES]
        except WireError:
            return ()

    @cached_property
    def _constraints(self) -> tuple[bool | None, int | None]:
        value = self._extension("2.5.29.19")
        if value is None:
            return None, None
        is_ca, depth = False, None
        try:
            for tag, start, end in children(self.der, value[1], value[2]):
                if tag == 0x01:
                    is_ca = self.der[start:end] != b"\0"
                elif tag == 0x02:
                    depth = int.from_bytes(self.der[start : min(end, start + 8)], "big")
        except WireError as error:
            self._note("basicConstraints", error)
        return is_ca, depth

    @property
    def is_ca(self) -> bool | None:
        """basicConstraints; None without the extension."""
        return self._constraints[0]

    @property
    def path_length(self) -> int | None:
        return self._constraints[1]

    @cached_property
    def extended_key_usage(self) -> tuple[str, ...]:
        """Names (``serverAuth``) or dotted OIDs; () without the extension."""
        value = self._extension("2.5.29.37")
        if value is None:
            return ()
        try:
            found = [read_oid(self.der[start:end]) for _, start, end in children(self.der, value[1], value[2])]
        except WireError as error:
            self._note("extKeyUsage", error)
            return ()
        return tuple(oids.EXTENDED_KEY_USAGES.get(oid, oid) for oid in found)

    @cached_property
    def key_usage(self) -> tuple[str, ...]:
        """Names of RFC 5280 section 4.2.1.3; () without the extension."""
        value = self._extension("2.5.29.15")
        if value is None:
            return ()
        octets = self.der[value[1] + 1 : min(value[2], value[1] + 3)]
        return tuple(
            name
            for bit, name in enumerate(oids.KEY_USAGES)
            if bit // 8 < len(octets) and octets[bit // 8] << bit % 8 & 0x80
        )

    @cached_property
    def subject_key_id(self) -> bytes | None:
        value = self._extension("2.5.29.14")
        return self.der[value[1] : value[2]] if value else None

    @cached_property
    def authority_key_id(self) -> bytes | None:
        value = self._extension("2.5.29.35")
        if value is None:
            return None
        try:
            for tag, start, end in children(self.der, value[1], value[2]):
                if tag == 0x80:
                    return self.der[start:end]
        except WireError as error:
            self._note("authorityKeyIdentifier", error)
        return None

    @cached_property
    def ca_issuers(self) -> tuple[str, ...]:
        """URIs of the issuer's certificate (authority information access, RFC 5280 section 4.2.2.1)."""
        return self._access("1.3.6.1.5.5.7.48.2")

    @cached_property
    def ocsp(self) -> tuple[str, ...]:
        """URIs of OCSP responders."""
        return self._access("1.3.6.1.5.5.7.48.1")

    def _access(self, method: str) -> tuple[str, ...]:
        value = self._extension("1.3.6.1.5.5.7.1.1")
        uris = []
        try:
            for _, start, end in children(self.der, value[1], value[2]) if value else ():
                _, oid_start, oid_end = element(self.der, start, end)
                tag, uri_start, uri_end = element(self.der, oid_end, end)
                if tag == 0x86 and read_oid(self.der[oid_start:oid_end]) == method:
                    uris.append(read_string(0x16, self.der[uri_start:uri_end]))
        except WireError as error:
            self._note("authorityInfoAccess", error)
        return tuple(uris[:8])

    @cached_property
    def must_staple(self) -> bool:
        """TLS feature status_request, RFC 7633."""
        span = self.extensions.get("1.3.6.1.5.5.7.1.24")
        return span is not None and b"\x02\x01\x05" in self.der[span[0] : span[1]]

    def is_issuer_of(self, other: CertificateFacts) -> bool:
        """By name and, where both are given, key identifier; no signature is checked."""
        if not self.subject_der or self.subject_der != other.issuer_der:
            return False
        wanted, mine = other.authority_key_id, self.subject_key_id
        return not (wanted and mine) or wanted == mine
