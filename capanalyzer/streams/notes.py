"""What a report tells of connections that were not followed as they should be: sentences by key of Tracker.notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from capanalyzer.remark import Remark
from capanalyzer.streams.cap import MAX_ROWS
from capanalyzer.streams.tracker import IDLE_NS, LINGER_NS, MAX_LIVE

__all__ = ["describe_tracker_note", "is_note_of_share"]

_NOTES: Final[dict[str, Callable[[int], Remark]]] = {
    "late-packets": lambda n: Remark.counted(
        "{n} packet came after its connection had been handed on (closed for {linger} s or idle for {idle} s); "
        "it is not counted in any session",
        "{n} packets came after their connection had been handed on (closed for {linger} s or idle for {idle} s); "
        "they are not counted in any session",
        n,
        linger=LINGER_NS // 10**9,
        idle=IDLE_NS // 10**9,
    ),
    "endpoint-collisions": lambda n: Remark.counted(
        "{n} segment was left out: its addresses hash to the same value as others; analyse the capture again, "
        "the hash is drawn anew each time",
        "{n} segments were left out: their addresses hash to the same value as others; analyse the capture again, "
        "the hash is drawn anew each time",
        n,
    ),
    "flows-evicted": lambda n: Remark.counted(
        "{n} connection was handed on early: more than {live} were open at a time",
        "{n} connections were handed on early: more than {live} were open at a time",
        n,
        live=MAX_LIVE,
    ),
    "segments-beyond-cap": lambda n: Remark.counted(
        "{n} segment was not looked at: its connection had more than {rows} that might matter",
        "{n} segments were not looked at: their connections had more than {rows} that might matter",
        n,
        rows=MAX_ROWS,
    ),
    "icmp-beyond-cap": lambda n: Remark.counted(
        "{n} ICMP error was left out: too many connections had some",
        "{n} ICMP errors were left out: too many connections had some",
        n,
    ),
    "keys-forgotten": lambda n: Remark.counted(
        "{n} connection of long ago was forgotten; a late packet of it would open a new session",
        "{n} connections of long ago were forgotten; a late packet of one would open a new session",
        n,
    ),
}


def describe_tracker_note(key: str, count: int) -> Remark:
    """The sentence of a capture warning, from a key of :attr:`Tracker.notes`."""
    return _NOTES[key](count)


def is_note_of_share(key: str) -> bool:
    """Counted by each tracker for its own connections; all other notes are the same whatever its share."""
    return key == "segments-beyond-cap"
