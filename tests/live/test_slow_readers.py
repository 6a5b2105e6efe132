"""An interface is watched on whether or not anybody reads what is told of it; the end comes in its time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.network import DEVICE, PATIENCE_S, SERVER, Hosts, hosts, missing

WHY_NOT = missing("curl")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

CONNECTIONS = 300
"""Each makes a line of about a kilobyte: several times what a pipe holds."""
CALLER = f"""
import socket
for number in range({CONNECTIONS}):
    with socket.socket() as one:
        one.connect_ex(("{SERVER}", 9))
"""
METRICS = "9471"


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Hosts]:
    with hosts(tmp_path) as made:
        yield made


def watch(net: Hosts) -> subprocess.Popen[bytes]:
    """A run that has told all connections as failed, while nobody read a line of it."""
    process = net.start(
        net.server,
        *(sys.executable, "-m", "capanalyzer", "live", "-i", DEVICE, "--format", "jsonl", "--metrics-port", METRICS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: "capanalyzer_last_tick" in metrics(net))
    assert net.run(net.client, sys.executable, "-c", CALLER).returncode == 0
    until(lambda: value(net, 'capanalyzer_sessions{outcome="failed"}') == CONNECTIONS)
    assert value(net, 'capanalyzer_dropped_packets_total{kind="ring"}') == 0
    assert value(net, 'capanalyzer_output_lines_total{result="lost"}') == 0
    return process


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def metrics(net: Hosts) -> str:
    return net.run(net.server, "curl", "-s", f"http://127.0.0.1:{METRICS}/metrics").stdout.decode()


def value(net: Hosts, series: str) -> float:
    found = re.search(f"^{re.escape(series)} (.*)$", metrics(net), re.MULTILINE)
    assert found is not None, series
    return float(found[1])


def test_who_reads_late_gets_all_of_it(net: Hosts) -> None:
    process = watch(net)
    process.terminate()
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, b"")
    *sessions, trailer = map(json.loads, output.splitlines())
    assert len({session["id"] for session in sessions}) == CONNECTIONS
    assert {session["cause"] for session in sessions} == {"tcp-connect-refused"}
    assert trailer["summary"]["outcomes"]["failed"] == CONNECTIONS
    assert trailer["captures"][0]["dropped_packets"] == 0
    assert trailer["captures"][0]["warnings"] == []


def test_it_ends_when_nobody_reads_at_all(net: Hosts) -> None:
    """What was lost is said, and the exit status says that something was."""
    process = watch(net)
    process.terminate()
    assert process.wait(PATIENCE_S) == 2
    assert process.stderr is not None
    lost = re.fullmatch(rb"capanalyzer: standard output: (\d+) lines in all were not written\n", process.stderr.read())
    assert lost is not None
    assert 0 < int(lost[1]) <= CONNECTIONS + 1  # and the trailer
