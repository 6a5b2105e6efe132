"""The timeline of a session: what happened, in which frame, who sent it. Made only when somebody asks.

Names of events and details are terms of the field, in English; :mod:`capanalyzer.report.course` knows the few words
among them for readers of other languages. Whatever comes from the wire is made safe to print.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from capanalyzer.classify.credentials import clear_start, mask
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.tcp_facts import MAX_TEXT
from capanalyzer.streams.flow import ACK, FIN, RST, SYN, Row
from capanalyzer.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, SSLV2, Message

if TYPE_CHECKING:
    from capanalyzer.handshake.session import Event, Session
    from capanalyzer.handshake.tcp_facts import TcpReading
    from capanalyzer.packets.table import IcmpError

__all__ = ["MAX_EVENTS", "read_timeline"]

MAX_EVENTS: Final = 400
"""Lines kept; what is beyond is told in one line."""
MAX_DETAIL: Final = 200
"""Characters of a detail."""
MAX_DATA: Final = 3
"""Application data records, and plaintext segments, of each side that get a line of their own."""

_SIDES: Final = (Side.CLIENT, Side.SERVER)
_SSLV2_NAMES: Final = {0: "SSLv2 ERROR", 1: "ClientHello", 2: "SSLv2 CLIENT-MASTER-KEY", 4: "SSLv2 SERVER-HELLO"}


def read_timeline(session: Session, reading: TcpReading) -> list[Event]:
    """All that is known to have happened, in capture order."""
    from capanalyzer.handshake.session import Event

    events: list[Event] = []
    client = reading.client
    acknowledged = session.tcp.handshake_ack_frame
    remarks = {row[0]: what for row, what in reading.remarks()}
    counts = [0, 0]
    plain = session.tls is None or session.upgrade is not None or not session.tls.messages
    foreign = _speaks_something_else(session)
    for row in reading.rows:
        name, detail = _packet(row, remarks.get(row[0], ""), row[0] == acknowledged)
        side = _SIDES[row[2] ^ client]
        if not name and row[7] and (foreign[side] or (plain and _before_tls(session, row[0]))):
            counts[side] += 1
            if counts[side] <= MAX_DATA:
                name, detail = "data", f"{row[7]} bytes{_opening(session.first_bytes[side], row[8])}"
        if name:
            events.append(Event(row[1], row[0], side, name, detail))
    if session.tls is not None:
        events += _messages(session)
    events += [
        Event(error.time_ns, error.frame, None, f"ICMP {_icmp_name(error)}", _icmp_detail(error))
        for error in session.tcp.icmp
    ]
    events.sort(key=attrgetter("frame"))
    if len(events) > MAX_EVENTS:
        left_out = len(events) - MAX_EVENTS
        last = events[MAX_EVENTS - 1]
        events = [*events[:MAX_EVENTS], Event(last.time_ns, last.frame, None, "...", f"{left_out} more")]
    return events


def _packet(row: Row, remark: str, completes: bool) -> tuple[str, str]:
    """(event, detail) of a segment as TCP sees it; "" where there is nothing to say."""
    flags, length = row[3], row[7]
    if flags & RST:
        text = mask(row[8])[:MAX_TEXT].decode("ascii", "replace")
        return "RST", "".join(char if char.isprintable() else "?" for char in text)
    if flags & SYN:
        name = "SYN, ACK" if flags & ACK else "SYN"
        return name, " ".join(part for part in (remark, f"{length} bytes of data" if length else "") if part)
    if flags & FIN:
        return "FIN", f"{length} bytes of data" if length else ""
    if remark:
        return remark, f"{length} bytes" if length else ""
    return ("ACK", "") if completes and not length else ("", "")


def _speaks_something_else(session: Session) -> tuple[bool, bool]:
    """Which side has sent payload, no TLS and no request to change to it."""
    tls = session.tls
    spoken = {message.side for message in tls.messages} if tls is not None else set()
    client, server = (
        session.upgrade is None and side not in spoken and session.protocol[side] not in (None, "tls", "sslv2")
        for side in (0, 1)
    )
    return client, server


def _opening(first_bytes: bytes | None, payload: bytes) -> str:
    """What a segment says that begins a stream: its first line, or the first bytes of what is no text.

    No more than the 16 bytes that the report has anyway, up to a secret.
    """
    if not first_bytes or not payload or payload[: len(first_bytes)] != first_bytes[: len(payload)]:
        return ""
    known = clear_start(first_bytes[: len(payload)], payload)
    line, end, _ = known.replace(b"\n", b"\r").partition(b"\r")
    if line and all(0x20 <= byte < 0x7F for byte in line):
        more = "..." if not end and len(payload) > len(known) else ""
        return f', "{line.decode("ascii")}{more}"'
    return f", {known[:6].hex(' ')}"


def _before_tls(session: Session, frame: int) -> bool:
    tls = session.tls
    return tls is None or not tls.messages or frame < min(message.first_frame for message in tls.messages)


def _messages(session: Session) -> list[Event]:
    from capanalyzer.handshake.session import Event

    assert session.tls is not None
    events: list[Event] = []
    data: list[int] = [0, 0]
    for message in session.tls.messages:
        if message.content_type == APPLICATION_DATA:
            data[message.side] += 1
            limit = MAX_DATA * (4 if session.tls.is_13 else 1)  # in TLS 1.3 the handshake is among them
            if data[message.side] > limit:
                continue
        name, detail = _message(session, message)
        if message.first_frame != message.frame:
            detail = (
                f"{detail}, begins in frame {message.first_frame}"
                if detail
                else f"begins in frame {message.first_frame}"
            )
        events.append(Event(message.time_ns, message.frame, _SIDES[message.side], name, detail[:MAX_DETAIL]))
    return events


def _message(session: Session, message: Message) -> tuple[str, str]:
    content, size = message.content_type, f"{message.length} bytes"
    if content == HANDSHAKE:
        if message.encrypted:
            finished = session.tls is not None and message in session.tls.finished
            return (
                "Finished" if finished else "encrypted handshake message"
            ), f"{size}, encrypted" if finished else size
        return _hello(session, message)
    if content == ALERT:
        if message.encrypted or len(message.body) != 2:
            return "Alert", f"encrypted, {size}"
        return "Alert", f"{'warning' if message.body[0] == 1 else 'fatal'} {_alert_name(message.body[1])}"
    if content == CHANGE_CIPHER_SPEC:
        return "ChangeCipherSpec", ""
    if content == APPLICATION_DATA:
        tls = session.tls
        if tls is not None and message in tls.finished:
            return "Finished", f"{size}, by its size"
        if tls is not None and message in tls.alert_sized:
            return "encrypted record", f"{size}, the size of an alert"
        early = (
            tls is not None and tls.is_13 and (tls.handshake_done_ns is None or message.time_ns < tls.handshake_done_ns)
        )
        return ("encrypted record" if early else "application data"), size
    if content == HEARTBEAT:
        return "Heartbeat", size
    if content == SSLV2:
        return _SSLV2_NAMES.get(message.handshake_type, "SSLv2 record"), size
    return f"record type {content}", size


def _hello(session: Session, message: Message) -> tuple[str, str]:
    from capanalyzer.tls.codepoints import cipher_suite_name, handshake_name, version_name

    tls = session.tls
    name = handshake_name(message.handshake_type)
    if tls is None:
        return name, ""
    if message is tls.client_hello_message and tls.client_hello is not None:
        hello = tls.client_hello
        versions = "/".join(version_name(version) for version in hello.offered_versions)
        return name, ", ".join(part for part in (versions, f"SNI {hello.sni}" if hello.sni else "no SNI") if part)
    if message is tls.server_hello_message and tls.version is not None:
        return name, f"{version_name(tls.version)}, {cipher_suite_name(tls.handshake.suite)}"
    if message is tls.hello_retry_message:
        return "HelloRetryRequest", ""
    return name, f"{message.length} bytes" if message.length else ""


def _alert_name(code: int) -> str:
    from capanalyzer.tls.codepoints import alert_name

    return alert_name(code)


def _icmp_name(error: IcmpError) -> str:
    """RFC 792, RFC 1122 section 3.2.2.1; RFC 4443."""
    if error.version == 4:
        if error.type == 3:
            reasons = {
                0: "network unreachable",
                1: "host unreachable",
                2: "protocol unreachable",
                3: "port unreachable",
                4: "fragmentation needed",
                9: "network prohibited",
                10: "host prohibited",
                13: "administratively prohibited",
            }
            return reasons.get(error.code, f"unreachable, code {error.code}")
        return {11: "time exceeded", 12: "parameter problem", 4: "source quench", 5: "redirect"}.get(
            error.type, f"type {error.type}"
        )
    if error.type == 1:
        reasons = {
            0: "no route",
            1: "administratively prohibited",
            3: "address unreachable",
            4: "port unreachable",
            5: "refused by policy",
            6: "route rejected",
        }
        return reasons.get(error.code, f"unreachable, code {error.code}")
    return {2: "packet too big", 3: "time exceeded", 4: "parameter problem"}.get(error.type, f"type {error.type}")


def _icmp_detail(error: IcmpError) -> str:
    from capanalyzer.handshake.build import address_text

    mtu = f", next-hop MTU {error.mtu}" if error.mtu else ""
    return f"from {address_text(error.reporter)}{mtu}" if len(error.reporter) in (4, 16) else mtu.lstrip(", ")
