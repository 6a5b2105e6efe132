"""Real TLS sessions, played between two ends of Python's ssl in memory."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

__all__ = ["EPOCH_S", "HOST_DIGITS", "RealSession", "real_sessions"]

EPOCH_S = 1_767_225_600
"""2026-01-01: when the captures say they were made."""
VALID_DAYS = 3_650
"""Of the certificates: scripts/bench_live.py sends what was captured now, on whatever day; expired ones would make
every session that shows one a matter of its own."""
HOST_DIGITS = b"h918273."
"""Begins every server name: the digits are overwritten per connection, so that names differ. The
certificates are wildcards, so that the name still fits. No zeros: those stand in the certificates' dates too."""


class RealSession(NamedTuple):
    flights: list[tuple[int, bytes]]
    """(side, bytes) in order: handshake, request, response, both close_notify; side 0 is the client."""
    handshake_flights: int
    """How many of them belong to the handshake (what the server sends after the client's Finished included)."""
    tls13: bool


def real_sessions(count: int) -> list[tuple[RealSession, RealSession]]:
    """(TLS 1.2, TLS 1.3) sessions for ``count`` different certificates."""
    maker = _Certificates()
    result = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            path = Path(folder) / "server.pem"
            path.write_bytes(maker.leaf(number))
            name = f"{HOST_DIGITS.decode()}site{number:04d}.example.test"
            result.append((_play(path, name, ssl.TLSVersion.TLSv1_2), _play(path, name, ssl.TLSVersion.TLSv1_3)))
    return result


class _Certificates:
    """Leaves below an intermediate; keys are shared because making them is slow and nobody compares them."""

    def __init__(self) -> None:
        self._keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]
        self._now = datetime.fromtimestamp(EPOCH_S, UTC)
        self._issuing = self._certificate("Bench Issuing CA", "Bench Root CA", self._keys[0], self._keys[1], None)

    def leaf(self, number: int) -> bytes:
        """Leaf, intermediate and key, PEM."""
        key = self._keys[2 + number % 2]
        names = [f"*.site{number:04d}.example.test", f"site{number:04d}.example.test"]
        leaf = self._certificate(names[0], "Bench Issuing CA", key, self._keys[0], names)
        encoding = serialization.Encoding.PEM
        secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return leaf.public_bytes(encoding) + self._issuing.public_bytes(encoding) + secret

    def _certificate(
        self, subject: str, issuer: str, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey, names: list[str] | None
    ) -> x509.Certificate:
        def name(common: str) -> x509.Name:
            organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "capanalyzer benchmark")
            return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=20))
            .not_valid_after(self._now + timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
            )
        return builder.sign(signer, hashes.SHA256())


def _play(certificate: Path, name: str, version: ssl.TLSVersion) -> RealSession:
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    server_context.set_alpn_protocols(["h2", "http/1.1"])
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    client_context.minimum_version = client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    flights: list[tuple[int, bytes]] = []
    ends = ((client, to_server), (server, to_client))

    def note(side: int) -> None:
        # Take what this end wrote, remember it, and put it back for the other end to read.
        if data := ends[side][1].read():
            flights.append((side, data))
            ends[side][1].write(data)

    done = [False, False]
    while not all(done):
        for side, (end, _) in enumerate(ends):
            try:
                end.do_handshake()
                done[side] = True
            except ssl.SSLWantReadError:
                pass
            note(side)
    handshake = len(flights)
    client.write(b"GET / HTTP/1.1\r\nHost: " + name.encode() + b"\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
    note(0)
    server.read(65536)
    server.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + bytes(900))
    note(1)
    client.read(65536)
    for side in (0, 1):
        with suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            ends[side][0].unwrap()
        note(side)
    return RealSession(flights, handshake, version is ssl.TLSVersion.TLSv1_3)
