"""Outlets as a run makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from capanalyzer.live.ending import Ending, Patience
from capanalyzer.live.outlet import Outlet


def outlet(write: Callable[[bytes], object], ending: Ending | None = None, **changes: Any) -> Outlet:
    """To be entered."""
    settings: dict[str, Any] = {"patience": Patience.ALWAYS, "lang": "en", "tell": lambda _: None}
    return Outlet(write, "out", ending or Ending(), **(settings | changes))  # type: ignore[arg-type]
