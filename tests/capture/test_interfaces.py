"""The list of interfaces."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from capanalyzer.capture import interfaces
from capanalyzer.capture.interfaces import Interface, describe_interfaces, link_of_hardware, list_interfaces
from capanalyzer.capture.linktypes import ETHERNET, LINUX_SLL2, RAW
from tests.capture.namespaces import LEFT, PATIENCE_S, RIGHT, missing, namespace, run


@pytest.fixture
def network() -> Iterator[None]:
    with namespace():
        yield


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_they_are_what_ip_lists(network: None) -> None:
    """Names, numbers, addresses, state; of this namespace, not of the one that /sys shows."""
    run("ip", "addr", "add", "192.0.2.7/24", "dev", LEFT)
    run("ip", "addr", "add", "192.0.2.9", "peer", "192.0.2.10/32", "dev", LEFT)
    run("ip", "link", "set", RIGHT, "down")
    expected = json.loads(run("ip", "-j", "addr", "show"))
    found = list_interfaces()
    assert [(each.index, each.name) for each in found] == [(one["ifindex"], one["ifname"]) for one in expected]
    assert [each.is_up for each in found] == ["UP" in one["flags"] for one in expected]
    assert [list(each.addresses) for each in found] == [
        [f"{info['local']}/{info['prefixlen']}" for info in one["addr_info"]] for one in expected
    ]
    assert {each.name: each.link for each in found} == {"lo": ETHERNET, LEFT: ETHERNET, RIGHT: ETHERNET}
    said = {LEFT: f"{LEFT} (no carrier)", RIGHT: f"{RIGHT} (down)", "lo": "lo (127.0.0.1/8)"}
    end = time.monotonic() + PATIENCE_S
    while "carrier" not in (line := describe_interfaces(list_interfaces())) and time.monotonic() < end:
        time.sleep(0.05)  # the kernel tells a cable's state a little later
    assert line == ", ".join(said[each.name] for each in found)


def test_link_types_by_hardware() -> None:
    assert [link_of_hardware(number) for number in (1, 772, 65534, 803)] == [ETHERNET, ETHERNET, RAW, 127]
    assert [link_of_hardware(number) for number in (512, 778, 823, 32)] == [LINUX_SLL2] * 4, "cooked"


def test_elsewhere_names_are_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces.sys, "platform", "darwin")
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo0"), (4, "en0")])
    found = list_interfaces()
    assert found == [Interface("lo0", 1, None, None), Interface("en0", 4, None, None)]
    assert describe_interfaces(found) == "lo0, en0"


def test_hundreds_of_them_are_not_all_described() -> None:
    many = [Interface(f"veth{number}", number, 1, is_up=True, addresses=("192.0.2.1/24",)) for number in range(200)]
    line = describe_interfaces(many)
    assert line.startswith("veth0 (192.0.2.1/24), veth1 (")
    assert line.endswith("veth29 (192.0.2.1/24) and 170 more")
    assert describe_interfaces([]) == "none"
