"""Delivery by a program of the user's: started directly, without a shell.

What came from the network reaches it as data only: JSON on standard input, and values in environment variables
without control characters. One runs at a time, and not for long.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from typing import IO, Final

from capanalyzer.errors import UsageError
from capanalyzer.live.hooks.message import Message
from capanalyzer.live.hooks.outbox import NotDelivered
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable

__all__ = ["Program"]

TIMEOUT_S: Final = 30.0
_SHOWN: Final = 200
"""Characters of its last words on standard error that are repeated."""


class Program:
    """See :class:`capanalyzer.live.hooks.outbox.Delivery`."""

    option = "--exec"

    def __init__(self, command: str) -> None:
        """:param command: split into words as a shell would, and in no other way looked into.
        :raises UsageError: there is no such program.
        """
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise UsageError(Remark("--exec: {command}: {reason}", command=command, reason=error)) from None
        if not words:
            raise UsageError(Remark("--exec needs the name of a program"))
        path = shutil.which(words[0])
        if path is None:
            raise UsageError(Remark("--exec: {command}: no such program, or it must not be run", command=words[0]))
        self._command = [os.path.abspath(path), *words[1:]]
        self._name = os.path.basename(path)

    def __call__(self, message: Message, stop: threading.Event) -> None:
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={**os.environ, **_variables(message)},
                    start_new_session=True,  # with whatever it starts it can be ended as a whole
                )
            except OSError as error:
                raise self._failed(error.strerror or str(error)) from None
            with process:
                try:
                    process.communicate(message.body, timeout=TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    _end(process)
                    raise self._failed(Remark("ended: it ran for more than {n:.0f} s", n=TIMEOUT_S)) from None
            if process.returncode:
                how = _how(process.returncode)
                said = _last_words(errors)
                raise self._failed(Remark("{how} ({said})", how=how, said=said) if said else how)

    def _failed(self, reason: str) -> NotDelivered:
        return NotDelivered(Remark("{name}: {reason}", name=self._name, reason=reason))


def _variables(message: Message) -> dict[str, str]:
    incident = message.incident
    values = {
        "TEXT": message.text,
        "CAUSE": incident.cause,
        "SERVER_IP": incident.server.ip,
        "SERVER_PORT": str(incident.server.port),
        "SNI": incident.sni or "",
        "TITLE": incident.title,
        "BLAME": incident.blame,
        "CONFIDENCE": incident.confidence,
        "SESSION": str(incident.sessions[0]) if incident.sessions else "",
        "FIRST": incident.first,
        "HELD_BACK": str(message.held_back),
    }
    return {f"CAPANALYZER_{name}": printable(value) for name, value in values.items()}


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _how(status: int) -> Remark:
    if status < 0:
        return Remark("ended by signal {number}", number=-status)
    return Remark("exit status {number}", number=status)


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4 * _SHOWN))
    lines = errors.read(4 * _SHOWN).decode("utf-8", "replace").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "").strip()[-_SHOWN:]
    return printable(said)
