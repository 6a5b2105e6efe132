#!/usr/bin/env python3
"""How much CPU we and other programs take over the same captures.

    python3 scripts/bench.py                          # all workloads, all peers at hand, three pairs each
    python3 scripts/bench.py --workload dense --peer tshark --pairs 5
    python3 scripts/bench.py --generate-only --data DIR
    python3 scripts/bench.py --memory                 # peak memory at 100,000 and 400,000 connections
    python3 scripts/bench.py --jobs 2                 # wall-clock time with one process and with several

The captures are made here from real TLS sessions (some 20 s, 2.3 GB, kept in --data). Each peer runs in turn
with us (A B A B), as a whole process; CPU is user and system time of it and its children; the table has the
median of the pairs' ratios, peer / ours. Nothing is installed: a peer that is not there is named below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
from benchmark.measure import Run, measure, middle
from benchmark.peers import PEERS, Peer, first_packets, ours
from benchmark.workloads import WORKLOADS, ensure

STANDARD = ("bulk", "mixed", "dense")
LAST_LINE = 1 << 23
"""Bytes in which the last line of a report fits: it lists the failed sessions' ids."""


class FailedError(Exception):
    """A program ended with an error: its time means nothing."""


def warm(path: Path) -> None:
    """Read a file once, so that nobody pays for the disk."""
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


def run_ours(path: Path, output: Path, *extra: str) -> Run:
    run = measure(ours(path, output, *extra))
    if run.status:
        raise FailedError(f"capanalyzer ended with status {run.status} on {path}")
    return run


def counts(output: Path) -> tuple[int, int]:
    """Packets and sessions, by our report's last line.

    Read from the end: what this process has held counts as the peak memory of those it starts (Linux, exec).
    """
    with output.open("rb") as file:
        file.seek(-min(output.stat().st_size, LAST_LINE), os.SEEK_END)
        trailer = json.loads(file.read().rstrip().rpartition(b"\n")[2])
    return sum(one["packets"] for one in trailer["captures"]), trailer["summary"]["sessions"]


def against(peer: Peer, path: Path, output: Path, pairs: int, packets: int) -> tuple[float, Run, list[Run]]:
    """(median of the ratios peer / ours, the peer's figures, our runs)."""
    scale, read = 1.0, path
    if peer.slice_of is not None and packets > peer.slice_of:
        read, scale = first_packets(path, peer.slice_of), packets / peer.slice_of
    ratios, theirs, mine = [], [], []
    for _ in range(pairs):
        own = run_ours(path, output)
        other = measure(peer.command(read))
        if other.status:
            raise FailedError(f"{peer.name} ended with status {other.status} on {read.name}")
        mine.append(own)
        theirs.append(other._replace(cpu_s=other.cpu_s * scale))
        ratios.append(other.cpu_s * scale / own.cpu_s)
    return median(ratios), middle(theirs), mine


def compare(names: list[str], peers: list[Peer], folder: Path, pairs: int) -> None:
    """The table of ratios, and our own figures."""
    present = [peer for peer in peers if not peer.missing()]
    rows, own_rows, remarks = [], [], list[str]()
    most_packets = 0
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "sessions.jsonl"
        for name, path in ensure(folder, names):
            warm(path)
            runs = [run_ours(path, output)]
            packets, sessions = counts(output)
            most_packets = max(most_packets, packets)
            cells = []
            for peer in present:
                try:
                    ratio, theirs, mine = against(peer, path, output, pairs, packets)
                except FailedError as error:
                    remarks.append(f"{name}: {error}")
                    cells.append("-")
                    continue
                runs += mine
                cells.append(f"{ratio:.1f} ({theirs.cpu_s:.1f} s)")
            own = middle(runs)
            rows.append([name, f"{own.cpu_s:.2f} s", *cells])
            own_rows.append(
                [name, f"{packets:,}", f"{sessions:,}", f"{own.cpu_s:.2f}", f"{own.wall_s:.2f}",
                 f"{packets / own.cpu_s:,.0f}", f"{sessions / own.cpu_s:,.0f}", f"{own.peak_mb:.0f}"]
            )  # fmt: skip
            print(f"{name}: done", file=sys.stderr)
    print_table(["CPU, peer / ours", "ours", *(peer.name for peer in present)], rows)
    print_table(["ours", "packets", "sessions", "CPU s", "wall s", "packets/s", "sessions/s", "peak MB"], own_rows)
    remarks += [f"{peer.name}: not here ({peer.package})" for peer in peers if peer.missing()]
    remarks += [
        f"{peer.name}: read the first {peer.slice_of:,} packets only; its time is scaled by packets"
        for peer in present
        if peer.slice_of is not None and most_packets > peer.slice_of
    ]
    print("\n".join(f"- {remark}" for remark in remarks))


