"""Delivery over HTTP: the message's JSON is posted, the server's certificate is verified, nothing is redirected."""

from __future__ import annotations

import base64
import ssl
import threading
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from capanalyzer import __version__
from capanalyzer.errors import UsageError
from capanalyzer.live.hooks.message import Message
from capanalyzer.live.hooks.outbox import NotDelivered
from capanalyzer.remark import Remark

__all__ = ["Webhook"]

TIMEOUT_S: Final = 10.0
"""To connect, and between two reads."""
PAUSES_S: Final = (1.0, 5.0)
"""Between attempts; then it is given up."""
MAX_RETRY_AFTER_S: Final = 30.0
MAX_ANSWER_BYTES: Final = 1 << 16
_UNQUOTED: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a path or query that stay: RFC 3986 section 2.2, and % because what is quoted already stays so."""
_BUSY: Final = frozenset({429, 500, 502, 503, 504})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that becomes a GET at another server is no delivery."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        return None


class _TryAgain(Exception):  # noqa: N818
    """It may go better next time."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after_s = reason, after_s


class Webhook:
    """See :class:`capanalyzer.live.hooks.outbox.Delivery`. Proxies of the environment are used."""

    option = "--webhook"

    def __init__(self, url: str) -> None:
        """:raises UsageError: no http or https URL."""
        try:
            parts = urlsplit(url)
            host, port = _host(parts.hostname), parts.port
            path, query = (quote(part, safe=_UNQUOTED) for part in (parts.path or "/", parts.query))
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        except ValueError:
            host = ""
        if not host or parts.scheme not in ("http", "https"):
            # The URL itself is not repeated: it often holds a secret.
            raise UsageError(Remark("--webhook needs a URL like https://HOST/PATH"))
        place = host if port is None else f"{host}:{port}"
        self._origin = f"{parts.scheme}://{place}"
        self._url = urlunsplit((parts.scheme, place, path, query, ""))
        self._headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"capanalyzer/{__version__}",
        }
        if parts.username is not None:
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        # Authorities are read now: later the run may not be allowed to.
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._open = urllib.request.build_opener(_NoRedirect, https).open

    def __call__(self, message: Message, stop: threading.Event) -> None:
        for pause_s in (*PAUSES_S, None):
            try:
                self._post(message.body)
            except _TryAgain as error:
                if pause_s is None or stop.wait(max(pause_s, error.after_s or 0)):
                    raise self._failed(error.reason) from None
            else:
                return

    def _failed(self, reason: str) -> NotDelivered:
        return NotDelivered(Remark("{place}: {reason}", place=self._origin, reason=reason))

    def _post(self, body: bytes) -> None:
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 - see __init__
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                answer.read(MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                reason = Remark("answers {status}", status=error.code)
                if error.code in _BUSY:
                    raise _TryAgain(reason, _seconds(error.headers.get("Retry-After"))) from None
            raise self._failed(reason) from None
        except urllib.error.URLError as error:
            cause = error.reason
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise self._failed(cause.verify_message) from None
            raise _TryAgain(getattr(cause, "strerror", None) or str(cause)) from None
        except (OSError, HTTPException) as error:
            raise _TryAgain(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None


def _host(host: str | None) -> str:
    """A host as it stands in a URL: a name in the form of the DNS (IDNA), an IPv6 address in brackets.

    :raises ValueError: it cannot be one.
    """
    if not host or any(ord(character) <= 0x20 or character in '%/\\"<>^`{|}' for character in host):
        raise ValueError
    return f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds, bounded; a date is not waited for."""
    return min(float(text), MAX_RETRY_AFTER_S) if text and text.isascii() and text.isdigit() else None
