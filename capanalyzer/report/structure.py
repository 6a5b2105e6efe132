"""What all structures of the report's model are."""

from __future__ import annotations

import msgspec

__all__ = ["Model"]


class Model(msgspec.Struct, frozen=True, gc=False):
    """Base of all: immutable values."""
