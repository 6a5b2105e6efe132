"""What happens to an interface is told while the run goes on; without any of them it ends, and not with status 0."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.network import DEVICE, PATIENCE_S, Hosts, command, end, hosts, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
LIVE = (sys.executable, "-m", "capanalyzer", "live", "--format", "jsonl", "--user", "root")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Hosts]:
    with hosts(tmp_path) as made:
        yield made


def next_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().decode().strip().removeprefix("capanalyzer: ")


def next_but_down(process: subprocess.Popen[bytes]) -> str:
    """Removed interfaces go down first, which is told when it is seen in between."""
    line = next_line(process)
    return next_line(process) if line == f"{DEVICE} went down; what it carries is seen again when it is up." else line


def test_it_is_told_and_ends_the_run_when_none_is_left(two: Hosts) -> None:
    command("ip", "-n", two.client, "link", "set", DEVICE, "down")
    process = two.start(two.client, *LIVE, "-i", DEVICE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert next_line(process) == f"{DEVICE} is down: nothing is seen there before it is up."
    command("ip", "-n", two.client, "link", "set", DEVICE, "up")
    assert next_line(process) == f"{DEVICE} is up; what it carries is seen from now on."
    command("ip", "-n", two.client, "link", "del", DEVICE)
    told = f"{DEVICE} has gone: it was removed while it was captured."
    assert next_but_down(process) == told
    assert process.wait(PATIENCE_S) == 2
    assert process.stdout is not None
    *_, last = process.stdout.read().splitlines()
    assert told in json.loads(last)["captures"][0]["warnings"], "the report is written all the same"


def test_the_others_are_watched_on(two: Hosts) -> None:
    command("ip", "-n", two.client, "link", "set", "lo", "down")
    process = two.start(two.client, *LIVE, "-i", DEVICE, "-i", "lo", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert next_line(process) == "lo is down: nothing is seen there before it is up."
    command("ip", "-n", two.client, "link", "del", DEVICE)
    assert next_but_down(process) == f"{DEVICE} has gone: it was removed while it was captured."
    assert end(process) == 0
