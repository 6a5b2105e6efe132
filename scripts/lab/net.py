"""Namespaces, links, processes and captures of one case."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Self, TypeVar

from lab.kernel import join_namespace, listen, segment_in_software
from lab.pki import Authority
from lab.plan import FIRST, Plan

__all__ = ["Lab", "LabError"]

T = TypeVar("T")
NUMBERS = itertools.count(1)
NAMES = ("www", "other", "blocked", "unknown", "plain")
"""Hosts that the namespaces can look up."""


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

    def __init__(self, work: Path, *, case: str = "", plan: Plan = FIRST, offload: bool = False) -> None:
        self.work, self.plan, self.case = work, plan, case
        self.pki = Authority(work / "pki", plan.fqdn)
        self.raw = work / "raw.pcap"
        unique = f"{os.getpid()}-{next(NUMBERS)}"
        self._names = {role: f"capa-{role}-{unique}" for role in ("client", "router", "server")}
        self._offload = offload
        self._stack = ExitStack()
        self._logs = itertools.count(1)

    @property
    def www(self) -> str:
        """The name that most servers go by."""
        return self.plan.fqdn("www")

    def __enter__(self) -> Self:
        self._stack.callback(self._remove)
        plan = self.plan
        for name in self._names.values():
            command("ip", "netns", "add", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        for role in self._names:
            # No wait for duplicate addresses: nobody else is there, and IPv6 would be a second late.
            self.run(role, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        self.hosts(plan.server)
        self._link("client", "eth0", "router", "down0")
        self._link("server", "eth0", "router", "up0")
        for role, device, addresses in (
            ("client", "eth0", (plan.client, *plan.other_clients, plan.client6)),
            ("server", "eth0", (plan.server, plan.server6)),
            ("router", "down0", (plan.proxy, plan.proxy6)),
            ("router", "up0", (plan.router_inside, plan.router_inside6)),
        ):
            for address in addresses:
                size, extra = ("64", ["nodad"]) if ":" in address else ("24", [])
                self.ip(role, "addr", "add", f"{address}/{size}", "dev", device, *extra)
            self.ip(role, "link", "set", device, "up")
        self.ip("client", "route", "add", "default", "via", plan.proxy)
        self.ip("server", "route", "add", "default", "via", plan.router_inside)
        self.ip("client", "-6", "route", "add", "default", "via", plan.proxy6)
        self.ip("server", "-6", "route", "add", "default", "via", plan.router_inside6)
        for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.run("router", "sysctl", "-qw", f"{setting}=1")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _remove(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)

    def _link(self, left: str, left_device: str, right: str, right_device: str) -> None:
        peer = ("peer", "name", right_device, "netns", self._names[right])
        self.ip(left, "link", "add", left_device, "type", "veth", *peer)
        for role, device in ((left, left_device), (right, right_device)):
            if not self._offload:
                self.inside(role, partial(segment_in_software, device))

    def hosts(self, *addresses: str) -> None:
        """What the laboratory's names are looked up as (``ip netns exec`` puts /etc/netns over /etc)."""
        text = "".join(f"{one} {self.plan.fqdn(name)}\n" for one in addresses for name in NAMES)
        for name in self._names.values():
            folder = Path("/etc/netns") / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "hosts").write_text("127.0.0.1 localhost\n" + text)
            (folder / "resolv.conf").write_text("")

    def ip(self, role: str, *arguments: str) -> str:
        """``ip`` in a namespace."""
        return command("ip", "-n", self._names[role], *arguments)

    def run(
        self,
        role: str,
        *arguments: str,
        stdin: bytes = b"",
        limit_s: float = 60.0,
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """A program in a namespace, to its end. Its failure is not ours: refusals are what is sampled."""
        full = ["ip", "netns", "exec", self._names[role], *arguments]
        given = {**os.environ, **(environment or {})}
        try:
            done = subprocess.run(full, input=stdin, capture_output=True, timeout=limit_s, check=False, env=given)
        except subprocess.TimeoutExpired as late:
            done = subprocess.CompletedProcess(full, 124, late.stdout or b"", late.stderr or b"")
        with (self.work / "commands.log").open("ab") as log:
            log.write(f"$ {' '.join(arguments)} [{done.returncode}]\n".encode() + done.stdout + done.stderr + b"\n")
        return done

    def start(
        self,
        role: str,
        *arguments: str,
        port: int | None = None,
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        until: str = "",
    ) -> subprocess.Popen[bytes]:
        """A program in a namespace that stays; waits until ``port`` listens or it has said ``until``."""
        path = self.work / f"process-{next(self._logs):02d}.log"
        log = self._stack.enter_context(path.open("wb"))
        log.write((" ".join(arguments) + "\n").encode())
        log.flush()
        full = ["ip", "netns", "exec", self._names[role], *arguments]
        process = subprocess.Popen(full, stdin=stdin, stdout=log, stderr=log)
        self._stack.callback(end, process)
        waited = time.monotonic()
        while until and until not in path.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() - waited > 30:
                raise LabError(f"{arguments[0]} never said {until!r}")
            time.sleep(0.1)
        if port is not None:
            self.wait_for(role, port, process)
        return process

    def wait_for(self, role: str, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
        """Until something listens on ``port``, without connecting to it."""
        for _ in range(600):
            if process is not None and process.poll() is not None:
                raise LabError(f"{process.args!r} ended at once")
            if self.run(role, "ss", "-Hltn", f"sport = :{port}").stdout.strip():
                return
            time.sleep(0.03)
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

    def firewall(self, target: str, *match: str, v6: bool = False, chain: str = "FORWARD") -> None:
        """A rule of the router: what matches goes to ``target`` (``DROP``, ``REJECT --reject-with tcp-reset`` ...)."""
        program = "ip6tables" if v6 else "iptables"
        done = self.run("router", program, "-A", chain, *match, "-j", *target.split())
        if done.returncode:
            raise LabError(f"{program}: {done.stderr.decode().strip()}")

    def redirect(self, port: int, to: int, *match: str) -> None:
        """What comes from the client's side for ``port`` of anybody is answered by the router's ``to``."""
        there = ("-i", "down0", "-p", "tcp", "--dport", str(self.plan.port(port)), *match)
        words = ("-t", "nat", "-A", "PREROUTING", *there, "-j", "REDIRECT", "--to-ports", str(self.plan.port(to)))
        if self.run("router", "iptables", *words).returncode:
            raise LabError("iptables: REDIRECT is not there")

    def pause(self, seconds: float) -> None:
        """Wait, as long as the plan makes of it."""
        time.sleep(seconds * self.plan.pace)

    def seconds(self, nominal: float) -> str:
        """A limit for a program's command line."""
        return f"{nominal * self.plan.pace:g}"

    def serve(self, role: str, port: int, handle: Callable[[socket.socket], None], *, backlog: int = 16) -> None:
        """A little TCP server in a namespace, on both address families: ``handle`` gets each connection in turn."""
        listener = self.inside(role, lambda: listen(self.plan.port(port), backlog))
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
        options = ["-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384", "-s", str(snap), "-i", device]
        options += ["--time-stamp-precision=nano"] if nano else []
        full = ["ip", "netns", "exec", self._names[role], "tcpdump", *options, "-w", str(self.raw), only]
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
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it."""
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
