"""A network namespace with a pair of connected interfaces, for tests of live capture; nothing leaves it."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.live_source import LiveSource
from capanalyzer.capture.opening import examine_file

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET."""
LEFT, RIGHT = "rg0", "rg1"
PATIENCE_S = 60.0
"""How long a test waits for what must come; a machine may be busy."""


_EVERYTHING = 3
"""ETH_P_ALL."""
_AT_ONCE = 50
"""Frames; a socket's buffer holds more, too."""


def missing() -> str | None:
    """Why there can be no namespace here; None when there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root for a network namespace"
    for program in ("ip", "tcpdump"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wait_for_carrier() -> None:
    """Until the pair carries frames; the kernel gets there some time after the second one is set up, and silently
    drops what is sent before.
    """
    end = time.monotonic() + PATIENCE_S
    for name in (LEFT, RIGHT):
        while "state UP" not in (said := run("ip", "link", "show", "dev", name)):
            assert time.monotonic() < end, said
            time.sleep(0.01)


@contextmanager
def namespace() -> Iterator[None]:
    """A fresh namespace with the pair and loopback up, entered by this thread."""
    why = missing()
    if why:
        pytest.skip(why)
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    if library.unshare(NEW_NETWORK):
        os.close(before)
        pytest.skip("network namespaces are not permitted here")
    try:
        # No neighbour discovery: every frame is one that the test sent.
        for which in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
        run("ip", "link", "add", LEFT, "type", "veth", "peer", "name", RIGHT)
        for name in ("lo", LEFT, RIGHT):
            run("ip", "link", "set", name, "up")
        wait_for_carrier()
        yield
    finally:
        library.setns(before, NEW_NETWORK)
        os.close(before)


def sender(name: str) -> socket.socket:
    """Sends whole frames out of an interface."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.bind((name, 0))
    return made


@contextmanager
def cable() -> Iterator[Callable[[str, Sequence[bytes]], None]]:
    """Gives a function that sends whole frames into this end of the pair, and returns when they have come out of the
    other.

    On their way they wait in a queue that each processor has (``net.core.netdev_max_backlog``), and that a busy kernel
    empties later: so they all go by the same one, which keeps their order, and never more than it has room for.
    """
    processors = os.sched_getaffinity(0)
    with ExitStack() as stack:
        ends = {}
        for name in (LEFT, RIGHT):
            ends[name] = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            ends[name].bind((name, _EVERYTHING))
            ends[name].settimeout(PATIENCE_S)

        def put(name: str, frames: Sequence[bytes]) -> None:
            out, there = ends[name], ends[RIGHT if name == LEFT else LEFT]
            for start in range(0, len(frames), _AT_ONCE):
                part = frames[start : start + _AT_ONCE]
                for frame in part:
                    out.send(frame)
                came = 0
                while came < len(part):
                    _, (_, _, direction, *_) = there.recvfrom(0)
                    came += direction != socket.PACKET_OUTGOING

        os.sched_setaffinity(0, {min(processors)})
        stack.callback(os.sched_setaffinity, 0, processors)
        yield put


class Got:
    """A packet that a source gave."""

    def __init__(self, data: bytes, original: int, time_ns: int, link: int, interface: int | None, frame: int) -> None:
        self.data, self.original, self.time_ns = data, original, time_ns
        self.link, self.interface, self.frame = link, interface, frame


def collect(source: LiveSource, count: int) -> list[Got]:
    """What a source gives, until there are so many packets; fails when they do not come."""
    got: list[Got] = []
    end = time.monotonic() + PATIENCE_S
    while len(got) < count and time.monotonic() < end:
        batch = source.read(0.2)
        if batch is None:
            continue
        for row in range(len(batch)):
            start, size = int(batch.offset[row]), int(batch.captured[row])
            interface = None if batch.interface is None else int(batch.interface[row])
            data = bytes(batch.data[start : start + size])
            original, time_ns = int(batch.original[row]), int(batch.time_ns[row])
            got.append(Got(data, original, time_ns, int(batch.link[row]), interface, batch.first_frame + row))
    assert len(got) >= count, f"{len(got)} of {count} packets came"
    return got


@contextmanager
def tcpdump(name: str, target: Path, *expression: str) -> Iterator[Callable[[int], list[Got]]]:
    """tcpdump writing what it sees there, ready when this is entered.

    Gives a function that waits until so many packets are written, and reads them.
    """
    command = [
        "tcpdump",
        "-i",
        name,
        "-U",
        "--immediate-mode",
        "-s",
        "2048",
        "--nano",
        "-B",
        "16384",
        "-w",
        str(target),
        *expression,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        while b"listening on" not in line:
            assert line, "tcpdump ended"
            line = process.stderr.readline()
        yield lambda count: _written(target, count)
        process.terminate()
        process.wait(PATIENCE_S)


def _written(path: Path, count: int) -> list[Got]:
    end = time.monotonic() + PATIENCE_S
    got = written(path)
    while len(got) < count and time.monotonic() < end:
        time.sleep(0.1)
        got = written(path)
    return got


def written(path: Path) -> list[Got]:
    """The packets of a file, as a live source would give them."""
    got = []
    for batch in FileCapture(examine_file(str(path))).batches():
        for row in range(len(batch)):
            start = int(batch.offset[row])
            data = bytes(batch.data[start : start + int(batch.captured[row])])
            original, time_ns = int(batch.original[row]), int(batch.time_ns[row])
            got.append(Got(data, original, time_ns, int(batch.link[row]), None, row + 1))
    return got
