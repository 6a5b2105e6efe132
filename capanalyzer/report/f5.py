"""What a BIG-IP says of a session, as the report shows it; names and addresses hidden where a redactor is given."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from capanalyzer.diagnosis.f5.reasons import find_reason
from capanalyzer.diagnosis.f5.resets import BIG_IP, Reset, resets, side_of, tls_role
from capanalyzer.diagnosis.pages import render_finding
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.handshake.session import Endpoint, Session
from capanalyzer.i18n import N_, translator
from capanalyzer.packets.f5.trailer import HARDWARE_ACTIONS, F5Address, PeerTuple
from capanalyzer.report import model
from capanalyzer.report.words import endpoint
from capanalyzer.streams.f5.join import MAX_OTHERS

if TYPE_CHECKING:
    from capanalyzer.redact.redactor import Redactor

__all__ = ["about_other_side", "f5_model", "with_reason", "with_reasons", "with_role"]

_PROTOCOLS: Final = {6: "tcp", 17: "udp", 132: "sctp"}
_SIDES: Final = ("client", "server")
_STATES: Final = {
    Outcome.ESTABLISHED: N_("fine"),
    Outcome.PLAINTEXT: N_("plaintext, and nothing wrong with it"),
    Outcome.IDLE: N_("no data"),
    Outcome.INCOMPLETE: N_("cannot be judged"),
}
_SIDE_TEXTS: Final = {
    "client": N_("Client side {ends}: {state}."),
    "server": N_("Server side {ends}: {state}."),
}
_SIDE_TITLES: Final = {"client": N_("Client side: {title}"), "server": N_("Server side: {title}")}
_ROLES: Final = {
    "client": N_(
        "The BIG-IP is the TLS client of this connection: what it offers, trusts and shows is set in the server-ssl "
        "profile of the virtual server."
    ),
    "server": N_(
        "The BIG-IP is the TLS server of this connection: what it accepts, trusts and shows is set in the client-ssl "
        "profile of the virtual server."
    ),
}
_OF_TLS: Final = (
    "certificate-", "client-certificate-", "handshake-failure-", "inappropriate-fallback", "no-shared-", "obsolete-",
    "protocol-version-", "sni-",
)  # fmt: skip
"""How the causes begin that lie in what the two ends are set to."""
_FORWARD: Final = 3
_RELAYED: Final = "TCP RST from remote system"
"""Its meaning says already that it is passed on."""

_Id = Callable[[int], int]


def f5_model(
    session: Session, verdict: Verdict, identity: _Id, *, lang: str, redactor: Redactor | None
) -> model.F5 | None:
    """What is told of one session; None where no BIG-IP says anything.

    :param identity: gives the id of a stream's session.
    """
    facts, told = session.f5, resets(session)
    if facts is None and not told:
        return None
    show = _Shown(lang, redactor)
    made = tuple(show.reset(one) for one in told)
    if facts is None:
        return model.F5(None, None, None, None, (), (), (), None, None, (), (), made, (), "", None, "", ())
    side = side_of(session)
    return model.F5(
        side,
        show.word(facts.virtual_server) or None,
        facts.slot,
        facts.tmm,
        tuple(f"0x{key.flow_id:x}" for key in facts.flows),
        tuple(f"0x{key.flow_id:x}" for key in facts.peers),
        tuple(show.peer(peer) for peer in facts.peer_tuples),
        facts.ha_unit,
        HARDWARE_ACTIONS[facts.hardware] or None,
        tuple(map(show.word, facts.ports)),
        tuple(map(show.word, facts.trunks)),
        made,
        tuple(_other_side(stream, verdict, identity, show) for stream in facts.others),
        _state(session, verdict, show),
        _cause_side(verdict, side),
        _story(session, verdict, show),
        tuple(_notes(session, lang)),
    )


def about_other_side(finding: model.Finding, other: Session, lang: str, redactor: Redactor | None) -> model.Finding:
    """A finding of the other side, told beside this side's: whose it is stands in every text."""
    _, side = translator(lang), side_of(other)
    if side is None:
        return finding
    show = _Shown(lang, redactor)
    text = _("The cause lies on the other side of the BIG-IP, {ends}. {explanation}")
    titled = _(_SIDE_TITLES[side])
    return replace(
        finding,
        title=titled.format(title=finding.title),
        explanation=text.format(ends=show.ends(other), explanation=finding.explanation),
        evidence=tuple(replace(one, text=titled.format(title=one.text)) for one in finding.evidence),
    )


