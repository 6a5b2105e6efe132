"""What tshark reads from a capture, per TCP stream: the second opinion that labels are checked against."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Stream", "read"]

FIELDS = (
    "tcp.stream",
    "frame.number",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.len",
    "tls.record.content_type",
    "tls.record.opaque_type",
    "tls.record.length",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.alert_message.desc",
    "icmp.type",
    "icmpv6.type",
)
VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
HELLO, SERVER_HELLO = 1, 2
CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
FIN, SYN, RST, ACK = 1, 2, 4, 16
NAMES = {0: "hello-request", 1: "CH", 2: "SH", 4: "ticket", 11: "cert", 12: "SKE", 13: "creq", 14: "done", 15: "verify",
         16: "CKE", 20: "fin", 22: "status"}  # fmt: skip


@dataclass(slots=True)
class Stream:
    """One TCP stream as tshark sees it."""

    client_port: str = ""
    steps: list[str] = field(default_factory=list)
    """What happened, in order: ``C:CH``, ``S:SH``, ``C:alert48``, ``S:r23[19]``, ``C:FIN``, ``S:RST`` ..."""
    sni: str | None = None
    version: str | None = None
    hello: bool = False
    payload: dict[str, int] = field(default_factory=lambda: {"C": 0, "S": 0})
    icmp: bool = False
    packets: int = 0


def numbers(text: str) -> list[int]:
    return [int(one, 0) for one in text.split(",") if one]


def read(capture: Path, tls_ports: Iterable[int] = ()) -> dict[int, Stream]:
    """Every stream of ``capture``; ``tls_ports`` are decoded as TLS whatever is said on them."""
    arguments = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "occurrence=a", "-Y", "tcp"]
    arguments += ["-o", "tcp.desegment_tcp_streams:TRUE", "-o", "tcp.reassemble_out_of_order:TRUE"]
    for port in tls_ports:
        arguments += ["-d", f"tcp.port=={port},tls"]
    for one in FIELDS:
        arguments += ["-e", one]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    streams: dict[int, Stream] = defaultdict(Stream)
    for line in done.stdout.splitlines():
        row = dict(zip(FIELDS, (line.split("\t") + [""] * len(FIELDS))[: len(FIELDS)], strict=True))
        add(streams[int(row["tcp.stream"].split(",")[0])], row)
    return streams


def records(row: dict[str, str]) -> list[tuple[int, int]]:
    """Type and length of a packet's records; tshark tells the types of clear and of protected ones apart."""
    clear, opaque = numbers(row["tls.record.content_type"]), numbers(row["tls.record.opaque_type"])
    result = []
    for size in numbers(row["tls.record.length"]):
        if size == 1 and CCS in clear:
            clear.remove(CCS)
            result.append((CCS, size))
        elif clear and (clear[0] != CCS or not opaque):
            result.append((clear.pop(0), size))
        elif opaque:
            result.append((opaque.pop(0), size))
    return result


def add(stream: Stream, row: dict[str, str]) -> None:
    """One packet."""
    stream.packets += 1
    if row["icmp.type"] or row["icmpv6.type"]:
        stream.icmp = True
        stream.steps.append("icmp")
        return
    flags = int(row["tcp.flags"].split(",")[0], 0)
    source = row["tcp.srcport"].split(",")[0]
    if not stream.client_port:
        # A capture may begin with the answer.
        stream.client_port = row["tcp.dstport"].split(",")[0] if flags & SYN and flags & ACK else source
    side = "C" if source == stream.client_port else "S"
    if not flags & RST:  # some devices write their reason into it
        stream.payload[side] += int(row["tcp.len"].split(",")[0] or 0)
    types = numbers(row["tls.handshake.type"])
    stream.steps += [f"{side}:{NAMES.get(one, one)}" for one in types]
    alerts = row["tls.alert_message.desc"]
    stream.steps += [f"{side}:alert{one}" for one in numbers(alerts)]
    hidden = [
        f"{side}:ccs" if kind == CCS else f"{side}:r{kind}[{size}]"
        for kind, size in records(row)
        if kind in (CCS, DATA) or (kind == ALERT and not alerts) or (kind == HANDSHAKE and not types)
    ]
    stream.steps += hidden
    if HELLO in types and not stream.hello:
        stream.hello = True
        stream.sni = row["tls.handshake.extensions_server_name"].split(",")[0] or None
    if SERVER_HELLO in types:
        shown = row["tls.handshake.extensions.supported_version"] or row["tls.handshake.version"]
        stream.version = VERSIONS.get(numbers(shown)[0], "?")
    for bit, word in ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST")):
        if flags & bit:
            stream.steps.append(f"{side}:{word}")
