"""Addresses, names, ports, order and timing of a set of captures, so that a second set can differ in all of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["FIRST", "PLANS", "SECOND", "Plan"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a set of captures looks like. Cases speak of nominal names (``www``) and ports (443); this maps them."""

    name: str
    domain: str
    client: str
    client6: str
    other_clients: tuple[str, str]
    """More addresses of the client's namespace."""
    proxy: str
    """The router's address on the client's side, where forward proxies listen."""
    proxy6: str
    server: str
    server6: str
    router_inside: str
    router_inside6: str
    seed: int | None = None
    """Orders and choices are shuffled with it; None keeps them as they are written."""
    pace: float = 1.0
    """What waits are multiplied with."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """First labels that are called otherwise."""
    ports: Mapping[int, int] = field(default_factory=dict)
    """Ports that are others; a permutation within the ports of one kind."""

    def fqdn(self, host: str) -> str:
        """The full name of a host called ``host`` in the cases."""
        return f"{self.hosts.get(host, host)}.{self.domain}"

    def port(self, nominal: int) -> int:
        return self.ports.get(nominal, nominal)

    def order(self, case: str, rows: Iterable[T]) -> list[T]:
        """``rows`` in the order in which this plan plays them."""
        result = list(rows)
        if self.seed is not None:
            random.Random(f"{self.seed} {case}").shuffle(result)
        return result

    def choose(self, case: str, options: Sequence[T]) -> T:
        """One of several programs that do alike: the first one, or what the seed says."""
        return options[0] if self.seed is None else random.Random(f"{self.seed} {case}").choice(options)


FIRST = Plan(
    name="first",
    domain="example.test",
    client="192.0.2.10",
    client6="2001:db8:1::10",
    other_clients=("192.0.2.11", "192.0.2.12"),
    proxy="192.0.2.1",
    proxy6="2001:db8:1::1",
    server="198.51.100.20",
    server6="2001:db8:2::20",
    router_inside="198.51.100.1",
    router_inside6="2001:db8:2::1",
)
SECOND = Plan(
    name="second",
    domain="sample.example",
    client="198.51.100.133",
    client6="2001:db8:beef::77",
    other_clients=("198.51.100.134", "198.51.100.201"),
    proxy="198.51.100.254",
    proxy6="2001:db8:beef::fe",
    server="203.0.113.87",
    server6="2001:db8:cafe:1::443",
    router_inside="203.0.113.65",
    router_inside6="2001:db8:cafe:1::fe",
    seed=20_260,
    pace=1.2,
    hosts={"www": "portal", "other": "intranet", "blocked": "forbidden", "unknown": "nobody", "plain": "files"},
    ports={443: 8443, 8443: 9443, 9443: 5061, 5061: 443, 8080: 8088, 8088: 8080, 4711: 10_042, 3128: 8118},
)
PLANS = {one.name: one for one in (FIRST, SECOND)}
