"""Ordinary sessions of one batch that leave together, by columns, for whoever deals with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.lazy import lazy
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
    def shapes(self) -> list[Shape]:
        """What the messages of each make."""
        nodes = self.batch.nodes
        return [nodes[number] for number in self.batch.node.take(self.rows).tolist()]

    @lazy
    def names(self) -> list[bytes | None]:
        """Server names as sent."""
        bodies, shapes = self.batch.hello_body, self.batch.hello_shape
        spans = [(bodies[place], shapes[place].sni_span) for place in self.places]
        return [None if span is None else body[span[0] : span[1]] for body, span in spans]

    @lazy
    def chains(self) -> list[Chain]:
        """The servers' certificates; () where none was seen."""
        known = self.batch.certificate
        chosen = [known[place] for place in self.places]
        return [() if one is None else one[1].certificates for one in chosen]

    @lazy
    def endpoints(self) -> tuple[list[str], list[Endpoint]]:
        """Addresses of the clients, and the servers."""
        clients, servers = self.flows.addresses()
        known: dict[tuple[bytes, int], Endpoint] = {}
        ends = []
        for key in zip(servers, self.flows.port[:, 1].tolist(), strict=True):
            end = known.get(key)
            if end is None:
                end = known[key] = Endpoint(address_text(key[0]), key[1])
            ends.append(end)
        return list(map(address_text, clients)), ends
