"""What a BIG-IP says of a session, in words: the same in every report for readers."""

from __future__ import annotations

from capanalyzer.i18n import N_, translator
from capanalyzer.report import model

__all__ = ["big_ip_texts", "both_sides_texts", "reset_text"]

_SIDES = {
    "client": N_("client side: a client's connection to the BIG-IP"),
    "server": N_("server side: the BIG-IP's connection to a server"),
}
_MADE_BY = {
    "big-ip": N_("RST in frame {frame}: sent by a BIG-IP"),
    "client": N_("RST in frame {frame}: received from the client's direction"),
    "server": N_("RST in frame {frame}: received from the server's direction"),
}


def both_sides_texts(session: model.Session) -> list[str]:
    """The two sides of a proxied connection; empty where only one is known."""
    return [session.f5.story] if session.f5 is not None and session.f5.story else []


def big_ip_texts(session: model.Session, lang: str) -> list[str]:
    """All else, a line each; empty where no BIG-IP says anything."""
    f5, _ = session.f5, translator(lang)
    if f5 is None:
        return []
    texts = [_(_SIDES[f5.side])] if f5.side is not None else []
    if f5.virtual_server:
        texts.append(_("virtual server {name}").format(name=f5.virtual_server))
    if f5.slot is not None and f5.tmm is not None:
        place = [_("slot {slot}, TMM {tmm}").format(slot=f5.slot, tmm=f5.tmm)]
        place += [_("flow {id}").format(id=", ".join(f5.flow_ids))] if f5.flow_ids else []
        place += [_("peer flow {id}").format(id=", ".join(f5.peer_ids))] if f5.peer_ids else []
        texts.append(_(", ").join(place))
    for peer in f5.peers:
        ends = f"{_address(peer.local)} -> {_address(peer.remote)}"
        if f5.side == "server":
            ends = f"{_address(peer.remote)} -> {_address(peer.local)}"
        texts.append(
            _("other side: {ends} ({protocol}, VLAN {vlan})").format(ends=ends, protocol=peer.protocol, vlan=peer.vlan)
        )
    names = [*f5.ports, *f5.trunks]
    if names:
        texts.append(_("interfaces {names}").format(names=", ".join(names)))
    if f5.hardware_action is not None:
        texts.append(_("hardware action: {action}").format(action=f5.hardware_action))
    texts += [reset_text(reset, lang) for reset in f5.resets]
    return [*texts, *f5.notes]


def reset_text(reset: model.F5Reset, lang: str) -> str:
    """Who made a RST, and why."""
    _ = translator(lang)
    text = _(_MADE_BY.get(reset.made_by or "", N_("RST in frame {frame}"))).format(frame=reset.frame)
    if reset.reason is None:
        return text
    reason = ("{peer} " if reset.relayed else "") + reset.reason
    told = _("{text}, reason: {reason}").replace("{text}", text).replace("{reason}", f"[{reset.code}] {reason}")
    return f"{told} ({reset.meaning.rstrip('.。')})" if reset.meaning else told


def _address(address: model.F5Address) -> str:
    domain = "" if address.route_domain is None else f"%{address.route_domain}"
    return f"[{address.ip}{domain}]:{address.port}" if ":" in address.ip else f"{address.ip}{domain}:{address.port}"
