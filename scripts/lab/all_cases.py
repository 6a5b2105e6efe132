"""Importing this module registers every case."""

from __future__ import annotations

from lab import healthy
from lab.case import CASES

__all__ = ["CASES", "healthy"]
