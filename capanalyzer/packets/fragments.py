"""Reassembly of IPv4 and IPv6 fragments (RFC 791 section 3.2, RFC 8200 section 4.5), bounded.

A datagram is put together when its last missing piece arrives, in that frame, as Wireshark does. Where
fragments overlap, the bytes of the one with the lower offset count (the earlier one at equal offsets), again
as in Wireshark; RFC 5722 would discard such IPv6 datagrams, but what the receiver did is not visible here, so
a conflict is only noted. Offsets and lengths are checked before anything is stored: nothing can be written
outside the datagram ("teardrop").

A mirrored port shows every fragment twice, so that a fragment may come again after its datagram was completed. Such
echoes make a datagram when all of them come again; else nothing is missing, and nothing is told.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.layer import Notes
from capanalyzer.packets.notes import FRAGMENT_GIVEN_UP, FRAGMENT_OVERLAP, MALFORMED_IP

__all__ = ["MAX_BYTES", "MAX_DATAGRAMS", "MAX_DATAGRAM_BYTES", "MAX_PIECES", "TIMEOUT_NS", "Reassembler"]

MAX_DATAGRAMS: Final = 4096
"""Datagrams being put together at once; a flood of first fragments pushes out the oldest."""
MAX_BYTES: Final = 16 << 20
"""Bytes held in all of them together: 256 datagrams of full size."""
MAX_PIECES: Final = 1024
"""Fragments of one datagram: 64 KiB over links of 68 bytes (the least MTU, RFC 791) would be 1366, over any
real link less than 128."""
MAX_COMPLETED_BYTES: Final = 4 << 20
"""Payload kept of the datagrams completed last, to know echoes of their fragments by: a copy follows within
milliseconds."""
_COMPLETED_ENTRY: Final = 300
"""What one of them takes beside its payload, about, which may be a few bytes."""
MAX_DATAGRAM_BYTES: Final = 65535
"""The payload an IP datagram can have."""
TIMEOUT_NS: Final = 60_000_000_000
"""How long the first piece waits for the others, in capture time: RFC 8200 section 4.5 says 60 seconds."""


class _Datagram:
    __slots__ = ("first_ns", "frames", "held", "is_echo", "pieces", "total")

    def __init__(self, first_ns: int, is_echo: bool) -> None:
        self.first_ns = first_ns
        self.is_echo = is_echo
        """Every piece so far is part of the datagram completed before under the same key."""
        self.pieces: list[tuple[int, bytes]] = []
        self.frames: list[int] = []
        self.held = 0
        self.total: int | None = None
        """Payload bytes of the whole, known from the fragment without "more fragments"."""

    def joined(self, notes: Notes) -> bytes | None:
        """The payload if it has no hole, else None."""
        if self.total is None or self.held < self.total:
            return None
        self.pieces.sort(key=_offset)  # stable: of equal offsets the earlier arrival stays first
        whole = bytearray()
        conflict = False
        for offset, piece in self.pieces:
            have = len(whole)
            if have >= self.total:
                break
            if offset > have:
                return None
            common = min(have - offset, len(piece))
            if common and whole[offset : offset + common] != piece[:common]:
                conflict = True
            whole += piece[common:]
        if len(whole) < self.total:
            return None
        if conflict:
            notes[FRAGMENT_OVERLAP] = notes.get(FRAGMENT_OVERLAP, 0) + 1
        return bytes(whole[: self.total])


def _offset(piece: tuple[int, bytes]) -> int:
    return piece[0]


class Reassembler:
    """Datagrams waiting for pieces, oldest first."""

    __slots__ = ("_bytes", "_completed", "_completed_bytes", "_waiting", "frames")

    def __init__(self) -> None:
        self.frames: tuple[int, ...] = ()
        """Those whose pieces made the datagram completed last, itself included."""
        self._waiting: dict[bytes, _Datagram] = {}
        self._bytes = 0
        self._completed: dict[bytes, tuple[int, bytes]] = {}
        """By key: time and payload, the oldest first."""
        self._completed_bytes = 0

    def add(
        self, key: bytes, offset: int, more: bool, piece: bytes, time_ns: int, notes: Notes, frame: int = 0
    ) -> bytes | None:
        """Take one fragment.

        :param key: what identifies the datagram: addresses, protocol and identification.
        :param offset: of ``piece`` in the payload, bytes.
        :param more: the "more fragments" flag.
        :param time_ns: capture time, nanoseconds since the epoch.
        :param frame: the fragment's frame.
        :return: the whole payload if this completes it.
        """
        end = offset + len(piece)
        if end > MAX_DATAGRAM_BYTES or not piece:
            notes[MALFORMED_IP] = notes.get(MALFORMED_IP, 0) + 1
            return None
        datagram = self._waiting.get(key)
        if datagram is not None and time_ns - datagram.first_ns > TIMEOUT_NS:
            self._give_up(key, notes)
            datagram = None
        is_echo = (datagram is None or datagram.is_echo) and self._is_echo(key, offset, piece, time_ns)
        if datagram is not None and datagram.is_echo and not is_echo:
            self._forget(key)  # the identification is in use again, for another datagram
            datagram = None
        if datagram is None:
            datagram = self._waiting[key] = _Datagram(time_ns, is_echo)
        datagram.pieces.append((offset, piece))
        datagram.frames.append(frame)
        datagram.held += len(piece)
        self._bytes += len(piece)
        if not more and datagram.total is None:
            datagram.total = end
        whole = datagram.joined(notes)
        if whole is not None:
            self.frames = tuple(datagram.frames)
            self._forget(key)
            self._remember(key, time_ns, whole)
        elif len(datagram.pieces) >= MAX_PIECES:
            self._give_up(key, notes)
        while len(self._waiting) > MAX_DATAGRAMS or self._bytes > MAX_BYTES:
            self._give_up(next(iter(self._waiting)), notes)
        return whole

    def finish(self, notes: Notes) -> None:
        """The capture has ended: what still waits is given up."""
        for key in list(self._waiting):
            self._give_up(key, notes)

    def _is_echo(self, key: bytes, offset: int, piece: bytes, time_ns: int) -> bool:
        """Whether the datagram completed last under this key holds the same bytes at the same place."""
        done_ns, payload = self._completed.get(key, (0, b""))
        return payload[offset : offset + len(piece)] == piece and time_ns - done_ns <= TIMEOUT_NS

    def _remember(self, key: bytes, time_ns: int, payload: bytes) -> None:
        completed = self._completed
        if key in completed:
            self._forget_completed(key)
        completed[key] = (time_ns, payload)
        self._completed_bytes += len(payload) + _COMPLETED_ENTRY
        while self._completed_bytes > MAX_COMPLETED_BYTES:
            self._forget_completed(next(iter(completed)))

    def _forget_completed(self, key: bytes) -> None:
        _, payload = self._completed.pop(key)
        self._completed_bytes -= len(payload) + _COMPLETED_ENTRY

    def _give_up(self, key: bytes, notes: Notes) -> None:
        is_echo = self._waiting[key].is_echo
        self._forget(key)
        if is_echo:
            return
        notes[FRAGMENT_GIVEN_UP] = notes.get(FRAGMENT_GIVEN_UP, 0) + 1

    def _forget(self, key: bytes) -> None:
        self._bytes -= self._waiting.pop(key).held
