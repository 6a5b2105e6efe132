"""Which counters of the kernel tell of packets that nobody could capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from capanalyzer.capture import interface_losses
from capanalyzer.capture.interface_losses import InterfaceLosses, read_backlog_drops
from capanalyzer.capture.interfaces import Interface


class Machine:
    """Two interfaces and two processors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost, self.dropped, self.backlog = [7, 0], [1000, 50], [3, 4]
        monkeypatch.setattr(interface_losses, "read_backlog_drops", lambda: list(self.backlog))

    def interfaces(self) -> list[Interface]:
        pairs = zip(self.lost, self.dropped, strict=True)
        return [Interface(f"eth{at}", at, 1, True, True, lost, dropped) for at, (lost, dropped) in enumerate(pairs)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_what_was_lost_before_does_not_count(machine: Machine) -> None:
    losses = InterfaceLosses(machine.interfaces())
    losses.count(machine.interfaces())
    assert losses.total == 0
    machine.lost = [9, 1]
    losses.count(machine.interfaces())
    assert losses.total == 3


def test_what_nobody_wants_is_no_loss(machine: Machine) -> None:
    losses = InterfaceLosses(machine.interfaces())
    for _ in range(5):
        machine.dropped[0] += 30
        losses.count(machine.interfaces())
    assert losses.total == 0


def test_losses_of_other_interfaces_are_not_ours(machine: Machine) -> None:
    losses = InterfaceLosses(machine.interfaces()[:1])
    machine.backlog[1] += 100
    machine.dropped[1] += 100
    losses.count(machine.interfaces()[:1])
    assert losses.total == 0


def test_a_full_queue_is_a_loss(machine: Machine) -> None:
    """No more than the queues have lost, no more than the interfaces did not process."""
    losses = InterfaceLosses(machine.interfaces())
    machine.backlog[0] += 12
    machine.dropped = [1000 + 9, 50 + 40]
    losses.count(machine.interfaces())
    assert losses.total == 12
    machine.backlog = [15 + 50, 4]
    machine.dropped[0] += 5
    losses.count(machine.interfaces())
    assert losses.total == 12 + 42, "what was left of the look before belongs to this one"


@pytest.mark.parametrize("first", ["backlog", "dropped"])
def test_a_loss_between_two_readings(machine: Machine, first: str) -> None:
    """One counter may have grown when the other has not yet; a coincidence later is none."""
    losses = InterfaceLosses(machine.interfaces())
    second = "dropped" if first == "backlog" else "backlog"
    getattr(machine, first)[0] += 6
    losses.count(machine.interfaces())
    assert losses.total == 0
    getattr(machine, second)[0] += 6
    losses.count(machine.interfaces())
    assert losses.total == 6
    getattr(machine, first)[0] += 8
    losses.count(machine.interfaces())
    losses.count(machine.interfaces())
    getattr(machine, second)[0] += 8
    losses.count(machine.interfaces())
    assert losses.total == 6


def test_counters_of_32_bits_wrap_and_processors_come_and_go(machine: Machine) -> None:
    machine.backlog = [(1 << 32) - 2, 0]
    losses = InterfaceLosses(machine.interfaces())
    machine.backlog = [3, 0]
    machine.dropped[0] += 100
    losses.count(machine.interfaces())
    assert losses.total == 5
    machine.backlog = [3]
    losses.count(machine.interfaces())
    machine.backlog = [4]
    losses.count(machine.interfaces())
    assert losses.total == 5 + 0
    machine.dropped[0] += 1
    losses.count(machine.interfaces())
    assert losses.total == 6


def test_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "softnet_stat"
    table.write_text("0241f9bc 0000000a 00000006 00000000\n00660297 00000010 0000000a 00000000\n")
    assert read_backlog_drops(str(table)) == [10, 16]
    table.write_text("something else\n")
    assert read_backlog_drops(str(table)) == []
    assert read_backlog_drops(str(tmp_path / "absent")) == []
