"""What a report tells of connections that were not followed as they should be: sentences by key of Tracker.notes."""

from __future__ import annotations

from typing import Final

from capanalyzer.streams.cap import MAX_ROWS
from capanalyzer.streams.tracker import IDLE_NS, LINGER_NS, MAX_LIVE

__all__ = ["describe_tracker_note", "is_note_of_share"]

_NOTES: Final = {
    "late-packets": "{n} packets came after their connection had been handed on (closed for {linger} s or idle for "
    "{idle} s); they are not counted in any session",
    "endpoint-collisions": "{n} segments were left out: their addresses hash to the same value as others; analyse the "
    "capture again, the hash is drawn anew each time",
    "flows-evicted": "{n} connections were handed on early: more than {live} were open at a time",
    "segments-beyond-cap": "{n} segments were not looked at: their connections had more than {rows} that might matter",
    "icmp-beyond-cap": "{n} ICMP errors were left out: too many connections had some",
    "keys-forgotten": "{n} connections of long ago were forgotten; a late packet of one would open a new session",
}


def describe_tracker_note(key: str, count: int) -> str:
    """One plain English sentence for a capture warning, from a key of :attr:`Tracker.notes`."""
    return _NOTES[key].format(n=count, linger=LINGER_NS // 10**9, idle=IDLE_NS // 10**9, live=MAX_LIVE, rows=MAX_ROWS)


def is_note_of_share(key: str) -> bool:
    """Counted by each tracker for its own connections; all other notes are the same whatever its share."""
    return key == "segments-beyond-cap"
