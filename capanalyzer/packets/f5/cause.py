"""Why a BIG-IP reset a connection, as it says itself: in a trailer's RST-cause block, or in the RST's payload."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["MAX_REASON", "PAYLOAD_MARK", "ResetCause", "read_cause_block", "read_cause_payload"]

PAYLOAD_MARK: Final = b"BIG-IP: [0x"
"""How the payload of such a RST begins (``tm.rstcause.pkt``)."""
MAX_REASON: Final = 200
"""Letters kept of a reason; the longest known has 40."""

_PAYLOAD: Final = re.compile(rb"\ABIG-IP: \[0x([0-9a-fA-F]{1,16})(?::(\d{1,9})\]?)? ?(\{peer\} ?)?(.*)\Z", re.DOTALL)
_HEAD: Final = 9
"""Bytes of a block before its text: flags and version, a 48-bit value, a line."""


class ResetCause(NamedTuple):
    """One reason."""

    reason: str
    """Its text, safe to print; where a snap length cut it, what is left of it."""
    is_peer: bool
    """It arose on the other side of the proxy; this RST passes it on."""
    value: int
    """An opaque number that changes with every build."""
    line: int
    """Of the source; changes with every build."""

    @property
    def code(self) -> str:
        """``0x123abcd:2267``, as the BIG-IP writes it in its log."""
        return f"0x{self.value:x}:{self.line}"


def read_cause_block(block: bytes) -> ResetCause | None:
    """The RST-cause block of a medium trailer; None where there is none, or one of an unknown version."""
    if len(block) < _HEAD or block[0] >> 1:
        return None
    return ResetCause(
        _safe(block[_HEAD:]),
        bool(block[0] & 1),
        int.from_bytes(block[1:7], "big"),
        int.from_bytes(block[7:9], "big"),
    )


def read_cause_payload(payload: bytes) -> ResetCause | None:
    """The reason in a RST's payload; None where the payload is something else."""
    if not payload.startswith(PAYLOAD_MARK):
        return None
    found = _PAYLOAD.match(payload)
    if found is None:
        return None
    value, line, peer, reason = found.groups()
    return ResetCause(_safe(reason), peer is not None, int(value, 16), int(line or 0))


def _safe(text: bytes) -> str:
    """ASCII (RFC 20) without control characters."""
    kept = text[:MAX_REASON].rstrip(b"\0")
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in kept).strip()
