"""Real programs that fail with each other, and others that do not: told while it happens, and as a file tells it."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.capture.namespaces import written
from tests.diagnosis.pki import Issued, issue, key
from tests.live.network import CLIENT, DEVICE, NOBODY, PATIENCE_S, SERVER, Hosts, end, hosts, missing

WHY_NOT = missing("openssl", "curl", "tcpdump", "ss")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

NAME: Final = "www.example.test"
GOOD, EXPIRED, SELF_SIGNED, OLD, CIPHER, MUTUAL, PLAIN, MUTE, RUDE, CLOSED = range(44301, 44311)

EXPECTED: Final = {
    EXPIRED: "certificate-expired",
    SELF_SIGNED: "certificate-self-signed",
    OLD: "protocol-version-mismatch",
    CIPHER: "handshake-failure-unspecified",
    MUTUAL: "client-certificate-missing",
    PLAIN: "tls-to-http-port",
    MUTE: "server-silent",
    RUDE: "server-closed",
    CLOSED: "tcp-connect-refused",
}
"""By the port at which a client fails. Beside them: HTTP to a TLS port, a name that the certificate does not have, and
a host that does not answer."""

VISIBLE: Final = ("--tls-max", "1.2")
"""Certificates can be read."""

TALKER = """
import socket, sys, threading, time
port, how = int(sys.argv[1]), sys.argv[2]
listening = socket.create_server(("0.0.0.0", port))
kept = []
while True:
    one, _ = listening.accept()
    kept.append(one)
    if how == "mute":
        continue
    one.recv(4096)
    if how == "plain":
        one.sendall(b"HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    one.close()
"""


class Said:
    """Lines of a program's output, and when each came."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.lines: list[tuple[float, dict[str, Any]]] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append((time.time(), json.loads(line)))

    def wait_for(self, causes: set[str]) -> None:
        """Until sessions failed for all of these."""
        until = time.monotonic() + PATIENCE_S
        while causes - {one.get("cause") for _, one in list(self.lines)}:
            assert time.monotonic() < until, f"not told: {causes - {one.get('cause') for _, one in self.lines}}"
            time.sleep(0.05)

    def finish(self) -> None:
        """All lines are there."""
        self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)


