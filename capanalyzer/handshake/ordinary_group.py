"""Ordinary sessions of one batch that leave together, by columns, for whoever deals with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.ordinary_batch import Batch
from capanalyzer.handshake.session import Endpoint
from capanalyzer.handshake.shapes import Shape
from capanalyzer.lazy import lazy
from capanalyzer.streams.flows import Flows

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts

__all__ = ["Chain", "Group"]

I64 = NDArray[np.int64]
Chain = tuple["CertificateFacts", ...]


class Group:
    """They are numbered from 0; lists have an entry for each."""

    def __init__(self, batch: Batch, rows: I64, flows: Flows) -> None:
        """:param rows: of the batch, one for each of the ``flows``."""
        self.batch, self.rows, self.flows = batch, rows, flows
        self.made: dict[str, Any] = {}
        """What later stages made of all its sessions at once, by a name that each chooses."""

    def __len__(self) -> int:
        return len(self.rows)

    @lazy
    def places(self) -> list[int]:
        """``rows`` as a list."""
        places: list[int] = self.rows.tolist()
        return places

    @lazy
    def streams(self) -> list[int]:
        """Stream numbers, ascending."""
        streams: list[int] = self.flows.stream.tolist()
        return streams

    @lazy
    def starts(self) -> list[int]:
        """When each began, in ns."""
        starts: list[int] = self.flows.first_ns.tolist()
        return starts

    @lazy
    def shapes(self) -> list[Shape]:
        """What the messages of each make."""
        nodes = self.batch.nodes
        return [nodes[number] for number in self.batch.node.take(self.rows).tolist()]

    @lazy
    def names(self) -> list[bytes | None]:
        """Server names as sent."""
        bodies, shapes = self.batch.hello_body, self.batch.hello_shape
        return [
            None if (span := shapes[place].sni_span) is None else bodies[place][span[0] : span[1]]
            for place in self.places
        ]

    @lazy
    def chains(self) -> list[Chain]:
        """The servers' certificates; () where none was seen."""
        known = self.batch.certificate
        chosen = [known[place] for place in self.places]
        return [() if one is None else one[1].certificates for one in chosen]

    @lazy
    def endpoints(self) -> tuple[list[str], list[Endpoint]]:
        """Addresses of the clients, and the servers; equal servers are mostly the same object."""
        hosts, services = self.flows.keys()
        return list(map(_addresses.__getitem__, hosts)), list(map(_endpoints.__getitem__, services))


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
