"""Certificates whose names, numbers and keys are replaced in place: what remains is their form.

Everything is overwritten at first, and what may stay is copied back: the structure (tags and lengths), object
identifiers, flags, dates. So what this reader does not understand does not stay. Names become the tokens that they are
in the report; the key becomes another one of the same kind and size; the signature therefore holds no longer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from capanalyzer.errors import WireError
from capanalyzer.redact.authorities import attribute_data, has_public_owner, is_public_name
from capanalyzer.redact.redactor import Redactor
from capanalyzer.tls.der import element, read_name, read_oid

__all__ = ["redact_certificate", "redact_distinguished_name", "serial_of"]

_STRINGS: Final = frozenset((0x0C, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x1E))
_WIDE: Final = {0x1E: 2, 0x1C: 4}
"""Bytes of a character in BMPString and UniversalString."""
_PLAIN: Final = frozenset((0x01, 0x02, 0x03, 0x05, 0x06, 0x0A, 0x88))
"""Booleans, integers, bit strings, null, object identifiers, enumerations: in extensions that say no more."""
_UNDERSTOOD: Final = frozenset((
    "2.5.29.15", "2.5.29.17", "2.5.29.18", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.36",
    "2.5.29.37", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.24",
))  # fmt: skip
"""Extensions made of names and plain values: key usage, alternative names, constraints, distribution points,
policies, extended key usage, information access, TLS features."""
_ORGANISATION: Final = "2.5.4.10"
_SUBJECT_KEY_ID: Final = "2.5.29.14"
_AUTHORITY_KEY_ID: Final = "2.5.29.35"
_CURVES: Final = {"1.2.840.10045.3.1.7": "SECP256R1", "1.3.132.0.34": "SECP384R1", "1.3.132.0.35": "SECP521R1"}
_NO_ALGORITHM: Final = 0x7F
"""Last arc of an object identifier that is not assigned behind those of signatures."""
_MAX_DEPTH: Final = 16


def redact_certificate(der: bytes, redactor: Redactor, *, signature_is_broken: bool = False) -> bytes:
    """The certificate's replacement, of the same length.

    :param signature_is_broken: the certificate sent as its issuer's did not make its signature, and that is to show.
    """
    certificate = _Copy(der, redactor, signature_is_broken)
    with contextlib.suppress(WireError):  # what was not reached stays overwritten
        certificate.certificate()
    return bytes(certificate.new)


def redact_distinguished_name(der: bytes, redactor: Redactor) -> bytes:
    """The same for a Name on its own."""
    name = _Copy(der, redactor)
    with contextlib.suppress(WireError):
        for _, _, start, stop in name.items(0, len(der)):
            name.name(start, stop)
    return bytes(name.new)


class _Copy:
    def __init__(self, der: bytes, redactor: Redactor, signature_is_broken: bool = False) -> None:
        self._signature_is_broken = signature_is_broken
        self.old = der
        self.redactor = redactor
        self.new = bytearray(redactor.words.fill(der))

    def keep(self, at: int, end: int) -> None:
        self.new[at:end] = self.old[at:end]

    def items(self, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(place, tag, start, end) of the elements; their tags and lengths are copied."""
        while at < end:
            tag, start, stop = element(self.old, at, end)
            self.keep(at, start)
            yield at, tag, start, stop
            at = stop

    def tree(self, at: int, end: int, leaf: Callable[[int, int, int], None], depth: int = 0) -> None:
        for _, tag, start, stop in self.items(at, end):
            if tag & 0x20:
                if depth < _MAX_DEPTH:
                    self.tree(start, stop, leaf, depth + 1)
            else:
                leaf(tag, start, stop)

    # -- the certificate -------------------------------------------------------------------------------------------

    def certificate(self) -> None:
        for _, _, start, stop in self.items(0, len(self.old)):
            parts = self.items(start, stop)
            _, _, tbs_start, tbs_stop = next(parts, (0, 0, stop, stop))
            self._signed_part(tbs_start, tbs_stop)
            for _, tag, part_start, part_stop in parts:
                if tag == 0x30:
                    self.keep(part_start, part_stop)  # signatureAlgorithm
                elif tag == 0x03 and part_start < part_stop:
                    self.keep(part_start, part_start + 1)  # unused bits of the signature
            return  # what follows a certificate is none

    def _signed_part(self, at: int, end: int) -> None:
        fields = iter(("serial", "algorithm", "name", "validity", "name", "key"))
        for _, tag, start, stop in self.items(at, end):
            if tag == 0xA0:
                self.keep(start, stop)  # version
                continue
            field = next(fields, "")
            if field == "serial":
                self._serial(start, stop)
            elif field == "algorithm":
                self._algorithm(start, stop)
            elif field == "validity":
                self.keep(start, stop)
            elif field == "name":
                self.name(start, stop)
            elif field == "key":
                self._key(start, stop)
            elif tag == 0xA3:
                for _, _, inner, inner_stop in self.items(start, stop):
                    for _, _, one, one_stop in self.items(inner, inner_stop):
                        self._extension(one, one_stop)

    def _serial(self, start: int, stop: int) -> None:
        while start < stop - 1 and not self.old[start]:
            self.keep(start, start + 1)
            start += 1
        self.new[start:stop] = serial_of(self.old[start:stop], self.redactor)

    def _algorithm(self, start: int, stop: int) -> None:
        """The signature's algorithm within what is signed: one that nobody knows, unless the signature did not hold.

        The signature holds no longer. So that this is not taken for the server's fault, the two statements of the
        algorithm differ, which says that it cannot be checked (RFC 5280 section 4.1.1.2 wants them equal); the other
        one, outside of what is signed, stays.
        """
        self.keep(start, stop)
        if self._signature_is_broken:
            return
        for _, tag, at, end in self.items(start, stop):
            if tag == 0x06 and at < end:
                self.new[end - 1] = _NO_ALGORITHM
            return

    def name(self, start: int, stop: int) -> None:
        """A Name, its contents."""
        text = read_name(self.old[start:stop])[0]
        if is_public_name(text):
            self.keep(start, stop)
            return
        is_public = has_public_owner(text)
        for _, _, one, one_stop in self.items(start, stop):
            for _, _, pair, pair_stop in self.items(one, one_stop):
                oid = ""
                for _, tag, at, end in self.items(pair, pair_stop):
                    if tag == 0x06:
                        self.keep(at, end)
                        oid = read_oid(self.old[at:end])
                    elif oid == _ORGANISATION and is_public:
                        self.keep(at, end)
                    elif tag in _STRINGS:
                        self._string(tag, at, end)

    def _string(self, tag: int, start: int, stop: int) -> None:
        width = _WIDE.get(tag, 1)
        if width == 1:
            self.new[start:stop] = attribute_data(self.old[start:stop], self.redactor)
            return
        narrow = attribute_data(
            bytes(max(value) for value in zip(*[iter(self.old[start:stop])] * width, strict=False)), self.redactor
        )
        wide = b"".join(bytes(width - 1) + bytes((value,)) for value in narrow)
        self.new[start : start + len(wide)] = wide

    def _key(self, start: int, stop: int) -> None:
        """SubjectPublicKeyInfo: another key of the same kind and size."""
        parts = list(self.items(start, stop))
        if len(parts) < 2:
            return
        (_, _, algorithm, algorithm_stop), (_, _, key, key_stop) = parts[:2]
        self.keep(algorithm, algorithm_stop)
        self.keep(key, key + 1)
        oids = [read_oid(self.old[a:b]) for _, tag, a, b in self.items(algorithm, algorithm_stop) if tag == 0x06]
        if oids and oids[0] == "1.2.840.113549.1.1.1":
            for _, _, inner, inner_stop in self.items(key + 1, key_stop):
                numbers = list(self.items(inner, inner_stop))
                if len(numbers) == 2:
                    self._modulus(numbers[0][2], numbers[0][3])
                    self.keep(numbers[1][2], numbers[1][3])
        elif len(oids) > 1:
            self._point(key + 1, key_stop, oids[1])

    def _modulus(self, start: int, stop: int) -> None:
        while start < stop - 1 and not self.old[start]:
            self.keep(start, start + 1)
            start += 1
        top = self.old[start]
        high = 1 << top.bit_length() - 1 if top else 0
        self.new[start] = self.new[start] & (high - 1 if high else 0) | high
        self.new[stop - 1] |= 1

    def _point(self, start: int, stop: int, curve: str) -> None:
        """A point that is on the curve, where the library knows the curve."""
        self.keep(start, start + 1)  # its form
        if curve not in _CURVES or self.old[start : start + 1] != b"\x04":
            return
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        scalar = int.from_bytes(self.redactor.words.fill(self.old[start:stop], b"scalar")[:31], "big") | 1
        private = ec.derive_private_key(scalar, getattr(ec, _CURVES[curve])())
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        if len(point) == stop - start:
            self.new[start:stop] = point

    # -- extensions --------------------------------------------------------------------------------------------------

    def _extension(self, start: int, stop: int) -> None:
        oid = ""
        for _, tag, at, end in self.items(start, stop):
            if tag == 0x06:
                self.keep(at, end)
                oid = read_oid(self.old[at:end])
            elif tag == 0x01:
                self.keep(at, end)
            elif tag == 0x04 and oid in _UNDERSTOOD:
                self.tree(at, end, self._general_leaf)
            elif tag == 0x04 and oid == _SUBJECT_KEY_ID:
                for _, _, inner, inner_stop in self.items(at, end):
                    self._key_id(inner, inner_stop)
            elif tag == 0x04 and oid == _AUTHORITY_KEY_ID:
                for _, _, inner, inner_stop in self.items(at, end):
                    for _, kind, part, part_stop in self.items(inner, inner_stop):
                        if kind == 0x80:
                            self._key_id(part, part_stop)
                        elif kind == 0xA1:
                            self.tree(part, part_stop, self._general_leaf)
            elif tag == 0x04:
                for _ in self.items(at, end):
                    break

    def _key_id(self, start: int, stop: int) -> None:
        """The same for the same, so that a certificate still names its issuer's key."""
        self.new[start:stop] = self.redactor.words.fill(self.old[start:stop], b"key id")

    def _general_leaf(self, tag: int, start: int, stop: int) -> None:
        old = self.old[start:stop]
        if tag in _PLAIN:
            self.keep(start, stop)
        elif tag in _STRINGS:
            self._string(tag, start, stop)
        elif tag in (0x81, 0x82, 0x86):
            self.new[start:stop] = self.redactor.words.data(old)
        elif tag == 0x87 and len(old) in (4, 16):
            self.new[start:stop] = self.redactor.address(old)
        elif tag == 0x87 and len(old) in (8, 32):
            half = len(old) // 2  # a name constraint: address and mask
            self.new[start:stop] = self.redactor.address(old[:half]) + old[half:]


def serial_of(number: bytes, redactor: Redactor) -> bytes:
    """What stands for a serial number, given without leading zeros: positive, as long, and neither shorter in hex."""
    made = redactor.words.fill(number, b"serial")
    return bytes((made[0] & 0x3F | 0x40,)) + made[1:] if made else b""
