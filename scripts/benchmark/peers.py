"""Other programs that read captures, each with the command that makes it do the comparable work."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "Peer", "first_packets", "ours"]

TSHARK_FILTER = "tls.handshake.type==1 or tls.handshake.type==2 or tls.alert_message"
TSHARK_FIELDS = (
    "tcp.stream",
    "tls.handshake.extensions_server_name",
    "tls.handshake.ciphersuite",
    "tls.alert_message.desc",
)

DPKT = """
import sys, dpkt
flows, hellos = {}, 0
with open(sys.argv[1], "rb") as file:
    for when, data in dpkt.pcap.Reader(file):
        frame = dpkt.ethernet.Ethernet(data)
        tcp = getattr(frame.data, "data", None)
        if isinstance(tcp, dpkt.tcp.TCP):
            key = (frame.data.src, frame.data.dst, tcp.sport, tcp.dport)
            flows[key] = flows.get(key, 0) + len(tcp.data)
            hellos += tcp.data[:2] == b"\\x16\\x03"
print(len(flows), hellos)
"""
PYSHARK = """
import sys, pyshark
capture = pyshark.FileCapture(sys.argv[1], display_filter=sys.argv[2], keep_packets=False)
print(sum(1 for packet in capture if hasattr(packet, "tls")))
"""
SCAPY = """
import sys
from scapy.all import PcapReader, TCP, load_layer
load_layer("tls")
print(sum(1 for packet in PcapReader(sys.argv[1]) if TCP in packet))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    program: str
    """What has to be on the PATH, or a Python module."""
    package: str
    """Where it comes from on Debian (or which Python package)."""
    arguments: tuple[str, ...]
    """``{file}`` stands for the capture."""
    slice_of: int | None = None
    """So slow that only this many packets are read, and the time is scaled by packets."""
    module: bool = False

    def missing(self) -> bool:
        if self.module:
            return importlib.util.find_spec(self.program) is None
        return shutil.which(self.program) is None

    def command(self, path: Path) -> list[str]:
        return [one.replace("{file}", str(path)) for one in self.arguments]


def _fields() -> tuple[str, ...]:
    return tuple(word for field in TSHARK_FIELDS for word in ("-e", field))


PEERS = (
    Peer("tshark", "tshark", "tshark", ("tshark", "-r", "{file}", "-Y", TSHARK_FILTER, "-T", "fields", *_fields())),
    # -n: no name look-ups. It decodes the records of every connection and prints them.
    Peer("ssldump", "ssldump", "ssldump", ("ssldump", "-n", "-r", "{file}")),
    Peer("ndpiReader", "ndpiReader", "libndpi-bin", ("ndpiReader", "-q", "-i", "{file}")),
    Peer("tcptrace", "tcptrace", "tcptrace", ("tcptrace", "-n", "{file}")),
    Peer("dpkt loop", "dpkt", "dpkt (Python)", (sys.executable, "-c", DPKT, "{file}"), module=True),
    Peer(
        "pyshark", "pyshark", "pyshark (Python) and tshark", (sys.executable, "-c", PYSHARK, "{file}", TSHARK_FILTER),
        slice_of=20_000, module=True,
    ),
    Peer("scapy", "scapy", "scapy (Python)", (sys.executable, "-c", SCAPY, "{file}"), slice_of=20_000, module=True),
)  # fmt: skip


def ours(path: Path, output: Path, *extra: str) -> list[str]:
    """Every session with every field, written out."""
    return [sys.executable, "-m", "capanalyzer", "analyze", "--format", "jsonl", "-o", str(output), *extra, str(path)]


def first_packets(path: Path, count: int) -> Path:
    """A capture of the first ``count`` packets of a little-endian pcap, beside it."""
    target = path.with_name(f"{path.stem}-first-{count}.pcap")
    if not target.exists():
        with open(path, "rb") as source, open(target, "wb") as out:
            out.write(source.read(24))
            for _ in range(count):
                head = source.read(16)
                if len(head) < 16:
                    break
                out.write(head + source.read(struct.unpack("<IIII", head)[2]))
    return target
