"""What all structures of the report's model are."""

from __future__ import annotations

import msgspec

__all__ = ["Endpoint", "Model"]


class Model(msgspec.Struct, frozen=True, gc=False):
    """Base of all: immutable values."""


class Endpoint(Model, frozen=True, gc=False):
    """One end of a connection."""

    ip: str
    """RFC 5952 form."""
    port: int
