"""What log lines mean: one entry for each meaning, whichever program words it.

A :class:`LogLine` holds the key. The entries lie in modules by what they are about.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.logs.meanings.alerts import ALERTS
from capanalyzer.logs.meanings.either import EITHER
from capanalyzer.logs.meanings.f5 import F5
from capanalyzer.logs.meanings.first_bytes import FIRST_BYTES
from capanalyzer.logs.meanings.handshake import HANDSHAKE
from capanalyzer.logs.meanings.model import Acts, Meaning
from capanalyzer.logs.meanings.parameters import PARAMETERS
from capanalyzer.logs.meanings.proxied import PROXIED
from capanalyzer.logs.meanings.sent import SENT
from capanalyzer.logs.meanings.transport import TRANSPORT
from capanalyzer.logs.meanings.trust import TRUST

__all__ = ["MEANINGS", "Acts", "Meaning"]

MEANINGS: Final[dict[str, Meaning]] = (
    FIRST_BYTES | PARAMETERS | HANDSHAKE | TRUST | ALERTS | SENT | TRANSPORT | PROXIED | EITHER | F5
)
