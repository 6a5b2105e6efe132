"""Internet checksums (RFC 1071) of a packet that was changed: IP, TCP, UDP, ICMP and GRE, outer and inner."""

from __future__ import annotations

from collections.abc import Sequence

from capanalyzer.redact.trace import TCP, Header

__all__ = ["fix_checksums"]


def fix_checksums(packet: bytearray, headers: Sequence[Header]) -> None:
    """Compute every checksum anew, the innermost first; one over bytes that were not captured becomes zero."""
    quoted = next((place for place, header in enumerate(headers) if header.kind in ("icmp", "icmp6")), len(headers))
    for place in range(len(headers) - 1, -1, -1):
        header = headers[place]
        if header.kind == "ipv4":
            size = min(header.after, len(packet)) - header.at
            _put(packet, header.at + 10, packet[header.at : header.at + size], b"", 10)
        elif header.kind in (TCP, "udp", "icmp", "icmp6"):
            _transport(packet, headers, place, is_quoted=place > quoted)
        elif header.kind == "gre" and packet[header.at] & 0x80 and header.end == header.wire_end:
            _put(packet, header.at + 4, packet[header.at : header.end], b"", 4)


def _transport(packet: bytearray, headers: Sequence[Header], place: int, *, is_quoted: bool) -> None:
    header = headers[place]
    offset, protocol = {TCP: (16, 6), "udp": (6, 17), "icmp": (2, 1), "icmp6": (2, 58)}[header.kind]
    field = header.at + offset
    end = min(header.end, len(packet))
    if field + 2 > end or (header.kind == "udp" and not any(packet[field : field + 2])):
        return  # not there, or not used
    ip = next((one for one in reversed(headers[:place]) if one.kind in ("ipv4", "ipv6")), None)
    if ip is None or is_quoted or end < header.wire_end or _is_fragment(packet, ip):
        packet[field : field + 2] = b"\0\0"
        return
    message = packet[header.at : end]
    pseudo = b""
    if ip.kind == "ipv4" and header.kind != "icmp":
        pseudo = bytes(packet[ip.at + 12 : ip.at + 20]) + protocol.to_bytes(2, "big") + len(message).to_bytes(2, "big")
    elif ip.kind == "ipv6":
        pseudo = bytes(packet[ip.at + 8 : ip.at + 40]) + len(message).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    _put(packet, field, message, pseudo, field - header.at)
    if header.kind == "udp" and not any(packet[field : field + 2]):
        packet[field : field + 2] = b"\xff\xff"  # RFC 768: zero says that there is none


def _is_fragment(packet: bytearray, ip: Header) -> bool:
    return ip.kind == "ipv4" and bool(int.from_bytes(packet[ip.at + 6 : ip.at + 8], "big") & 0x3FFF)


def _put(packet: bytearray, field: int, message: bytearray, pseudo: bytes, offset: int) -> None:
    """The sum over ``message``, its own field counted as zero, into ``field``."""
    whole = bytearray(pseudo) + message
    at = len(pseudo) + offset
    if at + 2 > len(whole) or field + 2 > len(packet):
        return
    whole[at : at + 2] = b"\0\0"
    if len(whole) & 1:
        whole.append(0)
    total = int.from_bytes(whole, "big") % 0xFFFF
    # Modulo 0xFFFF a sum that is not zero may come out as zero, which stands for 0xFFFF here.
    packet[field : field + 2] = (0xFFFF - (total or (0xFFFF if any(whole) else 0))).to_bytes(2, "big")
