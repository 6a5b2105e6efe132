"""Notifications of new incidents, over HTTP and by a program: what arrives, how often, and what never happens."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from capanalyzer.errors import UsageError
from capanalyzer.live.complaint import AGAIN_S
from capanalyzer.live.hooks import outbox as outbox_module
from capanalyzer.live.hooks import program as program_module
from capanalyzer.live.hooks import webhook as webhook_module
from capanalyzer.live.hooks.message import MAX_OTHERS, Message, make_message
from capanalyzer.live.hooks.outbox import MAX_A_MINUTE, NotDelivered, Outbox
from capanalyzer.live.hooks.program import Program
from capanalyzer.live.hooks.webhook import Webhook
from capanalyzer.remark import Remark
from capanalyzer.report import model
from tests.report.samples import at

WAIT_S = 60.0
"""A machine may be busy."""


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "CLOSING_S", WAIT_S)


def incident(number: int = 0, **changes: Any) -> model.Incident:
    values: dict[str, Any] = {
        "cause": "http-to-tls-port", "server": model.Endpoint("198.51.100.9", 443), "sni": None, "sessions": (number,),
        "clients": 1, "first": at(0), "last": at(1), "title": "Plaintext HTTP", "confidence": "certain",
        "sentence": "One client fails, no other is seen: plaintext HTTP was sent.", "blame": "client",
    }  # fmt: skip
    return model.Incident(**(values | changes))


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- how often ---------------------------------------------------------------------------------------------------------


class Kept:
    """Delivers into a list; waits for the gate."""

    option = "--kept"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reason: str | None = None

    def __call__(self, message: Message, stop: threading.Event) -> None:
        self.gate.wait(WAIT_S)
        self.messages.append(message)
        if self.reason is not None:
            raise NotDelivered(Remark("{reason}", reason=self.reason))


def test_only_new_incidents_are_told() -> None:
    kept = Kept()
    outbox = Outbox(kept, source="eth0", tell=print)
    outbox.incident(incident(1), new=True)
    outbox.incident(incident(1), new=False)
    outbox.close()
    assert [json.loads(message.body)["session"] for message in kept.messages] == [1]
    assert outbox.counts == {"delivered": 1, "failed": 0, "grouped": 0}


def test_few_a_minute_and_none_is_forgotten() -> None:
    """What had to wait comes with the next one, counted and named, also at the end of the run."""
    now = [0.0]
    kept = Kept()
    outbox = Outbox(kept, source="eth0", tell=print, clock=lambda: now[0])
    for number in range(MAX_A_MINUTE):
        outbox.incident(incident(number), new=True)
        until(lambda number=number: len(kept.messages) == number + 1)  # type: ignore[misc]
    for number in range(100, 140):
        outbox.incident(incident(number), new=True)
    with outbox._changed:
        assert len(outbox._waiting) == 40
    now[0] = 61.0
    outbox.incident(incident(140), new=True)
    until(lambda: len(kept.messages) == MAX_A_MINUTE + 1)
    body = json.loads(kept.messages[-1].body)
    assert body["session"] == 100
    assert body["held_back"]["incidents"] == 40
    assert [one["session"] for one in body["held_back"]["some"]] == list(range(101, 101 + MAX_OTHERS))
    assert body["text"].endswith("And 40 more new incidents.")
    for _ in range(MAX_A_MINUTE - 1):
        outbox._sent.append(now[0])
    outbox.incident(incident(200), new=True)
    outbox.close()
    assert json.loads(kept.messages[-1].body)["session"] == 200


def test_what_was_none_before_its_turn_came_is_not_told() -> None:
    kept = Kept()
    kept.gate.clear()
    outbox = Outbox(kept, source="eth0", tell=print)
    outbox.incident(incident(0), new=True)
    until(lambda: not outbox._waiting)
    for number in (1, 2):
        outbox.incident(incident(number), new=True)
    outbox.incident(incident(1, sessions=(), clients=0), new=False)
    kept.gate.set()
    outbox.close()
    assert [json.loads(message.body)["session"] for message in kept.messages] == [0, 2]


def test_a_delivery_that_hangs_does_not_block_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incidents are taken at once, their number is bounded, and the end does not wait for ever; what nobody was told
    of is counted.
    """
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 5)
    monkeypatch.setattr(outbox_module, "CLOSING_S", 0.05)
    kept, told = Kept(), list[str]()
    kept.gate.clear()
    outbox = Outbox(kept, source="eth0", tell=told.append)
    outbox.incident(incident(0), new=True)
    until(lambda: not outbox._waiting)
    for number in range(1, 50):
        outbox.incident(incident(number), new=True)
    assert len(outbox._waiting) == 5
    outbox.close()
    assert told == [
        "--kept: the last notification may not have arrived: there was no answer in time",
        "--kept: the run has ended; 49 new incidents were not told",
    ]
    kept.gate.set()
    assert outbox._thread is not None
    outbox._thread.join(30)
    assert len(kept.messages) == 1  # what was said not to be told is not told after all


