#!/usr/bin/env python3
"""The filter that live captures begin with, assembled into capanalyzer/capture/default_filter.py.

    python3 scripts/make_filter.py

What it lets through is what the decoder reads (capanalyzer/packets/stack.py): run it again when that learns a layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from capanalyzer.packets.internet import TUNNEL_PORTS
from capanalyzer.packets.layer import ETHERTYPE, IP_PROTOCOL
from capanalyzer.packets.stack import LAYERS

TARGET = Path(__file__).resolve().parent.parent / "capanalyzer" / "capture" / "default_filter.py"
HEAD = '''"""The filter of a live capture when none is given: BPF that keeps out what no verdict can rest on.

Made by scripts/make_filter.py from the decoder's own tables; offsets count from the network header.

Kept out are packets that the decoder would pass over: UDP that is neither a tunnel's nor a fragment (QUIC, media,
DNS, NFS), IPsec ESP, SCTP, ARP, storage and cluster protocols that speak Ethernet.

All of TCP is let through, bulk data too. A stateless filter cannot tell the records of a settled session from a
certificate: in TLS 1.3 both are full-size segments of type application_data. Without them the sequence would have
gaps, and a gap is what makes a session incomplete instead of failed. So are acknowledgements without data: they show
who received what.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.capture.bpf import SNAPLEN, Instruction

__all__ = ["DEFAULT_FILTER"]

DEFAULT_FILTER: Final = (
'''

Line = tuple[str, int, str, int, str]
"""Label, code, jump target when true (or empty), operand, comment."""

LD_WORD, LD_HALF, LD_BYTE = 0x20, 0x28, 0x30
LD_HALF_X, LDX_HEADER = 0x48, 0xB1
JEQ, JGT, JSET, RET = 0x15, 0x25, 0x45, 0x06
PROTOCOL = 0xFFFFF000
IPV4, IPV6, TCP, UDP, UDP_LITE = 0x0800, 0x86DD, 6, 17, 136
LONGEST_8023 = 1500


class Assembler:
    """Instructions with labels; a comparison that does not hold goes on with the next line."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        self.labels[name] = len(self.lines)

    def emit(self, code: int, k: int, comment: str, to: str = "", otherwise: str = "") -> None:
        self.lines.append((to, code, otherwise, k, comment))

    def any_of(self, values: Iterable[int], to: str, form: str, what: str) -> None:
        for value in sorted(values):
            self.emit(JEQ, value, f"{what} {value:{form}}", to)

    def text(self) -> str:
        """The lines of the tuple."""
        names = {at: name for name, at in self.labels.items()}
        rows = []
        for number, (to, _, _, _, comment) in enumerate(self.lines):
            goes = f" -> {to}" if to else ""
            if number in names:
                rows.append(f"    # {names[number]}:\n")
            rows.append(f"    {self._instruction(number)}  # {comment}{goes}\n")
        return "".join(rows)

    def _instruction(self, number: int) -> str:
        to, code, otherwise, k, _ = self.lines[number]
        jt = self.labels[to] - number - 1 if to else 0
        jf = self.labels[otherwise] - number - 1 if otherwise else 0
        assert all(0 <= jump < 256 for jump in (jt, jf)), "a jump leads too far"
        operand = "SNAPLEN" if k < 0 else f"0x{k:X}" if k > 255 else str(k)
        return f"Instruction(0x{code:02X}, {jt}, {jf}, {operand}),"


def assemble() -> str:
    program = Assembler()
    ethertypes = {layer - ETHERTYPE for layer in LAYERS if 0 <= layer - ETHERTYPE < 1 << 16} - {IPV4, IPV6}
    protocols = {number for number in range(256) if IP_PROTOCOL + number in LAYERS} - {UDP, UDP_LITE} | {TCP}
    emit = program.emit

    emit(LD_WORD, PROTOCOL, "EtherType, whatever the link layer")
    emit(JEQ, IPV4, "IPv4", "ipv4")
    emit(JEQ, IPV6, "IPv6", "ipv6")
    emit(JGT, LONGEST_8023, "802.3 with LLC has a length or a small number there", otherwise="keep")
    program.any_of(ethertypes, "keep", "#06x", "EtherType")
    emit(RET, 0, "nothing that holds TCP")

    program.label("ipv4")
    emit(LD_BYTE, 9, "IPv4 protocol")
    emit(JEQ, UDP, "UDP", "udp in ipv4")
    emit(JEQ, UDP_LITE, "UDP-Lite", "udp in ipv4")
    program.any_of(protocols, "keep", "d", "protocol")
    emit(RET, 0, "nothing that holds TCP")

    program.label("udp in ipv4")
    emit(LD_HALF, 6, "flags and fragment offset")
    emit(JSET, 0x3FFF, "a fragment: its port may be in another", "keep")
    emit(LDX_HEADER, 0, "X = length of the IPv4 header")
    emit(LD_HALF_X, 0, "source port")
    program.any_of(TUNNEL_PORTS, "keep", "d", "port")
    emit(LD_HALF_X, 2, "destination port")
    program.any_of(TUNNEL_PORTS, "keep", "d", "port")
    emit(RET, 0, "UDP that is no tunnel")

    program.label("ipv6")
    emit(LD_BYTE, 6, "IPv6 next header")
    emit(JEQ, UDP, "UDP", "udp in ipv6")
    emit(JEQ, UDP_LITE, "UDP-Lite", "udp in ipv6")
    program.any_of(protocols, "keep", "d", "next header")
    emit(RET, 0, "nothing that holds TCP")

    program.label("udp in ipv6")
    emit(LD_HALF, 40, "source port")
    program.any_of(TUNNEL_PORTS, "keep", "d", "port")
    emit(LD_HALF, 42, "destination port")
    program.any_of(TUNNEL_PORTS, "keep", "d", "port")
    emit(RET, 0, "UDP that is no tunnel")

    program.label("keep")
    emit(RET, -1, "the packet")
    return HEAD + program.text() + ")\n"


if __name__ == "__main__":
    TARGET.write_text(assemble(), "utf-8")
