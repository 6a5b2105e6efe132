"""TLS record layer of one direction: bytes in, messages out (RFC 8446 section 5, RFC 5246 section 6).

:class:`TlsReader` is fed the stream bytes of one side in order, in whatever pieces TCP delivered them, and appends to
``messages``. It never raises on what a peer sent, and the pieces make no difference to the messages, only to the
frames they name. What is readable is decided without the other direction:

- **Handshake records** are in the clear until this side's ChangeCipherSpec. After it they are ciphertext, except that
  a record which starts like a ClientHello or ServerHello (type 1 or 2, legacy version 0x03xx) is a hello: the one that
  follows a HelloRetryRequest behind TLS 1.3's dummy ChangeCipherSpec (RFC 8446 appendix D.4). By chance ciphertext
  looks so once in 2^31 records.
- **No ChangeCipherSpec seen** (lost, or captured from the middle): a handshake record whose first message could not be
  one (unknown type that does not fill the record, length that its type cannot have) is ciphertext, and so is all after.
- **Alerts** are clear when they are two bytes of known level, in every version: ciphertext is longer.
- In TLS 1.3 whatever is encrypted is type 23, so nothing else is to decide.

A direction captured from its middle (``mid_stream=True``) is searched for its first record, as tshark does, at the
starts of segments only: type 20 to 24, version 0x0300 to 0x0304, length 1 to 18432, and the record must end where
the segment does, or where another plausible header begins, or run on beyond the segment as application data or as a
handshake record with a plausible first message. Segments before it are skipped and counted in ``skipped_bytes``.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

__all__ = [
    "ALERT",
    "APPLICATION_DATA",
    "CHANGE_CIPHER_SPEC",
    "HANDSHAKE",
    "HEARTBEAT",
    "MAX_APPLICATION_MESSAGES",
    "MAX_MESSAGE",
    "MAX_MESSAGES",
    "MAX_RECORD",
    "SSLV2",
    "Message",
    "Pending",
    "TlsReader",
]

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
HEARTBEAT: Final = 24
"""Record types, RFC 8446 section 5.1, RFC 6520."""
SSLV2: Final = 0x80
"""Our content type for messages in SSLv2 form (RFC 6101 appendix E)."""

MAX_RECORD: Final = (1 << 14) + 2048
"""Longest TLSCiphertext, RFC 5246 section 6.2.3; TLS 1.3 allows less."""
MAX_MESSAGE: Final = 256 * 1024
"""Longest handshake message that is collected; OpenSSL's default limit for a Certificate is 100 kB."""
MAX_APPLICATION_MESSAGES: Final = 64
"""Type 23 records kept as messages: a TLS 1.3 handshake hides in the first dozen, the rest is only counted."""
MAX_MESSAGES: Final = 256
"""Other messages kept for one direction; a handshake has about ten."""
MAX_LATE_ALERTS: Final = 16
"""Alerts kept beyond ``MAX_MESSAGES``: they say how it ended."""
MAX_NOTES: Final = 16
"""Notes on malformed records kept for one direction."""


class Message(NamedTuple):
    """A TLS message, or a record that cannot be read, in the order seen."""

    time_ns: int
    """Capture time of the segment that completed it."""
    frame: int
    """Frame where it was complete."""
    first_frame: int
    """Frame where its first byte (record header) was."""
    side: int
    """0 client, 1 server."""
    content_type: int
    """TLS record type 20 to 24; 0x80 for an SSLv2-format hello."""
    handshake_type: int
    """Handshake message type; -1 where it is no handshake message or is encrypted.

    With content type 0x80 it is SSLv2's: 1 CLIENT-HELLO, 2 CLIENT-MASTER-KEY, 4 SERVER-HELLO, 0 ERROR."""
    length: int
    """Bytes of the message body; of the record where it is encrypted or no handshake message."""
    encrypted: bool
    record_version: int
    offset: int
    """Stream offset of its first byte: of the record's header for a record's first message, else of its own header."""
    body: bytes
    """Handshake body without its 4-byte header, clear alert's two bytes; b"" for what cannot be read.

    A clear heartbeat's first three bytes (type, payload length); an SSLv2 message without its type byte."""


