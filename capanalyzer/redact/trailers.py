"""F5 trailers: session keys that a BIG-IP puts behind its packets, overwritten with zeros.

A trailer begins with a magic number, its length and version, followed by items of provider, type, length and version.
Provider 4 is TLS: master and traffic secrets.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.redact.trace import trace

__all__ = ["without_keys", "without_trailer_keys"]

_MAGIC: Final = bytes.fromhex("f5deb0f5")
_TLS_PROVIDER: Final = 4


def without_keys(data: bytes, start: int = 0) -> bytes:
    """The packet with the keys in its trailers overwritten; the same object where there are none.

    What comes behind a magic number and is no trailer that can be read through, is overwritten up to the end.

    :param start: where a trailer may begin: behind the IP packet.
    """
    at = data.find(_MAGIC, start)
    if at < 0:
        return data
    made = bytearray(data)
    while at >= 0:
        end = min(len(data), at + int.from_bytes(data[at + 4 : at + 6], "big"))
        item = at + 8
        while item + 8 <= end:
            size = int.from_bytes(data[item + 4 : item + 6], "big")
            if size < 8 or item + size > end:
                break
            if int.from_bytes(data[item : item + 2], "big") == _TLS_PROVIDER:
                made[item + 8 : item + size] = bytes(size - 8)
            item += size
        if item < end or end < at + 8:
            made[item:] = bytes(len(data) - min(item, len(data)))
            break
        at = data.find(_MAGIC, end)
    return bytes(made)


def without_trailer_keys(data: bytes, link: int, original: int) -> bytes:
    """A whole packet with the keys in its trailers overwritten; the same object where there are none.

    A trailer begins behind the IP packet. Where the IP header gives no length, or one that reaches to the frame's end
    or beyond, only what reads as a whole trailer up to the frame's end is one, for it stands where payload may.

    :param link: LINKTYPE_ value; :param original: its bytes on the wire.
    """
    if _MAGIC not in data:
        return data
    headers = trace(data, link, original).headers
    outer = next((header for header in headers if header.kind in ("ipv4", "ipv6")), None)
    if outer is None:
        return without_keys(data)
    if outer.end < len(data):
        return without_keys(data, outer.end)
    at = data.find(_MAGIC, outer.after)
    while at >= 0:
        size, version = int.from_bytes(data[at + 4 : at + 6], "big"), int.from_bytes(data[at + 6 : at + 8], "big")
        if version == 1 and at + size >= len(data):  # beyond it: the capture cut the trailer
            return without_keys(data, at)
        at = data.find(_MAGIC, at + 1)
    return data
