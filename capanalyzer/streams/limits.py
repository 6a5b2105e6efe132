"""How much is kept of a capture that goes on."""

from __future__ import annotations

__all__ = ["Limits"]


class Limits:
    """How much is kept; each of them is reached, counted and told, not exceeded."""

    def __init__(
        self, *, flows: int = 200_000, objects: int = 1 << 15, payload: int = 1 << 28, keys: int = 400_000
    ) -> None:
        self.flows = flows
        """Open connections, about 300 bytes each. Their columns grow to 262,143: what comes at once beyond the limit
        finds room, and leaves."""
        self.objects = objects
        """Connections of which more than a SYN and its answer was seen and not all is said yet."""
        self.payload = payload
        """What those have sent, as long as it may still matter."""
        self.keys = keys
        """Connections remembered by their addresses and ports, about 28 bytes each, so that a late packet of one
        that is over opens none."""
