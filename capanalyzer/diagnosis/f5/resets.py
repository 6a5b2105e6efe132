"""Who made a RST, where a BIG-IP says so: a trailer tells which way the packet went, a payload that it is its own."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.session import CloseEvent, Session, Side
from capanalyzer.packets.f5.cause import ResetCause, read_cause_payload

__all__ = ["BIG_IP", "Reset", "is_big_ips_own", "resets", "same_distance", "side_of", "sign_of_another", "tls_role"]

BIG_IP: Final = "big-ip"
_INITIAL_TTLS: Final = (64, 128, 255)


class Reset(NamedTuple):
    """One RST of a session."""

    frame: int
    time_ns: int
    side: Side
    """In whose name."""
    made_by: str | None
    """``client`` or ``server``: it came in from there; ``big-ip``; None: not known."""
    cause: ResetCause | None
    in_payload: bool
    """The reason stands in the RST itself."""


def resets(session: Session) -> list[Reset]:
    """Those of which a BIG-IP says something, in the order of time."""
    found = []
    for close in session.tcp.closes:
        if close.is_rst:
            reset = _read(session, close)
            if reset is not None:
                found.append(reset)
    return found


def is_big_ips_own(session: Session, close: CloseEvent) -> bool:
    """The BIG-IP that made this capture sent the RST itself, as one end of the connection."""
    facts = session.f5
    known = None if facts is None else facts.reset(close.frame)
    return known is not None and known.is_ingress is False and side_of(session) is not None


def sign_of_another(session: Session, close: CloseEvent) -> str | None:
    """How the BIG-IP that made this capture knows that a RST is not from the end it names.

    ``came-in``: it bears the BIG-IP's own address, and came in. ``between``: the connection is only forwarded, and the
    BIG-IP made the RST itself. None where it knows no such thing.
    """
    facts = session.f5
    known = None if facts is None else facts.reset(close.frame)
    if known is None or known.is_ingress is None:
        return None
    side = side_of(session)
    if side is None:
        is_between = facts is not None and facts.is_forwarded and not known.is_ingress and known.cause is not None
        return "between" if is_between else None
    if facts is not None and len(facts.flows) > 1:
        return None  # trailers that speak of several connections are no witnesses of this one
    own = Side.SERVER if side == "client" else Side.CLIENT
    # It gives its reason in the RSTs that it makes alone, whatever else the trailer says.
    return "came-in" if known.is_ingress and close.side is own and known.cause is None else None


def side_of(session: Session) -> str | None:
    """``client`` or ``server``: on which side of the BIG-IP the connection is; None where it is not told."""
    facts = session.f5
    if facts is None:
        return None
    client = next((end for end in facts.ends if _is_client(end.packed, end.port, session)), None)
    return None if client is None else facts.side(client)


def tls_role(session: Session) -> str | None:
    """``client`` or ``server``: what the BIG-IP itself is in this TLS session. None: it is none of its ends, or that is
    not known; its monitors' connections have no virtual server, and count as that.
    """
    facts, side = session.f5, side_of(session)
    if facts is None or side is None or facts.is_passed_on:
        return None
    if side == "server":
        return "client" if facts.is_passed_on is False and (facts.virtual_server or facts.others) else None
    # What was answered while no connection was there to any server, it has answered itself.
    is_answered = bool(session.payload_bytes[Side.SERVER])
    is_alone = bool(facts.flows) and not facts.peers and not facts.peer_tuples and not facts.others
    return "server" if facts.is_passed_on is False or (is_answered and is_alone) else None


def same_distance(ttl: int, others: tuple[int, ...]) -> bool:
    """Sent from as far away as one of the others, whatever the TTLs began with."""
    return any(_hops(ttl) == _hops(other) for other in others)


def _hops(ttl: int) -> int:
    return next(initial for initial in _INITIAL_TTLS if ttl <= initial) - ttl


def _is_client(packed: bytes, port: int, session: Session) -> bool:
    return port == session.client.port and address_text(packed) == session.client.ip


def _read(session: Session, close: CloseEvent) -> Reset | None:
    facts = session.f5
    known = None if facts is None else facts.reset(close.frame)
    said = read_cause_payload(close.payload)
    if known is None and said is None:
        return None
    cause = (known.cause if known is not None else None) or said
    made_by = BIG_IP if said is not None else None
    if known is not None and known.is_ingress is not None:
        if sign_of_another(session, close) == "came-in":
            made_by = None
        elif known.is_ingress:
            made_by = close.side.name.lower()
        elif cause is not None or side_of(session) is not None:
            made_by = BIG_IP  # else it is forwarded, and made by whoever it came from
    return Reset(close.frame, close.time_ns, close.side, made_by, cause, said is not None)
