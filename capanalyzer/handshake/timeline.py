"""The timeline of a session: what happened, in which frame, who sent it. Made only when somebody asks."""

from __future__ import annotations

from typing import Final

from capanalyzer.handshake.session import Event, Session, Side
from capanalyzer.handshake.tcp_facts import TcpReading
from capanalyzer.streams.flow import FIN, RST, SYN
from capanalyzer.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, Message

__all__ = ["MAX_EVENTS", "read_timeline"]

MAX_EVENTS: Final = 400
"""Lines kept; the middle of a longer one says little."""

_HANDSHAKE_NAMES: Final = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    3: "HelloVerifyRequest",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    6: "HelloRetryRequest",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    21: "CertificateURL",
    22: "CertificateStatus",
    23: "SupplementalData",
    24: "KeyUpdate",
    25: "CompressedCertificate",
    67: "NextProtocol",
}
"""IANA TLS HandshakeType registry."""


def read_timeline(session: Session, reading: TcpReading) -> list[Event]:
    """All that is known to have happened, in capture order."""
    return []
