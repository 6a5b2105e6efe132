"""Namespaces, links, processes and captures of one case."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Self, TypeVar

from lab.pki import Authority

__all__ = ["CLIENT", "CLIENT6", "OTHER_CLIENTS", "PROXY", "SERVER", "SERVER6", "Lab", "LabError"]

CLIENT, CLIENT6 = "192.0.2.10", "2001:db8:1::10"
OTHER_CLIENTS = ("192.0.2.11", "192.0.2.12")
PROXY = "192.0.2.1"
"""The router's address on the client's side, where forward proxies listen."""
SERVER, SERVER6 = "198.51.100.20", "2001:db8:2::20"
ROUTER_INSIDE = "198.51.100.1"

T = TypeVar("T")
SIOCETHTOOL = 0x8946
ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x1F, 0x24, 0x2C
CLONE_NEWNET = 0x40000000


class LabError(Exception):
    """A case could not be made: a program is missing or did not do what it should."""


def command(*arguments: str) -> str:
    """Run to the end; its standard output."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Lab:
    """One case's network. Use as a context manager; everything in it ends with it."""

    def __init__(self, work: Path, *, offload: bool = False) -> None:
        self.work = work
        self.pki = Authority(work / "pki")
        self.raw = work / "raw.pcap"
        self._names = {role: f"capa-{role}-{os.getpid()}" for role in ("client", "router", "server")}
        self._offload = offload
        self._stack = ExitStack()
        self._logs = 0

    def __enter__(self) -> Self:
        self._stack.callback(self._remove)
        for name in self._names.values():
            command("ip", "netns", "add", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        self._link("client", "eth0", "router", "down0")
        self._link("server", "eth0", "router", "up0")
        for role, device, addresses in (
            ("client", "eth0", (CLIENT, *OTHER_CLIENTS, CLIENT6)),
            ("server", "eth0", (SERVER, SERVER6)),
            ("router", "down0", (PROXY, "2001:db8:1::1")),
            ("router", "up0", (ROUTER_INSIDE, "2001:db8:2::1")),
        ):
            for address in addresses:
                size = "64" if ":" in address else "24"
                extra = ["nodad"] if ":" in address else []
                self.ip(role, "addr", "add", f"{address}/{size}", "dev", device, *extra)
            self.ip(role, "link", "set", device, "up")
        self.ip("client", "route", "add", "default", "via", PROXY)
        self.ip("server", "route", "add", "default", "via", ROUTER_INSIDE)
        self.ip("client", "-6", "route", "add", "default", "via", "2001:db8:1::1")
        self.ip("server", "-6", "route", "add", "default", "via", "2001:db8:2::1")
        for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.run("router", "sysctl", "-qw", f"{setting}=1")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _remove(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def _link(self, left: str, left_device: str, right: str, right_device: str) -> None:
        names = self._names
        command(
            "ip",
            "-n",
            names[left],
            "link",
            "add",
            left_device,
            "type",
            "veth",
            "peer",
            "name",
            right_device,
            "netns",
            names[right],
        )
        for role, device in ((left, left_device), (right, right_device)):
            if not self._offload:
                self.inside(role, partial(segment_in_software, device))

    def ip(self, role: str, *arguments: str) -> str:
        """``ip`` in a namespace."""
        return command("ip", "-n", self._names[role], *arguments)

    def run(
        self, role: str, *arguments: str, stdin: bytes = b"", limit_s: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """A program in a namespace, to its end. Its failure is not ours: refusals are what is sampled."""
        full = ["ip", "netns", "exec", self._names[role], *arguments]
        done = subprocess.run(full, input=stdin, capture_output=True, timeout=limit_s, check=False)
        self._log(" ".join(arguments), done.stdout + done.stderr)
        return done

    def start(
        self, role: str, *arguments: str, port: int | None = None, stdin: IO[bytes] | int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """A program in a namespace that stays; waits until ``port`` listens. Ended with the case."""
        self._logs += 1
        log = self._stack.enter_context((self.work / f"process-{self._logs:02d}.log").open("wb"))
        log.write((" ".join(arguments) + "\n").encode())
        log.flush()
        full = ["ip", "netns", "exec", self._names[role], *arguments]
        process = subprocess.Popen(full, stdin=stdin, stdout=log, stderr=log)
        self._stack.callback(end, process)
        if port is not None:
            self.wait_for(role, port, process)
        return process

    def wait_for(self, role: str, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
        """Until something listens on ``port``, without connecting to it."""
        for _ in range(200):
            if process is not None and process.poll() is not None:
                raise LabError(f"{process.args!r} ended at once")
            if self.run(role, "ss", "-Hltn", f"sport = :{port}").stdout.strip():
                return
            time.sleep(0.02)
        raise LabError(f"nothing listens on port {port}")

    def inside(self, role: str, function: Callable[[], T]) -> T:
        """Call ``function`` in a thread that lives in the namespace: sockets it opens belong there."""
        results: list[T] = []
        errors: list[Exception] = []

        def enter() -> None:
            try:
                join_namespace(self._names[role])
                results.append(function())
            except Exception as error:  # noqa: BLE001 - handed to the caller below
                errors.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def drop(self, *match: str) -> None:
        """The router loses what matches (iptables)."""
        done = self.run("router", "iptables", "-A", "FORWARD", *match, "-j", "DROP")
        if done.returncode:
            raise LabError(f"iptables: {done.stderr.decode().strip()}")

    def serve(self, role: str, port: int, handle: Callable[[socket.socket], None], *, backlog: int = 16) -> None:
        """A little TCP server in a namespace, on both address families: ``handle`` gets each connection in turn."""
        listener = self.inside(role, lambda: listen(port, backlog))
        self._stack.callback(listener.close)

        def guarded(peer: socket.socket) -> None:
            try:
                join_namespace(self._names[role])
                handle(peer)
            except OSError:
                pass  # the other end left: part of many cases
            finally:
                peer.close()

        def loop() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=guarded, args=(peer,), daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()

    @contextmanager
    def capture(
        self,
        role: str = "client",
        device: str = "eth0",
        *,
        snap: int = 262144,
        only: str = "tcp or icmp or (icmp6 and ip6[40] < 128)",
        nano: bool = False,
    ) -> Iterator[None]:
        """tcpdump on one interface while the body runs."""
        arguments = [
            "tcpdump",
            "-n",
            "-U",
            "--immediate-mode",
            "-Z",
            "root",
            "-B",
            "16384",
            "-s",
            str(snap),
            "-i",
            device,
        ]
        arguments += ["--time-stamp-precision=nano"] if nano else []
        full = ["ip", "netns", "exec", self._names[role], *arguments, "-w", str(self.raw), only]
        process = subprocess.Popen(full, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = ""
        while "listening" not in said:
            if not (line := process.stderr.readline()):
                raise LabError(f"tcpdump: {said}")
            said += line
        time.sleep(0.15)
        try:
            yield
        finally:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the case's scratch folder."""
        path = self.work / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def _log(self, what: str, output: bytes) -> None:
        with open(self.work / "commands.log", "ab") as log:
            log.write(b"$ " + what.encode() + b"\n" + output + b"\n")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it."""
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def listen(port: int, backlog: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(backlog)
    return listener


def join_namespace(name: str) -> None:
    """Move the calling thread into a named network namespace (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)


def segment_in_software(device: str) -> None:
    """Switch TSO, GSO and GRO off, so that segments are captured as they travel (ethtool -K)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for what in (ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO):
            value = ctypes.create_string_buffer(struct.pack("=II", what, 0), 8)
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, SIOCETHTOOL, request.ljust(40, b"\0"))


def lines(parts: Sequence[str]) -> bytes:
    """Text lines as the Internet writes them."""
    return "".join(part + "\r\n" for part in parts).encode()
