"""The packets of one evidence file, as they may leave the house.

Always: session keys in trailers are overwritten, and so are secrets in plaintext protocols. With a redactor every
packet is made anew: other addresses, names and certificates, no payload beyond what the handshake needs, nothing
behind the IP packet. Payload is changed where it can be understood, in the connection's order, and laid back into the
packets: a name across two segments is found, and what was sent twice stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from capanalyzer.capture.write import PacketRecord
from capanalyzer.evidence.payload import Segment, Stream
from capanalyzer.packets.fragments import Reassembler
from capanalyzer.redact.checksums import fix_checksums
from capanalyzer.redact.headers import RAW_IP, rewrite
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.stream import mask_stream, redact_stream
from capanalyzer.redact.trace import TCP, Header, trace
from capanalyzer.redact.trailers import without_trailer_keys

__all__ = ["Rewriting", "rewrite_packets"]

_SYN: Final = 0x02
_RST: Final = 0x04
_F5_REASON: Final = b"BIG-IP: [0x"


@dataclass(slots=True)
class _Part:
    """A packet on its way; put together where it came in fragments."""

    record: PacketRecord
    """Its last fragment's, with the bytes of the whole where it is one."""
    pieces: tuple[PacketRecord, ...] = ()
    headers: tuple[Header, ...] = ()
    stream: Stream | None = None
    number: int = 0
    is_reset: bool = False


@dataclass(slots=True)
class Rewriting:
    packets: list[PacketRecord]
    joined: dict[int, tuple[int, ...]]
    """By frame, the frames of the fragments it was put together from."""
    dropped: int
    """Packets that cannot be redacted, and are left out."""


def rewrite_packets(packets: Iterable[PacketRecord], stream_of: dict[int, int], redactor: Redactor | None) -> Rewriting:
    """Take secrets out of packets, and with a redactor all that says whose they are.

    :param packets: in capture order.
    :param stream_of: by frame, the stream it belongs to.
    """
    parts = _whole(packets)
    streams: dict[tuple[int, bytes], Stream] = {}
    for part in parts:
        _sort_in(part, stream_of.get(part.record.frame, -1), streams)
    for stream in streams.values():
        if redactor is None:
            stream.change(mask_stream)
        else:
            stream.change(lambda data, starts: redact_stream(data, starts, redactor))
    done = Rewriting([], {}, 0)
    for part in parts:
        if redactor is None:
            done.packets += _masked(part)
        else:
            _redacted(part, redactor, done)
    done.packets.sort(key=lambda record: record.frame)
    return done


# -- fragments ---------------------------------------------------------------------------------------------------------


def _whole(packets: Iterable[PacketRecord]) -> list[_Part]:
    """The packets, those in fragments put together at the last of them; what stays incomplete comes as it is."""
    parts: list[_Part] = []
    joining, waiting = Reassembler(), {}
    for record in packets:
        found = trace(record.data, record.link, record.original)
        if found.place is None or not found.headers:
            parts.append(_Part(record, (), found.headers))
            continue
        waiting[record.frame] = record
        place, ip = found.place, _ip_of(found.headers)
        piece = record.data[found.headers[-1].after : found.headers[-1].end]
        whole = joining.add(place.key, place.offset, place.more, piece, record.time_ns, {}, record.frame)
        if whole is None or ip is None:
            continue
        pieces = tuple(waiting.pop(frame) for frame in joining.frames if frame in waiting)
        data = _unfragmented(record.data, ip, found.headers[-1], whole)
        joined = record._replace(data=data, original=len(data), link=RAW_IP)
        parts.append(_Part(joined, pieces, trace(data, RAW_IP, len(data)).headers))
    parts += [_Part(record) for record in waiting.values()]
    return parts


def _ip_of(headers: tuple[Header, ...]) -> Header | None:
    return next((header for header in reversed(headers) if header.kind in ("ipv4", "ipv6")), None)


def _unfragmented(data: bytes, ip: Header, last: Header, payload: bytes) -> bytes:
    """One IP packet with the whole payload, under the header of one fragment."""
    head = bytearray(data[ip.at : last.after])
    if ip.kind == "ipv4":
        head[2:4] = min(len(head) + len(payload), 0xFFFF).to_bytes(2, "big")
        head[6:8] = b"\0\0"
    else:
        head[4:6] = min(len(head) - 40 + len(payload), 0xFFFF).to_bytes(2, "big")
        fragment = last.at - ip.at
        head[fragment + 2 : fragment + 4] = b"\0\0"  # an atomic fragment, RFC 6946
    made = head + payload
    fix_checksums(made, trace(bytes(made), RAW_IP, len(made)).headers[:1])
    return bytes(made)


# -- payload -----------------------------------------------------------------------------------------------------------


def _sort_in(part: _Part, stream: int, streams: dict[tuple[int, bytes], Stream]) -> None:
    """Give a TCP segment to its direction's stream."""
    headers, data = part.headers, part.record.data
    if not headers or headers[-1].kind != TCP or any(header.kind in ("icmp", "icmp6") for header in headers):
        return
    tcp, ip = headers[-1], _ip_of(headers)
    if ip is None or tcp.end - tcp.at < 14:
        return
    flags = data[tcp.at + 13]
    payload = data[tcp.after : tcp.end]
    if flags & _RST:
        part.is_reset = True
        return
    sender = data[ip.at + 12 : ip.at + 16] if ip.kind == "ipv4" else data[ip.at + 8 : ip.at + 24]
    key = (stream, sender + data[tcp.at : tcp.at + 4])
    part.stream = streams.setdefault(key, Stream())
    seq = int.from_bytes(data[tcp.at + 4 : tcp.at + 8], "big")
    part.number = part.stream.add(Segment(seq, bool(flags & _SYN), payload))


def _masked(part: _Part) -> list[PacketRecord]:
    """Without a redactor: only what is secret is changed, and all other bytes stay."""
    originals = list(part.pieces) or [part.record]
    kept = [record._replace(data=_without_keys(record)) for record in originals]
    if part.stream is None:
        return kept
    tcp, data = part.headers[-1], part.record.data
    new = part.stream.changes(part.number)
    if new == data[tcp.after : tcp.end]:
        return kept
    made = bytearray(_without_keys(part.record))
    made[tcp.after : tcp.end] = new
    fix_checksums(made, part.headers)
    return [part.record._replace(data=bytes(made))]


def _without_keys(record: PacketRecord) -> bytes:
    return without_trailer_keys(record.data, record.link, record.original)


def _redacted(part: _Part, redactor: Redactor, done: Rewriting) -> None:
    record, payload = part.record, None
    if part.stream is not None:
        payload = part.stream.payload(part.number)
    elif part.is_reset:
        tcp = part.headers[-1]
        text = record.data[tcp.after : tcp.end]
        payload = text if text.startswith(_F5_REASON) else bytes(len(text))
    made = rewrite(record.data, record.link, record.original, payload, redactor)
    if made is None:
        done.dropped += 1
        return
    if part.pieces:
        done.joined[record.frame] = tuple(piece.frame for piece in part.pieces)
    done.packets.append(record._replace(data=made.data, link=made.link, original=made.original))
