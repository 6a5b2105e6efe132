"""The causes' pages (``<cause>.<language>.md``, see :mod:`capanalyzer.diagnosis.page`) and what is made of them."""

from __future__ import annotations

from capanalyzer.diagnosis.explain import explained, list_causes
from capanalyzer.diagnosis.render import RenderedFinding, render_finding

__all__ = ["RenderedFinding", "explained", "list_causes", "render_finding"]
