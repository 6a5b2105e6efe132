"""What the capture cannot tell. Asked in this order, and only when no failure was proved."""

from __future__ import annotations

from capanalyzer.classify.tls_like import may_begin_tls
from capanalyzer.diagnosis.evidence import seconds
from capanalyzer.diagnosis.rule import Context, Rule
from capanalyzer.diagnosis.rules.first_bytes.telling import is_zeroed
from capanalyzer.diagnosis.story import PATIENCE_NS, Story
from capanalyzer.diagnosis.verdict import Confidence, Evidence, Finding, Severity
from capanalyzer.handshake.session import Session, Side
from capanalyzer.i18n import N_
from capanalyzer.streams.flow import Ended


def _note(
    cause: str, facts: dict[str, str | int | float], evidence: tuple[Evidence, ...] = (), variant: str = ""
) -> Finding:
    return Finding(cause, Severity.NOTE, Confidence.CERTAIN, facts, evidence, variant=variant)


class CaptureOneSided(Rule):
    """One direction has no packets although the other end must have spoken."""

    causes = ("capture-one-sided",)

    def check(self, session: Session, context: Context) -> Finding | None:
        seen = session.quality.one_sided
        if seen is None:
            alone = bool(session.packets[0]) != bool(session.packets[1])
            if not alone or not context.knowledge.is_one_sided_capture():
                return None
            seen = Side.CLIENT if session.packets[0] else Side.SERVER
        return _note("capture-one-sided", {"seen": seen.name.lower(), "missing": seen.other.name.lower()})


class CaptureTruncated(Rule):
    """A snap length cut bytes that mattered, or what they said was overwritten."""

    causes = ("capture-truncated",)

    def check(self, session: Session, context: Context) -> Finding | None:
        if is_zeroed(session):
            return _note("capture-truncated", {}, (), "zeroed")
        return _note("capture-truncated", {}) if session.quality.truncated else None


class CaptureStartsMidSession(Rule):
    """No SYN and no SYN/ACK: what came before is not in the file, the hello or all that the other end sent included."""

    causes = ("capture-starts-mid-session",)

    def check(self, session: Session, context: Context) -> Finding | None:
        if not session.quality.starts_mid_session or (context.story.hello is not None and all(session.packets)):
            return None
        hello = context.story.hello
        seen = Evidence(hello.frame, hello.time_ns, Side.CLIENT, N_("ClientHello")) if hello is not None else None
        return _note("capture-starts-mid-session", {}, (seen,) if seen else (), "no-answer" if seen else "")


class CaptureLostPackets(Rule):
    """Bytes that the other end acknowledged are not in the file, or more segments mattered than are kept."""

    causes = ("capture-lost-packets",)

    def check(self, session: Session, context: Context) -> Finding | None:
        unread = next((side for side in Side if session.tcp.side(side).unread), None)
        if unread is not None and session.tls is not None and not session.quality.lost:
            return _note("capture-lost-packets", {"sender": unread.name.lower(), "gap_at": "?"}, (), "unread")
        if not session.quality.lost:
            dropped = session.quality.rows_dropped
            if dropped:
                return _note("capture-lost-packets", {"dropped": dropped}, (), "beyond")
            if context.story.lacks_last_words:
                return _note("capture-lost-packets", {}, (), "unplaced")
            gone_on = context.story.is_patient and context.may_have_gone_on
            return _note("capture-lost-packets", {}, (), "around") if gone_on else None
        gap_side = next((s for s in Side if session.tcp.side(s).gap), None)
        at = session.tcp.side(gap_side).gap_at if gap_side is not None else None
        return _note(
            "capture-lost-packets",
            {"sender": gap_side.name.lower() if gap_side is not None else "?", "gap_at": at if at is not None else "?"},
            variant="unplaced" if at is None else "",
        )


class CaptureEndsMidHandshake(Rule):
    """The session was not finished when the capture stopped watching it, and its silence proves nothing yet."""

    causes = ("capture-ends-mid-handshake",)

    def check(self, session: Session, context: Context) -> Finding | None:
        story = context.story
        last = _last_event(story)
        return _note(
            "capture-ends-mid-handshake",
            {
                "watched_s": seconds(max(0, session.quality.watched_until_ns - session.end_ns)),
                "stage": story.stage or "-",
            },
            (last,) if last is not None else (),
            "one-syn"
            if _is_one_syn(session)
            else "clock"
            if session.quality.ended is Ended.CLOCK_SET and story.is_open
            else "cut"
            if story.is_cut
            else "closed"
            if _said_too_little(story)
            else "",
        )


def _is_one_syn(session: Session) -> bool:
    """A SYN and nothing else, and the capture went on."""
    watched_ns = session.quality.watched_until_ns - session.end_ns
    return session.packets == (1, 0) and session.tcp.client.syn_count == 1 and watched_ns >= PATIENCE_NS


def _said_too_little(story: Story) -> bool:
    return story.end is not None and may_begin_tls(story.session.first_bytes[Side.CLIENT] or b"")


def _last_event(story: Story) -> Evidence | None:
    session = story.session
    if not session.events:
        return None
    event = session.events[-1]
    return Evidence(event.frame, event.time_ns, event.side, N_("the last segment with data or flags"))