def test_the_same_trouble_is_told_once_in_a_while() -> None:
    kept, told, now = Kept(), list[str](), [0.0]
    outbox = Outbox(kept, source="eth0", tell=told.append, clock=lambda: now[0])

    def deliver(number: int, reason: str | None) -> None:
        kept.reason = reason
        done = sum(outbox.counts.values())
        outbox.incident(incident(number), new=True)
        until(lambda: sum(outbox.counts.values()) == done + 1)

    for number, reason in enumerate(["is out", "is out", None, "is out", "is full"]):
        deliver(number, reason)
    assert told == ["--kept: is out; 1 new incident was not told", "--kept: is full; 1 new incident was not told"]
    now[0] += AGAIN_S
    deliver(9, "is out")
    assert told[2:] == ["--kept: is out; 1 new incident was not told"]
    outbox.close()


# -- what is told ------------------------------------------------------------------------------------------------------


def test_whatever_goes_wrong_only_one_notification_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody thought of: told without its text, which may hold a secret; the next one goes."""
    told: list[str] = []
    kept = Kept()
    trouble: list[Exception] = [UnicodeError("https://hooks.example/SECRET")]

    def deliver(message: Message, stop: threading.Event) -> None:
        if trouble:
            raise trouble.pop()
        kept(message, stop)

    deliver.option = "--kept"  # type: ignore[attr-defined]
    outbox = Outbox(deliver, source="eth0", tell=told.append)  # type: ignore[arg-type]
    outbox.incident(incident(1), new=True)
    until(lambda: outbox.counts["failed"] == 1)
    outbox.incident(incident(2), new=True)
    outbox.close()
    assert [json.loads(message.body)["session"] for message in kept.messages] == [2]
    assert outbox.counts == {"delivered": 1, "failed": 1, "grouped": 0}
    assert told == ["--kept: UnicodeError; 1 new incident was not told"]


def test_the_message() -> None:
    hostile = incident(5, sni="evil\x1b[2J\n.example", sentence="One client fails: \x07 x.")
    message = make_message(hostile, [incident(6)], 3, source="eth0", lang="en")
    body = json.loads(message.body)
    assert body["incident"]["sni"] == "evil\x1b[2J\n.example"
    assert body["incident"]["server"] == {"ip": "198.51.100.9", "port": 443}
    assert body["held_back"]["incidents"] == 4
    assert body["source"] == "eth0"
    assert message.text.isprintable()
    assert message.text.startswith("http-to-tls-port at 198.51.100.9:443 (evil\\x1b[2J\\x0a.example): One client fails")
    assert "the client's side." in message.text
    japanese = make_message(incident(5), [], 0, source="eth0", lang="ja").text
    assert japanese.startswith("198.51.100.9:443 で http-to-tls-port: ")


# -- over HTTP ---------------------------------------------------------------------------------------------------------


class Receiver:
    """A real server: keeps what is posted, answers as it is told."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()

            do_GET = do_POST  # noqa: N815

            def log_message(self, *arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(None)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_module, "PAUSES_S", (0.0, 0.0))


