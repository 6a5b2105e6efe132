"""When silence becomes proof: the times at which a verdict may change although nothing more is captured.

All rules that decide from silence measure it in one of three ways, and none of them waits longer than
:data:`~capanalyzer.diagnosis.story.PATIENCE_NS`:

- since the handshake last moved on (:attr:`Story.is_patient`: a server or client that never answers, segments that
  never arrive);
- since the last packet (:attr:`Story.is_cut`: nobody sends again what was not acknowledged);
- since a SYN or SYN/ACK was last sent (``tcp-connect-timeout``, ``tcp-handshake-incomplete``).

What is proved by segments sent again and again is judged when they are, and needs no timer.
"""

from __future__ import annotations

from capanalyzer.diagnosis.story import PATIENCE_NS, Story

__all__ = ["next_timer_ns"]


def next_timer_ns(story: Story, now_ns: int) -> int | None:
    """The first of these times after *now*; None: only packets can change what is thought of this session."""
    if story.end is not None:
        return None
    session = story.session
    since = [story.progress_ns, session.end_ns, session.tcp.client.last_syn_ns, session.tcp.server.last_syn_ns]
    times = [time_ns + PATIENCE_NS for time_ns in since if time_ns is not None]
    return min((time_ns for time_ns in times if time_ns > now_ns), default=None)
