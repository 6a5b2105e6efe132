"""HTTP as every system here uses it: one server, verified, without redirects, repeated with care, without secrets.

:class:`Wire` is a transport of ``requests``, below whatever client library a system has. The secret is added to a
request at the last moment and so is never in an object that a library could log or put into an exception.
"""

from __future__ import annotations

import logging
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from capanalyzer import __version__
from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable
from capanalyzer.ticket.credentials import Credentials, authorization
from capanalyzer.ticket.pace import Refused, Unanswered, pauses, wait
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.tls import tls_context

__all__ = ["Session", "Wire", "open_session"]

TIMEOUT_S: Final = (10.0, 120.0)
"""To connect, and between two reads: a desk may scan an attachment for viruses before it answers."""
MAX_ANSWER_BYTES: Final = 64 << 20
"""Of one answer: a ticket with all its comments, and nothing larger."""
_BUSY: Final = frozenset({500, 502, 503, 504})
_SHOWN: Final = 300
"""Characters of a server's own words that are repeated."""


def open_session(base: str, system: str, credentials: Credentials | None, rehearsal: Rehearsal | None) -> Session:
    """A session that reaches ``base`` and nothing else."""
    return Session(Wire(base, system, credentials, rehearsal))


class Session(requests.Session):
    """Asks neither netrc nor proxies nor certificates of the environment by itself: the wire does."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        self.mount("https://", wire)
        self.mount("http://", wire)
        self.headers.update({"User-Agent": f"capanalyzer/{__version__}", "Accept": "application/json"})

    def json(self, method: str, url: str, **arguments: Any) -> Any:
        """Make a request and read its answer.

        :raises TicketError: there is none, or it is no JSON.
        """
        response = self.request(method, url, **arguments)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise TicketError(
                Remark("{place}: answers with something that is no JSON; is it the right URL?", place=_origin(url))
            ) from None


class Wire(HTTPAdapter):
    """A transport to one origin."""

    def __init__(
        self, base: str, system: str, credentials: Credentials | None, rehearsal: Rehearsal | None = None
    ) -> None:
        self._origin = _origin(base)
        self._credentials, self._rehearsal = credentials, rehearsal
        self._headers, self._query = authorization(system, credentials) if credentials is not None else ({}, {})
        self._context = tls_context()
        if self._query:
            # Its debug lines hold whole paths, and Backlog's key is a part of them.
            logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        return super().proxy_manager_for(proxy, **keywords, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verification is the context's: requests would add the authorities it brings along."""
        conn.cert_reqs = "CERT_REQUIRED"

    def send(  # type: ignore[override]  # the base names every argument; here they are the session's business
        self, request: requests.PreparedRequest, **keywords: Any
    ) -> requests.Response:
        """Send a request and read its whole answer.

        Reading requests are repeated here; those that change something are repeated by :func:`pace.once`.

        :raises Refused: the server says no.
        :raises Unanswered: it gave no usable answer.
        """
        url = request.url or ""
        if _origin(url) != self._origin:
            raise TicketError(
                Remark(
                    "{origin} refers to {place}: nothing is sent to another server",
                    origin=self._origin,
                    place=_origin(url),
                )
            )
        if self._rehearsal is not None:
            return self._rehearsal.answer(request, {**self._headers, **{f"?{name}": "" for name in self._query}})
        if request.method != "GET":
            return self._exchange(request)
        for pause_s in pauses():
            try:
                return self._exchange(request)
            except Unanswered as error:
                wait(error, pause_s)
        return self._exchange(request)

    def _exchange(self, request: requests.PreparedRequest) -> requests.Response:
        signed = request.copy()
        signed.headers.update(self._headers)
        if self._query:
            joint = "&" if "?" in (signed.url or "") else "?"
            signed.url = f"{signed.url}{joint}{urlencode(self._query)}"
        try:
            response = super().send(
                signed, stream=True, timeout=TIMEOUT_S, proxies=get_environ_proxies(self._origin, no_proxy=None)
            )
            content = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise self._unreachable(error) from None  # its text holds the URL, and so perhaps the secret
        finally:
            self.close()  # nothing is left open when the tool ends, and no dead connection is used again
        if len(content) > MAX_ANSWER_BYTES:
            raise TicketError(
                Remark("{origin}: an answer of more than {most} MB", origin=self._origin, most=MAX_ANSWER_BYTES >> 20)
            )
        response._content = content  # noqa: SLF001 - as its own property does, but bounded
        response.request = request  # not the signed one
        response.url = request.url or ""
        self._judge(response)
        return response

    def _unreachable(self, error: Exception) -> TicketError:
        cause: object = error
        for _ in range(8):  # requests wraps urllib3's, which wraps the socket's
            if isinstance(cause, ssl.SSLCertVerificationError):
                return TicketError(
                    Remark(
                        "{origin}: its certificate is not accepted: {verify_message}",
                        origin=self._origin,
                        verify_message=cause.verify_message,
                    )
                )
            if isinstance(cause, NameResolutionError):
                return Unanswered(Remark("{origin}: the name is not known", origin=self._origin), maybe_done=False)
            if isinstance(cause, NewConnectionError | ConnectionRefusedError):
                return Unanswered(Remark("{origin}: cannot be reached", origin=self._origin), maybe_done=False)
            inner = getattr(cause, "reason", None) or next(
                (one for one in getattr(cause, "args", ()) if isinstance(one, BaseException)), None
            )
            if not isinstance(inner, BaseException):
                break
            cause = inner
        if isinstance(error, requests.ConnectTimeout):
            return Unanswered(
                Remark("{origin}: no connection within {n:.0f} s", origin=self._origin, n=TIMEOUT_S[0]),
                maybe_done=False,
            )
        if isinstance(error, requests.Timeout):
            return Unanswered(
                Remark("{origin}: no answer within {n:.0f} s", origin=self._origin, n=TIMEOUT_S[1]), maybe_done=True
            )
        if isinstance(cause, ssl.SSLError):
            return TicketError(
                Remark(
                    "{origin}: TLS fails: {reason}",
                    origin=self._origin,
                    reason=cause.reason or Remark("unknown reason"),
                )
            )
        return Unanswered(Remark("{origin}: the connection broke off", origin=self._origin), maybe_done=True)

    def _judge(self, response: requests.Response) -> None:
        status = response.status_code
        if status < 300:
            return
        if status < 400:
            place = _origin(response.headers.get("Location") or "")
            place = place if place and place != self._origin else Remark("another address")
            raise Refused(
                Remark(
                    "{origin}: redirects to {place}, which is not followed: name that one",
                    origin=self._origin,
                    place=place,
                ),
                status,
                "",
            )
        after_s = _asked_pause(response)
        if status == 429 or (status == 403 and after_s is not None):
            raise Unanswered(
                Remark("{origin}: too many requests", origin=self._origin), maybe_done=False, after_s=after_s
            )
        if status in _BUSY:
            raise Unanswered(
                Remark("{origin}: answers {status}", origin=self._origin, status=status),
                maybe_done=True,
                after_s=after_s,
            )
        reason = _says(response)
        if self._credentials is not None:
            reason = self._credentials.hide(reason)  # whole, before a part of it could be cut off
        reason = printable(reason)[:_SHOWN]
        if status == 401:
            reason = reason or (
                Remark("the credentials from {source} are not accepted", source=self._credentials.source)
                if self._credentials is not None
                else Remark("credentials are needed, and none were found")
            )
        answer = f"{status} {printable(response.reason or '')}".rstrip()
        message = Remark("{origin}: answers {status}", origin=self._origin, status=answer)
        raise Refused(
            Remark("{message}: {reason}", message=message, reason=reason) if reason else message, status, reason
        )


