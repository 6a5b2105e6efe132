"""Every format that is known, one module for each family, in the order in which they are tried.

Each claims only what its program writes, so the order decides where one program quotes another: what names addresses
comes before what quotes a library, and a library's bare words come last.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.logs.formats import f5, libraries, nginx
from capanalyzer.logs.found import Format

__all__ = ["FORMATS"]

FORMATS: Final[tuple[Format, ...]] = (
    f5.FORMAT,
    nginx.FORMAT,
    libraries.OPENSSL,
)