def write(folder: Path, label: str, made: Issued, *chain: Issued) -> Path:
    """Certificates and key in one file, as OpenSSL takes them."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = folder / f"{label}.pem"
    secret = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.pem + b"".join(one.pem for one in chain))
    return path


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("real")
    at = time.time_ns()
    authority = issue("Test Authority", organisation="Example", is_ca=True, own_key=key("authority"), at=at)
    good = write(folder, "good", issue(NAME, authority, names=[NAME], at=at))
    expired = write(folder, "expired", issue(NAME, authority, names=[NAME], days=(-200, -100), at=at))
    alone = write(folder, "alone", issue(NAME, names=[NAME], own_key=key("alone"), at=at))
    (folder / "ca.pem").write_bytes(authority.pem)
    with hosts(folder) as made:
        ciphers = ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")
        for port, pem, *more in (
            (GOOD, good),
            (EXPIRED, expired),
            (SELF_SIGNED, alone),
            (OLD, good, "-tls1_2"),
            (CIPHER, good, *ciphers),
            (MUTUAL, good, "-Verify", "1", "-CAfile", str(folder / "ca.pem"), "-verify_return_error"),
        ):
            made.start(
                made.server,
                "openssl",
                "s_server",
                "-accept",
                str(port),
                "-cert",
                pem,
                "-key",
                pem,
                "-www",
                *map(str, more),
            )
        for port, how in ((PLAIN, "plain"), (MUTE, "mute"), (RUDE, "rude")):
            made.start(made.server, sys.executable, "-c", TALKER, str(port), how)
        for port in (GOOD, EXPIRED, SELF_SIGNED, OLD, CIPHER, MUTUAL, PLAIN, MUTE, RUDE):
            made.await_port(port)
        yield made


def curl(net: Hosts, port: int, *more: str, name: str = NAME, address: str = SERVER) -> list[str | Path]:
    """The words of a request."""
    url = f"https://{name}:{port}/"
    resolve = f"{name}:{port}:{address}"
    return ["curl", "-sS", "--noproxy", "*", "--cacert", net.folder / "ca.pem", "--resolve", resolve, *more, url]


def works(net: Hosts) -> None:
    done = net.run(net.client, *curl(net, GOOD, "-o", "/dev/null", "-w", "%{http_code}"))
    assert done.stdout == b"200", done.stderr


def fail_in_many_ways(net: Hosts) -> list[subprocess.Popen[bytes]]:
    """Each with a session that works beside it; gives those that wait for an answer."""
    waiting = [net.start(net.client, *curl(net, MUTE)), net.start(net.client, *curl(net, GOOD, address=NOBODY))]
    for port in (EXPIRED, PLAIN, RUDE, CLOSED, MUTUAL):
        assert net.run(net.client, *curl(net, port)).returncode
        works(net)
    assert net.run(net.client, *curl(net, SELF_SIGNED, *VISIBLE)).returncode
    works(net)
    assert net.run(net.client, *curl(net, OLD, "--tlsv1.3")).returncode
    works(net)
    assert net.run(net.client, *curl(net, CIPHER, "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256")).returncode
    assert net.run(net.client, *curl(net, GOOD, *VISIBLE, name="other.example.test")).returncode
    net.run(net.client, "curl", "-sS", "--noproxy", "*", f"http://{SERVER}:{GOOD}/")
    works(net)
    return waiting


def by_ends(session: dict[str, Any]) -> tuple[int, str, int]:
    return session["client"]["port"], session["server"]["ip"], session["server"]["port"]


def verdict(session: dict[str, Any]) -> tuple[str, str | None, str | None, str | None]:
    return session["outcome"], session["cause"], session["stage"], session["blame"]


def test_failures_are_told_as_they_happen_and_as_a_file_tells_them(net: Hosts) -> None:
    """None missed, none that works called failed, each told while the run goes on; the same from tcpdump's file."""
    capture = net.folder / "all.pcap"
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(net.folder / "notify"))
    systemd.settimeout(PATIENCE_S)
    live = net.start(
        net.server,
        *(sys.executable, "-m", "capanalyzer", "live", "-i", DEVICE, "--format", "jsonl"),
        env={**os.environ, "NOTIFY_SOCKET": str(net.folder / "notify")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )
    said = Said(live)
    seen = ("tcpdump", "-i", DEVICE, "-U", "--immediate-mode", "-w", capture, "tcp or icmp")
    dump = net.start(net.server, *seen, stderr=subprocess.PIPE)
    assert dump.stderr is not None
    while b"listening on" not in dump.stderr.readline():
        pass
    with systemd:
        assert systemd.recv(100) == b"READY=1"
    waiting = fail_in_many_ways(net)
    status = Path(f"/proc/{live.pid}/status").read_text()
    held = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (held["NoNewPrivs"], held["CapEff"], held["CapBnd"]) == ("1", "0" * 16, "0" * 16)
    assert held["Uid"].split() == [str(pwd.getpwnam("nobody").pw_uid)] * 4
    causes = {*EXPECTED.values(), "http-to-tls-port", "certificate-hostname-mismatch", "tcp-connect-timeout"}
    said.wait_for(causes)
    for each in waiting:
        end(each)
    assert live.poll() is None
    live.send_signal(signal.SIGINT)
    said.finish()
    assert end(live) == 0
    *told, trailer = [one for _, one in said.lines]
    until = time.monotonic() + PATIENCE_S
    while len(written(capture)) < trailer["captures"][0]["packets"]:
        assert time.monotonic() < until, "tcpdump saw less"
        time.sleep(0.1)
    end(dump)

    assert "outcome" not in trailer
    last = {by_ends(session): session for session in told}
    report = subprocess.run(
        [sys.executable, "-m", "capanalyzer", "analyze", str(capture), "--format", "json"],
        capture_output=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    expected = {by_ends(session): session for session in json.loads(report.stdout)["sessions"]}
    assert {ends: verdict(session) for ends, session in last.items()} == {
        ends: verdict(session) for ends, session in expected.items()
    }
    for port, cause in EXPECTED.items():
        assert {session["cause"] for ends, session in last.items() if ends[2] == port} == {cause}
    assert {session["cause"] for ends, session in last.items() if ends[1] == NOBODY} == {"tcp-connect-timeout"}
    fine = {ends for ends, session in expected.items() if session["outcome"] != "failed"}
    assert [by_ends(session) for session in told if session["outcome"] == "failed" and by_ends(session) in fine] == []
    assert sum(session["outcome"] == "established" for session in last.values()) == 8
    assert trailer["captures"][0]["dropped_packets"] == 0
    assert all(session["client"]["ip"] == CLIENT for session in told)


def test_nothing_is_sent(net: Hosts) -> None:
    """Not a frame leaves the interface that is watched, promiscuous or not, from the start to the end."""
    counter = f"/sys/class/net/{DEVICE}/statistics/tx_packets"
    before = net.run(net.server, "cat", counter).stdout
    for more in ((), ("-p",), ("-f", "tcp port 443")):
        done = net.run(
            net.server,
            *(sys.executable, "-m", "capanalyzer", "live", "-i", DEVICE, "--format", "jsonl", "--duration", "1", *more),
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["captures"][0]["packets"] == 0
    assert net.run(net.server, "cat", counter).stdout == before
