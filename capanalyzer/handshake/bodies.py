"""Bodies of handshake messages, read for a session: what does not parse is None or empty here, never an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capanalyzer.errors import WireError
from capanalyzer.handshake.machine import HELLO_RETRY_RANDOM
from capanalyzer.tls.records import SSLV2, Message

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.hello import ClientHello, ServerHello

__all__ = [
    "chain_of",
    "client_hello_of",
    "hello_error",
    "is_retry",
    "server_hello_of",
    "session_id_of",
    "sslv2_certificate_of",
]

_CLIENT_HELLO: Final = 1


def is_retry(message: Message) -> bool:
    return message.body[2:34] == HELLO_RETRY_RANDOM


def session_id_of(body: bytes) -> bytes:
    """legacy_session_id of either hello."""
    return body[35 : 35 + body[34]] if len(body) > 34 else b""


def client_hello_of(message: Message | None) -> ClientHello | None:
    if message is None:
        return None
    from capanalyzer.tls.hello import read_client_hello, read_sslv2_client_hello

    try:
        return (read_sslv2_client_hello if message.content_type == SSLV2 else read_client_hello)(message.body)
    except WireError:
        return None


def server_hello_of(message: Message | None) -> ServerHello | None:
    if message is None:
        return None
    from capanalyzer.tls.hello import read_server_hello, read_sslv2_server_hello

    try:
        return (read_sslv2_server_hello if message.content_type == SSLV2 else read_server_hello)(message.body)
    except WireError:
        return None


def hello_error(message: Message) -> str:
    """What is wrong with a hello; "" if nothing is."""
    from capanalyzer.tls.hello import read_client_hello, read_server_hello

    try:
        if message.handshake_type == _CLIENT_HELLO:
            read_client_hello(message.body)
        else:
            read_server_hello(message.body)
    except WireError as error:
        return str(error)
    return ""


def chain_of(message: Message | None) -> tuple[CertificateFacts, ...]:
    if message is None:
        return ()
    from capanalyzer.tls.certificates import read_chain

    return read_chain(message.body).certificates


def sslv2_certificate_of(body: bytes) -> tuple[CertificateFacts, ...]:
    """The one certificate in a SERVER-HELLO of SSLv2: hit, type, version, three lengths, then the certificate."""
    from capanalyzer.tls.certificates import certificate_facts

    size = int.from_bytes(body[4:6], "big")
    return (certificate_facts(body[10 : 10 + size]),) if size and len(body) >= 10 + size else ()
