#!/usr/bin/env python3
"""At what packet rate we, tcpdump and tshark begin to lose packets of an interface, and what each packet costs them.

    sudo python3 scripts/bench_live.py                     # bulk and dense load, all programs that are here
    sudo python3 scripts/bench_live.py --workload dense --seconds 5
    sudo python3 scripts/bench_live.py --idle              # CPU while nothing happens

Everything happens in a network namespace of its own, on one pair of virtual interfaces: one end sends real TLS
sessions (scripts/benchmark/workloads.py), at the other end one program after the other captures. The rate grows by
half until a program loses packets, or is not through two seconds after the last one: it does not keep up. The sender,
and with it the kernel's part of every capture, has one core, the program that captures another.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent))
from benchmark.workloads import ensure

NEW_NETWORK = 0x40000000
IN, OUT = "bench0", "bench1"
FIRST_RATE = 10_000
STEP = 1.5
MOST_RATE = 5_000_000
LAG_S = 2.0
"""A program that needs longer after the last packet was behind."""
QUIET_CORE = 0.04
"""Share of a core below which a program is through with its work."""
WATCH_S = 0.25
QUIET_S = 1.5
"""Programs are given the time to write what they have: tcpdump takes up to a second to see its last packets."""
PATIENCE_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")

TSHARK_FIELDS = (
    "frame.number",
    "ip.src",
    "ip.dst",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.alert_message.desc",
)
METRICS_PORT = 9464
COUNTERS = ("packets", "dropped_packets")
OURS = [sys.executable, "-m", "capanalyzer", "live", "-i", IN, "-q", "--plain", "--user", "root", "-o", "/dev/null"]


class Outcome(NamedTuple):
    """One run of one program at one rate."""

    sent: int
    rate: float
    """Packets a second, as they were really sent."""
    captured: int
    lost: int
    lag_s: float
    cpu_s: float

    @property
    def kept_up(self) -> bool:
        return self.captured >= self.sent and self.lost == 0 and self.lag_s <= LAG_S


class Program(NamedTuple):
    name: str
    command: list[str]
    read: Callable[[str], tuple[int, int]] | None
    """(captured, lost) from what it wrote to standard error; None: ask its metrics while it runs."""


def told_counts(told: str) -> tuple[int, int]:
    """(captured, lost) as tcpdump and dumpcap say in the end."""
    captured, lost = re.search(r"(\d+) packets? captured", told), re.search(r"(\d+) packets? dropped", told)
    return int(captured[1]) if captured else 0, int(lost[1]) if lost else 0


def our_counts() -> tuple[int, int]:
    """(packets, lost) of a live run of ours, as it was told a second ago at most."""
    with urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    found = re.findall(r"^capanalyzer_(packets|dropped_packets)_total(?:{.*})? ([0-9.e+]+)$", text, re.MULTILINE)
    packets, lost = (sum(float(value) for name, value in found if name == wanted) for wanted in COUNTERS)
    return int(packets), int(lost)


PROGRAMS = {
    "capanalyzer": Program("capanalyzer live", [*OURS, "--metrics-port", str(METRICS_PORT)], None),
    "tcpdump": Program("tcpdump -w /dev/null", ["tcpdump", "-i", IN, "-n", "-w", "/dev/null"], told_counts),
    "tshark": Program(
        "tshark, TLS fields",
        ["tshark", "-i", IN, "-n", "-l", "-T", "fields", *(part for field in TSHARK_FIELDS for part in ("-e", field))],
        told_counts,
    ),
}


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def enter_namespace() -> None:
    if os.geteuid() or ctypes.CDLL(None).unshare(NEW_NETWORK):
        raise SystemExit("this needs root, and network namespaces")
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    run("ip", "link", "add", IN, "mtu", "9000", "type", "veth", "peer", "name", OUT, "mtu", "9000")
    for name in ("lo", IN, OUT):
        run("ip", "link", "set", name, "up")


def family(pid: int) -> list[int]:
    """A process and those it started."""
    found = [pid]
    for one in found:
        try:
            found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
    return found


def cpu_of(pid: int) -> float:
    """Seconds of user and system time so far, of a process and those it started."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def captures() -> int:
    """Packet sockets of this namespace that receive everything."""
    lines = [line.split() for line in Path("/proc/thread-self/net/packet").read_text().splitlines()[1:]]
    return sum(1 for fields in lines if fields[3] == "0003")


