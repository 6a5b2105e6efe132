"""What was met and not made into rows, by reason: the keys of ``PacketTable.notes`` and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from capanalyzer.capture.linktypes import link_name
from capanalyzer.remark import Remark

__all__ = [
    "CUT",
    "FRAGMENT_CUT",
    "FRAGMENT_GIVEN_UP",
    "FRAGMENT_OVERLAP",
    "LINK",
    "MALFORMED_IP",
    "MALFORMED_TCP",
    "TOO_DEEP",
    "describe_note",
]

LINK: Final = "link-type-"
"""Prefix: packets of a link type that is not decoded; its LINKTYPE_ number follows."""
CUT: Final = "cut-before-tcp"
"""The capture ends inside the headers, before the first 16 bytes of TCP."""
MALFORMED_IP: Final = "malformed-ip"
"""An IP header whose own lengths contradict each other."""
MALFORMED_TCP: Final = "malformed-tcp"
"""A TCP header length below 20 bytes, or beyond the end of the IP payload."""
TOO_DEEP: Final = "too-deep"
"""More headers inside each other than are followed."""
FRAGMENT_GIVEN_UP: Final = "fragment-incomplete"
"""Datagrams whose fragments never became complete: timed out or pushed out by newer ones."""
FRAGMENT_CUT: Final = "fragment-cut"
"""Fragments that the capture cut short, so that they cannot be joined."""
FRAGMENT_OVERLAP: Final = "fragment-overlap"
"""Datagrams whose fragments overlap with different data; the bytes of the lower offset were kept."""

_SENTENCES: Final[dict[str, Callable[[int], Remark]]] = {
    CUT: lambda n: Remark.counted(
        "{n} packet is cut by the capture before the end of its headers; it is left out",
        "{n} packets are cut by the capture before the end of their headers; they are left out",
        n,
    ),
    MALFORMED_IP: lambda n: Remark.counted(
        "{n} packet has an IP header whose lengths contradict each other; it is left out",
        "{n} packets have an IP header whose lengths contradict each other; they are left out",
        n,
    ),
    MALFORMED_TCP: lambda n: Remark.counted(
        "{n} TCP segment has an impossible header length; its payload is left out",
        "{n} TCP segments have an impossible header length; their payload is left out",
        n,
    ),
    TOO_DEEP: lambda n: Remark.counted(
        "{n} packet has more headers inside each other than are followed; it is left out",
        "{n} packets have more headers inside each other than are followed; they are left out",
        n,
    ),
    FRAGMENT_GIVEN_UP: lambda n: Remark.counted(
        "{n} fragmented IP packet never became complete; it is left out",
        "{n} fragmented IP packets never became complete; they are left out",
        n,
    ),
    FRAGMENT_CUT: lambda n: Remark.counted(
        "{n} IP fragment is cut by the capture and cannot be joined",
        "{n} IP fragments are cut by the capture and cannot be joined",
        n,
    ),
    FRAGMENT_OVERLAP: lambda n: Remark.counted(
        "{n} fragmented IP packet has overlapping fragments with different data",
        "{n} fragmented IP packets have overlapping fragments with different data",
        n,
    ),
}


def describe_note(key: str, count: int) -> Remark:
    """The sentence of a capture warning."""
    if key.startswith(LINK):
        return Remark.counted(
            "{n} packet has link type {link}, which is not decoded",
            "{n} packets have link type {link}, which is not decoded",
            count,
            link=link_name(int(key[len(LINK) :])),
        )
    return _SENTENCES[key](count)
