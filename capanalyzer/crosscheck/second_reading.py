"""The same capture through pyshark, which runs tshark: facts of each TCP stream as Wireshark's dissectors see them.

tshark takes TLS for granted on some ports only, so it is told the others on which we found TLS; on a port where both
TLS and something else are spoken it cannot be told, and such streams are left out by whoever compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

from capanalyzer.crosscheck.facts import Facts, alert_text, serial_text, suites_text
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.remark import Remark
from capanalyzer.report.model import Endpoint
from capanalyzer.report.words import endpoint
from capanalyzer.tls.codepoints import cipher_suite_name, version_name

__all__ = ["SecondReading", "read_with_tshark"]

_WANTED: Final = (
    "tcp.flags.syn == 1 or tcp.flags.fin == 1 or tcp.flags.reset == 1 or tls.handshake or tls.alert_message"
)
_PREFERENCES: Final = {
    "tcp.desegment_tcp_streams": "TRUE",
    "tcp.reassemble_out_of_order": "TRUE",
    "tls.desegment_ssl_records": "TRUE",
    "tls.desegment_ssl_application_data": "TRUE",
}
_NO_COMPLAINT: Final = "Running as user"
"""What tshark tells root at each start."""
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11
_SYN, _RST, _FIN, _ACK = 0x02, 0x04, 0x01, 0x10
_RETRY: Final = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
"""The random of a HelloRetryRequest (RFC 8446 section 4.1.3): the ServerHello proper follows."""


class SecondReading(NamedTuple):
    """What tshark read."""

    program: str
    """``TShark (Wireshark) 4.0.17``."""
    streams: dict[int, Facts]
    problem: str
    """What tshark said before it stopped, for a capture that it could not read to its end; else empty."""


def read_with_tshark(path: str, tls_ports: Iterable[int] = ()) -> SecondReading:
    """Read a capture file.

    :param tls_ports: ports that are to be read as TLS beside those that tshark knows.
    :raises UsageError: pyshark or tshark is not installed.
    :raises CaptureError: tshark cannot read the file at all.
    """
    import asyncio

    try:
        import pyshark
        from pyshark.capture.capture import TSharkCrashException
        from pyshark.tshark.tshark import TSharkNotFoundException, get_tshark_version
    except ImportError as error:
        raise UsageError(Remark("crosscheck needs pyshark: pip install 'capanalyzer[crosscheck]'")) from error
    streams: dict[int, _Stream] = {}
    problem = ""
    # A loop of its own: the one that pyshark would set up stays open and keeps the process's signals.
    with closing(asyncio.new_event_loop()) as loop:
        try:
            program = f"tshark {get_tshark_version()}"
            capture = pyshark.FileCapture(
                path,
                display_filter=_WANTED,
                keep_packets=False,
                decode_as={f"tcp.port=={port}": "tls" for port in sorted(set(tls_ports))},
                override_prefs=_PREFERENCES,
                eventloop=loop,
            )
        except TSharkNotFoundException as error:
            raise UsageError(Remark("crosscheck needs tshark (Debian: apt install tshark), found on PATH")) from error
        try:
            for packet in capture:
                _take(packet, streams)
        except TSharkCrashException as error:
            problem = _complaint(error)
        try:
            capture.close()
        except TSharkCrashException as error:
            problem = _complaint(error)
            # It keeps a process that ended badly, and would complain again when the object is deleted.
            capture._running_processes.clear()  # noqa: SLF001 - there is no other way to let go of it
    if problem and not streams:
        raise CaptureError(path, Remark("tshark cannot read it: {problem}", problem=problem))
    return SecondReading(program, {number: stream.facts() for number, stream in streams.items()}, problem)


def _complaint(error: Exception) -> str:
    """What tshark itself said, without what pyshark says around it."""
    text = str(error)
    _, found, line = text.partition("Last error line: ")
    said = " ".join((line.splitlines()[0] if found and line else text).split())
    return "" if said.startswith(_NO_COMPLAINT) else said


class _Stream:
    """One TCP stream while it is read."""

    def __init__(self) -> None:
        self.client: Endpoint | None = None
        self.server: Endpoint | None = None
        self.read: Facts = {}
        self.serials: list[str] = []
        self.alerts: list[tuple[int, Endpoint, int]] = []
        self.close: tuple[str, Endpoint] | None = None
        self.first: tuple[Endpoint, Endpoint] | None = None

    def facts(self) -> Facts:
        """All that was read, the senders named by their part."""
        if self.client is None or self.server is None:
            return {}
        facts = {"client": endpoint(self.client), "server": endpoint(self.server), **self.read}
        if self.close is not None:
            facts["closed_by"] = f"{self.close[0]} {self._part(self.close[1])}"
        if self.serials:
            facts["certificates"] = " ".join(self.serials)
        if self.alerts:
            facts["alerts"] = ", ".join(alert_text(f, self._part(who), code) for f, who, code in self.alerts)
        return facts

    def _part(self, who: Endpoint) -> str:
        return "client" if who == self.client else "server"


def _take(packet: Any, streams: dict[int, _Stream]) -> None:
    """One packet of those wanted. The outermost TCP header is the stream's; a tunnel's comes first in the layers."""
    layers = [layer for layer in packet.layers if layer.layer_name == "tcp"]
    addresses = [layer for layer in packet.layers if layer.layer_name in ("ip", "ipv6")]
    if not layers or not addresses or any(layer.layer_name in ("icmp", "icmpv6") for layer in packet.layers):
        return
    tcp, ip, frame = layers[-1], addresses[-1], int(packet.number)
    sender, receiver = Endpoint(str(ip.src), int(tcp.srcport)), Endpoint(str(ip.dst), int(tcp.dstport))
    stream = streams.setdefault(int(tcp.stream), _Stream())
    flags = int(str(tcp.flags), 16)
    if flags & _SYN and stream.client is None:
        stream.client, stream.server = (receiver, sender) if flags & _ACK else (sender, receiver)
    if flags & (_RST | _FIN) and stream.close is None:
        stream.close = ("rst" if flags & _RST else "fin", sender)
    for layer in packet.layers:
        if layer.layer_name in ("tls", "ssl"):
            _take_tls(layer, stream, frame, sender, receiver)


def _take_tls(layer: Any, stream: _Stream, frame: int, sender: Endpoint, receiver: Endpoint) -> None:
    types = [int(text) for text in _texts(layer, "handshake_type")]
    read = stream.read
    if _CLIENT_HELLO in types and "client_hello.frame" not in read:
        if stream.client is None:
            stream.client, stream.server = sender, receiver
        read["client_hello.frame"] = str(frame)
        read["client_hello.cipher_suites"] = suites_text(
            int(text, 16) for text in _texts(layer, "handshake_ciphersuite")
        )
        for name, field in (
            ("client_hello.sni", "handshake_extensions_server_name"),
            ("client_hello.alpn", "handshake_extensions_alpn_str"),
            ("client_hello.ja3", "handshake_ja3"),
        ):
            texts = list(_texts(layer, field))
            if texts:
                read[name] = " ".join(texts)
    if _SERVER_HELLO in types and "server_hello.frame" not in read:
        if _RETRY not in "".join(_texts(layer, "handshake_random")).replace(":", ""):
            versions = [*_texts(layer, "handshake_extensions_supported_version"), *_texts(layer, "handshake_version")]
            suites = list(_texts(layer, "handshake_ciphersuite"))
            if versions and suites:
                read["server_hello.frame"] = str(frame)
                read["server_hello.version"] = version_name(int(versions[0], 16))
                read["server_hello.cipher_suite"] = cipher_suite_name(int(suites[0], 16))
        if stream.client is None:
            stream.client, stream.server = receiver, sender
    if _CERTIFICATE in types and not stream.serials and sender == stream.server:
        stream.serials = [serial_text(text) for text in _texts(layer, "x509af_serialnumber")]
    stream.alerts += [(frame, sender, int(text)) for text in _texts(layer, "alert_message_desc")]


def _texts(layer: Any, name: str) -> Iterator[str]:
    """Every value of a field, as tshark prints it."""
    field = layer.get_field(name)
    if field is not None:
        for one in field.all_fields:
            yield str(one.show)
