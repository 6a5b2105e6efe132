#!/usr/bin/env python3
"""How well log lines are joined with sessions: real servers, real logs, shuffled lines, clocks that are minutes off.

    sudo python3 scripts/measure_join.py                      # 1,000 sessions, about 2 minutes
    sudo python3 scripts/measure_join.py --sessions 200 --keep FOLDER

nginx, HAProxy, Apache, stunnel and Go serve in a network namespace of their own; a client with 60 addresses speaks with
them in twelve ways, eleven of them wrong, some from ports that are used again. Among its connections are those of
Python, curl and OpenSSL, which write what failed into logs of their own, with the server's name or without, and never
with an address of the client. Its own record of each connection, and nginx's debug log, say which line belongs to
which. Then each log's stamps are moved, the connections' lines shuffled, and the capture is analysed with them. Needs
root and those programs.

    python3 scripts/measure_join.py --again FOLDER --clients 3      # a capture of three clients, the logs of all
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab.joining import PORTS, SERVERS, Spoken, clients, play, serve
from lab.joining_clients import WRITERS
from lab.net import Lab

SHIFTS = {
    "nginx": timedelta(minutes=7, seconds=13),
    "haproxy": timedelta(minutes=-4, seconds=-41),
    "apache": timedelta(hours=9, seconds=25),
    "stunnel": timedelta(minutes=-12, seconds=-7),
    "go": timedelta(hours=-5, minutes=3, seconds=30),
    "python": timedelta(minutes=2, seconds=5, milliseconds=250),
    "curl": timedelta(hours=9),
    "openssl": timedelta(seconds=-95),
}
"""How far each log's clock goes ahead of the capture's, zone included."""
HOW = ("certain", "likely", "possible")
END = re.compile(r"(\d+\.\d+\.\d+\.\d+):(\d+)")
STAMPS = {
    "nginx": ("%Y/%m/%d %H:%M:%S", re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d")),
    "go": ("%Y/%m/%d %H:%M:%S", re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d")),
    "stunnel": ("%Y.%m.%d %H:%M:%S", re.compile(r"^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d")),
    "apache": ("%a %b %d %H:%M:%S.%f %Y", re.compile(r"(?<=^\[)\w{3} \w{3} \d\d [\d:.]+ \d{4}")),
    "python": ("%Y-%m-%d %H:%M:%S,%f", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")),
    "curl": ("%b %d %H:%M:%S", re.compile(r"^\w{3} [ \d]\d \d\d:\d\d:\d\d")),
    "openssl": ("%Y-%m-%dT%H:%M:%S.%f", re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")),
    "haproxy": ("%d/%b/%Y:%H:%M:%S.%f", re.compile(r"(?<=\[)\d\d/\w{3}/\d{4}:[\d:.]+(?=\])")),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was written, and the client's end of the connection it is about."""

    text: str
    time: float | None
    client: tuple[str, int] | None


def read(name: str, log: Path, debug: Path) -> list[list[Line]]:
    """A log's lines, those of one connection together."""
    form, pattern = STAMPS[name]
    if name in WRITERS:
        return read_with_truth(log)
    owner = connection_of(name, debug, log)
    groups: dict[object, list[Line]] = defaultdict(list)
    for number, text in enumerate(log.read_text(errors="replace").splitlines()):
        found = pattern.search(text)
        stamp = None
        if found:
            moment = datetime.strptime(found[0] + ("000" if name == "haproxy" else ""), form).replace(tzinfo=UTC)
            stamp = moment.timestamp()
        key, client = owner(text, number)
        groups[key].append(Line(text, stamp, client))
    return list(groups.values())


def read_with_truth(log: Path) -> list[list[Line]]:
    """A client's log, with what it noted beside each line: when it was written, and its own end."""
    groups: dict[tuple[str, int], list[Line]] = defaultdict(list)
    truth = log.with_suffix(".truth").read_text().splitlines()
    for text, told in zip(log.read_text(errors="replace").splitlines(), truth, strict=True):
        stamp, *client = json.loads(told)
        groups[client[0], client[1]].append(Line(text, stamp, (client[0], client[1])))
    return list(groups.values())


