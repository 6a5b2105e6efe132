"""How much is kept of a capture that goes on."""

from __future__ import annotations

from typing import Final

__all__ = ["ATTEMPTS", "AT_ONCE", "HALF_OPEN_NS", "MAX_ATTEMPTS", "SESSIONS", "Limits"]

SESSIONS: Final = 500
"""Connections that carried data, of which a session is given in one call; the others' turn comes with the next one."""
ATTEMPTS: Final = 100
"""Connections that carried none, likewise: a scan or a flood of them must not make real ones wait."""
AT_ONCE: Final = 1 << 15
"""Packets after which it is looked whether there are too many connections: there is room for as many that they begin,
however much has come before anybody could look."""
MAX_ATTEMPTS: Final = 1_000
"""Of these, over and waiting for that; beyond it they leave without a session."""
HALF_OPEN_NS: Final = 120 * 10**9
"""A SYN that nobody sent again, or an answer that nobody took up, is over after so long: each is sent again within
seconds where somebody waits."""


class Limits:
    """How much is kept; each of them is reached, counted and told, not exceeded."""

    def __init__(
        self, *, flows: int = 200_000, objects: int = 1 << 15, payload: int = 1 << 28, keys: int = 400_000
    ) -> None:
        self.flows = flows
        """Open connections, about 350 bytes each. What comes at once beyond the limit finds room, and leaves."""
        self.objects = objects
        """Connections of which more than a SYN and its answer was seen and not all is said yet."""
        self.payload = payload
        """What those have sent, as long as it may still matter."""
        self.keys = keys
        """Connections remembered by their addresses and ports, about 28 bytes each, so that a late packet of one
        that is over opens none."""

    @property
    def cells(self) -> int:
        """For how many open connections there are columns from the start, a quarter more than the limit. Made at once
        they take memory as they are used; growing would move them, and leave holes in the process's memory.
        """
        return self.flows + self.flows // 4 + 1