MESSAGE = make_message(incident(7), [], 0, source="eth0", lang="en")
NEVER = threading.Event()


def test_it_arrives(receiver: Receiver) -> None:
    """Through the whole way, from the incident to the server."""
    host = receiver.url.removeprefix("http://")
    outbox = Outbox(Webhook(f"http://me:p%40ss@{host}/hooks/x?key=1"), source="eth0", tell=print)
    outbox.incident(incident(7), new=True)
    outbox.close()
    [(path, headers, body)] = receiver.requests
    assert path == "/hooks/x?key=1"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert json.loads(body)["incident"]["cause"] == "http-to-tls-port"


@pytest.mark.usefixtures("quick")
def test_a_busy_server_is_tried_again(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "0"}), (429, {}), (200, {})]
    Webhook(receiver.url)(MESSAGE, NEVER)
    assert [body for _, _, body in receiver.requests] == [MESSAGE.body] * 3


@pytest.mark.usefixtures("quick")
def test_it_is_given_up(receiver: Receiver) -> None:
    receiver.answers = [(503, {})] * 9
    with pytest.raises(NotDelivered, match=rf"^{receiver.url}: answers 503$"):
        Webhook(f"{receiver.url}/secret")(MESSAGE, NEVER)
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 302])
def test_what_will_not_get_better_is_not_tried_again(receiver: Receiver, status: int) -> None:
    """A redirect is not followed either."""
    receiver.answers = [(status, {"Location": f"{receiver.url}/elsewhere"})]
    with pytest.raises(NotDelivered, match=f"answers {status}"):
        Webhook(receiver.url)(MESSAGE, NEVER)
    assert len(receiver.requests) == 1


@pytest.mark.usefixtures("quick")
def test_nobody_there() -> None:
    with pytest.raises(NotDelivered, match="Connection refused"):
        Webhook("http://127.0.0.1:1/secret")(MESSAGE, NEVER)


