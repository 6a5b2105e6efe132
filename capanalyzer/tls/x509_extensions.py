"""The extensions of a certificate (RFC 5280 section 4.2): names, what it may be used for, where its issuer is."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from capanalyzer.errors import WireError
from capanalyzer.lazy import lazy
from capanalyzer.tls import oids
from capanalyzer.tls.der import children, element, read_oid, read_string
from capanalyzer.tls.x509_parts import general_name
from capanalyzer.tls.x509_structure import CertificateStructure

__all__ = ["MAX_NAMES", "CertificateExtensions"]

MAX_NAMES: Final = 2000
"""Subject alternative names kept; the largest public certificates have a few hundred."""

_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
"""Tags of GeneralName, RFC 5280 section 4.2.1.6."""


class CertificateExtensions(CertificateStructure):
    """Each extension that matters, read when first asked for; absent or unreadable ones are None or empty."""

    @lazy
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

    @lazy
    def _alternative_names(self) -> list[tuple[int, str]]:
        """(tag, text) of each GeneralName, as far as they can be read."""
        value = self._extension("2.5.29.17")
        names: list[tuple[int, str]] = []
        if value is None:
            return names
        try:
            for tag, start, end in children(self.der, value[1], value[2]):
                if len(names) >= MAX_NAMES:
                    self._errors.append(f"more than {MAX_NAMES} subject alternative names")
                    break
                names.append((tag, general_name(self.der, tag, start, end)))
        except WireError as error:
            self._note("subjectAltName", error)
        return names

    @lazy
    def san(self) -> tuple[str, ...]:
        """Subject alternative names: DNS names, addresses, e-mail addresses and URIs as they are; ``DirName:`` and
        ``othername:`` before the rest.
        """
        return tuple(name for _, name in self._alternative_names)

    @lazy
    def dns_names(self) -> tuple[str, ...]:
        """DNS names among ``san``, lower case."""
        return tuple(name.lower() for tag, name in self._alternative_names if tag == _DNS_NAME)

    @property
    def ip_addresses(self) -> tuple[str, ...]:
        """Addresses among ``san``, RFC 5952."""
        return tuple(name for tag, name in self._alternative_names if tag == _IP_ADDRESS)

    @lazy
    def has_all_names(self) -> bool:
        """``san`` is complete: nothing of it was unreadable or too much."""
        _ = self._alternative_names
        about = ("extensions:", "extension 2.5.29.17", "subjectAltName", f"more than {MAX_NAMES}")
        return not any(error.startswith(about) for error in self._errors)

    @lazy
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

    @lazy
    def extended_key_usage(self) -> tuple[str, ...]:
        """Names (``serverAuth``) or dotted OIDs; () without the extension."""
        value = self._extension("2.5.29.37")
        if value is None:
            return ()
        try:
            contents = self.der[value[1] : value[2]]
            return _known_usages(contents) if len(contents) <= _SHORT else _read_usages(contents)
        except WireError as error:
            self._note("extKeyUsage", error)
            return ()

    @lazy
    def key_usage(self) -> tuple[str, ...]:
        """Names of RFC 5280 section 4.2.1.3; () without the extension."""
        value = self._extension("2.5.29.15")
        if value is None:
            return ()
        return _key_usages(self.der[value[1] + 1 : min(value[2], value[1] + 3)])

    @lazy
    def subject_key_id(self) -> bytes | None:
        value = self._extension("2.5.29.14")
        return self.der[value[1] : value[2]] if value else None

    @lazy
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

    @lazy
    def ca_issuers(self) -> tuple[str, ...]:
        """URIs of the issuer's certificate (authority information access, RFC 5280 section 4.2.2.1)."""
        return self._access("1.3.6.1.5.5.7.48.2")

    @lazy
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

    @property
    def is_logged(self) -> bool:
        """Carries signed certificate timestamps (RFC 6962 section 3.3), which only public authorities' leaves get."""
        return "1.3.6.1.4.1.11129.2.4.2" in self.extensions

    @lazy
    def must_staple(self) -> bool:
        """TLS feature status_request, RFC 7633."""
        span = self.extensions.get("1.3.6.1.5.5.7.1.24")
        return span is not None and b"\x02\x01\x05" in self.der[span[0] : span[1]]


# Of thousands of certificates nearly all name the same few usages.


@lru_cache(256)
def _key_usages(octets: bytes) -> tuple[str, ...]:
    return tuple(
        name
        for bit, name in enumerate(oids.KEY_USAGES)
        if bit // 8 < len(octets) and octets[bit // 8] << bit % 8 & 0x80
    )


def _read_usages(contents: bytes) -> tuple[str, ...]:
    found = [read_oid(contents[start:end]) for _, start, end in children(contents, 0, len(contents))]
    return tuple(oids.EXTENDED_KEY_USAGES.get(oid, oid) for oid in found)


_SHORT: Final = 80
"""Bytes of extended key usages that are remembered."""
_known_usages: Final = lru_cache(256)(_read_usages)
