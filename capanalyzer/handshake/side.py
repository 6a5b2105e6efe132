"""The two ends of a connection."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Side"]


class Side(IntEnum):
    CLIENT = 0
    SERVER = 1

    @property
    def other(self) -> Side:
        return Side(1 - self)
