"""What else the capture shows beside a failed session, in words: who succeeded, and the other leg of the same hello."""

from __future__ import annotations

from capanalyzer.i18n import plural, translator
from capanalyzer.report import model
from capanalyzer.report.build import SESSIONS_PER_CAPTURE

__all__ = ["beside_texts", "shown_filter"]


def shown_filter(session: model.Session) -> str:
    """Wireshark's filter for the session, and for the one on the other side of a proxy."""
    if session.f5 is None or session.other_leg is None:
        return session.display_filter
    other = session.other_leg % SESSIONS_PER_CAPTURE
    return f"{session.display_filter} or {session.transport}.stream eq {other}"


def beside_texts(session: model.Session, lang: str) -> list[str]:
    """A sentence each; empty where nothing is known."""
    _, counted = translator(lang), plural(lang)
    texts = []
    beside = session.comparison
    if beside is not None:
        if count := beside.server_established:
            text = counted("{n} session with this server works", "{n} sessions with this server work", count)
            clients = counted("{n} client", "{n} clients", beside.server_clients).format(n=f"{beside.server_clients:,}")
            texts.append(_("{text} ({detail}).").format(text=text.format(n=f"{count:,}"), detail=clients))
        else:
            texts.append(_("No session with this server works."))
        if count := beside.client_servers:
            text = counted(
                "This client works with {n} other server.", "This client works with {n} other servers.", count
            )
            texts.append(text.format(n=f"{count:,}"))
    if session.other_leg is not None and (session.f5 is None or not session.f5.other_sides):
        text = _("Stream {n} carries the same ClientHello: the other side of a balancer, proxy or NAT.")
        texts.append(text.format(n=session.other_leg % SESSIONS_PER_CAPTURE))
    return texts
