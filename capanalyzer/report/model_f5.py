"""What an F5 BIG-IP says of its captures and of their sessions; part of :mod:`capanalyzer.report.model`."""

from __future__ import annotations

from capanalyzer.report.log_model import LogLine
from capanalyzer.report.structure import Endpoint, Model

__all__ = ["F5", "F5Address", "F5Capture", "F5Peer", "F5Reset", "F5Side"]


class F5Address(Model, frozen=True, gc=False):
    """One end of the connection on the other side of a BIG-IP."""

    ip: str
    port: int
    route_domain: int | None
    """None where none is told: the default one."""


class F5Peer(Model, frozen=True, gc=False):
    """The connection on the other side, as a trailer names it (noise level high)."""

    protocol: str
    """``tcp`` ``udp``, others by number."""
    vlan: int
    remote: F5Address
    """The system that the BIG-IP talks to there."""
    local: F5Address
    """The BIG-IP's own address there."""


class F5Reset(Model, frozen=True, gc=False, rename={"sender": "from"}):
    """A RST of which a BIG-IP says who made it, or why."""

    frame: int
    sender: str
    """``client`` or ``server``: in whose name; the key is ``from``."""
    made_by: str | None
    """``client`` or ``server``: it came in from there; ``big-ip``; None where it is not known."""
    reason: str | None
    """As the BIG-IP writes it."""
    relayed: bool
    """``{peer}``: the reason arose on the other side, and this RST passes it on."""
    code: str | None
    """``0x<value>:<line>``: changes with every build."""
    in_payload: bool
    """The reason stands in the RST itself; else in the capture's trailer."""
    meaning: str
    """What the reason means; empty for an unknown one."""
    action: str
    """What to do first; empty for an unknown one."""


class F5Side(Model, frozen=True, gc=False):
    """A session on the other side of the proxy."""

    session: int
    """Its id."""
    client: Endpoint | None
    """None, and so the rest: it was not kept until both sides could be looked at together."""
    server: Endpoint | None
    outcome: str | None
    cause: str | None
    """As that session tells it."""
    state: str
    """How it fared, in a few words."""
    log_lines: tuple[LogLine, ...] = ()
    """Lines of logs that speak of it: they belong to the same story."""


class F5(Model, frozen=True, gc=False):
    """What an F5 BIG-IP says of a session: in the trailers of its own captures, or in the payload of a RST."""

    side: str | None
    """``client``: a client's connection to the BIG-IP. ``server``: one that the BIG-IP made, to a pool member. None:
    it only forwards the connection, or does not say."""
    virtual_server: str | None
    slot: int | None
    """Counted from 1."""
    tmm: int | None
    flow_ids: tuple[str, ...]
    """Hexadecimal; unique within slot and TMM at one time, and used again."""
    peer_ids: tuple[str, ...]
    peers: tuple[F5Peer, ...]
    ha_unit: int | None
    hardware_action: str | None
    """``challenge`` ``drop`` ``forward``."""
    ports: tuple[str, ...]
    """Physical interfaces."""
    trunks: tuple[str, ...]
    resets: tuple[F5Reset, ...]
    other_sides: tuple[F5Side, ...]
    """Sessions on the other side of the proxy, by id."""
    state: str
    """How this side fared, in a few words."""
    cause_side: str | None
    """On which side the cause lies, ``client`` or ``server``, of a session that failed; None where it is not told."""
    story: str
    """Both sides in one or two sentences; empty where only one is known."""
    notes: tuple[str, ...]
    """What is odd about the flow, a sentence each."""


class F5Capture(Model, frozen=True, gc=False):
    """What an F5 BIG-IP says of its own capture."""

    host: str | None
    version: str | None
    platform: str | None
    """A code, and what it stands for where that is known."""
    product: str | None
    command: str | None
    """The command line that made the capture."""
    trailers: bool
    """Trailers were found behind its packets."""
    advice: tuple[str, ...]
    """How to capture again so that more can be seen, a sentence each."""
