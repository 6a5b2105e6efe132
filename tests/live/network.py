"""Two hosts in namespaces of their own, joined by a cable; nothing leaves it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ["CLIENT", "NOBODY", "SERVER", "Hosts", "hosts", "missing"]

CLIENT, SERVER, NOBODY = "10.211.7.1", "10.211.7.2", "10.211.7.77"
"""Of the two hosts, and one that packets are sent to and nobody has."""
DEVICE: Final = "lv0"
PATIENCE_S: Final = 60.0


def missing(*programs: str) -> str | None:
    """Why this cannot be had here; None when it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root for network namespaces"
    for program in ("ip", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def command(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Hosts:
    """What runs where. Ends with the context it was made in."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self.client, self.server = (f"lv-{role}-{os.getpid()}" for role in ("client", "server"))

    def start(self, where: str, *words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """A program that goes on, until it is ended or the test is."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        process = subprocess.Popen(["ip", "netns", "exec", where, *map(str, words)], **options)
        self._stack.callback(end, process)
        return process

    def run(self, where: str, *words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A program to its end."""
        return subprocess.run(
            ["ip", "netns", "exec", where, *map(str, words)],
            input=given,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def await_port(self, port: int) -> None:
        """Until somebody listens at the server."""
        until = time.monotonic() + PATIENCE_S
        while f":{port} " not in command("ip", "netns", "exec", self.server, "ss", "-Hltn"):
            assert time.monotonic() < until, f"nobody listens at {port}"
            time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """Ask a process to end, and wait for it."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
    status = process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None and process.returncode is not None:
            stream.close()
    return status


def wait_for_carrier(hosts: Hosts) -> None:
    """Until the cable carries frames; the kernel silently drops what is sent before."""
    until = time.monotonic() + PATIENCE_S
    for name in (hosts.client, hosts.server):
        while "state UP" not in (said := command("ip", "-n", name, "link", "show", "dev", DEVICE)):
            assert time.monotonic() < until, said
            time.sleep(0.01)


@contextmanager
def hosts(folder: Path) -> Iterator[Hosts]:
    """The two, up."""
    with ExitStack() as stack:
        made = Hosts(stack, folder)
        for name in (made.client, made.server):
            command("ip", "netns", "add", name)
            stack.callback(command, "ip", "netns", "del", name)
            command("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            command("ip", "-n", name, "link", "set", "lo", "up")
        command(
            "ip", "-n", made.client, "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", made.server
        )
        for name, address in ((made.client, CLIENT), (made.server, SERVER)):
            command("ip", "-n", name, "address", "add", f"{address}/24", "dev", DEVICE)
            command("ip", "-n", name, "link", "set", DEVICE, "up")
        wait_for_carrier(made)
        # Who is where needs no asking: what is sent is sent by the tests.
        for name, other, addresses in (
            (made.client, made.server, (SERVER, NOBODY)),
            (made.server, made.client, (CLIENT,)),
        ):
            mac = command("ip", "netns", "exec", other, "cat", f"/sys/class/net/{DEVICE}/address").strip()
            for address in addresses:
                command("ip", "-n", name, "neigh", "add", address, "lladdr", mac, "dev", DEVICE)
        yield made