def with_reason(finding: model.Finding, session: Session, lang: str, *, is_beyond: bool) -> model.Finding:
    """A failure with the reason that a BIG-IP gives for the RST; the same where it gives none.

    :param is_beyond: the cause is that of the other side, and so is what to do.
    """
    told = next((one for one in resets(session) if one.cause is not None), None)
    if told is None or told.cause is None:
        return finding
    _, facts, known = translator(lang), session.f5, find_reason(told.cause.reason)
    trailer = None if facts is None else facts.reset(told.frame)
    if trailer is not None and trailer.is_ingress is False:
        texts = [_("The BIG-IP sent the RST in frame {frame} and says why: {reason}.")]
    elif finding.cause == "middlebox-reset":
        texts = [
            _("The RST in frame {frame} carries a BIG-IP's reason: {reason}. It was sent by a BIG-IP in the path.")
        ]
    else:
        texts = [
            _("The RST in frame {frame} carries a BIG-IP's reason: {reason}."),
            _("That BIG-IP has this address itself or stands in the path."),
        ]
    if told.cause.is_peer and (known is None or known.text != _RELAYED):
        texts.append(_("It passes on what happened on the other side of the proxy."))
    if known is not None:
        texts.append(_(known.meaning))
    space = "" if lang == "ja" else " "
    said = space.join(texts).replace("{frame}", str(told.frame)).replace("{reason}", told.cause.reason)
    remedies = finding.remedies if known is None or is_beyond else (_(known.action), *finding.remedies)
    return replace(finding, explanation=finding.explanation + space + said, remedies=remedies)


def with_role(finding: model.Finding, session: Session, lang: str, redactor: Redactor | None) -> model.Finding:
    """A failure of TLS with where the BIG-IP's own part in it is configured; the same where it has none.

    :param session: the one that the finding is of.
    """
    role = tls_role(session)
    if role is None or session.f5 is None or not finding.cause.startswith(_OF_TLS):
        return finding
    name = _Shown(lang, redactor).word(session.f5.virtual_server)
    place = f"{shlex.quote(name)} " if name else ""
    check = f"{translator(lang)(_ROLES[role])} `tmsh list ltm virtual {place}profiles`"
    return replace(finding, remedies=(check, *finding.remedies))


def with_reasons(timeline: tuple[model.TimelineEntry, ...], told: model.F5) -> tuple[model.TimelineEntry, ...]:
    """The same events; a RST that carries no text has the reason that its trailer gives."""
    reasons = {
        reset.frame: f"BIG-IP: [{reset.code}] {'{peer} ' if reset.relayed else ''}{reset.reason}"
        for reset in told.resets
        if reset.reason is not None and not reset.in_payload
    }
    return tuple(
        replace(entry, detail=reasons[entry.frame])
        if entry.event == "RST" and not entry.detail and entry.frame in reasons
        else entry
        for entry in timeline
    )


class _Shown:
    """Values as they may be shown."""

    def __init__(self, lang: str, redactor: Redactor | None) -> None:
        self.lang, self.redactor = lang, redactor
        self.text = translator(lang)

    def word(self, text: str) -> str:
        return text if self.redactor is None or not text else self.redactor.words.text(text)

    def ip(self, text: str) -> str:
        return text if self.redactor is None else self.redactor.address_text(text)

    def endpoint(self, end: Endpoint) -> model.Endpoint:
        return model.Endpoint(self.ip(end.ip), end.port)

    def ends(self, session: Session) -> str:
        return f"{endpoint(self.endpoint(session.client))} -> {endpoint(self.endpoint(session.server))}"

    def reset(self, told: Reset) -> model.F5Reset:
        cause = told.cause
        known = None if cause is None else find_reason(cause.reason)
        return model.F5Reset(
            told.frame,
            _SIDES[told.side],
            told.made_by,
            None if cause is None else cause.reason,
            cause is not None and cause.is_peer,
            None if cause is None else cause.code,
            told.in_payload,
            "" if known is None else self.text(known.meaning),
            "" if known is None else self.text(known.action),
        )

    def peer(self, peer: PeerTuple) -> model.F5Peer:
        return model.F5Peer(
            _PROTOCOLS.get(peer.protocol, str(peer.protocol)),
            peer.vlan,
            self._address(peer.remote, peer.remote_port),
            self._address(peer.local, peer.local_port),
        )

    def _address(self, address: F5Address, port: int) -> model.F5Address:
        return model.F5Address(self.ip(address.text), port, address.route_domain)


