"""An HTTPS server on loopback for systems that cannot run here: strict about what their documentation asks for."""

from __future__ import annotations

import json
import re
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def one(self, name: str) -> str:
        (value,) = self.query[name]
        return value

    def json(self) -> Any:
        assert self.headers["content-type"].lower().startswith("application/json"), self.headers
        return json.loads(self.body)

    def form(self) -> dict[str, list[str]]:
        assert self.headers["content-type"] == "application/x-www-form-urlencoded"
        return parse_qs(self.body.decode("utf-8"), strict_parsing=True)

    def file(self, name: str = "file") -> tuple[str, bytes]:
        """File name and content of the only part that has some."""
        kind = self.headers["content-type"]
        assert kind.startswith("multipart/form-data; boundary=")
        message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        (part,) = [one for one in message.get_payload() if one.get_filename() is not None]
        assert part.get_param("name", header="content-disposition") == name
        # As browsers do it: the name in UTF-8 as it is.
        (name,) = re.findall(rb'; filename="([^"\r\n]+)"', self.body.partition(b"\r\n\r\n")[0])
        return name.decode("utf-8"), part.get_payload(decode=True)


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Trouble:
    """What goes wrong with the next request that fits."""

    method: str
    path: str
    answer: Answer | None
    """None: the connection is closed without one."""
    after: bool = False
    """Only when the request has had its effect."""


class Desk(ABC):
    """A system: subclasses handle requests, and raise AssertionError at what is not as documented."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.troubles: list[Trouble] = []
        self.complaints: list[str] = []
        self.url = ""

    @abstractmethod
    def handle(self, request: Request) -> Answer:
        """What the system answers."""

    def answer(self, request: Request) -> Answer | None:
        self.requests.append(request)
        for trouble in self.troubles:
            if trouble.method == request.method and re.search(trouble.path, request.path):
                self.troubles.remove(trouble)
                if trouble.after:
                    self._handled(request)
                return trouble.answer
        return self._handled(request)

    def _handled(self, request: Request) -> Answer:
        try:
            return self.handle(request)
        except (AssertionError, KeyError, ValueError) as error:
            self.complaints.append(f"{request.method} {request.path}: {error!r}")
            return Answer(400, {"message": "not as documented"})

    def changes(self) -> list[str]:
        """Requests that change something, as ``METHOD path``."""
        return [f"{one.method} {one.path}" for one in self.requests if one.method != "GET"]


@contextmanager
def serving(desk: Desk, context: ssl.SSLContext) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            assert "Transfer-Encoding" not in self.headers  # several of the systems take no chunks
            request = Request(
                self.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            answer = desk.answer(request)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            body = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            pass  # a client that does not like the certificate hangs up

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        desk.url = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
