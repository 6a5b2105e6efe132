"""A dry run: the same requests, written out instead of sent, with the answers that a server would give made up."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from capanalyzer.remark import Remark

if TYPE_CHECKING:
    import requests

__all__ = ["HIDDEN", "Rehearsal", "Write"]

Write: TypeAlias = Callable[[str], None]
"""Takes one line; what is a :class:`Remark` is told in the run's language."""

HIDDEN: Final = "***"
"""In place of a secret."""
_LEFT_OUT: Final = frozenset({"accept", "accept-encoding", "connection", "user-agent", "content-length", "cookie"})
_PART: Final = re.compile(rb"(?:^|\r\n)--[^\r\n]{1,70}\r\n(Content-Disposition: form-data;[^\r\n]+)\r\n", re.IGNORECASE)
_CHUNK: Final = 1 << 20


class Rehearsal:
    """Writes out requests, and answers them."""

    def __init__(self, write: Write, pretend: Callable[[str, str], Any]) -> None:
        """:param pretend: (method, path) -> the JSON that the system would answer."""
        self._write, self._pretend = write, pretend

    def answer(self, request: requests.PreparedRequest, secrets: Mapping[str, str]) -> requests.Response:
        """Write ``request`` out.

        :param secrets: names of what is added when it is sent; those with a question mark are query parameters.
        """
        import requests

        url = request.url or ""
        for name in secrets:
            if name.startswith("?"):
                url += f"{'&' if '?' in url else '?'}{name[1:]}={HIDDEN}"
        self._write(f"{request.method} {url}")
        for name, value in sorted(request.headers.items()):
            if name.lower() not in _LEFT_OUT:
                text = value if isinstance(value, str) else value.decode("latin-1")
                # A multipart boundary is drawn anew each time: two dry runs are to print the same.
                self._write(f"  {name}: {text.partition('; boundary=')[0]}")
        for name in secrets:
            if not name.startswith("?"):
                self._write(f"  {name}: {HIDDEN}")
        self._body(request)
        self._write("")
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response.headers["Content-Type"] = "application/json"
        path = request.path_url.partition("?")[0]
        response._content = json.dumps(self._pretend(request.method or "", path)).encode()  # noqa: SLF001
        return response

    def _body(self, request: requests.PreparedRequest) -> None:
        body = request.body
        if not body:
            return
        content = str(request.headers.get("Content-Type", ""))
        is_text = isinstance(body, bytes | str)  # else a file, which may be JSON too
        if is_text and content.startswith(("application/json", "application/x-www-form-urlencoded")):
            self._text(body if isinstance(body, str) else bytes(body).decode("utf-8"), is_json="json" in content)
            return
        size, digest, head = 0, hashlib.sha256(), b""
        for chunk in _chunks(body):
            size += len(chunk)
            digest.update(chunk)
            head = head or chunk
        for part in _PART.findall(head):
            self._write(Remark("  part: {header}", header=part.decode("utf-8", "replace")))
        if content.startswith("multipart/"):
            self._write(Remark("  body: {size:,} bytes", size=size))
        else:
            self._write(Remark("  body: {size:,} bytes, SHA-256 {sha256}", size=size, sha256=digest.hexdigest()))

    def _text(self, text: str, *, is_json: bool) -> None:
        if is_json:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2).replace("\\n", "\n    ")
        else:
            from urllib.parse import parse_qsl

            text = "\n".join(f"{name}={value}" for name, value in parse_qsl(text, keep_blank_values=True))
        for line in text.split("\n"):
            self._write(f"  {line}")


def _chunks(body: Any) -> Any:
    if isinstance(body, bytes | str):
        yield body.encode() if isinstance(body, str) else body
        return
    while chunk := body.read(_CHUNK):
        yield chunk