def _asked_pause(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait: Retry-After (RFC 9110, section 10.2.3), or when its quota begins anew."""
    headers = response.headers
    if after := headers.get("Retry-After"):
        if after.isascii() and after.isdigit():
            return float(after[:9])
        try:
            return max(parsedate_to_datetime(after).timestamp() - time.time(), 0.0)
        except ValueError:
            return None
    for prefix in ("X-RateLimit", "RateLimit"):
        reset = headers.get(f"{prefix}-Reset", "")
        if headers.get(f"{prefix}-Remaining") == "0" and reset.isascii() and reset.isdigit():
            return max(float(reset[:12]) - time.time(), 0.0)
    return None


def _says(response: requests.Response) -> str:
    """What a JSON answer gives as its reason, as it stands."""
    try:
        body = response.json()
    except ValueError:
        return ""
    texts: list[str] = []

    def collect(value: Any, depth: int) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list) and depth < 4:
            for one in value[:8]:
                collect(one, depth + 1)
        elif isinstance(value, dict) and depth < 4:
            for name in ("errors", "errorMessages", "message", "error", "detail", "error_description"):
                collect(value.get(name), depth + 1)
            if depth > 0 and not texts:  # {"errors": {"field": "why"}}
                for name, one in list(value.items())[:8]:
                    collect(f"{name}: {one}" if isinstance(one, str) else one, depth + 1)

    collect(body, 0)
    return "; ".join(dict.fromkeys(filter(None, texts)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
