"""Meanings of alerts that the program which wrote the line sent itself: it decided, and its log may say more."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.logs.meanings.alerts import OF_HANDSHAKE_FAILURE
from capanalyzer.logs.meanings.model import Acts, Meaning

__all__ = ["SENT"]

_LINES_BEFORE: Final = N_("The lines just before this one, at a higher log level.")

SENT: Final[dict[str, Meaning]] = {
    "sent-handshake-failure": Meaning(
        N_("This program refused the handshake (alert 40)"),
        N_(
            "The program sent handshake_failure. A server does so where no cipher suite, group or signature algorithm "
            "fits, or where a server name or a client certificate is missing; a client, where it does not accept what "
            "the server chose."
        ),
        checks=(_LINES_BEFORE, N_("In a capture: the offer of the ClientHello against this program's settings.")),
        causes=OF_HANDSHAKE_FAILURE,
        acts=Acts.BOTH,
    ),
    "sent-unexpected-message": Meaning(
        N_("This program got a message that does not belong there (alert 10)"),
        N_(
            "The program sent unexpected_message: what came from the other end was no TLS at all, such as plaintext, "
            "or a handshake message out of turn."
        ),
        checks=(N_("The first bytes of both sides in a capture: 16 03 is TLS."),),
        causes=(
            "message-rejected",
            "http-to-tls-port",
            "tls-to-http-port",
            "tls-to-plaintext-port",
            "not-tls",
        ),
        acts=Acts.OTHER,
    ),
    "sent-access-denied": Meaning(
        N_("This program denied access (alert 49)"),
        N_("A policy of the program does not let the other end in, by its certificate, its address or the name."),
        misleads=N_("What the other end showed may well be valid: the rule here decided."),
        checks=(N_("The access rules of this program; then whether the other end should be let in."),),
        causes=("access-denied",),
        acts=Acts.OWN,
    ),
    "sent-insufficient-security": Meaning(
        N_("What the other end offers is too weak for this program (alert 71)"),
        N_(
            "The program knows some of the other end's cipher suites or keys, but its settings hold them to be too "
            "weak."
        ),
        checks=(N_("The other end's cipher list and key sizes against this program's security level."),),
        causes=("no-shared-cipher",),
        acts=Acts.OTHER,
    ),
    "sent-user-canceled": Meaning(
        N_("The handshake was cancelled here (alert 90)"),
        N_("The user of this program, or the program, gave up during the handshake."),
        checks=(N_("Nothing, unless it repeats: then a prompt that nobody sees, or a timeout of the application."),),
        causes=("user-canceled",),
        acts=Acts.OWN,
    ),
    "sent-unknown-psk": Meaning(
        N_("The pre-shared key of the client is not known here (alert 115)"),
        N_("The client named a pre-shared key, or a ticket, that this server does not have."),
        checks=(N_("Identity and key at both ends."),),
        causes=("unknown-psk",),
        acts=Acts.BOTH,
    ),
    "sent-other": Meaning(
        N_("This program ended the handshake with an alert"),
        N_("The program that wrote the line sent the alert that it names."),
        checks=(_LINES_BEFORE,),
        causes=("alert-other",),
        acts=Acts.UNKNOWN,
    ),
}