def wait_until(what: str, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: waited {PATIENCE_S:.0f} s in vain")
        time.sleep(0.05)


def settle(pid: int, most_s: float) -> float:
    """Wait until a program has been through with its work for a while; seconds that it was still at work."""
    began = at_work = time.monotonic()
    before = cpu_of(pid)
    while time.monotonic() < min(at_work + QUIET_S, began + most_s):
        time.sleep(WATCH_S)
        now = cpu_of(pid)
        if now - before > QUIET_CORE * WATCH_S + 1 / TICKS:
            at_work = time.monotonic()
        before = now
    return at_work - began


def progress(sent: int, most_s: float) -> tuple[float, int, int]:
    """Wait until our own run has seen everything: seconds that took, packets seen, packets lost."""
    began = time.monotonic()
    captured = lost = 0
    while captured + lost < sent and time.monotonic() - began < most_s:
        time.sleep(WATCH_S)
        captured, lost = our_counts()
    return time.monotonic() - began, captured, lost


@contextmanager
def started(command: list[str], core: int, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program on one core, ended when this is left."""
    process = subprocess.Popen(["taskset", "-c", str(core), *command], text=True, **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def attempt(program: Program, load: Path, rate: float, seconds: float, cores: list[int]) -> Outcome:
    """One run: capture, send, see what became of it."""
    replay = [sys.executable, "-m", "benchmark.replay", str(load), OUT, str(rate), str(int(rate * seconds))]
    place = {"cwd": Path(__file__).parent, "env": os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}}
    with (
        tempfile.TemporaryFile("w+") as told,
        started(replay, cores[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **place) as sender,
    ):
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdout.readline()
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": told}
        with started(program.command, cores[-1], **quiet) as capture:
            wait_until(program.name, lambda: captures() > 0 or capture.poll() is not None)
            settle(capture.pid, 5)
            before = cpu_of(capture.pid)
            sender.stdin.write("go\n")
            sender.stdin.close()
            sent, took = sender.stdout.readline().split()
            if program.read is None:
                lag_s, captured, lost = progress(int(sent), 5 * LAG_S)
            else:
                lag_s = settle(capture.pid, 5 * LAG_S)
            cpu_s = cpu_of(capture.pid) - before
        if program.read is not None:
            told.seek(0)
            captured, lost = program.read(told.read())
    return Outcome(int(sent), int(sent) / float(took), captured, lost, lag_s, cpu_s)


def climb(program: Program, load: Path, seconds: float, cores: list[int]) -> tuple[Outcome | None, bool]:
    """The fastest run without a loss, and whether the sender, not the program, was what ended it."""
    best: Outcome | None = None
    rate = float(FIRST_RATE)
    failures = 0
    while rate < MOST_RATE:
        got = attempt(program, load, rate, seconds, cores)
        print(
            f"  {program.name}: {got.rate:,.0f}/s: {got.captured:,} of {got.sent:,}, lost {got.lost:,}, "
            f"{got.lag_s:.1f} s behind, {1e9 * got.cpu_s / got.sent:,.0f} ns CPU a packet",
            file=sys.stderr,
        )
        if got.kept_up:
            failures = 0
            if best is None or got.rate > best.rate:
                best = got
            if got.rate < rate * 0.9:
                return best, True
            rate *= STEP
        else:
            # Once more: other programs of this machine may have had the core.
            failures += 1
            if failures == 2:
                break
    return best, False


def idle(cores: list[int], seconds: float) -> None:
    """CPU of a run that sees nothing."""
    with started(OURS, cores[-1], stdin=subprocess.DEVNULL) as process:
        wait_until("capanalyzer live", lambda: captures() > 0)
        settle(process.pid, 10)
        before = cpu_of(process.pid)
        time.sleep(seconds)
        used = cpu_of(process.pid) - before
    print(f"idle: {100 * used / seconds:.2f} % of a core over {seconds:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", help="bulk, mixed, dense (default: bulk and dense)")
    parser.add_argument("--program", action="append", choices=sorted(PROGRAMS), help="(default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run (default: 3)")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where the loads are kept")
    parser.add_argument("--idle", action="store_true", help="measure a run that sees nothing instead")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    enter_namespace()
    if options.idle:
        idle(cores, max(options.seconds, 20.0))
        return 0
    for name, load in ensure(options.data.resolve(), options.workload or ["bulk", "dense"]):
        best = {}
        for key in options.program or PROGRAMS:
            program = PROGRAMS[key]
            found, is_limit = climb(program, load, options.seconds, cores)
            best[key] = found
            if found is None:
                print(f"{name:8} {program.name:22} less than {FIRST_RATE:,} packets/s")
                continue
            sign = ">= " if is_limit else ""
            print(
                f"{name:8} {program.name:22} {sign}{found.rate:,.0f} packets/s, "
                f"{1e9 * found.cpu_s / found.sent:,.0f} ns CPU a packet"
            )
        ours = best.get("capanalyzer")
        for key, other in best.items():
            if ours is not None and other is not None and key != "capanalyzer":
                print(f"{name:8} ours / {key}: {ours.rate / other.rate:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
