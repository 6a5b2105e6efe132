"""Names in certificates: which of their words may stay.

Who runs a public authority is known to everybody, and which one issued a certificate says little; without its name it
could not be told any more whether clients should know it. So the names of the public roots, and of their owners, stay,
and so do words that say of what kind an authority is, or by which product it was made. All other words become tokens.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.diagnosis.trust.names import organisation
from capanalyzer.diagnosis.trust.products import PRODUCT_WORDS
from capanalyzer.diagnosis.trust.roots import Roots, public_subjects
from capanalyzer.redact.redactor import Redactor

__all__ = ["attribute_data", "has_public_owner", "is_public_name", "name_text"]

_KINDS: Final = frozenset(
    (b"authority", b"ca", b"certificate", b"certification", b"intermediate", b"issuing", b"root", b"sub", b"sub-ca")
) | {b"subca", b"subordinate"}
KEPT: Final = _KINDS | {word.encode() for word in PRODUCT_WORDS}
_PART: Final = re.compile(r"(?<!\\)([,+])")
_HOST: Final = re.compile(rb"\A[\w*-]+(?:\.[\w-]+)+\.?\Z")
"""A common name that is a host's comes out as it does everywhere: no word of it stays."""
_NONE: Final[frozenset[bytes]] = frozenset()
_ROOTS: Final = Roots()


def is_public_name(name: str) -> bool:
    """A public root is called so, as RFC 4514 text."""
    return name in public_subjects()


def has_public_owner(name: str) -> bool:
    """The organisation in an RFC 4514 name is the owner of a public root."""
    owner = organisation(name)
    return owner is not None and _ROOTS.is_public_organisation(owner)


def attribute_data(value: bytes, redactor: Redactor) -> bytes:
    """What stands for an attribute's value, in bytes of ASCII or UTF-8."""
    return redactor.words.data(value, _kept(value))


def _kept(value: bytes) -> frozenset[bytes]:
    return _NONE if _HOST.match(value) else KEPT


def name_text(name: str, redactor: Redactor) -> str:
    """An RFC 4514 name: attribute types stay, values become tokens."""
    if is_public_name(name):
        return name
    is_public = has_public_owner(name)
    made = []
    for part in _PART.split(name):
        kind, equals, value = part.partition("=")
        if kind == "O" and is_public:
            made.append(part)
        else:
            made.append(kind + equals + _value(value, redactor) if equals else _value(part, redactor))
    return "".join(made)


def _value(value: str, redactor: Redactor) -> str:
    return redactor.words.text(value, _kept(value.encode("utf-8", "surrogatepass")))