class Pending(NamedTuple):
    """A record or handshake message whose end has not come."""

    content_type: int
    handshake_type: int
    """-1 where it is no handshake message, is encrypted, or its header is incomplete."""
    wanted: int
    """Bytes of the whole, header included; 0 where the header itself is incomplete."""
    present: int
    """Bytes of it that are here."""
    first_frame: int
    offset: int
    """Stream offset of its first byte."""
    body: bytes
    """What is here of a clear handshake message, without the 4-byte header."""


_KNOWN_HANDSHAKE: Final = frozenset(
    (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 67, 203, 254)
)
"""Handshake types of the IANA registry, and 67 (NPN), 203 (encrypted extensions of early drafts)."""
_MOST: Final = {0: 0, 14: 0, 5: 0, 20: 64, 24: 1, 254: 255}
"""Longest body of messages with a fixed or short one: HelloRequest, ServerHelloDone, EndOfEarlyData, Finished ..."""
_LEAST: Final = {1: 38, 2: 38, 3: 35, 11: 3, 12: 4, 13: 3, 15: 4, 16: 1, 20: 12, 22: 4}
"""Shortest body: a hello has version, random, session id length ..."""

_new = tuple.__new__


def _is_header(data: bytes | bytearray, at: int) -> bool:
    """A TLS record header at ``at``, where one is due."""
    return 20 <= data[at] <= 24 and data[at + 1] == 3 and (data[at + 3] << 8 | data[at + 4]) <= MAX_RECORD


def _is_record(data: bytes, at: int) -> bool:
    """A TLS record header at ``at``, where anything may be: also the minor version and the length must be right."""
    return _is_header(data, at) and data[at + 2] <= 4 and data[at + 3 : at + 5] != b"\0\0"


