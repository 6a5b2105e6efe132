"""What a hello says: :class:`ClientHello` and :class:`ServerHello`, read by :mod:`capanalyzer.tls.hello`."""

from __future__ import annotations

from typing import Any, Final

from capanalyzer.tls import extensions as ext
from capanalyzer.tls.extensions import EchFacts, KeyShare, PskFacts
from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["ClientHello", "ServerHello", "safe_text"]

_DOWNGRADE: Final = {b"DOWNGRD\x01": 0x0303, b"DOWNGRD\x00": 0x0302}
"""Last bytes of a ServerHello random and the version they warn of (0x0302: or older), RFC 8446 section 4.1.3."""


def safe_text(name: bytes) -> str:
    """Wire bytes as text: UTF-8 where they are, else backslash escapes. Control characters stay: escape on output."""
    try:
        return name.decode("ascii")
    except UnicodeDecodeError:
        return name.decode("utf-8", "backslashreplace")


class _Hello:
    __slots__ = ("body", "shape")

    shape: Any
    body: bytes

    @property
    def legacy_version(self) -> int:
        """The version field itself: 0x0303 from any TLS 1.3 end."""
        version: int = self.shape.legacy_version
        return version

    @property
    def random(self) -> bytes:
        """32 bytes (an SSLv2-format hello: its challenge)."""
        return self.body[2:34]

    @property
    def session_id(self) -> bytes:
        """Up to 32 bytes; b"" for none."""
        return self.body[35 : self.shape.session_id_end]

    @property
    def extensions(self) -> tuple[tuple[int, bytes], ...]:
        """(type, body) in wire order, unknown and repeated ones too."""
        body = self.body
        return tuple((kind, body[start:end]) for kind, start, end in self.shape.spans)

    @property
    def extension_types(self) -> tuple[int, ...]:
        return tuple(span[0] for span in self.shape.spans)

    def extension(self, kind: int) -> bytes | None:
        """The body of the first extension of this type, None without one."""
        span = self.shape.span(kind)
        return self.body[span[0] : span[1]] if span else None

    @property
    def alpn_bytes(self) -> tuple[bytes, ...]:
        """Protocol names as sent (RFC 7301); () without the extension."""
        return self.shape.reading(ext.ALPN, self.body) or ()

    @property
    def extended_master_secret(self) -> bool:
        """RFC 7627."""
        return self.shape.span(ext.EXTENDED_MASTER_SECRET) is not None

    @property
    def record_size_limit(self) -> int | None:
        """Bytes, RFC 8449."""
        limit: int | None = self.shape.reading(ext.RECORD_SIZE_LIMIT, self.body)
        return limit

    @property
    def renegotiation_info(self) -> bytes | None:
        """b"" in a first handshake (RFC 5746); None without the extension."""
        info: bytes | None = self.shape.reading(ext.RENEGOTIATION_INFO, self.body)
        return info

    @property
    def point_formats(self) -> tuple[int, ...]:
        """EC point formats, RFC 8422 section 5.1.2."""
        return tuple(self.shape.reading(ext.EC_POINT_FORMATS, self.body) or b"")

    @property
    def errors(self) -> tuple[str, ...]:
        """What does not parse: damaged extensions, lengths that do not fit, bytes left over."""
        notes: tuple[str, ...] = self.shape.errors(self.body)
        return notes


