#!/usr/bin/env python3
"""Does the systemd unit hold what it says? Debian in a folder, booted as a container, and the service in it.

    sudo .venv/bin/python scripts/try_unit.py --suite trixie

Debian is made with mmdebstrap, capanalyzer installed in it from this checkout as the unit says, and systemd booted as
its first process (systemd-nspawn) in a network namespace with one cable. Then: a failing session is told and recorded,
nothing is left of the rights it began with, outputs are opened anew, a run that hangs is started again, and one whose
interface went away when that is back; it ends with its last words. All of it is taken away again but for the folder of
``--root``, if one is named: then the next time is quick. Needs root, mmdebstrap, systemd-nspawn, iproute2, and the
network for packages; nothing is sent from the namespace.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NAME = "capanalyzer-live"
NETWORK, PEER, DEVICE = "tu-host", "tu-peer", "tu0"
HOST_IP, PEER_IP = "10.79.0.1", "10.79.0.2"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,libpcap0.8,procps"
PATIENCE_S = 60.0
BOOT = ["--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe"]
OWN_CGROUPS = 'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"'
"""Where the host itself does not run under systemd, the container gets a view of the control groups of its own."""
EMPTY = "find /sys/fs/cgroup/payload /sys/fs/cgroup/supervisor -depth -type d -exec rmdir {} ;"
"""What systemd-nspawn leaves there: groups without processes."""
CONNECT = f"import socket; socket.socket().connect_ex(('{PEER_IP}', 443))"
UP = ("running", "degraded")
"""Of a bare Debian something else may have failed."""
NAMESPACES = ("-m", "-p", "-i", "-u", "-n", "-C")
SOON = "[Service]\nWatchdogSec=4\nRestartSec=1\n"


def run(*words: str | Path, check: bool = True) -> str:
    """What a program says."""
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False, text=True, timeout=900)
    if check and done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def make_root(root: Path, suite: str) -> None:
    """Debian with capanalyzer installed and the service enabled."""
    if not (root / "usr").exists():
        print(f"making Debian {suite} in {root} ...", flush=True)
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", suite, root)
    for name in ("resolv.conf", "pip.conf", "ssl/certs/ca-certificates.crt"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), root / "etc" / name)
    with tempfile.TemporaryDirectory() as wheels:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, PROJECT)
        [wheel] = Path(wheels).iterdir()
        shutil.copy(wheel, root / "root")
    program = "/opt/capanalyzer/bin/"
    run("chroot", root, "python3", "-m", "venv", "--clear", "/opt/capanalyzer")
    run("chroot", root, f"{program}pip", "install", "--quiet", f"/root/{wheel.name}[live]")
    link = root / "usr/local/bin/capanalyzer"
    link.unlink(missing_ok=True)
    link.symlink_to(f"{program}capanalyzer")
    shutil.copy(PROJECT / f"contrib/systemd/{NAME}.service", root / "etc/systemd/system")
    (root / f"etc/default/{NAME}").write_text(f"CAPANALYZER_OPTIONS=-i {DEVICE} -f 'tcp port 443'\n", "utf-8")
    run("chroot", root, "systemctl", "enable", NAME)
    run("chroot", root, "systemctl", "mask", "systemd-networkd", "systemd-resolved", "console-getty")


def plug_in() -> None:
    """The cable between the two namespaces."""
    run("ip", "-n", NETWORK, "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", PEER)
    for name, address in ((NETWORK, HOST_IP), (PEER, PEER_IP)):
        run("ip", "-n", name, "address", "add", f"{address}/24", "dev", DEVICE)
        run("ip", "-n", name, "link", "set", DEVICE, "up")


@contextmanager
def network() -> Iterator[None]:
    """Two namespaces; nobody listens in the other one."""
    names = (NETWORK, PEER)
    try:
        for name in names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        plug_in()
        yield
    finally:
        for name in names:
            run("ip", "netns", "del", name, check=False)


class Machine:
    """The booted container."""

    def __init__(self, leader: int) -> None:
        self._leader = str(leader)

    def __call__(self, *words: str, check: bool = True) -> str:
        """What a program says in it."""
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return run("nsenter", "-t", self._leader, *NAMESPACES, "env", "-i", path, *words, check=check)

    def ask(self, name: str) -> str:
        """A property of the service."""
        return self("systemctl", "show", "--value", f"--property={name}", NAME, check=False)

    def journal(self) -> str:
        """All that it has said."""
        return self("journalctl", "--no-pager", "--output=cat", f"--unit={NAME}")


def first_child(parent: int) -> int | None:
    """The first process that a process started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    return int(children[0]) if children else None


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """systemd as the first process of the container."""
    command = ["systemd-nspawn", *BOOT, f"--directory={root}", f"--network-namespace-path=/run/netns/{NETWORK}"]
    inside = ["unshare", "-m", "sh", "-c", OWN_CGROUPS, "sh"]
    is_alone = not Path("/run/systemd/system").exists()
    if is_alone:
        command = [*inside, *command]
    # Its own filter of system calls does not know all that the unit permits.
    environment = os.environ | {"SYSTEMD_SECCOMP": "0"}
    null = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=null, stdout=null, stderr=null) as process:
        try:
            await_that("it boots", lambda: process.poll() is None and first_child(process.pid) is not None)
            machine = Machine(first_child(process.pid) or 0)
            await_that("systemd is up", lambda: machine("systemctl", "is-system-running", check=False) in UP)
            yield machine
        finally:
            process.send_signal(signal.SIGTERM)  # nspawn has its systemd power off
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            if is_alone:
                run(*inside, *EMPTY.split(), check=False)


