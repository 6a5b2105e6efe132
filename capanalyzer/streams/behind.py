"""What stands behind the tracker: who takes the segments that matter, and makes a session of each connection.

The tracker knows nothing of TLS. It is given a maker of :class:`Connection` objects, one a flow, and perhaps a
:class:`Shortcut` for flows that need none of what a connection can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.inorder import InOrder

__all__ = ["Connection", "S_co", "Shortcut"]

S_co = TypeVar("S_co", covariant=True)
"""What a finished connection becomes."""


class Connection(Protocol[S_co]):
    """What stands behind the tracker: one object a flow, fed with its rows, asked once for its session."""

    @property
    def settled(self) -> bool:
        """Payload and acknowledgements are no longer of interest."""
        ...

    @property
    def silent(self) -> bool:
        """Settled, and no alert of it can be read any more."""
        ...

    @property
    def wanted(self) -> tuple[int, int]:
        """Stream offset up to which payload of (side 0, side 1) is of interest."""
        ...

    def feed(self, rows: Sequence[Row]) -> None: ...

    def finish(self, flow: Flow) -> S_co: ...


class Shortcut(Protocol[S_co]):
    """A quicker way for flows of which all segments of this chunk simply follow each other."""

    def take(self, found: InOrder) -> Sequence[Connection[S_co] | None]:
        """For each of these flows a connection that has taken its segments, or None: then its rows are fed as usual."""
        ...
