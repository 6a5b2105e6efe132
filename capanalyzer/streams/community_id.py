"""Community ID v1: the same short name for a flow in every tool.

Specification: https://github.com/corelight/community-id-spec (seed 0, base64). The two ends are put in order, so that
both directions give the same; for ICMP, whose messages have no ports, type and code take their place, with the
counterpart type of an answerable message as the other port.
"""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha1
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["community_id", "community_ids"]

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
_DIGEST: Final = 20
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


def community_ids(address: NDArray[np.uint8], is_v6: NDArray[np.bool_], port: NDArray[np.uint16]) -> list[bytes]:
    """The Community IDs of n TCP flows, without their ``1:``.

    :param address: shape (n, 32): both ends' addresses in bytes 0-15 and 16-31, IPv4 in the first four of each.
    :param port: of both ends, shape (n, 2).
    """
    digests: NDArray[np.uint8] = np.zeros((len(address), _DIGEST + 1), np.uint8)
    for size, rows in ((4, np.flatnonzero(~is_v6)), (16, np.flatnonzero(is_v6))):
        if len(rows):
            digests[rows, :_DIGEST] = _digests(address.take(rows, axis=0), port.take(rows, axis=0), size)
    # 21 bytes make 28 letters; of 20 and a zero byte the first 27 are the same, and a sign of padding follows.
    letters = np.frombuffer(b2a_base64(digests.tobytes(), newline=False), np.uint8).reshape(-1, 28).copy()
    letters[:, -1] = ord("=")
    result: list[bytes] = letters.view("S28")[:, 0].tolist()
    return result


def _digests(address: NDArray[np.uint8], port: NDArray[np.uint16], size: int) -> NDArray[np.uint8]:
    """SHA-1 of the ordered 5-tuples, shape (n, 20)."""
    one, other = address[:, :size], address[:, 16 : 16 + size]
    differs = one != other
    first = differs.argmax(axis=1)
    row = np.arange(len(address))
    swap = one[row, first] > other[row, first]
    swap |= ~differs[row, first] & (port[:, 0] > port[:, 1])
    ends = np.where(swap, 1, 0)
    tuples = np.zeros((len(address), 2 * size + 8), np.uint8)
    tuples[:, 2 : 2 + size] = np.where(swap[:, None], other, one)
    tuples[:, 2 + size : 2 + 2 * size] = np.where(swap[:, None], one, other)
    tuples[:, 2 + 2 * size] = 6  # TCP
    ordered = np.stack([port[row, ends], port[row, 1 - ends]], axis=1).astype(">u2")
    tuples[:, -4:] = ordered.view(np.uint8)
    width = tuples.shape[1]
    hashes = [sha1(data, usedforsecurity=False).digest() for data in tuples.view(f"V{width}")[:, 0].tolist()]
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, _DIGEST)
