"""ClientHello, ServerHello and HelloRetryRequest (RFC 8446 section 4.1, RFC 5246 section 7.4.1, RFC 6101 appendix E).

A hello is two things: a **shape**, what is structural (code points, order, where each extension lies; shared by all
hellos of the same program, see :mod:`capanalyzer.tls.templates`), and the **body**, from which random, session id and
server name are cut when asked for. Extensions are read when asked for; one that does not parse reads as absent and is
told in ``errors``, the others are read all the same.

``read_client_hello(body)`` and ``read_server_hello(body)`` take a whole handshake message body, without the 4-byte
header, and raise :class:`~capanalyzer.errors.Malformed` when the fields before the extensions do not fit into it.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final

from capanalyzer.errors import Malformed, Truncated, WireError
from capanalyzer.tls import extensions as ext
from capanalyzer.tls.hello_facts import ClientHello, ServerHello, safe_text
from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape
from capanalyzer.tls.templates import TemplateCache

__all__ = [
    "HELLO_RETRY_RANDOM",
    "ClientHello",
    "ServerHello",
    "parse_client_hello",
    "parse_server_hello",
    "read_client_hello",
    "read_server_hello",
    "read_sslv2_certificate",
    "read_sslv2_client_hello",
    "read_sslv2_server_hello",
    "safe_text",
]

HELLO_RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""SHA-256 of "HelloRetryRequest", RFC 8446 section 4.1.3."""

_client_shapes: Final[TemplateCache[ClientHelloShape]] = TemplateCache()
_server_shapes: Final[TemplateCache[ServerHelloShape]] = TemplateCache()


def read_client_hello(body: bytes) -> ClientHello:
    """A whole ClientHello message body.

    :raises Malformed: the fields before the extensions do not fit into it.
    """
    bucket = _bucket(body)
    shape = _client_shapes.find(bucket, body)
    if shape is not None:
        return ClientHello(shape, body)
    hello = parse_client_hello(body)
    _client_shapes.add(bucket, body, hello.shape, hello.shape.opaque(body, True))
    return hello


def read_server_hello(body: bytes) -> ServerHello:
    """A whole ServerHello or HelloRetryRequest message body.

    :raises Malformed: the fields before the extensions do not fit into it.
    """
    if body[2:34] == HELLO_RETRY_RANDOM:
        return parse_server_hello(body)
    shape = _server_shapes.find(len(body), body)
    if shape is not None:
        return ServerHello(shape, body)
    hello = parse_server_hello(body)
    _server_shapes.add(len(body), body, hello.shape, hello.shape.opaque(body, False))
    return hello


def _bucket(body: bytes) -> tuple[int, bytes]:
    """Length and first extension, with the server name's length where that comes first (or behind an empty one)."""
    try:
        at = 35 + body[34]
        at += 2 + (body[at] << 8 | body[at + 1])
        at += 3 + body[at]
    except IndexError:
        return len(body), b""
    if body[at : at + 2] == b"\0\0":
        return len(body), body[at : at + 9]
    if body[at + 2 : at + 6] == b"\0\0\0\0":
        return len(body), body[at : at + 13]
    return len(body), body[at : at + 4]


def parse_client_hello(body: bytes, *, partial: bool = False) -> ClientHello:
    """The same without the cache.

    :param partial: ``body`` may be the beginning of a message only: a cut extension block is told in ``errors``.
    :raises Malformed: a length does not fit (``Truncated`` with ``partial``).
    """
    error: type[WireError] = Truncated if partial else Malformed
    size = len(body)
    if size < 35:
        raise error(f"{size} bytes", "ClientHello", 0)
    at = 35 + body[34]
    shape = ClientHelloShape(body[0] << 8 | body[1], at)
    if at + 2 > size:
        raise error(f"wants {body[34]} bytes, {size - 35} left", "legacy_session_id", 34)
    length = body[at] << 8 | body[at + 1]
    at += 2
    if at + length > size:
        raise error(f"wants {length} bytes, {size - at} left", "cipher_suites", at - 2)
    shape.cipher_suites = unpack_from(f">{length >> 1}H", body, at)
    at += length
    if at >= size or at + 1 + body[at] > size:
        raise error("does not fit", "legacy_compression_methods", at)
    end = at + 1 + body[at]
    shape.compression_methods = body[at + 1 : end]
    shape.read_extensions(body, end)
    if length & 1:
        shape.structure_errors += (f"cipher_suites of {length} bytes",)
    if shape.session_id_end > 67:
        shape.structure_errors += (f"legacy_session_id of {body[34]} bytes",)
    span = shape.span(ext.SERVER_NAME)
    if span is not None:
        name = ext.server_name_span(body[span[0] : span[1]])
        if name is not None:
            shape.sni_span = span[0] + name[0], span[0] + name[1]
    return ClientHello(shape, body)


