"""What tshark reads in a capture, stream by stream, in plain values."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Stream", "read_streams"]

FIELDS = (
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.ciphersuite",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.random",
    "tls.alert_message.desc",
    "x509af.serialNumber",
    "icmp.type",
    "icmpv6.type",
)
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
"""ServerHello.random of a HelloRetryRequest, RFC 8446 section 4.1.3."""


@dataclass
class Stream:
    """One ``tcp.stream``. The client is who sent the first SYN, else the first packet."""

    ends: tuple[str, int, str, int]
    """Sender and receiver of the first packet."""
    sni: str | None = None
    offered: list[int] = field(default_factory=list)
    hello_seen: bool = False
    chosen: int | None = None
    version: int | None = None
    alerts: list[int] = field(default_factory=list)
    serials: list[int] = field(default_factory=list)


def read_streams(tshark: str, capture: Path) -> dict[int, Stream]:
    """Every stream by number."""
    arguments = [
        tshark,
        "-n",
        "-r",
        str(capture),
        "-Y",
        "tcp",
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=;",
    ]
    arguments += ["-o", "tcp.desegment_tcp_streams:TRUE", "-o", "tcp.reassemble_out_of_order:TRUE"]
    arguments += [word for name in FIELDS for word in ("-e", name)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    streams: dict[int, Stream] = {}
    for line in done.stdout.splitlines():
        row = defaultdict(
            list, {name: cell.split(";") for name, cell in zip(FIELDS, line.split("\t"), strict=False) if cell}
        )
        if row["icmp.type"] or row["icmpv6.type"] or not row["tcp.stream"]:
            continue  # a TCP header quoted by an ICMP error is no packet of the stream
        _note(streams, row)
    return streams


def _note(streams: dict[int, Stream], row: dict[str, list[str]]) -> None:
    number = int(row["tcp.stream"][-1])
    if number not in streams:
        source, target = ((row[f"ip.{end}"] or row[f"ipv6.{end}"])[-1] for end in ("src", "dst"))
        if row["ipv6.src"] and row["ip.src"]:
            source = target = ""  # a tunnel over another family: which is inside, the fields do not say
        streams[number] = Stream((source, int(row["tcp.srcport"][-1]), target, int(row["tcp.dstport"][-1])))
    stream = streams[number]
    types = row["tls.handshake.type"]
    if "1" in types and not stream.hello_seen and "2" not in types:
        stream.hello_seen = True
        stream.sni = next(iter(row["tls.handshake.extensions_server_name"]), None)
        stream.offered = [int(one, 0) for one in row["tls.handshake.ciphersuite"]]
    if "2" in types and "1" not in types and RETRY_RANDOM not in "".join(row["tls.handshake.random"]).replace(":", ""):
        stream.chosen = int(row["tls.handshake.ciphersuite"][-1], 0)
        said = row["tls.handshake.extensions.supported_version"] or row["tls.handshake.version"]
        stream.version = int(said[-1], 0)
    stream.alerts += [int(one) for one in row["tls.alert_message.desc"]]
    stream.serials += [int(one.replace(":", ""), 16) for one in row["x509af.serialNumber"]]