class ClientHello(_Hello):
    """What the client offered. Code points are integers in the client's order, GREASE (RFC 8701) included."""

    __slots__ = ()

    shape: ClientHelloShape

    def __init__(self, shape: ClientHelloShape, body: bytes) -> None:
        self.shape = shape
        self.body = body

    @property
    def is_sslv2_format(self) -> bool:
        return self.shape.sslv2

    @property
    def cipher_suites(self) -> tuple[int, ...]:
        """An SSLv2-format hello has 24-bit cipher specs: those of TLS are below 0x10000."""
        return self.shape.cipher_suites

    @property
    def compression_methods(self) -> tuple[int, ...]:
        return tuple(self.shape.compression_methods)

    @property
    def sni_bytes(self) -> bytes | None:
        """The first host_name of server_name (RFC 6066) as sent; None without a readable one."""
        span = self.shape.sni_span
        return self.body[span[0] : span[1]] if span else None

    @property
    def sni(self) -> str | None:
        """The same as text (see :func:`safe_text`)."""
        span = self.shape.sni_span
        return safe_text(self.body[span[0] : span[1]]) if span else None

    @property
    def alpn(self) -> tuple[str, ...]:
        """Protocol names as text; () without the extension."""
        known: tuple[str, ...] | None = self.shape.scratch.get("alpn")
        if known is None:
            known = self.shape.scratch["alpn"] = tuple(map(safe_text, self.alpn_bytes))
        return known

    @property
    def supported_versions(self) -> tuple[int, ...] | None:
        """The extension of TLS 1.3 (RFC 8446 section 4.2.1); None without it."""
        versions: tuple[int, ...] | None = self.shape.reading(ext.SUPPORTED_VERSIONS, self.body)
        return versions

    @property
    def offered_versions(self) -> tuple[int, ...]:
        """supported_versions without GREASE; without that extension the legacy version alone (and those below it)."""
        known: tuple[int, ...] | None = self.shape.scratch.get("offered")
        if known is None:
            versions = self.supported_versions
            known = ext.without_grease(versions) if versions else (self.shape.legacy_version,)
            self.shape.scratch["offered"] = known
        return known

    @property
    def groups(self) -> tuple[int, ...]:
        """supported_groups, RFC 8446 section 4.2.7."""
        return self.shape.reading(ext.SUPPORTED_GROUPS, self.body) or ()

    @property
    def signature_algorithms(self) -> tuple[int, ...]:
        """RFC 8446 section 4.2.3."""
        return self.shape.reading(ext.SIGNATURE_ALGORITHMS, self.body) or ()

    @property
    def signature_algorithms_cert(self) -> tuple[int, ...]:
        return self.shape.reading(ext.SIGNATURE_ALGORITHMS_CERT, self.body) or ()

    @property
    def key_shares(self) -> tuple[KeyShare, ...]:
        """(group, bytes) of each key_share entry; () without the extension or with an empty one."""
        return self.shape.reading(ext.KEY_SHARE, self.body) or ()

    @property
    def psk(self) -> PskFacts | None:
        """pre_shared_key: how many identities and how long."""
        facts: PskFacts | None = self.shape.reading(ext.PRE_SHARED_KEY, self.body)
        return facts

    @property
    def psk_modes(self) -> tuple[int, ...]:
        """psk_key_exchange_modes, RFC 8446 section 4.2.9."""
        return tuple(self.shape.reading(ext.PSK_KEY_EXCHANGE_MODES, self.body) or b"")

    @property
    def early_data(self) -> bool:
        return self.shape.span(ext.EARLY_DATA) is not None

    @property
    def ech(self) -> EchFacts | None:
        """encrypted_client_hello (GREASE ECH looks the same)."""
        facts: EchFacts | None = self.shape.reading(ext.ENCRYPTED_CLIENT_HELLO, self.body)
        return facts

    @property
    def session_ticket_size(self) -> int | None:
        """Bytes of the ticket offered (0: asks for one, RFC 5077); None without the extension."""
        span = self.shape.span(ext.SESSION_TICKET)
        return span[1] - span[0] if span else None


class ServerHello(_Hello):
    """What the server chose; a HelloRetryRequest where ``is_hello_retry``."""

    __slots__ = ()

    shape: ServerHelloShape

    def __init__(self, shape: ServerHelloShape, body: bytes) -> None:
        self.shape = shape
        self.body = body

    @property
    def is_hello_retry(self) -> bool:
        """By its random, RFC 8446 section 4.1.3."""
        return self.shape.hello_retry

    @property
    def version(self) -> int:
        """The version negotiated: supported_versions where present (drafts as they are), else the legacy version."""
        return self.shape.version

    @property
    def cipher_suite(self) -> int:
        return self.shape.cipher_suite

    @property
    def compression_method(self) -> int:
        return self.shape.compression_method

    @property
    def alpn(self) -> str | None:
        """The protocol chosen (TLS 1.2 and before; later it is encrypted)."""
        names = self.alpn_bytes
        return safe_text(names[0]) if names else None

    @property
    def key_share(self) -> KeyShare | None:
        """The group chosen; in a HelloRetryRequest the one asked for, with size 0."""
        share: KeyShare | None = self.shape.reading(ext.KEY_SHARE, self.body)
        return share

    @property
    def selected_psk(self) -> int | None:
        """Index of the accepted identity, RFC 8446 section 4.2.11."""
        index: int | None = self.shape.reading(ext.PRE_SHARED_KEY, self.body)
        return index

    @property
    def downgrade_sentinel(self) -> int | None:
        """0x0303 or 0x0302: the random says that the server would have spoken more (RFC 8446 section 4.1.3)."""
        return _DOWNGRADE.get(self.body[26:34])
