"""The outer structure of a certificate: where its fields lie (RFC 5280 section 4.1), and what of it cannot be read."""

from __future__ import annotations

from capanalyzer.errors import Malformed, WireError
from capanalyzer.lazy import lazy
from capanalyzer.tls.der import element

__all__ = ["CertificateStructure"]


class CertificateStructure:
    """Fields by name. Everything but ``der`` is read when first asked for; nothing raises."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        self._errors: list[str] = []

    @lazy
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

    def _whole(self, which: str) -> bytes:
        field = self._fields.get(which)
        return self.der[field[1] : field[2]] if field else b""
