"""One session read in time order: how far it came, what was awaited, how it ended.

Rules share this reading, so that each of them decides one thing only. Nothing here is a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from capanalyzer.diagnosis.sight import MAX_IN_FLIGHT, lacks_last_words, may_answer_a_fin, shows_both_ends
from capanalyzer.diagnosis.verdict import Stage, WaitingOn
from capanalyzer.handshake.machine import walk
from capanalyzer.handshake.session import Alert, CloseEvent, Session, Side, SideFacts, TlsFacts
from capanalyzer.handshake.states import STALLS, State
from capanalyzer.streams.flow import Ended
from capanalyzer.tls.records import Message

if TYPE_CHECKING:
    from capanalyzer.diagnosis.trust.faults import Fault

__all__ = ["PATIENCE_NS", "PROBE_COUNT", "PROBE_SPAN_NS", "TLS13", "End", "Story", "first_tls13_records", "is_probed"]

PATIENCE_NS: Final = 5_000_000_000
"""Silence watched for less proves nothing, and a client that leaves sooner abandoned the server."""
PROBE_COUNT: Final = 3
PROBE_SPAN_NS: Final = 3_000_000_000
"""A segment sent three times over three seconds and never answered is proof even if the file ends there."""

TLS13: Final = 0x0304

SSL2: Final = 0x0002
SSL2_RECORD: Final = 0x80
"""``content_type`` of messages in SSL 2.0 format."""

_CHANGE_CIPHER_SPEC, _HANDSHAKE, _DATA = 20, 22, 23
_STEPS: Final = frozenset((_CHANGE_CIPHER_SPEC, _HANDSHAKE, _DATA, SSL2_RECORD))
"""Records that are steps of a handshake: no alerts, no heartbeats."""
_ACK: Final = 0x10
_PADDING: Final = 16
"""JSSE's records are padded by as many bytes."""
_EVERYTHING: Final = 1 << 62
_AFTER_SERVER_HELLO: Final = ("client-flight", "server-finished")
_WAITING: Final = {Side.CLIENT: WaitingOn.CLIENT, Side.SERVER: WaitingOn.SERVER, None: None}
_CLOSE_NOTIFY, _USER_CANCELED = 0, 90
_SIDES: Final = (Side.CLIENT, Side.SERVER)


class End(NamedTuple):
    """What ended the session first: a FIN, a RST, a close_notify in the middle of the handshake, or an alert after it
    that cannot be read and is hardly anything but a close_notify.
    """

    time_ns: int
    frame: int
    side: Side
    how: str
    """``fin`` ``rst`` ``close_notify`` ``alert``."""


def is_probed(facts: SideFacts) -> bool:
    """This side sent its oldest unacknowledged segment often and long enough for silence to be proof."""
    return facts.last_transmissions >= PROBE_COUNT and facts.last_transmission_span_ns >= PROBE_SPAN_NS


def first_tls13_records(tls: TlsFacts, side: Side) -> list[Message]:
    """Encrypted records of a side after the ServerHello, in order: its flight and what follows."""
    hello = tls.server_hello_message
    if hello is None:
        return []
    return [
        m
        for m in tls.messages
        if m.side == side and m.content_type == _DATA and (m.time_ns, m.frame) >= (hello.time_ns, hello.frame)
    ]


