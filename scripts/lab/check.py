"""expected.json against tshark: the facts that tshark knows must be the labelled ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

__all__ = ["check", "read_with_tshark"]

FIELDS = (
    "tcp.stream",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.alert_message.desc",
    "tcp.flags.str",
    "frame.number",
    "ip.src",
    "tcp.len",
)
VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
DECODE_AS_TLS = {"odd-port": (80,), "tls-to-http-port": (80, 8080), "tls-to-server-first": (22, 587)}
"""tshark goes by these ports where they are somebody else's."""


def read_with_tshark(capture: Path) -> dict[int, dict[str, list[str]]]:
    """Per stream: ``sni`` of the first hello, ``version`` of the last ServerHello, ``alerts``, number of packets."""
    arguments = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "occurrence=a"]
    arguments += ["-o", "tcp.desegment_tcp_streams:TRUE", "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "tcp"]
    for port in DECODE_AS_TLS.get(capture.parent.name, ()):
        arguments += ["-d", f"tcp.port=={port},tls"]
    for field in FIELDS:
        arguments += ["-e", field]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    streams: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for line in done.stdout.splitlines():
        number, types, name, version, supported, alert = (line.split("\t") + [""] * 6)[:6]
        stream = streams[int(number.split(",")[0])]
        stream["packets"].append("")
        if "1" in types.split(",") and not stream["hello"]:
            stream["hello"].append("yes")
            stream["sni"] += name.split(",") if name else []
        if "2" in types.split(","):
            stream["version"].append(VERSIONS.get(int((supported or version).split(",")[0], 16), "?"))
        stream["alerts"] += alert.split(",") if alert else []
    return streams


def check(folder: Path, names: list[str]) -> int:
    """Print what differs and a line per case; 1 when anything does."""
    wrong = 0
    for one in sorted(folder.iterdir()):
        if not one.is_dir() or (names and one.name not in names):
            continue
        capture = next(one.glob("capture.*"))
        labels = json.loads((one / "expected.json").read_text())["sessions"]
        seen = read_with_tshark(capture)
        problems = [] if len(seen) == len(labels) else [f"{len(seen)} streams, {len(labels)} labelled"]
        for label in labels:
            facts = seen.get(label["stream"], {})
            for key in ("sni", "version"):
                found = facts[key][-1] if facts.get(key) else None
                if key in label and found != label[key]:
                    problems.append(f"stream {label['stream']}: {key} is {found}, labelled {label[key]}")
        alerts = [",".join(seen[number].get("alerts", [])) for number in sorted(seen)]
        sizes = [len(seen[number]["packets"]) for number in sorted(seen)]
        print(f"{one.name}: {len(labels)} sessions, packets {sizes}, alerts {alerts}, {capture.stat().st_size} bytes")
        for problem in problems:
            print(f"  {problem}", file=sys.stderr)
        wrong |= bool(problems)
    return wrong
