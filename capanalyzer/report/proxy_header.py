"""The two ends that a PROXY protocol header names (specification versions 1 and 2, sections 2.1 and 2.2)."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

from capanalyzer.report.model import Endpoint, ProxyHeader

__all__ = ["proxy_header"]

_V1_LIMIT: Final = 107
_V2_ADDRESSES: Final = 16
"""Where they begin."""
_FAMILIES: Final = {0x1: (AF_INET, 4), 0x2: (AF_INET6, 16)}
_V4_IN_V6: Final = "::ffff:"


def proxy_header(opening: bytes) -> ProxyHeader | None:
    """What the header at the beginning of a stream says; None where it names no addresses, or is none."""
    try:
        if opening.startswith(b"PROXY TCP"):
            words = opening[:_V1_LIMIT].split(b"\r\n", 1)[0].decode("ascii").split(" ")
            _, _, source, destination, source_port, destination_port = words
            return ProxyHeader(_endpoint(source, int(source_port)), _endpoint(destination, int(destination_port)))
        if opening.startswith(b"\r\n\r\n\x00\r\nQUIT\n\x21"):
            family, size = _FAMILIES[opening[13] >> 4]
            ends = opening[_V2_ADDRESSES : _V2_ADDRESSES + 2 * size + 4]
            if len(ends) < 2 * size + 4 or int.from_bytes(opening[14:16], "big") < len(ends):
                return None
            ports = int.from_bytes(ends[-4:-2], "big"), int.from_bytes(ends[-2:], "big")
            return ProxyHeader(
                _endpoint(inet_ntop(family, ends[:size]), ports[0]),
                _endpoint(inet_ntop(family, ends[size : 2 * size]), ports[1]),
            )
    except (ValueError, OSError, KeyError, IndexError):
        return None
    return None


def _endpoint(text: str, port: int) -> Endpoint:
    """In RFC 5952 form.

    :raises ValueError: no port, or no address.
    """
    if not 0 <= port <= 0xFFFF:
        raise ValueError(port)
    family = AF_INET6 if ":" in text else AF_INET
    ip = inet_ntop(family, inet_pton(family, text))
    return Endpoint(ip.removeprefix(_V4_IN_V6) if "." in ip else ip, port)
