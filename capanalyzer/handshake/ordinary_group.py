"""Ordinary sessions of one batch that leave together, by columns, for whoever deals with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.ordinary_batch import Batch
from capanalyzer.handshake.session import Endpoint
from capanalyzer.handshake.shapes import Shape
from capanalyzer.streams.flows import Flows

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts

__all__ = ["Chain", "Group"]

I64 = NDArray[np.int64]
Chain = tuple["CertificateFacts", ...]


class Group:
    """They are numbered from 0; lists have an entry for each. What the diagnosis and every report ask of all of them
    is read here at once.
    """

    def __init__(self, batch: Batch, rows: I64, flows: Flows) -> None:
        """:param rows: of the batch, one for each of the ``flows``."""
        self.batch, self.rows, self.flows = batch, rows, flows
        self.made: dict[str, Any] = {}
        """What later stages made of all its sessions at once, by a name that each chooses."""
        self.places: list[int] = rows.tolist()
        """``rows`` as a list."""
        self.streams: list[int] = flows.stream.tolist()
        """Stream numbers, ascending."""
        self.starts_ns: list[int] = flows.first_ns.tolist()
        hosts, services = flows.keys()
        self.clients: list[str] = list(map(_addresses.__getitem__, hosts))
        """Their addresses."""
        self.servers: list[Endpoint] = list(map(_endpoints.__getitem__, services))
        """Equal ones are mostly the same object."""
        nodes, bodies, hellos, chains = batch.nodes, batch.hello_body, batch.hello_shape, batch.certificate
        self.shapes: list[Shape] = [nodes[number] for number in batch.node.take(rows).tolist()]
        """What the messages of each make."""
        self.names: list[bytes | None] = [
            None if (span := hellos[place].sni_span) is None else bodies[place][span[0] : span[1]]
            for place in self.places
        ]
        """Server names as sent."""
        self.chains: list[Chain] = [
            () if (chain := chains[place]) is None else chain[1].certificates for place in self.places
        ]
        """The servers' certificates; () where none was seen."""

    def __len__(self) -> int:
        return len(self.rows)


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
