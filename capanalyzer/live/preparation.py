"""Loading all that a run may need before it gives up its rights: afterwards it may not be allowed to read it.

An interpreter that is installed in root's home, say, can be read by nobody else; and what is loaded at the first
failure would make that one late.
"""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module

from capanalyzer.diagnosis.explain import causes
from capanalyzer.diagnosis.page import read_page
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.i18n import translator

__all__ = ["prepare"]

_PARTS = ("packets", "streams", "classify", "tls", "http", "handshake", "diagnosis")
_MODULES = (
    "capture.compression", "capture.pcapng", "capture.snoop", "report.build", "report.escape", "report.f5",
    "report.f5_capture", "report.incidents", "report.words",
)  # fmt: skip
_OTHERS = (
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.x509",
    "encodings.idna",
    "encodings.punycode",
    "encodings.unicode_escape",
    "encodings.utf_16_be",
    "encodings.utf_32_be",
    "ipaddress",
    "numpy.ma",
)
"""Imported where they are used, codecs by Python itself when a text first needs them."""
_WHERE_THERE = ("bz2", "fcntl", "lz4.frame", "lzma", "zlib", "zstandard")
"""Of what a pipe may need, these are not on every system."""


def prepare(lang: str) -> None:
    """Load modules, texts and roots."""
    for part in _PARTS:
        package = import_module(f"capanalyzer.{part}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    for name in _MODULES:
        import_module(f"capanalyzer.{name}")
    for name in _OTHERS:
        import_module(name)
    for name in _WHERE_THERE:
        with suppress(ImportError):
            import_module(name)
    translator(lang)
    for cause in causes():
        read_page(cause, lang)
    Roots().load()
