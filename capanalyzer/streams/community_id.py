"""Community ID v1: the same short name for a flow in every tool.

Specification: https://github.com/corelight/community-id-spec (seed 0, base64). The two ends are put in order, so that
both directions give the same; for ICMP, whose messages have no ports, type and code take their place, with the
counterpart type of an answerable message as the other port.
"""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha1
from typing import Final

__all__ = ["community_id"]

_ICMP_PAIRS: Final = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10}
"""ICMP types that answer each other: echo, timestamp, information, mask, router (RFC 792, RFC 950, RFC 1256)."""
_ICMP6_PAIRS: Final = {
    128: 129,
    129: 128,
    133: 134,
    134: 133,
    135: 136,
    136: 135,
    130: 131,
    131: 130,
    139: 140,
    140: 139,
    144: 145,
    145: 144,
}
"""ICMPv6 types that answer each other (RFC 4443, RFC 4861, RFC 2710, RFC 4620, RFC 6275)."""
_WITH_PORTS: Final = frozenset((1, 6, 17, 58, 132))


def community_id(src: bytes, dst: bytes, sport: int, dport: int, proto: int = 6) -> str:
    """The Community ID of a flow.

    :param src: address of either end, 4 or 16 bytes in network order; ``dst`` the other one.
    :param sport: port of ``src``; for ICMP (``proto`` 1 or 58) the type, and ``dport`` the code.
    :param proto: IP protocol number; protocols without ports leave them out.
    """
    if proto in (1, 58):
        answer = (_ICMP_PAIRS if proto == 1 else _ICMP6_PAIRS).get(sport)
        if answer is None:
            swap = False  # one-way: the order of the packet stands
        else:
            dport = answer
            swap = (src, sport) > (dst, dport)
    else:
        swap = src > dst or (src == dst and sport > dport)
    if swap:
        src, dst, sport, dport = dst, src, dport, sport
    data = b"\0\0" + src + dst + bytes((proto, 0))
    if proto in _WITH_PORTS:
        data += (sport << 16 | dport).to_bytes(4, "big")
    return "1:" + b2a_base64(sha1(data, usedforsecurity=False).digest(), newline=False).decode("ascii")