class Story:
    """See the module. All times are capture times in nanoseconds."""

    __slots__ = (
        "_progress_ns",
        "alert",
        "certificate",
        "close",
        "connected_ns",
        "end",
        "established",
        "faults",
        "hello",
        "sees_all",
        "server_hello",
        "session",
        "stage",
        "state",
        "tls",
        "unheard",
        "until_ns",
        "version",
        "waiting_on",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        tls = self.tls = session.tls
        tcp, quality = session.tcp, session.quality
        self.sees_all = shows_both_ends(session)
        """What is not in the capture did not happen."""
        self.hello: Message | None = tls.client_hello_message if tls is not None and not self._is_chance() else None
        self.server_hello: Message | None = tls.server_hello_message if tls is not None else None
        self.certificate: Message | None = tls.certificate_message(Side.SERVER) if tls is not None else None
        """The server's Certificate, where it can be read. As the ServerHello: None where the client left before it
        came."""
        self.version: int | None = tls.version if tls is not None else None
        self.state: State | None = tls.state if tls is not None else None
        self.connected_ns: int | None = tcp.handshake_ack_ns
        self.close: CloseEvent | None = self._first_close()
        """The FIN or RST that ended it; a RST that was followed by a completed connect (a reused port) does not
        count."""
        self.end: End | None = self._first_end()
        self.until_ns: int = self.end.time_ns if self.end is not None else quality.watched_until_ns
        """When waiting was over: somebody left, or the capture no longer watched."""
        self.unheard: Side | None = next((side for side in _SIDES if self._is_unheard(side)), None)
        """Whose last flight was sent again and again, and never reached the other end."""
        self.established: bool = self._is_established() and not self._left_before_it_was_done() and self.unheard is None
        if not self.established:
            self._stop_at_the_end()
            self.sees_all = self.sees_all and not (self._is_unread() or self.is_cut or self._lacks_its_syn())
        self.sees_all = self.sees_all and not self.lacks_last_words
        self.stage, self.waiting_on = self._stalled()
        self._progress_ns: int | None = None
        self.faults: list[Fault] | None = None
        """Of the server's chain, where a rule has asked; in a run that goes on a session is judged several times."""
        self.alert: Alert | None = None if self.established else self._deciding_alert()

    @property
    def progress_ns(self) -> int:
        """When the handshake last moved on."""
        if self._progress_ns is None:
            self._progress_ns = self._last_progress()
        return self._progress_ns

    @property
    def waited_ns(self) -> int:
        """From the last progress to the end."""
        return max(0, self.until_ns - self.progress_ns)

    @property
    def is_patient(self) -> bool:
        """The silence was long enough to be one: somebody was waited for, seconds, in vain."""
        return self.waited_ns >= PATIENCE_NS

    @property
    def is_open(self) -> bool:
        """Nobody closed while it was watched."""
        return self.end is None

    @property
    def is_tls13(self) -> bool:
        """TLS 1.3 or a draft of it: all after the ServerHello is ciphertext."""
        return self.tls is not None and self.tls.is_13

    def closed(self) -> tuple[str, str | None]:
        """``closed_by`` of the contract, but for a middlebox, which is for a rule to find."""
        close = self.close
        if close is not None:
            return ("rst" if close.is_rst else "fin"), ("client" if close.side is Side.CLIENT else "server")
        quality = self.session.quality
        if quality.ended is Ended.IDLE and not self.established:
            return "timeout", None
        return "none", None

    def _is_chance(self) -> bool:
        """What looks like a ClientHello behind other bytes, where nobody asked for TLS and the server spoke none."""
        upgrade, tls = self.session.upgrade, self.tls
        if upgrade is None or upgrade.kind != "other" or tls is None:
            return False
        return all(message.side == Side.CLIENT for message in tls.messages)

    def _first_close(self) -> CloseEvent | None:
        connected = self.connected_ns
        for close in self.session.tcp.closes:
            if close.is_rst and connected is not None and close.time_ns < connected:
                continue
            return close
        return None

    def _first_end(self) -> End | None:
        close, tls = self.close, self.tls
        first = None if close is None else End(close.time_ns, close.frame, close.side, "rst" if close.is_rst else "fin")
        if tls is None:
            return first
        done_ns = tls.handshake_done_ns
        for alert in tls.alerts:
            if first is not None and (alert.time_ns, alert.frame) > (first.time_ns, first.frame):
                continue
            if alert.code == _CLOSE_NOTIFY:
                return End(alert.time_ns, alert.frame, alert.side, "close_notify")
            if alert.encrypted and done_ns is not None and alert.time_ns >= done_ns:
                return End(alert.time_ns, alert.frame, alert.side, "alert")
        return first

    def _is_established(self) -> bool:
        tls = self.tls
        if tls is None:
            return False
        if tls.handshake_done_ns is None and self._spoke_sslv2(tls):
            self.version = SSL2
            return True
        if tls.handshake_done_ns is None:
            return self._answered_early_data()
        # Application data alone is no handshake: the capture began too late, or it is a protocol that imitates TLS.
        return self.hello is not None or self.server_hello is not None

    def _answered_early_data(self) -> bool:
        """0-RTT (RFC 8446 section 2.3): the server took the early data and answered it behind its own Finished, before
        the client's could arrive.
        """
        tls, answer = self.tls, self.server_hello
        offer, choice = (tls.client_hello, tls.server_hello) if tls is not None else (None, None)
        if tls is None or answer is None or offer is None or choice is None:
            return False
        if not offer.early_data or choice.selected_psk is None:
            return False
        size = tls.handshake.finished_size
        sizes = [m.length for m in first_tls13_records(tls, Side.SERVER)]
        behind = next((at for at, length in enumerate(sizes) if length in (size, size + _PADDING)), len(sizes))
        return any(length > tls.handshake.alert_size + _PADDING for length in sizes[behind + 1 :])

    def _spoke_sslv2(self, tls: TlsFacts) -> bool:
        """Both ends went on in SSL 2.0, encrypted: its handshake has no state in the table, and completed."""
        return len({m.side for m in tls.messages if m.content_type == SSL2_RECORD and m.encrypted}) == len(_SIDES)

    def _left_before_it_was_done(self) -> bool:
        """What completes the handshake came when one end had left, and no data went both ways all the same."""
        end, tls = self.end, self.tls
        if end is None or tls is None or tls.handshake_done_ns is None or self._answered_early_data():
            return False
        return tls.handshake_done_ns > end.time_ns and not all(tls.data_from)

    def _is_unheard(self, side: Side) -> bool:
        """The handshake looks done when its last flight was sent (TLS 1.3: the client's, before: the server's); not if
        that was sent in vain.
        """
        tls, facts = self.tls, self.session.tcp.side(side)
        if tls is None or tls.handshake_done_ns is None or not self.sees_all or tls.data_from[side.other]:
            return False
        finished = tls.finished[side]
        if finished is None or (side is Side.CLIENT) is not self.is_tls13 or facts.acked_bytes > finished.offset:
            return False
        return is_probed(facts) or (self.end is not None and facts.last_transmissions >= PROBE_COUNT)

    def _stop_at_the_end(self) -> None:
        """What arrives after an end has left answers nobody: the session stalled where it was then."""
        end, tls = self.end, self.tls
        if tls is not None and self.unheard is not None:
            acked = self.session.tcp.side(self.unheard).acked_bytes
            heard = [m for m in tls.messages if m.side != self.unheard or m.offset + m.length <= acked]
            self.state = walk(heard).state
        if end is None or tls is None:
            return
        if end.side is Side.SERVER:
            if tls.handshake_done_ns is not None:  # by what came when the server had left
                self.state = walk([m for m in tls.messages if (m.time_ns, m.frame) <= (end.time_ns, end.frame)]).state
            return
        seen = [m for m in tls.messages if self._reached_client(m, end)]
        if len(seen) == len(tls.messages) or not seen:
            return
        if self.server_hello is not None and self.server_hello not in seen:
            self.server_hello = None
        if self.certificate is not None and self.certificate not in seen:
            self.certificate = None
        self.state = walk(seen).state

    def _reached_client(self, message: Message, end: End) -> bool:
        """It was there before the client's end, and the client acknowledged it: a FIN's acknowledgement number says how
        much had arrived (RFC 9293 section 3.10.4).
        """
        if (message.time_ns, message.frame) > (end.time_ns, end.frame):
            return False
        return message.side == Side.CLIENT or message.offset + message.length <= self._acknowledged(end)

    def _acknowledged(self, end: End) -> int:
        """Bytes of the server's stream that the client's close acknowledges; where it does not say, all."""
        close, isn = self.close, self.session.tcp.server.isn
        if end.how == "close_notify" or close is None or isn is None or not close.flags & _ACK:
            return _EVERYTHING
        acked = (close.ack - isn - 1) & 0xFFFFFFFF
        return acked if acked < MAX_IN_FLIGHT else _EVERYTHING

    def _is_unread(self) -> bool:
        """The client went on as it can only after a ServerHello, and none was read: what the server sent escaped us."""
        awaited = STALLS[self.state].awaited if self.state is not None else None
        if any(self.session.tcp.side(side).unread for side in ((awaited,) if awaited is not None else _SIDES)):
            return True
        if self.server_hello is not None or self.state is None or self.hello is None:
            return False
        last_ns, upgrade = self.session.tcp.server.last_data_ns, self.session.upgrade
        if upgrade is not None and last_ns is not None and last_ns > self.hello.time_ns and self.tls is not None:
            # Behind an upgrade the first bytes tell nothing of what followed: it answered, and no TLS was found in it.
            return all(message.side == Side.CLIENT for message in self.tls.messages)
        return STALLS[self.state].stage in _AFTER_SERVER_HELLO

    @property
    def lacks_last_words(self) -> bool:
        """What was said before one end left is not known."""
        return self.end is not None and lacks_last_words(self.session, self.end.side, self.close)

    @property
    def is_cut(self) -> bool:
        """Nobody closed, and a segment was neither acknowledged nor sent again for seconds: no TCP does that, so the
        rest of this session was not kept (some collections hold the first packets of each connection only).
        """
        if not self.is_open:
            return False
        watched_ns = self.session.quality.watched_until_ns - self.session.end_ns
        if watched_ns < PATIENCE_NS:
            return False
        sides = (self.session.tcp.client, self.session.tcp.server)
        return any(side.last_transmissions == 1 and side.outstanding_length > 0 for side in sides)

    def _lacks_its_syn(self) -> bool:
        """Nobody closed, and the SYN, of which the SYN/ACK tells, was not captured: so may the rest be missing."""
        tcp = self.session.tcp
        return self.is_open and tcp.server.syn_count > 0 and not tcp.client.syn_count

    def _stalled(self) -> tuple[Stage | None, WaitingOn | None]:
        """The step awaited at the end, and who had to take it."""
        session, tls = self.session, self.tls
        if self.established:
            return None, None
        if tls is None or (self.hello is None and self.server_hello is None):
            if session.payload_bytes == (0, 0) and self.connected_ns is None:
                return Stage.TCP_CONNECT, WaitingOn.CLIENT if session.tcp.server.syn_count else WaitingOn.SERVER
            if session.quality.starts_mid_session and session.payload_bytes != (0, 0):
                return None, None  # whatever was waited for came before the capture
            return Stage.FIRST_BYTES, WaitingOn.CLIENT
        stall = STALLS[self.state or tls.state]
        stage, waiting_on = Stage(stall.stage), _WAITING[stall.awaited]
        if stage is Stage.CLIENT_FLIGHT and self._server_flight_is_short(tls):
            return Stage.SERVER_FLIGHT, WaitingOn.SERVER
        return stage, waiting_on

    def _server_flight_is_short(self, tls: TlsFacts) -> bool:
        """TLS 1.3, where the flight's end cannot be read: part of it is missing, so the client cannot go on."""
        server = self.session.tcp.server
        return (
            self.is_tls13
            and tls.finished[Side.SERVER] is None
            and not first_tls13_records(tls, Side.CLIENT)
            and (server.gap or server.last_transmissions > 1 or server.in_record)
        )

    def _last_progress(self) -> int:
        session, tls = self.session, self.tls
        if tls is not None:
            steps = [m.time_ns for m in tls.messages if m.content_type in _STEPS and m.time_ns <= self.until_ns]
            if steps:
                return max(steps)
        if session.payload_bytes != (0, 0):
            times = [t for t in (session.tcp.client.first_data_ns, session.tcp.server.first_data_ns) if t is not None]
            if times:
                return max(times)
        if self.connected_ns is not None:
            return self.connected_ns
        if session.tcp.server.syn_ns is not None:
            return session.tcp.server.syn_ns
        return session.tcp.client.syn_ns if session.tcp.client.syn_ns is not None else session.start_ns

    def _deciding_alert(self) -> Alert | None:
        """The first readable alert that ended the handshake.

        Warnings (RFC 5246 section 7.2) count only when the handshake did not go on after them; TLS 1.3 ignores the
        level (RFC 8446 section 6). An alert that follows the other end's close answers it and decides nothing.
        """
        tls = self.tls
        if tls is None:
            return None
        close, sent = self.close, self.session.payload_bytes[Side.CLIENT]
        for alert in tls.alerts:
            if alert.code is None or alert.code == _CLOSE_NOTIFY:
                continue
            if not sent and alert.side is Side.SERVER and may_answer_a_fin(self.session, alert):
                return None
            if (
                close is not None
                and close.side is not alert.side
                and (close.time_ns, close.frame) < (alert.time_ns, alert.frame)
            ):
                return None
            if alert.level == 2 or alert.code == _USER_CANCELED:
                return alert
            later = any(
                m.content_type == _HANDSHAKE and (m.time_ns, m.frame) > (alert.time_ns, alert.frame)
                for m in tls.messages
            )
            if not later and self.sees_all and (close is not None or self.is_tls13):
                return alert
        return None