def connection_of(name: str, debug: Path, log: Path) -> Callable[[str, int], tuple[object, tuple[str, int] | None]]:
    """The function that tells of a line which connection it is about, from what the program itself wrote."""
    ends: dict[str, tuple[str, int]] = {}
    if name == "nginx":
        for text in debug.read_text(errors="replace").splitlines():
            if found := re.search(r"\*(\d+) accept: (\S+):(\d+) ", text):
                ends[found[1]] = (found[2], int(found[3]))
        return lambda text, number: by_mark(r"\*(\d+) ", text, number, ends)
    if name == "stunnel":
        for text in log.read_text(errors="replace").splitlines():
            if found := re.search(r"LOG\d\[(\d+)\]: Service \[\w+\] accepted connection from (\S+):(\d+)", text):
                ends[found[1]] = (found[2], int(found[3]))
        return lambda text, number: by_mark(r"LOG\d\[(\d+)\]", text, number, ends)
    if name == "apache":
        current: dict[str, tuple[str, int]] = {}

        def by_thread(text: str, number: int) -> tuple[object, tuple[str, int] | None]:
            thread = re.search(r"tid (\d+)", text)
            if thread and (found := re.search(r"\[client (\S+):(\d+)\]", text)):
                current[thread[1]] = (found[1], int(found[2]))
            client = current.get(thread[1]) if thread else None
            return (client, thread and thread[1]) if client else number, client

        return by_thread
    return lambda text, number: (number, (found[1], int(found[2])) if (found := END.search(text)) else None)


def by_mark(
    pattern: str, text: str, number: int, ends: dict[str, tuple[str, int]]
) -> tuple[object, tuple[str, int] | None]:
    found = re.search(pattern, text)
    return (found[1], ends.get(found[1])) if found else (number, None)


def moved(name: str, text: str) -> str:
    """The line as a clock that is off would have stamped it."""
    form, pattern = STAMPS[name]

    def shift(found: re.Match[str]) -> str:
        text = f"2026 {found[0]}" if name == "curl" else found[0]
        full = f"%Y {form}" if name == "curl" else form
        stamp = datetime.strptime(text + ("000" if name == "haproxy" else ""), full).replace(tzinfo=UTC) + SHIFTS[name]
        made = stamp.strftime(form)
        return made[:-3] if name in ("haproxy", "python", "openssl") else made

    text = pattern.sub(shift, text, count=1)
    if name == "haproxy":  # the collector's stamp too
        stamp = datetime.strptime(f"2026 {text[:15]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC) + SHIFTS[name]
        text = stamp.strftime("%b %e %H:%M:%S") + text[15:]
    return text


def truth_of(line: Line, name: str, spoken: Iterable[Spoken]) -> Spoken | None:
    """The connection a line is about: its client's end, its server, and of several the one that lasted then."""
    if line.client is None or line.time is None:
        return None
    fits = [
        one
        for one in spoken
        if name in (one.server, one.writer)
        and one.client == line.client
        and one.start - 1.1 <= line.time <= one.end + 1.5
    ]
    if name == "haproxy":  # the time of the accept
        fits = [one for one in fits if abs(one.start - line.time) < 1.0]
    exact = [one for one in fits if one.start - 0.002 <= line.time <= one.end + 0.05] if name == "apache" else []
    return fits[0] if len(fits) == 1 else exact[0] if len(exact) == 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=12.0, help="connections a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", metavar="FOLDER", help="write capture and logs here")
    parser.add_argument("--again", metavar="FOLDER", help="analyse what --keep wrote there, without new sessions")
    parser.add_argument("--clients", type=int, metavar="N", help="only these many clients' packets are in the capture")
    parser.add_argument("--verbose", action="store_true", help="print what is not joined, and what wrongly")
    options = parser.parse_args()
    if options.again:
        work = Path(options.again)
        kept = json.loads((work / "spoken.json").read_text())
        spoken = [Spoken(**{**one, "client": tuple(one["client"])}) for one in kept]
        evaluate(work, {name: work / f"{name}.log" for name in (*SERVERS, *WRITERS)}, spoken, options)
        return
    with tempfile.TemporaryDirectory(prefix="capanalyzer-join-") as scratch:
        work = Path(options.keep or scratch)
        work.mkdir(parents=True, exist_ok=True)
        with Lab(work) as lab:
            addresses = clients(lab)
            logs = serve(lab, lab.pki.leaf()) | {name: work / f"{name}.log" for name in WRITERS}
            with lab.capture("server"):
                spoken = play(lab, addresses, options.sessions, options.rate, options.seed)
        (work / "spoken.json").write_text(json.dumps([asdict(one) for one in spoken]))
        evaluate(work, logs, spoken, options)


