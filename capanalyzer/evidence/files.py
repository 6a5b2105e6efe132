"""Names of evidence files, and writing them without destroying what is there."""

from __future__ import annotations

import os
import re
from typing import Final

from capanalyzer.output import FileOutput, holds
from capanalyzer.report.model import Incident

__all__ = ["file_name", "write_new"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")
_MOST: Final = 1000
"""Names tried before it is given up."""


def file_name(number: int, incident: Incident) -> str:
    """``incident-01-certificate-expired-198.51.100.20_443.pcapng``: letters, digits, dots, hyphens, underscores."""
    cause = _UNSAFE.sub("-", incident.cause)
    server = _UNSAFE.sub("-", incident.server.ip)
    return f"incident-{number:02d}-{cause}-{server}_{incident.server.port}.pcapng"


def write_new(folder: str, name: str, data: bytes) -> str:
    """Write a file under this name, or with a number behind it where another file has the name; returns its path.

    A file that holds the same is left as it is, so a second run makes no second file.

    :raises OSError: it cannot be written.
    """
    stem, extension = os.path.splitext(name)
    for number in range(1, _MOST):
        path = os.path.join(folder, name if number == 1 else f"{stem}-{number}{extension}")
        if os.path.lexists(path):
            if holds(path, data):
                return path
            continue
        with FileOutput(path) as output:
            output.open()
            output.stream.write(data)
            output.commit()
        return path
    raise OSError(17, os.strerror(17), os.path.join(folder, name))
