"""Evidence that many rules point at, and the forms of the values beside it."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.credentials import mask
from capanalyzer.diagnosis.story import End, Story
from capanalyzer.diagnosis.verdict import Evidence
from capanalyzer.handshake.session import Alert, CloseEvent, Session, Side
from capanalyzer.i18n import N_

__all__ = [
    "first_data",
    "first_line",
    "ms",
    "of_ack",
    "of_alert",
    "of_certificate",
    "of_connect",
    "of_end",
    "of_hello",
    "of_server_hello",
    "of_syn",
    "seconds",
    "shown",
]

MAX_SHOWN: Final = 120
"""Characters of wire text in a finding: enough for a request line, too short to bury the report."""

_END_TEXTS: Final = {
    "fin": (N_("FIN from the client"), N_("FIN from the server")),
    "rst": (N_("RST from the client"), N_("RST from the server")),
    "alert": (N_("an alert that cannot be read"), N_("an alert that cannot be read")),
    "close_notify": (N_("close_notify from the client"), N_("close_notify from the server")),
}


def ms(span_ns: int) -> float:
    """Nanoseconds as milliseconds for a text."""
    return round(span_ns / 1e6, 1)


def seconds(span_ns: int) -> float:
    """Nanoseconds as seconds for a text."""
    return round(span_ns / 1e9, 1)


def shown(text: str | bytes) -> str:
    """Wire text made safe to print: control and format characters escaped, length limited, secrets of bytes masked."""
    if isinstance(text, bytes):
        text = mask(text)[: MAX_SHOWN * 4].decode("utf-8", "backslashreplace")
    cut = text[:MAX_SHOWN]
    safe = cut
    if not cut.isprintable():
        safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return safe + "..." if len(text) > len(cut) else safe


def first_line(data: bytes) -> str:
    """The first line of a direction's opening bytes, safe to print."""
    return shown(mask(data).split(b"\n", 1)[0].rstrip(b"\r"))


def first_data(session: Session, side: Side) -> tuple[int, int]:
    """(time_ns, frame) of a side's first payload; the session's start where it is unknown."""
    facts = session.tcp.side(side)
    time_ns = facts.first_data_ns if facts.first_data_ns is not None else session.start_ns
    if facts.first_data_frame is not None:
        return time_ns, facts.first_data_frame
    for event in session.events:
        if event.side is side and event.time_ns >= time_ns:
            return time_ns, event.frame
    return time_ns, 0


def of_syn(session: Session, side: Side, text: str) -> Evidence | None:
    facts = session.tcp.side(side)
    if facts.syn_frame is None or facts.syn_ns is None:
        return None
    return Evidence(facts.syn_frame, facts.syn_ns, side, text)


def of_connect(session: Session) -> Evidence | None:
    tcp = session.tcp
    if tcp.handshake_ack_frame is None or tcp.handshake_ack_ns is None:
        return None
    return Evidence(tcp.handshake_ack_frame, tcp.handshake_ack_ns, Side.CLIENT, N_("TCP connected"))


def of_hello(story: Story) -> Evidence | None:
    hello = story.hello
    return None if hello is None else Evidence(hello.frame, hello.time_ns, Side.CLIENT, N_("ClientHello"))


def of_ack(story: Story) -> Evidence | None:
    """The acknowledgement of the hello's first bytes, where it is one of them and came before the end."""
    client, hello, end = story.session.tcp.client, story.hello, story.end
    if client.acked_frame is None or client.acked_ns is None:
        return None
    if hello is not None and client.acked_frame < hello.first_frame:
        return None  # of what came before the hello
    if end is not None and client.acked_frame > end.frame:
        return None
    return Evidence(client.acked_frame, client.acked_ns, Side.SERVER, N_("acknowledged by the server's TCP"))


def of_server_hello(story: Story) -> Evidence | None:
    hello = story.server_hello
    return None if hello is None else Evidence(hello.frame, hello.time_ns, Side.SERVER, N_("ServerHello"))


def of_certificate(story: Story) -> Evidence | None:
    """The server's Certificate message, where it can be read and the client had it."""
    message = story.certificate
    return None if message is None else Evidence(message.frame, message.time_ns, Side.SERVER, N_("Certificate"))


def of_alert(alert: Alert) -> Evidence:
    """Needs the facts ``alert`` and ``code``."""
    if alert.encrypted or alert.code is None:
        return Evidence(alert.frame, alert.time_ns, alert.side, N_("an alert that cannot be read"))
    return Evidence(alert.frame, alert.time_ns, alert.side, N_("alert {alert} ({code})"))


def of_end(end: End | CloseEvent | None) -> Evidence | None:
    if end is None:
        return None
    how = end.how if isinstance(end, End) else "rst" if end.is_rst else "fin"
    return Evidence(end.frame, end.time_ns, end.side, _END_TEXTS[how][end.side])
