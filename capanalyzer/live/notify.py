"""What systemd is told of a service (sd_notify(3)): that it is ready, that it still runs, that it stops."""

from __future__ import annotations

import os
import socket
from time import monotonic

__all__ = ["Notifier"]

_MICROSECONDS = 1_000_000


class Notifier:
    """Sends datagrams to the socket that systemd names in ``NOTIFY_SOCKET``; does nothing where there is none.

    To be made before rights are given up, and kept: the socket's path may not be reached afterwards.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._every_s: float | None = None
        self._next_s = 0.0
        self._untold: dict[str, bytes] = {}
        """The last message of each kind that there was no room for."""
        address = os.environ.get("NOTIFY_SOCKET", "")
        if not hasattr(socket, "AF_UNIX") or not address.startswith(("/", "@")):
            return
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        channel.setblocking(False)
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            channel.close()
            return  # nobody listens, so nobody waits for an answer
        self._socket = channel
        interval, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
        if interval.isdecimal() and int(interval) and pid in ("", str(os.getpid())):
            self._every_s = int(interval) / _MICROSECONDS / 2  # as sd_watchdog_enabled(3) advises

    def ready(self) -> None:
        """Packets are being watched."""
        self._send("READY=1")

    def alive(self) -> None:
        """To be called often: says so as often as the watchdog wants it, and again what there was no room for."""
        if self._every_s is not None and monotonic() >= self._next_s:
            self._next_s = monotonic() + self._every_s
            self._send("WATCHDOG=1")
        elif self._untold:
            self._send_untold()

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """The last words are being said."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """No more is told."""
        if self._socket is not None:
            self._send_untold()
            self._socket.close()
            self._socket = None

    def _send(self, text: str) -> None:
        if self._socket is not None:
            self._untold[text.partition("=")[0]] = text.encode()
            self._send_untold()

    def _send_untold(self) -> None:
        while self._socket is not None and self._untold:
            kind, message = next(iter(self._untold.items()))
            try:
                self._socket.send(message)
            except BlockingIOError:
                return  # it is busy: a socket keeps few messages that nobody has read
            except OSError:
                pass  # it went away
            del self._untold[kind]
