"""What was met and not made into rows, by reason: the keys of ``PacketTable.notes`` and what they say."""

from __future__ import annotations

from typing import Final

from capanalyzer.capture.linktypes import link_name

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

_SENTENCES: Final = {
    CUT: "{n} packets are cut by the capture before the end of their headers; they are left out",
    MALFORMED_IP: "{n} packets have an IP header whose lengths contradict each other; they are left out",
    MALFORMED_TCP: "{n} TCP segments have an impossible header length; their payload is left out",
    TOO_DEEP: "{n} packets have more headers inside each other than are followed; they are left out",
    FRAGMENT_GIVEN_UP: "{n} fragmented IP packets never became complete; they are left out",
    FRAGMENT_CUT: "{n} IP fragments are cut by the capture and cannot be joined",
    FRAGMENT_OVERLAP: "{n} fragmented IP packets have overlapping fragments with different data",
}


def describe_note(key: str, count: int) -> str:
    """One plain English sentence for a capture warning."""
    if key.startswith(LINK):
        number = int(key[len(LINK) :])
        return f"{count} packets have link type {link_name(number)}, which is not decoded"
    return _SENTENCES[key].format(n=count)
