"""A run as systemd starts it: a user without rights but one, a socket to tell how it is, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.network import CLIENT, DEVICE, PATIENCE_S, SERVER, Hosts, command, hosts, missing
from tests.live.systemd import systemd

WHY_NOT = missing("setpriv")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

USER, GROUP = 40_017, 40_018
"""Of nobody: what the service may read and write is not a matter of who else is there (DynamicUser=)."""
CAPABILITIES = "+net_raw,+dac_read_search"
"""The second only to read this interpreter, which may lie in a home folder."""
CONNECT = "import socket, sys; socket.socket().connect_ex((sys.argv[1], 443))"


class Service:
    """The run, and the systemd that it tells how it is."""

    def __init__(self, net: Hosts, stack: ExitStack, folder: Path) -> None:
        self.folder, self.records, self.lines = folder, folder / "records", folder / "lines"
        self.records.mkdir()
        for path in (folder, self.records):
            os.chown(path, USER, GROUP)
        self.systemd = stack.enter_context(systemd(folder))
        self.process = net.start(
            net.client,
            *("setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs"),
            *(f"--bounding-set=-all,{CAPABILITIES}", f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}"),
            *(sys.executable, "-m", "capanalyzer", "live", "-i", DEVICE, "--record", self.records, "-o", self.lines),
            env=os.environ | {"NOTIFY_SOCKET": str(self.systemd.path), "WATCHDOG_USEC": "500000"},
            stderr=subprocess.PIPE,
        )

    def await_file(self, pattern: str, text: str = "") -> Path:
        """Until there is such a file with this in it."""
        until = time.monotonic() + PATIENCE_S
        while True:
            for path in self.folder.glob(pattern):
                if text in path.read_text("utf-8"):
                    return path
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert time.monotonic() < until, f"no {text} in {pattern}"
            time.sleep(0.05)

    def state(self) -> dict[str, list[str]]:
        """The kernel's account of it."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines()
        return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user can reach, too."""
    with tempfile.TemporaryDirectory(prefix="capanalyzer-") as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "service"
        folder.mkdir()
        yield folder


def test_a_service_from_its_start_to_its_end(place: Path) -> None:
    with ExitStack() as stack:
        net = stack.enter_context(hosts(place))
        service = Service(net, stack, place)
        service.systemd.wait_for("READY=1")
        assert service.systemd.told == ["READY=1"], "it is ready before anything else"

        kernel = service.state()
        none = ["0" * 16]
        assert (kernel["Uid"], kernel["Gid"], kernel["Groups"]) == ([str(USER)] * 4, [str(GROUP)] * 4, [])
        assert [kernel[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [none] * 4
        assert kernel["NoNewPrivs"] == ["1"]
        assert "promiscuity 1 " in command("ip", "-d", "-n", net.client, "link", "show", DEVICE)

        assert net.run(net.client, sys.executable, "-c", CONNECT, SERVER).returncode == 0
        service.await_file("lines", f"{CLIENT}:")
        record = service.await_file("records/*tcp-connect-refused*.json", "tcp-connect-refused")
        assert (record.stat().st_uid, record.stat().st_mode & 0o777) == (USER, 0o640)
        service.systemd.wait_for(f"STATUS={DEVICE}: 1 session: failed 1")

        service.lines.rename(place / "lines.1")
        service.process.send_signal(signal.SIGHUP)
        service.await_file("lines")
        for _ in range(3):
            service.systemd.wait_for("WATCHDOG=1")

        service.process.send_signal(signal.SIGTERM)
        service.systemd.wait_for("STOPPING=1")
        _, complaints = service.process.communicate(timeout=PATIENCE_S)
        assert service.process.returncode == 0
        assert [line for line in complaints.splitlines() if b"no Landlock" not in line] == []
        assert "1 session: failed 1\n" in service.lines.read_text("utf-8")
