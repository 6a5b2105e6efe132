"""Serving metrics over HTTP, in threads of its own: few connections at a time, none for long."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from capanalyzer.errors import UsageError
from capanalyzer.live.metrics.exposition import Beside, make_registry
from capanalyzer.live.metrics.numbers import Numbers
from capanalyzer.remark import Remark

__all__ = ["Metrics"]

MAX_CONNECTIONS: Final = 16
"""At a time; more are closed at once. A Prometheus has one, a pair of them and a curious person three."""
MAX_SECONDS: Final = 15.0
"""A connection is cut after this long, whatever it is doing."""


class Metrics(Numbers):
    """See :class:`capanalyzer.live.listener.Listener`: :class:`Numbers`, and the server that shows them."""

    def __init__(self, address: str, port: int, beside: Beside | None = None) -> None:
        """Begin to listen, so that a port in use is known before the run begins.

        :param port: 0 takes a free one.
        :param beside: what other listeners count.
        :raises UsageError: the address cannot be had.
        """
        super().__init__()
        registry = make_registry(lambda: self.snapshot, {} if beside is None else beside)
        try:
            self._server = _Server(address, port, registry)
        except OSError as error:
            raise UsageError(
                Remark(
                    "--metrics-port {port}: {address}: {reason}",
                    port=port,
                    address=address,
                    reason=error.strerror or error,
                )
            ) from None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer; to be called when the run has given up its privileges."""
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(2)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, address: str, port: int, registry: CollectorRegistry) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.registry = registry
        self._began: dict[Any, float] = {}
        """Open connections, and since when."""
        self._lock = threading.Lock()
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Without asking DNS for the machine's name, as http.server would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            is_full = len(self._began) >= MAX_CONNECTIONS
            if not is_full:
                self._began[request] = time.monotonic()
        if is_full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._began.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second."""
        late = time.monotonic() - MAX_SECONDS
        with self._lock:
            for request in [request for request, began in self._began.items() if began < late]:
                try:
                    request.shutdown(socket.SHUT_RDWR)  # its thread then ends by itself
                except OSError:
                    del self._began[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = MAX_SECONDS
    server: _Server
    server_version = "capanalyzer"
    sys_version = ""

    def do_GET(self) -> None:
        """``/metrics``, and nothing else."""
        if self.path.split("?", 1)[0] != "/metrics":
            self._answer(404, "text/plain; charset=utf-8", b"the metrics are at /metrics\n")
            return
        encode, kind = choose_encoder(self.headers.get("Accept", ""))
        self._answer(200, kind, encode(self.server.registry))

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """No request is worth a line."""
