"""Connections that leave together, as columns."""

from __future__ import annotations

from capanalyzer.streams.flow import Ended
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.live import LiveFlows


def test_equal_hosts_and_services_have_equal_keys() -> None:
    """Also where a cell still holds the rest of an IPv6 address of the flow before."""
    live = LiveFlows()
    cells = live.take(3)
    live.address[cells] = [[10, 0, 0, 1, *rest, 192, 0, 2, 1, *rest] for rest in ([0] * 12, range(12), range(12))]
    live.port[2 * cells + 1] = 443
    live.is_v6[cells[2]] = True
    flows = Flows(live, cells, capture=0, ended=Ended.CLOSED, watched_until=lambda _, last_ns: last_ns, icmp={})
    hosts, services = flows.keys()
    assert hosts[0] == hosts[1] == bytes((0, 10, 0, 0, 1)) + bytes(12)
    assert hosts[2] == bytes((1, 10, 0, 0, 1, *range(12)))
    assert services[0] == services[1] == bytes((0, 192, 0, 2, 1)) + bytes(12) + (443).to_bytes(2, "big")
    assert services[2] == bytes((1, 192, 0, 2, 1, *range(12))) + (443).to_bytes(2, "big")
