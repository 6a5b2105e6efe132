"""Exit statuses: part of the contract with scripts."""

from __future__ import annotations

from typing import Final

__all__ = ["INTERRUPTED", "NOT_ANALYSED", "OK", "SESSION_FAILED"]

OK: Final = 0
SESSION_FAILED: Final = 1
NOT_ANALYSED: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""
