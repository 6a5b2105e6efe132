"""Filters in the language of pcap-filter(7), compiled by libpcap through scapy's binding.

scapy is imported only here and only then: it takes longer to import than everything else together.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any, Final

from capanalyzer.capture.bpf import ANCILLARY, SNAPLEN, Instruction
from capanalyzer.capture.interfaces import ANY
from capanalyzer.capture.linktypes import LINUX_SLL2, RAW
from capanalyzer.errors import CaptureError
from capanalyzer.remark import Remark

__all__ = ["compile_filter"]

_DLT_RAW: Final = 12
"""What libpcap itself calls LINKTYPE_RAW."""
_LD, _LDX, _CLASS, _MODE = 0x00, 0x01, 0x07, 0xE0
_ABS, _IND, _MSH = 0x20, 0x40, 0xA0
_COOKED_BYTES: Final = 20
_COOKED_FIELDS: Final = {0: ANCILLARY + 0, 4: ANCILLARY + 8, 8: ANCILLARY + 28, 10: ANCILLARY + 4}
"""Where the cooked header has them, and the kernel's extension for it: protocol, interface, hardware type, packet
type (linux/filter.h)."""


def compile_filter(expression: str, name: str, link: int) -> list[Instruction]:
    """The program for an expression, for packets as a socket of that interface sees them.

    libpcap looks at the interface itself, because VLAN tags that it takes off are found otherwise than in a file: the
    program is that of ``tcpdump -i name``. Where it cannot, and for ``any``, the link type alone has to do.

    :param link: LINKTYPE_ of the packets.
    :raises CaptureError: no libpcap, or it does not accept the expression.
    """
    try:
        from scapy.libs import winpcapy
    except ImportError as error:
        raise CaptureError(name, Remark("a capture filter needs scapy: pip install 'capanalyzer[live]'")) from error
    except OSError as error:
        raise CaptureError(
            name,
            Remark("a capture filter needs libpcap, which is not installed (Debian, Ubuntu: apt install libpcap0.8)"),
        ) from error
    handle = None
    if name != ANY and link != LINUX_SLL2:
        message = ctypes.create_string_buffer(winpcapy.PCAP_ERRBUF_SIZE)
        handle = winpcapy.pcap_open_live(name.encode(), SNAPLEN, 0, 0, message) or None
    if not handle:
        handle = winpcapy.pcap_open_dead(_DLT_RAW if link == RAW else link, SNAPLEN)
    try:
        program = _compile(winpcapy, handle, expression, name)
    finally:
        winpcapy.pcap_close(handle)
    return _for_cooked(program, expression) if link == LINUX_SLL2 else program


def _compile(winpcapy: Any, handle: Any, expression: str, name: str) -> list[Instruction]:
    made = winpcapy.bpf_program()
    text = ctypes.create_string_buffer(expression.encode("utf-8", "surrogateescape"))
    if winpcapy.pcap_compile(handle, ctypes.byref(made), text, 1, 0xFFFFFFFF) == -1:
        why = winpcapy.pcap_geterr(handle)
        told = why if isinstance(why, bytes) else bytes(ctypes.string_at(why))
        reason = re.sub(r"\s+", " ", told.rstrip(b"\0").decode("utf-8", "replace")).strip()
        raise CaptureError(
            name,
            Remark(
                "the capture filter {expression!r} is not understood ({reason})", expression=expression, reason=reason
            ),
        )
    try:
        lines = (made.bf_insns[number] for number in range(made.bf_len))
        return [Instruction(line.code, line.jt, line.jf, line.k & 0xFFFFFFFF) for line in lines]
    finally:
        winpcapy.pcap_freecode(ctypes.byref(made))


def _for_cooked(program: list[Instruction], expression: str) -> list[Instruction]:
    """A program for cooked packets as one for the kernel, which sees them without the cooked header."""
    turned = []
    for each in program:
        kind, mode = each.code & _CLASS, each.code & _MODE
        if (kind == _LD and mode in (_ABS, _IND)) or (kind == _LDX and mode == _MSH):
            if each.k >= ANCILLARY:
                k = each.k
            elif each.k >= _COOKED_BYTES:
                k = each.k - _COOKED_BYTES
            elif mode == _ABS and each.k in _COOKED_FIELDS:
                k = _COOKED_FIELDS[each.k]
            else:
                raise CaptureError(
                    ANY,
                    Remark(
                        "the capture filter {expression!r} asks for what the kernel cannot tell there",
                        expression=expression,
                    ),
                )
            turned.append(each._replace(k=k))
        else:
            turned.append(each)
    return turned
