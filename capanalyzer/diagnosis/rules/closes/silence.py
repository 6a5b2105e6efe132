"""Somebody was waited for in vain, or did not wait: no-client-hello, server-silent, client-silent, client-abandoned,
client-aborted.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.evidence import (
    first_data,
    ms,
    of_ack,
    of_connect,
    of_end,
    of_hello,
    of_server_hello,
    seconds,
)
from capanalyzer.diagnosis.rule import Context, Rule, failure
from capanalyzer.diagnosis.rules.closes.segments import unfinished_hello
from capanalyzer.diagnosis.story import PATIENCE_NS, End, Story, is_probed
from capanalyzer.diagnosis.verdict import Blame, Confidence, Evidence, Finding, Stage, WaitingOn
from capanalyzer.handshake.session import Alert, Session, Side
from capanalyzer.i18n import N_
from capanalyzer.tls.records import Message

_PARTIAL_HELLO: Final = N_("the first {sent} of {length} bytes of a ClientHello")
_HANDSHAKE, _DATA = 22, 23
_USER_CANCELED: Final = 90
_TELLING: Final = 3
"""Bytes from which a TLS record is one on any port."""
BRIEF_NS: Final = 500_000_000
"""A server that closes sooner did not wait for anybody."""
_WELL_KNOWN: Final = (20, 21, 22, 23, 25, 53, 79, 80, 88, 110, 111, 119, 135, 139, 143, 179, 389, 445, 514, 515)
_REGISTERED: Final = (548, 554, 587, 631, 873, 1080, 1433, 1521, 1723, 2049, 3128, 3306, 3389, 5432, 5900, 6000)
OTHER_PROTOCOLS: Final = frozenset((*_WELL_KNOWN, *_REGISTERED, 6379, 6667, 8000, 8080, 9100, 11211))
"""Ports whose protocols are mostly spoken in plaintext: a server that closes an unused connection there says nothing
of TLS."""


class NoClientHello(Rule):
    """Connected, and the client sends nothing until the server gives up.

    A server that closes at once, on a TLS port, did not wait: that is server-reset or server-closed before the
    hello. On other ports only a real wait counts, and never where the port belongs to a plaintext protocol.
    """

    causes = ("no-client-hello", "server-reset", "server-closed")
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end = context.story, context.story.end
        if story.connected_ns is None or end is None or end.side is not Side.SERVER:
            return None
        if session.payload_bytes[Side.CLIENT]:
            return _stopped_in_its_hello(session, context, end)
        if session.payload_bytes[Side.SERVER] and session.protocol[Side.SERVER] != "tls":
            return None
        waited = end.time_ns - story.connected_ns
        if not context.is_tls_port and (waited < 2 * BRIEF_NS or session.server.port in OTHER_PROTOCOLS):
            return None
        brief = waited < BRIEF_NS
        cause = "no-client-hello" if not brief else "server-reset" if end.how == "rst" else "server-closed"
        return failure(
            cause,
            Confidence.LIKELY,
            Blame.SERVER if brief else Blame.CLIENT,
            (end.time_ns, end.frame),
            facts={"waited_s": seconds(waited), "waited_ms": ms(waited)},
            evidence=(of_connect(session), of_end(end)),
            alternatives=("no-client-hello",) if brief else ("client-hello-lost",),
            stage=Stage.FIRST_BYTES,
            waiting_on=WaitingOn.CLIENT,
            variant="before-hello" if brief else "",
        )


def _stopped_in_its_hello(session: Session, context: Context, end: End) -> Finding | None:
    """The client sent the beginning of a ClientHello and no more, until the server gave up; or the server did not wait
    for the rest.
    """
    begun, waited = unfinished_hello(session), context.story.waited_ns
    if begun is None or (begun[0] < _TELLING and not context.is_tls_port):
        return None
    brief = waited < 2 * BRIEF_NS
    time_ns, frame = first_data(session, Side.CLIENT)
    return failure(
        "no-client-hello" if not brief else "server-reset" if end.how == "rst" else "server-closed",
        Confidence.LIKELY,
        Blame.SERVER if brief else Blame.CLIENT,
        (end.time_ns, end.frame),
        facts={"waited_s": seconds(waited), "waited_ms": ms(waited), "sent": begun[0], "length": begun[1]},
        evidence=(Evidence(frame, time_ns, Side.CLIENT, _PARTIAL_HELLO), of_end(end)),
        alternatives=("large-client-hello-dropped", "middlebox-reset" if brief else "client-silent"),
        stage=Stage.FIRST_BYTES,
        waiting_on=WaitingOn.CLIENT,
        variant="partial",
    )


class ServerSilent(Rule):
    """The ClientHello was acknowledged by the server's TCP, and no TLS answer came.

    The client left after five seconds or more, or nobody did while it was watched that long. The same silence after
    the client's Finished has this cause too, at its own stage. A middlebox that splits the connection acknowledges
    on the server's behalf.
    """

    causes = ("server-silent",)
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end = context.story, context.story.end
        if (
            story.hello is None
            or story.stage not in (Stage.SERVER_HELLO, Stage.SERVER_FINISHED)
            or story.waiting_on is not WaitingOn.SERVER
        ):
            return None
        if not (story.is_patient or is_probed(session.tcp.client)) or (end is not None and end.side is Side.SERVER):
            return None
        if story.alert is not None and not _gave_up(story.alert, story):
            return None
        answered_ns, tls = session.tcp.server.first_data_ns, session.tls
        if (
            answered_ns is not None
            and answered_ns <= story.until_ns
            and story.server_hello is None
            and tls is not None
            and tls.hello_retry is None
        ):
            return None
        if session.tcp.client.acked_bytes == 0 or (end is None and context.knowledge.is_trimmed()):
            return None
        return failure(
            "server-silent",
            Confidence.LIKELY,
            Blame.SERVER,
            (min(story.until_ns, story.progress_ns + PATIENCE_NS), 0),
            facts={"waited_s": seconds(story.waited_ns), "acked_ms": _acked_ms(session, story)},
            evidence=(of_hello(story), of_ack(story), of_end(end)),
            alternatives=("client-abandoned",) if end is not None else (),
            stage=story.stage,
            waiting_on=WaitingOn.SERVER,
            variant="finished" if story.stage is Stage.SERVER_FINISHED else "",
        )


class ClientAbandoned(Rule):
    """The client closes or resets while the server still owes an answer, sooner than silence would be one; or in the
    middle of its own ClientHello.
    """

    causes = ("client-abandoned",)
    from_absence = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end = context.story, context.story.end
        if end is None or end.side is not Side.CLIENT or story.alert is not None:
            return None
        if story.hello is None:
            return _left_in_its_hello(session, context, end)
        if story.waiting_on is not WaitingOn.SERVER or (story.stage is Stage.SERVER_FLIGHT and _turned_away(story)):
            return None
        late = _late_answer(session, end)
        if late is not None:
            alternatives: tuple[str, ...] = ()
        else:
            alternatives = ("server-silent",) if session.tcp.client.acked_bytes else ("client-hello-lost",)
        return failure(
            "client-abandoned",
            Confidence.LIKELY,
            Blame.CLIENT,
            (end.time_ns, end.frame),
            facts={
                "waited_ms": ms(story.waited_ns),
                "waited_s": seconds(story.waited_ns),
                "late_ms": ms(late.time_ns - end.time_ns) if late is not None else 0.0,
            },
            evidence=(
                of_hello(story),
                of_ack(story),
                of_server_hello(story),
                of_end(end),
                Evidence(late.frame, late.time_ns, Side.SERVER, N_("the server's answer, {late_ms} ms later"))
                if late is not None
                else None,
            ),
            alternatives=alternatives if story.server_hello is None else (),
            stage=story.stage,
            waiting_on=WaitingOn.SERVER,
            variant="late" if late is not None else "",
        )


def _turned_away(story: Story) -> bool:
    """It left when it had the certificate; later, it was waiting for the rest of the flight."""
    shown, end = story.certificate, story.end
    return shown is not None and end is not None and end.time_ns - shown.time_ns < BRIEF_NS


def _left_in_its_hello(session: Session, context: Context, end: End) -> Finding | None:
    """It sent the beginning of a ClientHello, which arrived, and left."""
    story, client, begun = context.story, session.tcp.client, unfinished_hello(session)
    if begun is None or (begun[0] < _TELLING and not context.is_tls_port) or client.acked_bytes < client.stream_bytes:
        return None
    time_ns, frame = first_data(session, Side.CLIENT)
    return failure(
        "client-abandoned",
        Confidence.LIKELY,
        Blame.CLIENT,
        (end.time_ns, end.frame),
        facts={
            "waited_ms": ms(story.waited_ns),
            "waited_s": seconds(story.waited_ns),
            "sent": begun[0],
            "length": begun[1],
        },
        evidence=(Evidence(frame, time_ns, Side.CLIENT, _PARTIAL_HELLO), of_end(end)),
        alternatives=("large-client-hello-dropped",),
        stage=Stage.FIRST_BYTES,
        waiting_on=WaitingOn.CLIENT,
        variant="partial",
    )


def _late_answer(session: Session, end: End) -> Message | None:
    """What the server still sent of its handshake when the client had left."""
    if session.tls is None:
        return None
    after = [
        m
        for m in session.tls.messages
        if m.side == Side.SERVER and m.content_type in (_HANDSHAKE, _DATA) and m.time_ns >= end.time_ns
    ]
    return after[0] if after else None


class ClientAborted(Rule):
    """The client closes or resets after the server's flight, without a readable alert.

    It may have turned the certificate down without a word (Node does; NSS sends an alert that cannot be read), or
    have been told to stop.
    """

    causes = ("client-aborted",)
    from_absence = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end, tls = context.story, context.story.end, session.tls
        if story.server_hello is None or story.alert is not None or tls is None:
            return None
        hidden = next((a for a in tls.alerts if a.encrypted and a.side is Side.CLIENT), None)
        shown_it = story.stage is Stage.CLIENT_FLIGHT or _turned_away(story)
        if end is None or end.side is not Side.CLIENT or not shown_it:
            return None
        if story.stage is Stage.SERVER_FINISHED and hidden is None:
            return None
        return failure(
            "client-aborted",
            Confidence.LIKELY if hidden is None else Confidence.POSSIBLE,
            Blame.CLIENT,
            (end.time_ns, end.frame),
            facts={"waited_ms": ms(story.waited_ns), "waited_s": seconds(story.waited_ns)},
            evidence=(
                of_hello(story),
                of_server_hello(story),
                Evidence(hidden.frame, hidden.time_ns, Side.CLIENT, N_("an alert that cannot be read"))
                if hidden is not None
                else None,
                of_end(end),
            ),
            alternatives=("certificate-rejected", "certificate-unknown-ca", "tls-interception"),
            stage=Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
        )


class ClientSilent(Rule):
    """The server's flight arrived and the client never went on.

    The server gave up after waiting, or nobody did while it was watched for five seconds or more.
    """

    causes = ("client-silent",)
    from_absence = True
    compares = True

    def check(self, session: Session, context: Context) -> Finding | None:
        story, end = context.story, context.story.end
        if (
            story.stage is not Stage.CLIENT_FLIGHT
            or story.alert is not None
            or (end is not None and end.side is Side.CLIENT)
        ):
            return None
        if session.tcp.server.outstanding_length and session.tcp.server.last_transmissions > 1:
            return None
        if not story.is_patient and not (end is not None and story.waited_ns >= 2 * BRIEF_NS):
            return None
        if end is None and context.knowledge.is_trimmed():
            return None
        return failure(
            "client-silent",
            Confidence.LIKELY,
            Blame.CLIENT,
            (story.until_ns, end.frame if end is not None else 0),
            facts={"waited_s": seconds(story.waited_ns)},
            evidence=(of_hello(story), of_server_hello(story), of_end(end)),
            stage=Stage.CLIENT_FLIGHT,
            waiting_on=WaitingOn.CLIENT,
        )


def _gave_up(alert: Alert, story: Story) -> bool:
    """The client's user_canceled after the wait is how it leaves (JSSE's time-out)."""
    return (
        alert.side is Side.CLIENT and alert.code == _USER_CANCELED and alert.time_ns - story.progress_ns >= PATIENCE_NS
    )


def _acked_ms(session: Session, story: Story) -> float:
    acked = session.tcp.client.acked_ns
    return ms(max(0, acked - story.hello.time_ns)) if acked is not None and story.hello is not None else 0.0
