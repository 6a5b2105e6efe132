"""All ordinary sessions that leave at the same time, in the order in which they are given.

They come from a few batches, usually those of the last two or three chunks of the capture, and are put together here:
whoever deals with all of them (the diagnosis, the report's JSON) reads columns, and keeps beside them what it made of
all. Other sessions are given between them, so they go on their way in runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.ordinary_batch import Batch
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import Endpoint
from capanalyzer.handshake.shapes import Shape
from capanalyzer.handshake.tls_facts import Alert
from capanalyzer.lazy import lazy
from capanalyzer.streams.flows import Flows

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["Chain", "Departure", "OrdinaryRun"]

I64 = NDArray[np.int64]
Chain = tuple["CertificateFacts", ...]


class Departure:
    """They are numbered from 0; columns and lists have an entry for each, and are made when they are asked for."""

    def __init__(self, flows: Flows, parts: Sequence[tuple[Batch, I64, I64]]) -> None:
        """:param parts: batches, which of their flows leave, and the places of these among all."""
        self.flows = flows
        self.made: dict[str, Any] = {}
        """What later stages made of all its sessions at once, by a name that each chooses."""
        self._batches = [batch for batch, _, _ in parts]
        self._chosen = [chosen for _, chosen, _ in parts]
        self._order = np.argsort(np.concatenate([places for _, _, places in parts])) if len(parts) > 1 else None

    def __len__(self) -> int:
        return len(self.flows)

    def run(self, start: int, stop: int) -> OrdinaryRun:
        """Those numbered ``start`` to ``stop``."""
        return OrdinaryRun(self, start, stop)

    def session(self, number: int) -> OrdinarySession:
        """One of them."""
        return OrdinarySession(self, number, self.streams[number])

    def where(self, number: int) -> tuple[Batch, int]:
        """A session's batch, and its place in it."""
        batch_of, place = self._where
        return self._batches[batch_of[number]], place[number]

    @lazy
    def _where(self) -> tuple[list[int], list[int]]:
        sizes = list(map(len, self._chosen))
        return self._in_order([np.repeat(np.arange(len(sizes)), sizes)]).tolist(), self._in_order(self._chosen).tolist()

    def column(self, name: str) -> NDArray[Any]:
        """A column of the batches, by its name there."""
        return self._in_order(
            [
                getattr(batch, name).take(chosen, axis=0)
                for batch, chosen in zip(self._batches, self._chosen, strict=True)
            ]
        )

    def _in_order(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole if self._order is None else whole.take(self._order, axis=0)

    # --- what the diagnosis and every report ask of all ---------------------------------------------------------------

    @lazy
    def streams(self) -> list[int]:
        """Stream numbers, ascending."""
        streams: list[int] = self.flows.stream.tolist()
        return streams

    @lazy
    def _ends(self) -> tuple[list[str], list[Endpoint]]:
        hosts, services = self.flows.keys()
        return list(map(_addresses.__getitem__, hosts)), list(map(_endpoints.__getitem__, services))

    @property
    def clients(self) -> list[str]:
        """Their addresses."""
        return self._ends[0]

    @property
    def servers(self) -> list[Endpoint]:
        """Equal ones are mostly the same object."""
        return self._ends[1]

    @lazy
    def nodes(self) -> Sequence[Shape]:
        """What messages can make; ``node`` says which of it each session's made."""
        return self._batches[0].nodes

    @lazy
    def node(self) -> I64:
        return self.column("node")

    @lazy
    def hello_shapes(self) -> list[ClientHelloShape]:
        shapes: list[ClientHelloShape] = self.column("hello_shape").tolist()
        return shapes

    @lazy
    def answer_shapes(self) -> list[ServerHelloShape]:
        shapes: list[ServerHelloShape] = self.column("answer_shape").tolist()
        return shapes

    @lazy
    def names(self) -> list[bytes | None]:
        """Server names as sent."""
        names: list[bytes | None] = self.column("name").tolist()
        return names

    @lazy
    def chains(self) -> list[Chain]:
        """The servers' certificates; () where none was seen."""
        chains: list[Chain] = self.column("chain").tolist()
        return chains

    @lazy
    def first_alerts(self) -> tuple[I64, NDArray[np.uint16]]:
        """Frames of each side's first alert, and what they say: see :class:`.late_alerts.LateAlerts`."""
        parts = [(batch.alerts, chosen) for batch, chosen in zip(self._batches, self._chosen, strict=True)]
        return (
            self._in_order([alerts.frame.take(chosen, axis=0) for alerts, chosen in parts]),
            self._in_order([alerts.clear.take(chosen, axis=0) for alerts, chosen in parts]),
        )

    @lazy
    def with_more_alerts(self) -> list[int]:
        """Numbers of the sessions that have others beside those."""
        if not any(batch.alerts.more for batch in self._batches):
            return []
        return [number for number in range(len(self)) if self._has_more_alerts(number)]

    def _has_more_alerts(self, number: int) -> bool:
        batch, place = self.where(number)
        return place in batch.alerts.more

    def alerts(self, number: int) -> tuple[Alert, ...]:
        """A session's alerts behind its handshake."""
        batch, place = self.where(number)
        return batch.alerts.of(place)


class OrdinaryRun:
    """Ordinary sessions that are given one after the other."""

    __slots__ = ("departure", "start", "stop")

    def __init__(self, departure: Departure, start: int, stop: int) -> None:
        """Those numbered ``start`` to ``stop`` of a departure."""
        self.departure, self.start, self.stop = departure, start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[OrdinarySession]:
        return map(self.departure.session, range(self.start, self.stop))


class _Addresses(dict[bytes, str]):
    """Addresses by the keys of :meth:`capanalyzer.streams.flows.Flows.keys`; when there are too many all are forgotten
    at once, which costs less than to know the oldest.
    """

    def __missing__(self, key: bytes) -> str:
        if len(self) >= _MAX_KEPT:
            self.clear()
        address = self[key] = address_text(key[1:] if key[0] else key[1:5])
        return address


class _Endpoints(dict[bytes, Endpoint]):
    """The same for servers."""

    def __missing__(self, key: bytes) -> Endpoint:
        if len(self) >= _MAX_KEPT:
            self.clear()
        end = self[key] = Endpoint(_addresses[key[:17]], int.from_bytes(key[17:], "big"))
        return end


_MAX_KEPT: Final = 1 << 14
"""About 200 bytes each."""
_addresses: Final = _Addresses()
_endpoints: Final = _Endpoints()