def evaluate(work: Path, logs: dict[str, Path], spoken: list[Spoken], options: argparse.Namespace) -> None:
    """Move, shuffle, analyse, compare."""
    chance = random.Random(options.seed)
    truth: dict[tuple[str, int], Spoken | None] = {}
    given = []
    for name, log in logs.items():
        groups = read(name, log, work / "nginx-debug.log")
        chance.shuffle(groups)
        lines = [line for group in groups for line in group]
        path = work / f"given-{name}.log"
        path.write_text("".join(moved(name, line.text) + "\n" for line in lines))
        given += ["--log", str(path)]
        for number, line in enumerate(lines, 1):
            truth[str(path), number] = truth_of(line, name, spoken)
    capture = work / "raw.pcap"
    if options.clients:
        hosts = sorted({one.client[0] for one in spoken})[: options.clients]
        words = " or ".join(f"host {host}" for host in hosts).split()
        part = work / "part.pcap"
        subprocess.run(["tcpdump", "-r", str(capture), "-w", str(part), *words], check=True, capture_output=True)
        capture = part
    command = [sys.executable, "-m", "capanalyzer", "analyze", str(capture), *given, "--format", "json"]
    command += [word for port in PORTS.values() for word in ("--tls-port", str(port))]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(f"{len(spoken)} connections, {report['summary']['sessions']} sessions: {report['summary']['outcomes']}")
    for log in report["logs"]:
        clock = max(log["clocks"], key=lambda one: one["matches"] + one["matches_by_address"], default=None)
        name = Path(log["path"]).stem.removeprefix("given-")
        said = (
            "none"
            if clock is None
            else f"{clock['offset_seconds']:.2f} s, {clock['matches']}+{clock['matches_by_address']} lines"
        )
        print(f"  {name}: {log['lines']} lines, {log['recognised']} recognised, {log['joined']} joined; ", end="")
        print(f"offset {said} (true: {-SHIFTS[name].total_seconds():.0f} s)")
    score(report, truth, options)


def score(report: dict, truth: dict[tuple[str, int], Spoken | None], options: argparse.Namespace) -> None:
    sessions = report["sessions"]
    by_end: dict[tuple[tuple[str, int], int], list[dict]] = defaultdict(list)
    for session in sessions:
        by_end[(session["client"]["ip"], session["client"]["port"]), session["server"]["port"]].append(session)
    right, wrong, unknown = Counter(), Counter(), Counter()
    for session in sessions:
        for line in session["log_lines"]:
            true = truth.get((line["source"], line["line"]))
            name = Path(line["source"]).stem.removeprefix("given-")
            if true is None:
                unknown[name] += 1
                continue
            own = nearest(by_end[true.client, PORTS[true.server]], true)
            (right if own is session else wrong)[name, line["confidence"]] += 1
            if own is not session and options.verbose:
                print(
                    "WRONG", line["confidence"], line["found_by"], line["text"], true, session["id"], own and own["id"]
                )
    missed = Counter()
    for line in report["unmatched_log_lines"]:
        true = truth.get((line["source"], line["line"]))
        if true is not None and nearest(by_end[true.client, PORTS[true.server]], true) is not None:
            missed[Path(line["source"]).stem.removeprefix("given-"), line["reason"]] += 1
            if options.verbose:
                print("MISSED", line["reason"], line["text"], true.kind, line["candidates"])
    for name in (*SERVERS, *WRITERS):
        counts = {how: (right[name, how], wrong[name, how]) for how in HOW}
        told = ", ".join(f"{how} {good} right {bad} wrong" for how, (good, bad) in counts.items())
        print(f"  {name}: {told}; not joined: { {why: n for (one, why), n in missed.items() if one == name} }", end="")
        print(f"; truth unknown: {unknown[name]}")
    for kind, names in (("servers", SERVERS), ("clients", WRITERS)):
        good = sum(n for (name, _), n in right.items() if name in names)
        bad = sum(n for (name, _), n in wrong.items() if name in names)
        none = sum(n for (name, _), n in missed.items() if name in names)
        share = 100 * good / max(good + bad + none, 1)
        print(f"{kind}' lines: rightly {good} of {good + bad + none} ({share:.2f} %), wrongly {bad}, not joined {none}")
    for how in HOW:
        good = sum(n for (_, one), n in right.items() if one == how)
        bad = sum(n for (_, one), n in wrong.items() if one == how)
        print(f"called {how}: {good} right, {bad} wrong ({100 * bad / max(good + bad, 1):.2f} %)")


def nearest(sessions: list[dict], true: Spoken) -> dict | None:
    """The session of a connection, among those with the same ends."""

    def away(session: dict) -> float:
        return abs(datetime.fromisoformat(session["start"][:26] + "+00:00").timestamp() - true.start)

    best = min(sessions, key=away, default=None)
    return best if best is not None and away(best) < 1.0 else None


if __name__ == "__main__":
    main()