class TlsReader:
    """Reads one direction. Attributes other than ``feed``, ``gap`` and ``finish`` are results.

    :param side: 0 client, 1 server; only copied into the messages.
    :param offset: stream offset of the first byte fed (TLS that begins after an upgrade).
    :param mid_stream: the first byte may be inside a record (see the module's text).
    :param max_message: of longer handshake messages the body is not kept (only a Certificate may be longer, see
        ``_is_long_certificate``; anything else that announces more is taken for ciphertext).
    """

    __slots__ = (
        "_buffer",
        "_ciphered",
        "_dropped",
        "_fragment",
        "_fragment_frame",
        "_fragment_offset",
        "_marks",
        "_max_message",
        "_offset",
        "_searching",
        "_sslv2",
        "application_bytes",
        "application_records",
        "desynchronised",
        "malformed",
        "messages",
        "messages_dropped",
        "record_count",
        "side",
        "skipped_bytes",
    )

    def __init__(self, side: int, *, offset: int = 0, mid_stream: bool = False, max_message: int = MAX_MESSAGE) -> None:
        self.side = side
        self.messages: list[Message] = []
        """In stream order; at most ``MAX_MESSAGES`` and ``MAX_APPLICATION_MESSAGES`` of type 23."""
        self.messages_dropped = 0
        """Messages not kept because of these caps, application data apart."""
        self.application_records = 0
        self.application_bytes = 0
        """Type 23 records and their lengths (without headers), all of them."""
        self.record_count = 0
        self.desynchronised: tuple[int, int] | None = None
        """(stream offset, frame) of the first byte that begins no record; nothing after it is read."""
        self.skipped_bytes = 0
        """Bytes passed over in search of a first record, or lost in a gap."""
        self.malformed: list[tuple[int, str]] = []
        """(frame, what is wrong), at most ``MAX_NOTES``."""
        self._max_message = max_message
        self._offset = offset  # of the first byte in _buffer, or of the next byte fed
        self._buffer = bytearray()  # start of an unfinished record
        self._marks: list[tuple[int, int]] = []  # (stream offset, frame) of the pieces in _buffer
        self._fragment = bytearray()  # start of an unfinished handshake message, from earlier records
        self._fragment_frame = self._fragment_offset = 0
        self._dropped = 0  # bytes of that message beyond what is kept
        self._ciphered = False
        self._sslv2 = False
        self._searching = mid_stream

    # --- input ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes, frame: int, time_ns: int) -> None:
        """Take the next bytes of the stream, as they came in ``frame`` at ``time_ns``."""
        if self.desynchronised is not None:
            return
        first_frame = frame
        marks: list[tuple[int, int]] = []
        if self._searching and not self._found(data, frame):
            return
        start = self._offset
        if self._buffer:
            self._marks.append((start + len(self._buffer), frame))
            self._buffer += data
            if len(self._buffer) < self._record_size():
                if len(self._buffer) < 5 and self._is_hopeless(self._buffer):
                    self._lose_sync(start, self._marks[0][1])
                return
            data = bytes(self._buffer)
            self._buffer.clear()
            marks, self._marks = self._marks, marks
            first_frame = marks[0][1]
        at, size = 0, len(data)
        while size - at >= 5:
            kind = data[at]
            length = data[at + 3] << 8 | data[at + 4]
            if data[at + 1] != 3 or not 20 <= kind <= 24 or length > MAX_RECORD:  # _is_header, written out
                end = self._odd_record(data, at, first_frame, frame, time_ns)
                if end < 0:
                    return
            else:
                end = at + 5 + length
            if end > size:
                break
            if kind == APPLICATION_DATA and data[at + 1] == 3:
                self.record_count += 1
                self.application_records += 1
                self.application_bytes += length
                if self.application_records <= MAX_APPLICATION_MESSAGES:
                    version = 0x300 | data[at + 2]
                    self.messages.append(
                        _new(
                            Message,
                            (time_ns, frame, first_frame, self.side, 23, -1, length, True, version, start + at, b""),
                        )
                    )
                if self._fragment:
                    self._cut_off(frame, APPLICATION_DATA)
            elif kind == HANDSHAKE and data[at + 1] == 3:
                self.record_count += 1
                self._handshake(data, at, end, start + at, marks, first_frame, frame, time_ns)
            else:
                self.record_count += 1
                self._other_record(data, at, end, start + at, first_frame, frame, time_ns)
            at = end
            first_frame = frame
            if marks:
                marks = []  # only the first record can have begun in an earlier piece
        self._offset = start + at
        if at < size:
            self._buffer += data[at:]
            self._marks = marks or [(start + at, frame)]
            if size - at < 5 and self._is_hopeless(self._buffer):
                self._lose_sync(start + at, self._marks[0][1])

    def gap(self, size: int, frame: int, time_ns: int) -> None:
        """``size`` bytes of the stream are not in the capture; ``feed`` goes on behind them.

        Inside a record whose length is known the next record's place is known too; otherwise it is searched for.
        """
        if self.desynchronised is not None or size <= 0:
            return
        self.skipped_bytes += size
        wanted = self._record_size() if len(self._buffer) >= 5 else 0
        lost = self._buffer[0] if self._buffer else 0
        if lost == APPLICATION_DATA and wanted - len(self._buffer) >= size:
            # Only counted, never read: zeros stand for the bytes that are missing.
            self.feed(bytes(size), frame, time_ns)
            return
        self._offset += len(self._buffer) + size
        self._buffer.clear()
        self._fragment.clear()
        self._searching = True

    def finish(self, frame: int, time_ns: int) -> None:
        """No more will come: give the handshake messages that are whole inside a record that is not."""
        buffer, marks = bytes(self._buffer), self._marks
        if len(buffer) <= 9 or buffer[0] != HANDSHAKE or self._ciphered or self._sslv2 or self._fragment:
            return
        before = len(self.messages)
        self._handshake(buffer, 0, len(buffer), self._offset, marks, marks[0][1], frame, time_ns)
        if len(self.messages) > before and self.messages[-1].encrypted:
            self.messages.pop()  # an incomplete record says nothing about ciphertext
        self._buffer.clear()

    # --- what is unfinished -------------------------------------------------------------------------------------------

    @property
    def pending(self) -> Pending | None:
        """The record or message that was begun and not finished."""
        buffer, fragment = self._buffer, self._fragment
        if fragment or (len(buffer) > 9 and buffer[0] == HANDSHAKE and not self._ciphered and not self._sslv2):
            data = bytes(fragment + buffer[5:])
            first, offset = (
                (self._fragment_frame, self._fragment_offset) if fragment else (self._marks[0][1], self._offset)
            )
            if len(data) >= 4:
                wanted = 4 + int.from_bytes(data[1:4], "big")
                present = min(len(data) + (self._dropped if fragment else 0), wanted)
                return Pending(HANDSHAKE, data[0], wanted, present, first, offset, data[4:wanted])
            return Pending(HANDSHAKE, -1, 0, len(data), first, offset, b"")
        if not buffer:
            return None
        kind = SSLV2 if self._sslv2 or buffer[0] & 0x80 else buffer[0]
        wanted = self._record_size() if len(buffer) >= 5 else 0
        return Pending(kind, -1, wanted, len(buffer), self._marks[0][1], self._offset, b"")

    @property
    def wants_until(self) -> int:
        """Stream offset (exclusive) up to which the unfinished record or message reaches; 0 with nothing unfinished.

        For a message over several records an estimate: the headers of records to come are not known.
        """
        here = self._offset + len(self._buffer)
        until = self._offset + self._record_size() if self._buffer else 0
        fragment = self._fragment
        if len(fragment) >= 4:
            wanted = 4 + int.from_bytes(fragment[1:4], "big") - len(fragment) - self._dropped
            return max(until, here + wanted + 5)
        if self._buffer and len(self._buffer) > 9 and self._buffer[0] == HANDSHAKE and not self._ciphered:
            wanted = 9 + int.from_bytes(self._buffer[6:9], "big")
            if wanted <= self._max_message:
                return max(until, self._offset + wanted)
        return until

    @property
    def wants_more(self) -> bool:
        """A record or message is unfinished."""
        return bool(self._buffer or self._fragment)

    # --- records --------------------------------------------------------------------------------------------------

    def _record_size(self) -> int:
        """Bytes of the record that begins in the buffer, header included; 5 while its header is incomplete."""
        buffer = self._buffer
        if len(buffer) < 5:
            return 5
        if not _is_header(buffer, 0):
            is_sslv2 = self._sslv2 or (self.record_count == 0 and _is_sslv2_start(buffer, 0))
            return _sslv2_size(buffer, 0) if is_sslv2 else 5
        return 5 + (buffer[3] << 8 | buffer[4])

    def _is_hopeless(self, start: bytearray) -> bool:
        """Fewer than five bytes that cannot begin a record."""
        if self._sslv2 or self._searching or (self.record_count == 0 and start[0] & 0x80):
            return False
        return not 20 <= start[0] <= 24 or (len(start) > 1 and start[1] != 3)

    def _found(self, data: bytes, frame: int) -> bool:
        """In search of a first record: does one begin with this segment, or with the short one before it?

        A segment too short to tell waits in the buffer for the next one.
        """
        if self._buffer:
            judged = self._begins_record(bytes(self._buffer) + data)
            if judged is False:
                self._skip(len(self._buffer))
                self._buffer.clear()
                judged = self._begins_record(data)
        else:
            judged = self._begins_record(data)
        if judged is None:
            self._marks = [*self._marks, (self._offset + len(self._buffer), frame)] if self._buffer else []
            self._marks = self._marks or [(self._offset, frame)]
            self._buffer += data
        elif judged is False:
            self._skip(len(data))
        else:
            self._searching = False
        return judged is True

    def _skip(self, size: int) -> None:
        self.skipped_bytes += size
        self._offset += size

    def _begins_record(self, data: bytes) -> bool | None:
        """Does a plausible record begin here? None where there is too little to tell."""
        size = len(data)
        if size < 5:
            return None if _is_record(data + b"\x16\x03\x01\0\x01"[size:], 0) else False
        if not _is_record(data, 0):
            return False
        end = 5 + (data[3] << 8 | data[4])
        if end > size:
            if data[0] == HANDSHAKE:
                if size < 11:
                    return None
                return data[5] != 0 and self._is_plausible(data, 5, end)
            return data[0] == APPLICATION_DATA or (None if end - size < 5 else False)
        return end == size or size - end < 5 or _is_record(data, end)

    def _odd_record(self, data: bytes, at: int, first_frame: int, frame: int, time_ns: int) -> int:
        """What is no TLS record header: the end of an SSLv2 record, or -1 when there is no going on."""
        offset = self._offset + at
        if self._sslv2 or (self.record_count == 0 and _is_sslv2_start(data, at)):
            self._sslv2 = True
            return at + _sslv2_size(data, at)
        self._lose_sync(offset, first_frame)
        return -1

    def _lose_sync(self, offset: int, frame: int) -> None:
        self.desynchronised = (offset, frame)
        self._offset = offset
        self._buffer.clear()
        self._fragment.clear()

    def _other_record(
        self, data: bytes, at: int, end: int, offset: int, first_frame: int, frame: int, time_ns: int
    ) -> None:
        """ChangeCipherSpec, alert, heartbeat, SSLv2."""
        kind = data[at]
        if data[at + 1] != 3 or not 20 <= kind <= 24:
            self._sslv2_record(data, at, end, offset, first_frame, frame, time_ns)
            return
        if self._fragment:
            self._cut_off(frame, kind)
        length = end - at - 5
        version = 0x300 | data[at + 2]
        body = b""
        encrypted = False
        if kind == ALERT:
            body = data[at + 5 : end]
            if length == 2 and 1 <= body[0] <= 2:
                pass
            elif not self._ciphered and 2 < length <= 8 and _are_alerts(body):
                # Several alerts in one record, which RFC 5246 section 6.2.1 allows.
                for place in range(0, length - 2, 2):
                    pair = body[place : place + 2]
                    self._add((time_ns, frame, first_frame, self.side, ALERT, -1, 2, False, version, offset, pair))
                body, length = body[-2:], 2
            else:
                if length < 2 or not (self._ciphered or length >= 16):
                    self._note(frame, f"alert record of {length} bytes")
                body, encrypted = b"", True
        elif kind == CHANGE_CIPHER_SPEC:
            encrypted = length != 1 and self._ciphered
            if length != 1 and not encrypted:
                self._note(frame, f"ChangeCipherSpec of {length} bytes")
            self._ciphered = True
        else:
            encrypted = self._ciphered
            body = b"" if encrypted else data[at + 5 : min(at + 8, end)]
        self._add((time_ns, frame, first_frame, self.side, kind, -1, length, encrypted, version, offset, body))

    def _sslv2_record(
        self, data: bytes, at: int, end: int, offset: int, first_frame: int, frame: int, time_ns: int
    ) -> None:
        """A record in SSLv2 form: its hellos, CLIENT-MASTER-KEY and ERROR are clear, the rest is not."""
        head = 2 if data[at] & 0x80 else 3
        kind = data[at + head] if at + head < end else -1
        clear = kind in (1, 4) or (kind == 2 and self.record_count == 2) or (kind == 0 and end - at == head + 3)
        if clear and head == 2 and not self._ciphered:
            body = data[at + head + 1 : end]
            version = 0x0002
            self._add((time_ns, frame, first_frame, self.side, SSLV2, kind, len(body), False, version, offset, body))
            self._ciphered = kind == 2  # TLS records that may follow a hello are clear
        else:
            self._ciphered = True
            length = end - at - head
            self._add((time_ns, frame, first_frame, self.side, SSLV2, -1, length, True, 0x0002, offset, b""))

    # --- handshake messages ---------------------------------------------------------------------------------------

    def _handshake(
        self,
        data: bytes,
        at: int,
        end: int,
        offset: int,
        marks: list[tuple[int, int]],
        first_frame: int,
        frame: int,
        time_ns: int,
    ) -> None:
        """One handshake record, ``data[at:end]`` with its header, which begins at stream offset ``offset``."""
        version = 0x300 | data[at + 2]
        place = at + 5
        side = self.side
        if self._fragment:
            place = self._go_on(data, place, end, version, frame, time_ns)
            if place < 0:
                return
        elif self._ciphered or not self._is_plausible(data, place, end):
            if place == end:
                self._note(frame, "empty handshake record")
                return
            if not (self._ciphered and _is_hello(data, place, end)):
                self._ciphered = True
                self._add((time_ns, frame, first_frame, side, HANDSHAKE, -1, end - place, True, version, offset, b""))
                return
        start = offset - at
        while place < end:
            if place + 4 > end:
                next_message = end + 1
            else:
                next_message = place + 4 + (data[place + 1] << 16 | data[place + 2] << 8 | data[place + 3])
            if place > at + 5:
                offset = start + place
                first_frame = marks[bisect_right(marks, (offset, 1 << 62)) - 1][1] if marks else frame
                if not self._is_plausible(data, place, end):
                    self._note(frame, f"{end - place} bytes after the last handshake message of a record")
                    return
            if next_message > end:
                self._fragment += data[place:end]
                self._fragment_frame, self._fragment_offset, self._dropped = first_frame, offset, 0
                return
            body = data[place + 4 : next_message]
            length = next_message - place - 4
            kind = data[place]
            self._add((time_ns, frame, first_frame, side, HANDSHAKE, kind, length, False, version, offset, body))
            place = next_message

    def _go_on(self, data: bytes, place: int, end: int, version: int, frame: int, time_ns: int) -> int:
        """Continue a message begun in an earlier record; where the next one begins, or -1 with the record used up."""
        fragment = self._fragment
        if len(fragment) < 4:
            missing = 4 - len(fragment)
            fragment += data[place : min(place + missing, end)]
            place += missing
            if len(fragment) < 4:
                return -1
            if not self._is_plausible(bytes(fragment), 0, 4):
                self._note(frame, f"handshake message of type {fragment[0]} with an impossible length")
                fragment.clear()
                return -1
        length = int.from_bytes(fragment[1:4], "big")
        missing = 4 + length - len(fragment) - self._dropped
        stop = min(place + missing, end)
        kept = min(stop, place + max(0, self._max_message + 4 - len(fragment)))
        fragment += data[place:kept]
        self._dropped += stop - kept
        if place + missing > end:
            return -1
        body = bytes(fragment[4:])
        kind = fragment[0]
        fragment.clear()
        if self._dropped:
            self._note(frame, f"handshake message of type {kind} and {length} bytes: too long to be kept")
            body = b""
        frame_1, offset = self._fragment_frame, self._fragment_offset
        self._add((time_ns, frame, frame_1, self.side, HANDSHAKE, kind, length, False, version, offset, body))
        return place + missing

    def _is_plausible(self, data: bytes, place: int, end: int) -> bool:
        """Can a clear handshake message begin at ``place`` of a record that stops at ``end``?"""
        if place + 4 > end:
            return place < end and data[place] in _KNOWN_HANDSHAKE
        kind = data[place]
        length = data[place + 1] << 16 | data[place + 2] << 8 | data[place + 3]
        after = place + 4 + length
        if after == end and length:
            return True
        if (
            kind not in _KNOWN_HANDSHAKE
            or (length > self._max_message and not _is_long_certificate(data, place, end))
            or length > _MOST.get(kind, length)
            or length < _LEAST.get(kind, 0)
        ):
            return False
        if kind <= 2 and kind and place + 5 < end:
            return data[place + 4] == 3 or data[place + 4] == 0x7F  # drafts of TLS 1.3 wrote 0x7Fxx into ServerHello
        if kind == 0 and after < end:
            # HelloRequest, then more: the explicit nonce of AES-GCM begins with zeros too (RFC 5288 section 3).
            return data[after] != 0 and self._is_plausible(data, after, end)
        return True

    def _cut_off(self, frame: int, kind: int) -> None:
        """A record of another type before the message was whole: RFC 8446 section 5.1 forbids it."""
        self._note(frame, f"handshake message of type {self._fragment[0]} cut off by a record of type {kind}")
        self._fragment.clear()

    # --- results --------------------------------------------------------------------------------------------------

    def _add(self, values: tuple[int, int, int, int, int, int, int, bool, int, int, bytes]) -> None:
        messages = self.messages
        kept = len(messages) - min(self.application_records, MAX_APPLICATION_MESSAGES)
        if kept >= MAX_MESSAGES and (values[4] != ALERT or kept >= MAX_MESSAGES + MAX_LATE_ALERTS):
            self.messages_dropped += 1
            return
        messages.append(_new(Message, values))

    def _note(self, frame: int, what: str) -> None:
        if len(self.malformed) < MAX_NOTES:
            self.malformed.append((frame, what))


