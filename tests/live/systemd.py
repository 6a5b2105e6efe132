"""The socket at which systemd hears how a service is (sd_notify(3)): what a run tells there, it has come to."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Systemd", "systemd"]

PATIENCE_S = 60.0


class Systemd:
    """What it was told."""

    def __init__(self, path: Path, listening: socket.socket) -> None:
        self.path = path
        """For ``NOTIFY_SOCKET``."""
        self.told: list[str] = []
        self._listening = listening

    def wait_for(self, beginning: str) -> str:
        """Until it is told this; the whole of it."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self._listening.settimeout(PATIENCE_S)
            self.told.append(self._listening.recv(1000).decode())
            if self.told[-1].startswith(beginning):
                return self.told[-1]
        raise AssertionError(f"not told: {beginning}; but {self.told}")


@contextmanager
def systemd(folder: Path) -> Iterator[Systemd]:
    """Listening in this folder, to whatever user."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        path = folder / "notify"
        listening.bind(str(path))
        path.chmod(0o666)
        yield Systemd(path, listening)
