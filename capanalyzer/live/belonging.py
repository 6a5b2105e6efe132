"""Which connection each packet of a batch belongs to, those included that come in fragments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Belonging"]

I64 = NDArray[np.int64]

_NONE: Final = np.empty(0, np.int64)


class Belonging:
    """Collects what the tracker tells while it takes a batch."""

    def __init__(self) -> None:
        self._told: list[tuple[I64, I64]] = []

    def add(self, streams: I64, frames: I64) -> None:
        """These frames belong to these streams."""
        self._told.append((streams, frames))

    def take(self, carriers: Mapping[int, Sequence[int]]) -> tuple[I64, I64]:
        """All that was told, as (streams, frames) in the order of frames; then begin anew.

        :param carriers: of a packet put together from fragments, by the last one's frame, the frames of all of them:
            they belong where the last one does.
        """
        told, self._told = [(_NONE, _NONE), *self._told], []
        if carriers:
            last = np.array(list(carriers))
            for streams, frames in list(told):
                at = np.flatnonzero(np.isin(frames, last))
                for stream, frame in zip(streams[at].tolist(), frames[at].tolist(), strict=True):
                    others = np.array([one for one in carriers[frame] if one != frame], np.int64)
                    told.append((np.full(len(others), stream), others))
        streams, frames = (np.concatenate(columns) for columns in zip(*told, strict=True))
        order = np.argsort(frames, kind="stable")
        return streams.take(order), frames.take(order)