def _is_hello(data: bytes, place: int, end: int) -> bool:
    """A ClientHello or ServerHello, by its type, a length under 64 kB and the legacy version."""
    return place + 6 <= end and 1 <= data[place] <= 2 and data[place + 1] == 0 and data[place + 4] == 3


def _is_long_certificate(data: bytes, place: int, end: int) -> bool:
    """A Certificate whose list fills it (RFC 5246 section 7.4.2): too long to keep, and no ciphertext either."""
    if data[place] != 11 or place + 7 > end:
        return data[place] == 11 and place + 4 == end
    return int.from_bytes(data[place + 4 : place + 7], "big") + 3 == int.from_bytes(data[place + 1 : place + 4], "big")


def _are_alerts(body: bytes) -> bool:
    """Pairs of a level and a description."""
    return len(body) % 2 == 0 and all(1 <= level <= 2 for level in body[::2]) and all(code < 128 for code in body[1::2])


def _is_sslv2_start(data: bytes | bytearray, at: int) -> bool:
    """A CLIENT-HELLO, SERVER-HELLO or ERROR in a two-byte header record (RFC 6101 appendix E)."""
    if not data[at] & 0x80:
        return False
    kind, high, low = data[at + 2], data[at + 3], data[at + 4]
    length = (data[at] & 0x7F) << 8 | data[at + 1]
    if kind == 1:  # version: 0.2 or 3.x
        return length >= 9 and ((high == 0 and low == 2) or (high == 3 and low <= 4))
    if kind == 4:  # session id hit, certificate type
        return length >= 11 and high <= 1
    return kind == 0 and length == 3 and high == 0


def _sslv2_size(data: bytes | bytearray, at: int) -> int:
    """Bytes of an SSLv2 record, header included: two bytes, or three with padding."""
    if data[at] & 0x80:
        return 2 + ((data[at] & 0x7F) << 8 | data[at + 1])
    return 3 + ((data[at] & 0x3F) << 8 | data[at + 1])
