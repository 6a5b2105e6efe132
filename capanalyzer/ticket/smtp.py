"""A mail server: encrypted, verified, and told apart from one that only says no for now."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlsplit

from capanalyzer.errors import CapanalyzerError, TicketError, UsageError
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable
from capanalyzer.ticket.credentials import Credentials
from capanalyzer.ticket.pace import Refused, Unanswered
from capanalyzer.ticket.target import is_loopback
from capanalyzer.ticket.tls import tls_context

__all__ = ["Server", "connected", "send", "server_of"]

TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over."""

    host: str
    port: int
    is_implicit: bool
    """TLS from the first byte; else STARTTLS."""


def server_of(environ: Mapping[str, str]) -> Server:
    """The server that ``CAPANALYZER_SMTP_URL`` names.

    :raises UsageError: it is not set, or names none.
    """
    text = environ.get("CAPANALYZER_SMTP_URL", "")
    example = Remark(
        "{first} or {second}", first="smtp://mail.example.com (STARTTLS)", second="smtps://mail.example.com"
    )
    if not text:
        raise UsageError(Remark("which mail server? Set CAPANALYZER_SMTP_URL to {example}", example=example))
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise UsageError(Remark("CAPANALYZER_SMTP_URL is no URL: write {example}", example=example)) from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname or url.path not in ("", "/"):
        raise UsageError(Remark("CAPANALYZER_SMTP_URL names no mail server: write {example}", example=example))
    if "@" in url.netloc:
        raise UsageError(
            Remark("CAPANALYZER_SMTP_URL holds a user name: set CAPANALYZER_SMTP_USER and _PASSWORD instead")
        )
    implicit = url.scheme == "smtps"
    return Server(url.hostname, port or (465 if implicit else 587), implicit)


@contextmanager
def connected(server: Server, credentials: Credentials | None) -> Iterator[smtplib.SMTP]:
    """A session with TLS, logged in where there are credentials.

    :raises TicketError: there is none to be had.
    """
    smtp = _connect(server, credentials)
    try:
        yield smtp
    finally:
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()


def _connect(server: Server, credentials: Credentials | None) -> smtplib.SMTP:
    where = f"{server.host}:{server.port}"
    context = tls_context()
    smtp: smtplib.SMTP | None = None
    try:
        if server.is_implicit:
            smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        smtp.ehlo()
        # What stays on this machine needs no TLS, and its own mail server seldom has a certificate to be verified.
        if not server.is_implicit and (credentials is not None or not is_loopback(server.host)):
            _encrypt(smtp, where, context)
        if credentials is not None:
            _login(smtp, credentials)
    except (OSError, smtplib.SMTPException) as error:
        _close(smtp)
        raise _trouble(error, where, credentials) from None
    except CapanalyzerError:
        _close(smtp)
        raise
    return smtp


def _close(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()


def _encrypt(smtp: smtplib.SMTP, where: str, context: ssl.SSLContext) -> None:
    if not smtp.has_extn("starttls"):
        raise TicketError(
            Remark(
                "{where}: offers no STARTTLS, and nothing is sent in clear text: does it speak smtps://?", where=where
            )
        )
    smtp.starttls(context=context)
    smtp.ehlo()


def _login(smtp: smtplib.SMTP, credentials: Credentials) -> None:
    if credentials.user is None:
        raise UsageError(Remark("a mail server wants a user name with it: set CAPANALYZER_SMTP_USER"))
    if credentials.is_token:
        # SASL XOAUTH2, as Google and Microsoft document it.
        token = f"user={credentials.user}\x01auth=Bearer {credentials.secret}\x01\x01"
        smtp.auth("XOAUTH2", lambda challenge=None: "" if challenge else token)
    else:
        smtp.login(credentials.user, credentials.secret)


def send(smtp: smtplib.SMTP, message: EmailMessage, server: Server) -> None:
    """Hand a mail over.

    :raises TicketError: it was not taken, or not for everyone, or that is not known.
    """
    where = f"{server.host}:{server.port}"
    try:
        refused = smtp.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise TicketError(
            Remark(
                "{where}: the connection broke off while the mail was sent; it may have arrived: look before "
                "sending it again ({message_id})",
                where=where,
                message_id=message["Message-ID"],
            )
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _trouble(error, where, None) from None
    if refused:
        names = ", ".join(printable(name) for name in refused)
        raise TicketError(
            Remark("{where}: sent, but not to {names}, which the server refuses", where=where, names=names)
        )


def _trouble(error: Exception, where: str, credentials: Credentials | None) -> TicketError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TicketError(
            Remark(
                "{where}: its certificate is not accepted: {verify_message}",
                where=where,
                verify_message=error.verify_message,
            )
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _says(where, code, text, credentials)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Refused(Remark("{where}: user name or password are not accepted", where=where), error.smtp_code, "")
    if isinstance(error, smtplib.SMTPResponseException):
        return _says(where, error.smtp_code, error.smtp_error, credentials)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return TicketError(Remark("{where}: offers no way to log in that is known here", where=where))
    return Unanswered(Remark("{origin}: cannot be reached", origin=where), maybe_done=False)


def _says(where: str, code: int, text: bytes | str, credentials: Credentials | None) -> TicketError:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if credentials is not None:
        words = credentials.hide(words)
    words = printable(" ".join(words.split()))[:300]
    message = Remark("{origin}: answers {status}", origin=where, status=f"{code} {words}".rstrip())
    # RFC 5321, section 4.2.1: 4yz is not now, 5yz is not at all.
    return Unanswered(message, maybe_done=False) if 400 <= code < 500 else Refused(message, code, words)
