"""The first record of such a capture, which is no packet: what made the capture, and how it was told to."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["PSEUDO_MARK", "PseudoPacket", "platform_name", "read_pseudo"]

PSEUDO_MARK: Final = bytes(12) + b"\x05\xffF5-Pseudo-pkt\0"
"""Two addresses of zeros, a length that no frame has, and a name."""
MAX_BYTES: Final = 4_096
"""Of its texts that are read."""
MAX_TEXT: Final = 1_000
_PLATFORMS: Final = (
    ("Z100", "Virtual Edition"),
    ("Z101", "vCMP guest"),
    ("A1", "VIPRION blade"),
    ("C1", "appliance"),
    ("D1", "appliance"),
    ("E1", "appliance"),
)
_INTERFACE: Final = re.compile(r"(?:\A|\s)(?:-[A-Za-z]*i\s*|--interface[= ])(\S+)")
_NOISE: Final = re.compile(r":(n{1,3})?(p)?\Z")
_SNAP: Final = re.compile(r"(?:\A|\s)(?:-[A-Za-z]*s\s*|--snapshot-length[= ])(\d{1,9})")


class PseudoPacket(NamedTuple):
    """What it says; "" where it does not."""

    command: str
    """``CMD``: the whole command line."""
    version: str
    """``VER``."""
    host: str
    """``HOST``."""
    platform: str
    """``PLAT``: a code."""
    product: str
    """``PROD``."""

    @property
    def noise(self) -> int | None:
        """How much the trailers were asked to say: 0 none, 1 low, 2 medium, 3 high; None where no command is told."""
        found = self._options()
        return None if found is None else len(found[1] or "")

    @property
    def with_peer(self) -> bool | None:
        """The other side of proxied connections was captured too (``p``); None where no command is told."""
        found = self._options()
        return None if found is None else found[2] is not None

    @property
    def snap_length(self) -> int | None:
        """Bytes captured of each packet, 0 for all; None where the command does not say."""
        found = _SNAP.search(self.command)
        return None if found is None else int(found[1])

    def _options(self) -> re.Match[str] | tuple[str, None, None] | None:
        interface = _INTERFACE.search(self.command)
        if interface is None:
            return None
        return _NOISE.search(interface[1]) or (interface[1], None, None)


def read_pseudo(frame: bytes) -> PseudoPacket | None:
    """The record; None where the frame is something else."""
    if not frame.startswith(PSEUDO_MARK):
        return None
    texts: dict[str, str] = {}
    for entry in frame[len(PSEUDO_MARK) : len(PSEUDO_MARK) + MAX_BYTES].split(b"\0"):
        key, colon, value = entry.partition(b":")
        if colon:
            name = key.decode("ascii", "replace").strip()
            texts.setdefault(name, _safe(value.decode("utf-8", "backslashreplace").strip()))
    return PseudoPacket(*(texts.get(key, "") for key in ("CMD", "VER", "HOST", "PLAT", "PROD")))


def platform_name(code: str) -> str:
    """What a platform's code stands for; "" for an unknown one."""
    return next((name for beginning, name in _PLATFORMS if code.startswith(beginning)), "")


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:MAX_TEXT])