def test_the_end_of_the_run_cuts_the_pauses(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "25"})]
    over = threading.Event()
    over.set()
    before = time.monotonic()
    with pytest.raises(NotDelivered):
        Webhook(receiver.url)(MESSAGE, over)
    assert time.monotonic() - before < 20


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is trusted, one whose authority nobody knows, one for another name."""
    authority = trustme.CA()
    for names, is_trusted, error in (
        (["127.0.0.1"], True, None),
        (["127.0.0.1"], False, "unable to get local issuer certificate"),
        (["elsewhere.example"], True, "IP address mismatch"),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        pem = tmp_path / "authority.pem"
        (authority if is_trusted else trustme.CA()).cert_pem.write_to_path(str(pem))
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        receiver = Receiver(context)
        if error is None:
            Webhook(receiver.url)(MESSAGE, NEVER)
            assert len(receiver.requests) == 1
        else:
            with pytest.raises(NotDelivered, match=error):
                Webhook(receiver.url)(MESSAGE, NEVER)
            assert receiver.requests == []
        receiver.server.shutdown()
        receiver.server.server_close()


def test_what_a_url_must_not_hold_is_quoted(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks and letters of other languages; what is quoted already stays so. The host goes by its name in the DNS."""
    Webhook(f"{receiver.url}/hook s/ü%20x?key=ö/%C3%B6#part")(MESSAGE, NEVER)
    [(path, _, _)] = receiver.requests
    assert path == "/hook%20s/%C3%BC%20x?key=%C3%B6/%C3%B6"

    def nobody(host: str, *_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(NotDelivered, match=r"^http://xn--bcher-kva\.invalid:1: xn--bcher-kva\.invalid is not known$"):
        Webhook("http://bücher.invalid:1/SECRET b")(MESSAGE, stopped())


def stopped() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/", "secret", "http://", "https://[", "file:///etc/passwd", "http://x:port/", "http://a..b/x",
        f"http://{'a' * 64}.example/x", "http://a b/x", "http://x/\udcff", "http://\udcff:\udcff@x/", "http://x:99999/",
    ],
)  # fmt: skip
def test_no_url(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--webhook needs a URL like https://HOST/PATH$"):
        Webhook(url)


# -- by a program ------------------------------------------------------------------------------------------------------


def script(folder: Path, text: str) -> str:
    path = folder / "hook with space.py"
    path.write_text(f"#!{sys.executable}\n{text}", "utf-8")
    path.chmod(0o755)
    return f"'{path}' '$(touch {folder}/shell)' ';' \\* "


def test_the_program_gets_data(tmp_path: Path) -> None:
    """As values, never as words of a shell; the words it was given, as they are."""
    command = script(
        tmp_path,
        f"""
import json, os, sys
found = {{name: value for name, value in os.environ.items() if name.startswith("CAPANALYZER_")}}
json.dump([sys.argv[1:], found, json.load(sys.stdin)], open({str(tmp_path / "out")!r}, "w"))
print("not shown")
""",
    )
    evil = incident(7, sni=f"$(touch {tmp_path}/injected)\x00`id`")
    outbox = Outbox(Program(command), source="eth0", tell=pytest.fail)
    outbox.incident(evil, new=True)
    outbox.close()
    words, variables, body = json.loads((tmp_path / "out").read_text("utf-8"))
    assert words == [f"$(touch {tmp_path}/shell)", ";", "*"]
    assert variables["CAPANALYZER_CAUSE"] == "http-to-tls-port"
    assert variables["CAPANALYZER_SERVER_IP"] == "198.51.100.9"
    assert variables["CAPANALYZER_SERVER_PORT"] == "443"
    assert variables["CAPANALYZER_SNI"] == f"$(touch {tmp_path}/injected)\\x00`id`"
    assert variables["CAPANALYZER_SESSION"] == "7"
    assert variables["CAPANALYZER_TEXT"] == body["text"]
    assert body["incident"]["sni"] == evil.sni
    assert not (tmp_path / "shell").exists()
    assert not (tmp_path / "injected").exists()


def test_its_failure_is_told(tmp_path: Path) -> None:
    command = script(tmp_path, "import sys; sys.stderr.write('first\\nno \\x1b[31mroute\\n\\n'); sys.exit(3)")
    with pytest.raises(NotDelivered, match=r"^hook with space\.py: exit status 3 \(no \\x1b\[31mroute\)$"):
        Program(command)(MESSAGE, NEVER)


def test_it_is_ended_with_its_children_when_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, told = tmp_path / "slow", tmp_path / "child"
    path.write_text(f"#!/bin/sh\nsleep 300 &\necho $! > {told}\nwait\n", "utf-8")
    path.chmod(0o755)

    class Waiting(subprocess.Popen[bytes]):
        """Its time is over once it has a child."""

        def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002
            assert timeout == program_module.TIMEOUT_S
            until(lambda: told.exists() and told.read_text("ascii").endswith("\n"))
            return super().communicate(input, timeout=0.01)

    monkeypatch.setattr(subprocess, "Popen", Waiting)
    with pytest.raises(NotDelivered, match="ran for more than 30 s"):
        Program(str(path))(MESSAGE, NEVER)
    child = int(told.read_text("ascii"))
    until(lambda: not is_running(child))


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_program_that_does_not_read_is_no_trouble(tmp_path: Path) -> None:
    Program(script(tmp_path, "pass"))(MESSAGE, NEVER)


@pytest.mark.parametrize("command", ["", "'", "/no/such/program --x", "no-such-program-anywhere"])
def test_no_program(command: str) -> None:
    with pytest.raises(UsageError, match=r"^--exec"):
        Program(command)