def parse_server_hello(body: bytes) -> ServerHello:
    """:func:`read_server_hello` without the cache."""
    size = len(body)
    if size < 35:
        raise Malformed(f"{size} bytes", "ServerHello", 0)
    version = body[0] << 8 | body[1]
    if 0x7F00 < version < 0x7F16 or (version == 0x0304 and _is_draft(body)):
        return _parse_draft_server_hello(body, version)
    at = 35 + body[34]
    if at + 3 > size:
        raise Malformed(f"wants {body[34]} bytes, {size - 35} left", "legacy_session_id_echo", 34)
    shape = ServerHelloShape(version, at)
    shape.cipher_suite = body[at] << 8 | body[at + 1]
    shape.compression_method = body[at + 2]
    shape.hello_retry = body[2:34] == HELLO_RETRY_RANDOM
    shape.read_extensions(body, at + 3)
    if shape.session_id_end > 67:
        shape.structure_errors += (f"legacy_session_id_echo of {body[34]} bytes",)
    shape.version = shape.reading(ext.SUPPORTED_VERSIONS, body) or shape.legacy_version
    return ServerHello(shape, body)


def _is_draft(body: bytes) -> bool:
    """0x0304 in the legacy version: a draft that wrote it so, or a server that is wrong; told by what fits."""
    size = len(body)
    in_draft = size == 36 or (size >= 38 and 38 + (body[36] << 8 | body[37]) == size)
    return body[34] > 32 or (in_draft and 35 + body[34] + 3 > size)


def _parse_draft_server_hello(body: bytes, version: int) -> ServerHello:
    """TLS 1.3 drafts up to 21 (0x7F01 to 0x7F15): no session id and no compression method."""
    shape = ServerHelloShape(version, 35)
    if len(body) < 36:
        raise Malformed(f"{len(body)} bytes", "ServerHello", 0)
    shape.session_id_end = 34
    shape.cipher_suite = body[34] << 8 | body[35]
    shape.read_extensions(body, 36)
    return ServerHello(shape, body)


def read_sslv2_client_hello(body: bytes) -> ClientHello:
    """A CLIENT-HELLO in SSLv2 form, from its version on (RFC 6101 appendix E.1); cipher specs are 24-bit codes.

    :raises Malformed: its lengths do not fit.
    """
    if len(body) < 8:
        raise Malformed(f"{len(body)} bytes", "CLIENT-HELLO", 0)
    version, specs, session, challenge = unpack_from(">HHHH", body)
    if 8 + specs + session + challenge > len(body) or specs % 3:
        raise Malformed(f"wants {specs} + {session} + {challenge} bytes, {len(body) - 8} left", "CLIENT-HELLO", 2)
    shape = ClientHelloShape(version, 35 + session)
    shape.sslv2 = True
    shape.cipher_suites = tuple(int.from_bytes(body[at : at + 3], "big") for at in range(8, 8 + specs, 3))
    at = 8 + specs
    session_id, random = body[at : at + session], body[at + session : at + session + challenge]
    # Laid out as a ClientHello begins, so that random and session_id are found where they always are.
    return ClientHello(shape, body[:2] + random[:32].rjust(32, b"\0") + bytes((session & 0xFF,)) + session_id)


def read_sslv2_certificate(body: bytes) -> bytes:
    """The DER in a SERVER-HELLO of SSLv2, b"" when a session is resumed.

    :raises Malformed: its lengths do not fit.
    """
    read_sslv2_server_hello(body)
    return body[10 : 10 + (body[4] << 8 | body[5])]


def read_sslv2_server_hello(body: bytes) -> ServerHello:
    """A SERVER-HELLO of SSLv2, from its session-id-hit byte on; ``cipher_suite`` is the first 24-bit spec, or 0.

    :raises Malformed: its lengths do not fit.
    """
    if len(body) < 10:
        raise Malformed(f"{len(body)} bytes", "SERVER-HELLO", 0)
    version, certificate, specs, connection = unpack_from(">HHHH", body, 2)
    if 10 + certificate + specs + connection > len(body):
        raise Malformed(f"wants {certificate} + {specs} + {connection} bytes", "SERVER-HELLO", 4)
    shape = ServerHelloShape(version, 35)
    at = 10 + certificate
    shape.cipher_suite = int.from_bytes(body[at : at + 3], "big") if specs >= 3 else 0
    return ServerHello(shape, body[2:4] + body[at + specs :][:32].rjust(32, b"\0") + b"\0")
