"""What stands behind the tracker: who takes the segments that matter, and makes a session of each connection.

The tracker knows nothing of TLS. It is given a maker of :class:`Connection` objects, one a flow, and perhaps a
:class:`Shortcut` for flows that need none of what a connection can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.inorder import InOrder

__all__ = ["Connection", "S_co", "Shortcut"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
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
    """A quicker way for flows of which all segments of one chunk simply follow each other. A flow it has taken is its
    own: it is told what else matters of it, and makes the session.
    """

    def take(self, found: InOrder, cells: I64) -> tuple[Bools, Bools, Bools, NDArray[np.uint8]]:
        """Take what it can of these flows.

        :param cells: by which it is told of them again.
        :returns: which were taken, which of those are silent (see :class:`Connection`), which it may take when it sees
            more of them, and of those the sides whose data is all that is missing (1 side 0, 2 side 1, 3 both; 0 where
            it is something else); shape (n,) each.
        """
        ...

    def see(self, chunk: Chunk, rows: I64) -> None:
        """Segments of flows it has taken: rows of a later chunk, by flow and in capture order."""
        ...

    def finish(self, flows: Flows) -> Departure[S_co]:
        """The sessions of flows it has taken, in this order; their cells will be used for others."""
        ...


class Departure(Protocol[S_co]):
    """Sessions that leave at the same time, numbered from 0."""

    def run(self, start: int, stop: int) -> S_co:
        """Some that follow each other, as one item."""
        ...
