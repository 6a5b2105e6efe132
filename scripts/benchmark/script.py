"""A session's bytes as the packets of one TCP connection, with the awkward things that happen to packets."""

from __future__ import annotations

import struct
from typing import NamedTuple

from benchmark.handshakes import RealSession

__all__ = ["ACK", "AWKWARD", "FIN", "PSH", "RST", "SYN", "Dialogue", "Step", "awkward", "opening", "ordinary"]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MSS = 1428
"""Payload of a full segment: fits IPv6 with time stamps on a 1500-byte link."""
SYN_OPTIONS = bytes.fromhex("020405a00402080a00000001000000000103030a")
STAMP = bytes.fromhex("0101080a0000000100000001")


class Step(NamedTuple):
    """One packet. Its time is ``start + trips * rtt + delay_s + pauses * pause`` of its connection."""

    side: int
    flags: int
    seq: int
    """Relative to the side's initial sequence number."""
    ack: int
    payload: bytes
    trips: float
    delay_s: float
    pauses: float
    options: bytes = STAMP


class Dialogue:
    """Writes steps as the two ends of a connection would, seen from the middle of the path."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._next = [0, 0]
        self._heard = [0, 0]
        self.trips = self.delay_s = self.pauses = 0.0

    def packet(
        self, side: int, flags: int, payload: bytes = b"", *, options: bytes = STAMP, lost: bool = False
    ) -> None:
        """Send one packet; a lost one was sent, but is not in the capture."""
        step = Step(
            side, flags, self._next[side], self._heard[side], payload, self.trips, self.delay_s, self.pauses, options
        )
        if not lost:
            self.steps.append(step)
        self._next[side] += len(payload) + bool(flags & (SYN | FIN))
        self.delay_s += 0.000012

    def turn(self, trips: float = 0.5) -> None:
        """What was sent arrives: the other end knows of it."""
        self._heard = [self._next[1], self._next[0]]
        self.trips += trips

    def connect(self) -> None:
        self.packet(0, SYN, options=SYN_OPTIONS)
        self.turn()
        self.packet(1, SYN | ACK, options=SYN_OPTIONS)
        self.turn()
        self.packet(0, ACK)

    def say(self, side: int, data: bytes, *, lose: int = -1) -> None:
        """A flight, cut into segments; the segment numbered ``lose`` is missing from the capture. Every second
        segment is acknowledged by a packet of its own where the other end has nothing to say."""
        pieces = [data[at : at + MSS] for at in range(0, len(data), MSS)]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            self.packet(side, ACK | (PSH if last else 0), piece, lost=number == lose)
            if number % 2 and not last:
                self._heard[1 - side] = self._next[side]
                self.trips += 0.05
                self.packet(1 - side, ACK)
        self.turn()

    def acknowledge(self, side: int) -> None:
        self.packet(side, ACK)

    def close(self, first: int) -> None:
        self.packet(first, FIN | ACK)
        self.turn()
        self.packet(1 - first, FIN | ACK)
        self.turn()
        self.packet(first, ACK)

    def wait(self, seconds: float = 0.0, *, pauses: float = 0.0) -> None:
        self.delay_s += seconds
        self.pauses += pauses


def opening(session: RealSession) -> Dialogue:
    """Connect and shake hands, no more."""
    talk = Dialogue()
    talk.connect()
    for side, data in session.flights[: session.handshake_flights]:
        talk.say(side, data)
    return talk


def ordinary(session: RealSession, *, lose: int = -1) -> list[Step]:
    """A whole successful connection; ``lose``: a segment of the server's first flight missing from the capture."""
    talk = Dialogue()
    talk.connect()
    for number, (side, data) in enumerate(session.flights):
        if number == session.handshake_flights:
            talk.wait(pauses=0.1)
        if number == session.handshake_flights + 2:
            talk.acknowledge(0)
            talk.wait(pauses=1.0)
        talk.say(side, data, lose=lose if number == 1 else -1)
    talk.close(0)
    return talk.steps


AWKWARD = (
    "alert-70", "alert-40", "alert-112", "client-alert-48", "client-alert-42", "server-reset", "server-closed",
    "silence", "syn-unanswered", "refused", "client-gone", "hello-resent", "segment-resent", "reordered", "gap",
    "client-reset-late",
)  # fmt: skip
"""What happens to the 5 % that are not plain; about a third of these kinds succeed all the same."""


def awkward(session: RealSession, kind: str) -> list[Step]:
    """A connection to which ``kind`` happens."""
    if kind in ("segment-resent", "reordered", "gap", "hello-resent", "client-reset-late"):
        return _disturbed(session, kind)
    talk = Dialogue()
    if kind in ("syn-unanswered", "refused"):
        talk.packet(0, SYN, options=SYN_OPTIONS)
        if kind == "refused":
            talk.turn()
            talk.packet(1, RST | ACK, options=b"")
            return talk.steps
        first = talk.steps[0]
        return [first, *(first._replace(delay_s=after) for after in (1.02, 2.04, 4.08))]
    talk.connect()
    hello, flight = session.flights[0][1], session.flights[1][1]
    talk.say(0, hello)
    match kind.rpartition("-"):
        case ("alert", _, code):
            talk.say(1, struct.pack("!BHHBB", 21, 0x0303, 2, 2, int(code)))
            talk.close(1)
        case ("client-alert", _, code):
            talk.say(1, flight)
            talk.say(0, struct.pack("!BHHBB", 21, 0x0303, 2, 2, int(code)))
            talk.close(0)
        case ("server", _, "reset"):
            talk.packet(1, RST | ACK, options=b"")
        case ("server", _, "closed"):
            talk.close(1)
        case ("client", _, "gone"):
            talk.say(1, flight)
            talk.packet(0, RST | ACK, options=b"")
        case _:  # silence
            talk.acknowledge(1)
            talk.wait(10.0)
            talk.close(0)
    return talk.steps


def _disturbed(session: RealSession, kind: str) -> list[Step]:
    if kind == "gap":
        return ordinary(session, lose=1)
    steps = ordinary(session)
    if kind == "client-reset-late":
        last = steps[-1]
        return [*steps[:-1], last._replace(flags=RST, options=b"")]
    side = 0 if kind == "hello-resent" else 1
    at = next(number for number, step in enumerate(steps) if step.side == side and step.payload)
    if kind == "reordered":
        steps[at], steps[at + 1] = (
            steps[at + 1]._replace(trips=steps[at].trips, delay_s=steps[at].delay_s),
            steps[at]._replace(trips=steps[at + 1].trips, delay_s=steps[at + 1].delay_s),
        )
        return steps
    again = steps[at]._replace(delay_s=steps[at].delay_s + 0.21)
    later = [step._replace(delay_s=step.delay_s + 0.22) for step in steps[at + 1 :]]
    return [*steps[: at + 1], again, *later]
