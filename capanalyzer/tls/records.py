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

from typing import Final

from capanalyzer.tls.plausible import begins_record, is_header, is_sslv2_start, sslv2_size
from capanalyzer.tls.record_facts import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEARTBEAT,
    MAX_MESSAGE,
    MAX_RECORD,
    SSLV2,
    Message,
    Pending,
)
from capanalyzer.tls.record_messages import MAX_APPLICATION_MESSAGES, MAX_LATE_ALERTS, MAX_MESSAGES, RecordMessages

__all__ = [
    "ALERT",
    "APPLICATION_DATA",
    "CHANGE_CIPHER_SPEC",
    "HANDSHAKE",
    "HEARTBEAT",
    "MAX_APPLICATION_MESSAGES",
    "MAX_LATE_ALERTS",
    "MAX_MESSAGE",
    "MAX_MESSAGES",
    "MAX_RECORD",
    "SSLV2",
    "Message",
    "Pending",
    "TlsReader",
]

_new = tuple.__new__
_LONGEST_ALERT: Final = 5 + 256
"""Bytes of a record with an alert and some padding (RFC 8446 section 5.4)."""


class TlsReader(RecordMessages):
    """Reads one direction. Attributes other than ``feed``, ``gap`` and ``finish`` are results.

    :param side: 0 client, 1 server; only copied into the messages.
    :param offset: stream offset of the first byte fed (TLS that begins after an upgrade).
    :param mid_stream: the first byte may be inside a record (see the module's text).
    :param max_message: of longer handshake messages the body is not kept (only a Certificate may be longer, see
        ``is_plausible``; anything else that announces more is taken for ciphertext).
    """

    __slots__ = (
        "_buffer",
        "_marks",
        "_offset",
        "_searching",
        "_sslv2",
        "application_bytes",
        "desynchronised",
        "record_end",
        "skipped_bytes",
    )

    def __init__(self, side: int, *, offset: int = 0, mid_stream: bool = False, max_message: int = MAX_MESSAGE) -> None:
        super().__init__(side, max_message)
        self.application_bytes = 0
        """Lengths of type 23 records (without headers), all of them."""
        self.desynchronised: tuple[int, int] | None = None
        """(stream offset, frame) of the first byte that begins no record; nothing after it is read."""
        self.skipped_bytes = 0
        """Bytes passed over in search of a first record, or lost in a gap."""
        self.record_end = 0
        """Stream offset where the unfinished record ends, or its header while that is incomplete."""
        self._offset = offset  # of the first byte in _buffer, or of the next byte fed
        self._buffer = bytearray()  # start of an unfinished record
        self._marks: list[tuple[int, int]] = []  # (stream offset, frame) of the pieces in _buffer
        self._sslv2 = False
        self._searching = mid_stream

    # --- input ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes, frame: int, time_ns: int) -> bool:
        """Take the next bytes of the stream, as they came in ``frame`` at ``time_ns``.

        :returns: false where they only lengthen a record of application data, which says nothing new.
        """
        if self.desynchronised is not None:
            return True
        first_frame = frame
        marks: list[tuple[int, int]] = []
        if self._searching and not self._found(data, frame):
            return True
        start, buffer = self._offset, self._buffer
        if buffer:
            reached = start + len(buffer)
            self._marks.append((reached, frame))
            buffer += data
            if reached + len(data) < self.record_end:
                if len(buffer) < 5:
                    if self._is_hopeless(buffer):
                        self._lose_sync(start, self._marks[0][1])
                    return True
                return buffer[0] != APPLICATION_DATA or reached - start < 5 or bool(self._fragment)
            data = bytes(buffer)
            buffer.clear()
            marks, self._marks = self._marks, marks
            first_frame = marks[0][1]
        at, size = 0, len(data)
        while size - at >= 5:
            kind = data[at]
            length = data[at + 3] << 8 | data[at + 4]
            if data[at + 1] != 3 or not 20 <= kind <= 24 or length > MAX_RECORD:  # is_header, written out
                end = self._odd_record(data, at, first_frame, frame, time_ns)
                if end < 0:
                    return True
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
            buffer += data[at:]
            self.record_end = start + at + self._record_size()
            self._marks = marks or [(start + at, frame)]
            if size - at < 5 and self._is_hopeless(buffer):
                self._lose_sync(start + at, self._marks[0][1])
        return True

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
        until = self.record_end if self._buffer else 0
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

    @property
    def is_in_data(self) -> bool:
        """What is unfinished is a record of application data, longer than any that TLS 1.3 makes of an alert."""
        buffer = self._buffer
        return len(buffer) > 5 and buffer[0] == APPLICATION_DATA and self.record_end - self._offset > _LONGEST_ALERT

    # --- records --------------------------------------------------------------------------------------------------

    def _record_size(self) -> int:
        """Bytes of the record that begins in the buffer, header included; 5 while its header is incomplete."""
        buffer = self._buffer
        if len(buffer) < 5:
            return 5
        if not is_header(buffer, 0):
            is_sslv2 = self._sslv2 or (self.record_count == 0 and is_sslv2_start(buffer, 0))
            return sslv2_size(buffer, 0) if is_sslv2 else 5
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
            judged = begins_record(bytes(self._buffer) + data, self._max_message)
            if judged is False:
                self._skip(len(self._buffer))
                self._buffer.clear()
                judged = begins_record(data, self._max_message)
        else:
            judged = begins_record(data, self._max_message)
        if judged is None:
            self._marks = [*self._marks, (self._offset + len(self._buffer), frame)] if self._buffer else []
            self._marks = self._marks or [(self._offset, frame)]
            self._buffer += data
            self.record_end = self._offset + self._record_size()
        elif judged is False:
            self._skip(len(data))
        else:
            self._searching = False
        return judged is True

    def _skip(self, size: int) -> None:
        self.skipped_bytes += size
        self._offset += size

    def _odd_record(self, data: bytes, at: int, first_frame: int, frame: int, time_ns: int) -> int:
        """What is no TLS record header: the end of an SSLv2 record, or -1 when there is no going on."""
        offset = self._offset + at
        if self._sslv2 or (self.record_count == 0 and is_sslv2_start(data, at)):
            self._sslv2 = True
            return at + sslv2_size(data, at)
        self._lose_sync(offset, first_frame)
        return -1

    def _lose_sync(self, offset: int, frame: int) -> None:
        self.desynchronised = (offset, frame)
        self._offset = offset
        self._buffer.clear()
        self._fragment.clear()
