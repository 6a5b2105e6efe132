"""The fixed parts of the page, which are files of the package: the only module of the report that reads any."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

__all__ = ["part"]

_PARTS: Final = os.path.dirname(__file__)


@lru_cache(maxsize=8)
def part(name: str) -> str:
    """``page.html``, ``style.css``, ``paper.css``, ``drawing.css`` or ``script.js``."""
    with open(os.path.join(_PARTS, name), encoding="utf-8") as file:
        return file.read()
