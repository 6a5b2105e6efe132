"""Where the redaction key comes from: a file, the environment, or nowhere (then it is drawn)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from capanalyzer.errors import UsageError
from capanalyzer.redact.redactor import MIN_KEY_BYTES, Redactor
from capanalyzer.remark import Remark

__all__ = ["KEY_VARIABLE", "redactor_from"]

KEY_VARIABLE: Final = "CAPANALYZER_REDACT_KEY"
_MOST: Final = 4096
"""Bytes of a key file that are read."""


def redactor_from(path: str | None, environ: Mapping[str, str] = os.environ) -> Redactor:
    """A redactor with the key of a file, else of the environment, else with one of its own.

    :raises UsageError: the file cannot be read, or the key is too short.
    """
    if path is None:
        key = environ.get(KEY_VARIABLE)
        return _with(key.encode("utf-8", "surrogateescape"), KEY_VARIABLE) if key else Redactor()
    try:
        with open(path, "rb") as file:
            key_bytes = file.read(_MOST)
    except OSError as error:
        raise UsageError(
            Remark("{path}: the redaction key cannot be read ({reason})", path=path, reason=error.strerror or error)
        ) from error
    return _with(key_bytes, path)


def _with(key: bytes, where: str) -> Redactor:
    if len(key.strip()) < MIN_KEY_BYTES:
        raise UsageError(
            Remark(
                "{where}: the redaction key has {n} bytes; at least {least} are needed (head -c 32 /dev/urandom | "
                "base64 makes one)",
                where=where,
                n=len(key.strip()),
                least=MIN_KEY_BYTES,
            )
        )
    return Redactor(key)
