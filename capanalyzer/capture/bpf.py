"""Classic BPF programs for packet sockets: what each of ours begins with, and how one is attached.

The kernel runs the program on every packet before it is copied; what it returns is how many bytes are kept
(Documentation/networking/filter.rst). Offsets count from the link-layer header, in a cooked capture from the network
header; the kernel's own extensions tell what is not among a packet's bytes (linux/filter.h, SKF_AD).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

__all__ = ["ACCEPT_ALL", "ANCILLARY", "SNAPLEN", "Instruction", "attach", "shifted", "without_echo"]


class Instruction(NamedTuple):
    """struct sock_filter."""

    code: int
    jt: int
    """Instructions to skip when a comparison holds ..."""
    jf: int
    """... and when it does not."""
    k: int


Program = Sequence[Instruction]

SNAPLEN: Final = 262_144
"""Bytes kept of a packet: what tcpdump keeps, more than any but BIG TCP's has."""

ANCILLARY: Final = 0xFFFFF000
"""SKF_AD_OFF: loads from here on are of the kernel's extensions: 0 protocol, 4 packet type, 28 hardware type ..."""

_ATTACH_FILTER: Final = 26
"""SO_ATTACH_FILTER (asm-generic/socket.h); Python does not name it."""
_LD, _LDX, _CLASS, _MODE = 0x00, 0x01, 0x07, 0xE0
_ABS, _IND, _MSH = 0x20, 0x40, 0xA0
_LOAD_WORD, _JEQ, _RETURN = 0x20, 0x15, 0x06
_PACKET_TYPE, _HARDWARE_TYPE = ANCILLARY + 4, ANCILLARY + 28
_LOOPBACK, _OUTGOING = 772, 4
"""ARPHRD_LOOPBACK, PACKET_OUTGOING."""

ACCEPT_ALL: Final = (Instruction(_RETURN, 0, 0, SNAPLEN),)

_NO_ECHO: Final = (
    Instruction(_LOAD_WORD, 0, 0, _HARDWARE_TYPE),
    Instruction(_JEQ, 0, 3, _LOOPBACK),
    Instruction(_LOAD_WORD, 0, 0, _PACKET_TYPE),
    Instruction(_JEQ, 0, 1, _OUTGOING),
    Instruction(_RETURN, 0, 0, 0),
)


def without_echo(program: Program) -> list[Instruction]:
    """The program, behind one that drops what leaves by the loopback interface: it comes in there as well."""
    return [*_NO_ECHO, *program]


def shifted(program: Iterable[Instruction], link_bytes: int) -> list[Instruction]:
    """A program whose offsets count from the network header, for packets with so long a link-layer header."""
    return [each._replace(k=each.k + link_bytes) if _reads_packet(each) else each for each in program]


def _reads_packet(each: Instruction) -> bool:
    kind, mode = each.code & _CLASS, each.code & _MODE
    loads = (kind == _LD and mode in (_ABS, _IND)) or (kind == _LDX and mode == _MSH)
    return loads and each.k < ANCILLARY


def attach(target: socket.socket, program: Program) -> None:
    """Have the kernel run the program on what arrives at a socket.

    :raises OSError: it is no valid program, or the kernel has no memory for it (net.core.optmem_max).
    """
    code = b"".join(struct.pack("=HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    target.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(buffer)))