def _other_side(stream: int, verdict: Verdict, identity: _Id, show: _Shown) -> model.F5Side:
    other = verdict.other_side
    if other is None or other.session.stream != stream:
        return model.F5Side(identity(stream), None, None, None, None, "")
    return model.F5Side(
        identity(stream),
        show.endpoint(other.session.client),
        show.endpoint(other.session.server),
        other.verdict.outcome.value,
        other.verdict.cause,
        _state(other.session, other.verdict, show),
    )


def _cause_side(verdict: Verdict, side: str | None) -> str | None:
    if verdict.outcome is not Outcome.FAILED or side is None:
        return None
    if not verdict.cause_is_beyond:
        return side
    return "server" if side == "client" else "client"


def _story(session: Session, verdict: Verdict, show: _Shown) -> str:
    """The client side first."""
    other, side = verdict.other_side, side_of(session)
    if other is None or side is None:
        return ""
    others_side = side_of(other.session)
    if others_side is None or others_side == side:
        return ""
    texts = {side: _told(session, verdict, side, show), others_side: _told(*other, others_side, show)}
    return ("" if show.lang == "ja" else " ").join(texts[name] for name in _SIDES)


def _told(session: Session, verdict: Verdict, side: str, show: _Shown) -> str:
    _, ends = show.text, show.ends(session)
    if session.f5 is not None and session.f5.virtual_server and side == "client":
        name = show.word(session.f5.virtual_server)
        ends = _("{ends} (virtual server {name})").format(ends=ends, name=name)
    return _(_SIDE_TEXTS[side]).format(ends=ends, state=_state(session, verdict, show))


def _state(session: Session, verdict: Verdict, show: _Shown) -> str:
    _, outcome = show.text, verdict.outcome
    if outcome is not Outcome.FAILED:
        state = _(_STATES[outcome])
        reset = next((one for one in resets(session) if one.made_by == BIG_IP), None)
        if reset is None:
            return state
        reason = "" if reset.cause is None else _reason(reset)
        if reason:
            return _("{state}, then reset by the BIG-IP ({reason})").format(state=state, reason=reason)
        return _("{state}, then reset by the BIG-IP").format(state=state)
    if verdict.cause_is_beyond:
        return _("ended by what happened on the other side")
    hide = None
    if show.redactor is not None:
        from capanalyzer.report.redacted import hide_field

        hide = partial(hide_field, redactor=show.redactor)
    finding = verdict.findings[0]
    return render_finding(finding, finding.about or session, show.lang, hide).title


def _reason(reset: Reset) -> str:
    cause = reset.cause
    return "" if cause is None else ("{peer} " if cause.is_peer else "") + cause.reason


def _notes(session: Session, lang: str) -> list[str]:
    _, facts, notes = translator(lang), session.f5, list[str]()
    if facts is None:
        return notes
    if facts.syn_with_flow is not None:
        text = _(
            "The SYN in frame {frame} came in for a connection that the BIG-IP had already: it was sent again, or an "
            "old connection with the same ports was never closed."
        )
        notes.append(text.format(frame=facts.syn_with_flow))
    if facts.ack_without_flow is not None:
        text = _(
            "The segment in frame {frame} came in for a connection that the BIG-IP does not know: it expired, came in "
            "on another VLAN, or began with a SYN cookie or in the middle."
        )
        notes.append(text.format(frame=facts.ack_without_flow))
    if (served := len(facts.others)) > 1 and (side := side_of(session)) is not None:
        if side == "server":
            text = _("The BIG-IP uses this connection for {n} connections of clients.")
        else:
            text = _("The BIG-IP uses {n} connections to servers for this one.")
        number = _("at least {n}").format(n=served) if served == MAX_OTHERS else str(served)
        notes.append(text.format(n=number))
    if facts.hardware == _FORWARD:
        notes.append(_("The hardware forwards packets of this connection: those it forwards are not in the capture."))
    return notes