def await_that(what: str, holds: Callable[[], object]) -> None:
    """Until it is so, and say it."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            sys.exit(f"NOT  {what}")
        time.sleep(0.2)
    print(f"ok   {what}", flush=True)


def fail_once() -> None:
    """A session that is refused."""
    run("ip", "netns", "exec", NETWORK, sys.executable, "-c", CONNECT)


def try_it(machine: Machine) -> None:
    """One thing after the other."""
    await_that("the service runs", lambda: machine.ask("ActiveState") == "active")
    pid = machine.ask("MainPID")
    status = machine("cat", f"/proc/{pid}/status")
    await_that("it is not root", lambda: re.search(r"^Uid:\t[1-9]", status, re.MULTILINE))
    lost = re.findall(r"^Cap(?:Eff|Prm|Inh|Amb):\t0+$", status, re.MULTILINE)
    await_that("it has no capability left", lambda: len(lost) == 4)
    await_that("it is confined by Landlock", lambda: "no Landlock" not in machine.journal())
    fail_once()
    await_that("a failure is in the journal", lambda: "[tcp-connect-refused]" in machine.journal())
    await_that("its packets are recorded", lambda: ".pcapng" in machine("ls", "/var/lib/capanalyzer/"))
    await_that("systemctl status tells of it", lambda: "failed 1" in machine.ask("StatusText"))
    machine("systemctl", "reload", NAME)
    await_that("it is the same after a reload", lambda: machine.ask("MainPID") == pid)

    machine("mkdir", "-p", f"/run/systemd/system/{NAME}.service.d")
    machine("sh", "-c", f"printf '{SOON}' > /run/systemd/system/{NAME}.service.d/soon.conf".replace("\n", "\\n"))
    machine("systemctl", "daemon-reload")
    machine("systemctl", "restart", NAME)
    time.sleep(9)
    await_that("the watchdog is fed", lambda: (machine.ask("WatchdogUSec"), machine.ask("NRestarts")) == ("4s", "0"))
    pid = machine.ask("MainPID")
    machine("kill", "-STOP", pid)
    await_that(
        "one that hangs is started again",
        lambda: machine.ask("MainPID") not in ("0", pid) and machine.ask("ActiveState") == "active",
    )

    run("ip", "-n", NETWORK, "link", "del", DEVICE)
    await_that("it ends with its interface", lambda: machine.ask("ActiveState") == "activating")
    plug_in()
    await_that("and is back with it", lambda: machine.ask("ActiveState") == "active")

    fail_once()
    await_that("a failure is told again", lambda: machine.journal().count("[tcp-connect-refused]") >= 4)
    machine("systemctl", "stop", NAME)
    await_that("it ends well", lambda: (machine.ask("Result"), machine.ask("ExecMainStatus")) == ("success", "0"))
    await_that("with its last words", lambda: "1 session: failed 1" in machine.journal())
    unit = f"{NAME}.service"
    complaints = machine("systemd-analyze", "verify", unit)
    await_that("systemd has no complaint about the unit", lambda: not complaints)
    print(machine("systemd-analyze", "security", "--no-pager", unit).splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="trixie", help="Debian's release (default: %(default)s)")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="keep Debian there for the next time")
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("needs root")
    with tempfile.TemporaryDirectory(prefix="try-unit-") as scratch:
        root = (options.root or Path(scratch, "root")).resolve()
        make_root(root, options.suite)
        with network(), booted(root) as machine:
            try_it(machine)


if __name__ == "__main__":
    main()