def small(folder: Path, pairs: int) -> None:
    """A thousand packets end to end, and the cost of starting at all."""
    version = middle([measure([sys.executable, "-m", "capanalyzer", "--version"]) for _ in range(pairs)])
    print(f"\n`--version`: {version.cpu_s:.3f} s CPU, {version.wall_s:.3f} s")
    tshark = PEERS[0]
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "sessions.jsonl"
        [(_, path)] = ensure(folder, ["small"])
        mine = middle([run_ours(path, output) for _ in range(pairs)])
        print(f"{counts(output)[0]} packets, end to end: ours {mine.cpu_s:.3f} s CPU, {mine.wall_s:.3f} s", end="")
        if not tshark.missing():
            theirs = middle([measure(tshark.command(path)) for _ in range(pairs)])
            print(f"; tshark {theirs.cpu_s:.3f} s CPU, {theirs.wall_s:.3f} s", end="")
        print()


def memory(folder: Path) -> None:
    """Does memory grow with the number of connections?"""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "sessions.jsonl"
        for name, path in ensure(folder, ["dense", "dense-400k"]):
            run = run_ours(path, output)
            packets, sessions = counts(output)
            per_session = f"{1e6 * run.cpu_s / sessions:.1f}"
            rows.append([name, f"{packets:,}", f"{sessions:,}", f"{run.peak_mb:.0f}", f"{run.cpu_s:.2f}", per_session])
    print_table(["memory", "packets", "sessions", "peak MB", "CPU s", "µs per session"], rows)


def several(names: list[str], folder: Path, jobs: int, pairs: int) -> None:
    """Wall-clock time with one process and with ``jobs``."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "sessions.jsonl"
        for name, path in ensure(folder, names):
            warm(path)
            couples = [(run_ours(path, output), run_ours(path, output, "--jobs", str(jobs))) for _ in range(pairs)]
            one, more = (middle([couple[which] for couple in couples]) for which in (0, 1))
            gain = median(first.wall_s / second.wall_s for first, second in couples)
            rows.append([name, f"{one.wall_s:.2f}", f"{more.wall_s:.2f}", f"{gain:.2f}", f"{more.peak_mb:.0f}"])
    print_table(["wall clock", "1 process, s", f"{jobs} processes, s", "gain", "peak MB of one"], rows)


def print_table(head: list[str], rows: list[list[str]]) -> None:
    print("\n| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(tempfile.gettempdir()) / "capanalyzer-bench"
    parser.add_argument("--data", type=Path, default=default, help=f"where the captures are kept (default {default})")
    parser.add_argument(
        "--workload", action="append", choices=sorted(WORKLOADS), help="repeatable; default: " + " ".join(STANDARD)
    )
    parser.add_argument(
        "--peer", action="append", choices=[peer.name for peer in PEERS], help="repeatable; default: all"
    )
    parser.add_argument("--pairs", type=int, default=3, help="how often each pair runs (default 3)")
    parser.add_argument("--generate-only", action="store_true", help="make the captures and end")
    parser.add_argument(
        "--memory", action="store_true", help="peak memory at 100,000 and 400,000 connections, nothing else"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="wall-clock time with one and with N processes, nothing else"
    )
    options = parser.parse_args()
    names = options.workload or list(STANDARD)
    chosen = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    try:
        if options.generate_only:
            for name, path in ensure(options.data, names):
                print(f"{name}: {path} ({path.stat().st_size:,} bytes)")
        elif options.memory:
            memory(options.data)
        elif options.jobs:
            several(names, options.data, options.jobs, options.pairs)
        else:
            compare(names, chosen, options.data, options.pairs)
            small(options.data, options.pairs)
    except FailedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
