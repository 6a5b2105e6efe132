"""Messages of one direction's records: handshake messages over records and several in one, alerts, SSLv2's.

What of them is in the clear is explained in :mod:`capanalyzer.tls.records`, which finds the records.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from capanalyzer.tls.plausible import are_alerts, is_hello, is_plausible
from capanalyzer.tls.record_facts import ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, SSLV2, Message

__all__ = ["MAX_APPLICATION_MESSAGES", "MAX_LATE_ALERTS", "MAX_MESSAGES", "MAX_NOTES", "RecordMessages"]

MAX_APPLICATION_MESSAGES: Final = 64
"""Type 23 records kept as messages: a TLS 1.3 handshake hides in the first dozen, the rest is only counted."""
MAX_MESSAGES: Final = 256
"""Other messages kept for one direction; a handshake has about ten."""
MAX_LATE_ALERTS: Final = 16
"""Alerts kept beyond ``MAX_MESSAGES``: they say how it ended."""
MAX_NOTES: Final = 16
"""Notes on malformed records kept for one direction."""

_new = tuple.__new__


class RecordMessages:
    """Takes whole records and makes messages of them."""

    __slots__ = (
        "_ciphered",
        "_dropped",
        "_fragment",
        "_fragment_frame",
        "_fragment_offset",
        "_max_message",
        "application_records",
        "malformed",
        "messages",
        "messages_dropped",
        "record_count",
        "side",
    )

    def __init__(self, side: int, max_message: int) -> None:
        self.side = side
        self.messages: list[Message] = []
        """In stream order; at most ``MAX_MESSAGES`` and ``MAX_APPLICATION_MESSAGES`` of type 23."""
        self.messages_dropped = 0
        """Messages not kept because of these caps, application data apart."""
        self.application_records = 0
        """Type 23 records, all of them."""
        self.record_count = 0
        self.malformed: list[tuple[int, str]] = []
        """(frame, what is wrong), at most ``MAX_NOTES``."""
        self._max_message = max_message
        self._fragment = bytearray()  # start of an unfinished handshake message, from earlier records
        self._fragment_frame = self._fragment_offset = 0
        self._dropped = 0  # bytes of that message beyond what is kept
        self._ciphered = False

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
            elif not self._ciphered and 2 < length <= 8 and are_alerts(body):
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
        elif self._ciphered or not is_plausible(data, place, end, self._max_message):
            if place == end:
                self._note(frame, "empty handshake record")
                return
            if not (self._ciphered and is_hello(data, place, end)):
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
                if not is_plausible(data, place, end, self._max_message):
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
            if not is_plausible(bytes(fragment), 0, 4, self._max_message):
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
