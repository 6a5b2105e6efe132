"""Hand-made lines and sessions for the join."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from capanalyzer.logs.line import LogLine, Peer, Role, Said
from capanalyzer.logs.seen import Seen

SECOND = 1_000_000_000
START_NS = 1_795_514_400 * SECOND
"""2026-11-24T10:00:00Z."""
CLIENT, SERVER = "192.0.2.7", "198.51.100.9"


def seen(identity: int, at: float = 0.0, lasts: float = 0.2, **changes: Any) -> Seen:
    """A session that failed of an unknown CA; ``at``: seconds after the start of the capture."""
    start_ns = START_NS + round(at * SECOND)
    end_ns = start_ns + round(lasts * SECOND)
    whole = Seen(
        id=identity,
        start_ns=start_ns,
        end_ns=end_ns,
        moment_ns=end_ns,
        client=(CLIENT, 50_000 + identity),
        server=(SERVER, 443),
        outcome="failed",
        causes=("certificate-unknown-ca",),
        alerts=(("client", 48),),
    )
    return replace(whole, **changes)


def line(number: int, at: float = 0.0, **changes: Any) -> LogLine:
    """A server's line of an unknown CA, with the client's address and port.

    :param at: seconds after the start of the capture, by the log's clock.
    """
    whole = LogLine(
        source="server.log",
        number=number,
        text="SSL handshake failed: tlsv1 alert unknown ca",
        format="apache",
        is_failure=True,
        meaning="alert-received",
        causes=("certificate-unknown-ca",),
        time_ns=START_NS + round(at * SECOND),
        has_zone=False,
        resolution_ns=1_000_000,
        client=Peer(CLIENT, 50_000 + number),
        role=Role.SERVER,
        said=Said.PEER,
        alert=48,
    )
    return replace(whole, **changes)
