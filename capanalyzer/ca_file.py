"""``--ca-file``: the file of roots that a user's clients trust beside the public ones."""

from __future__ import annotations

from typing import Final

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

__all__ = ["read_ca_file"]

MAX_BYTES: Final = 16 << 20
"""All roots of all systems take under 1 MB."""


def read_ca_file(path: str) -> tuple[bytes, ...]:
    """The certificates (DER) of a PEM file.

    :raises UsageError: it cannot be read, or holds something else; the message says what to do.
    """
    from capanalyzer.diagnosis.trust.roots import UnusablePem, read_pem

    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(Remark("{path}: {reason}", path=path, reason=error.strerror or error)) from None
    if len(data) > MAX_BYTES:
        raise UsageError(
            Remark(
                "{path}: larger than {most} MB, which is no file of root certificates", path=path, most=MAX_BYTES >> 20
            )
        )
    try:
        return read_pem(data)
    except UnusablePem as error:
        hint = Remark("; convert it with: openssl x509 -inform DER -in FILE") if data[:1] == b"\x30" else ""
        raise UsageError(Remark("{path}: {reason}{hint}", path=path, reason=error.remark, hint=hint)) from None
