"""Ordinary sessions as JSON, without a model: text put together from ready pieces.

Of 100,000 sessions most differ in little more than numbers: their ClientHellos are of a few shapes, their certificates
of a few chains. What repeats is encoded once, by the model's own encoder; a test holds that both ways give the same
objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.report.build import SIDES, chain_model, client_hello_parts
from capanalyzer.report.times import to_rfc3339
from capanalyzer.streams.community_id import community_id
from capanalyzer.tls.codepoints import alert_name, version_name
from capanalyzer.tls.fingerprint import ja3s
from capanalyzer.tls.hello import ServerHello, read_server_hello

if TYPE_CHECKING:
    from capanalyzer.handshake.tls_facts import Alert
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.hello import ClientHello

__all__ = ["Line", "ordinary_line"]

_encode: Final = msgspec.json.Encoder().encode
_MAX_CHAINS: Final = 4096
"""Encoded certificate chains kept, about 1 kB each; then all are forgotten at once."""
_chains: dict[int, tuple[tuple[CertificateFacts, ...], str]] = {}
"""By identity of the chain's facts, which the entry itself keeps alive."""
_LEVELS: Final = {1: '"warning"', 2: '"fatal"'}
_NULL: Final = "null"


class Line(NamedTuple):
    """A session as a renderer of JSON needs it."""

    id: int
    outcome: str
    data: bytes


def ordinary_line(identity: int, session: OrdinarySession, verdict: Verdict) -> Line | None:
    """An ordinary session whose verdict has no findings; None where the model has to be made."""
    connection, flow = session.connection, session.flow
    machine, hello, answer = connection.machine, connection.hello, connection.server_hello
    facts = connection.client_hello
    reading = read_server_hello(answer.body)
    if machine.is_13:
        resumed = reading.selected_psk is not None
        chain = "[]"
    else:
        certificates = connection.certificates
        if not certificates:
            return None  # resumed, or anonymous
        resumed = False
        chain = _chain(certificates)
    one, other = flow.addresses
    client_port, server_port = flow.ports
    packets, payload = flow.packets, flow.payload_bytes
    opening, opening_server = connection.opening
    syn_ns, ack_ns = connection.connect_ns
    if opening is None or opening_server is None or syn_ns is None or ack_ns is None:
        return None
    hello_ns = hello.time_ns
    who = _NULL if verdict.closed_who is None else f'"{verdict.closed_who}"'
    alerts = connection.alerts
    head, tail = _client_hello(facts)
    sni = facts.sni
    text = (
        f'{{"id":{identity},"capture":{flow.capture},"transport":"tcp","stream":{flow.stream},'
        f'"community_id":"{community_id(one, other, client_port, server_port)}",'
        f'"client":{{"ip":"{address_text(one)}","port":{client_port}}},'
        f'"server":{{"ip":"{address_text(other)}","port":{server_port}}},'
        f'"start":"{to_rfc3339(flow.first_ns)}","end":"{to_rfc3339(flow.last_ns)}",'
        f'"packets":{{"client":{packets[0]},"server":{packets[1]}}},'
        f'"bytes":{{"client":{payload[0]},"server":{payload[1]}}},'
        f'"first_bytes":{{"client":"{opening.hex()}","server":"{opening_server.hex()}"}},'
        f'"protocol":{{"client":"tls","server":"tls"}},"outcome":"established","stage":null,"waiting_on":null,'
        f'"blame":null,"cause":null,"history":"{connection.history}",'
        f'"closed_by":{{"how":"{verdict.closed_how}","who":{who}}},'
        f'"tls":{{"client_hello":{{"frame":{hello.frame},{head}'
        f'"sni":{_NULL if sni is None else _encode(sni).decode()},{tail}}},'
        f'"server_hello":{{"frame":{answer.frame},{_server_hello(reading)}}},'
        f'"certificates":{chain},"client_certificates":[],'
        f'"alerts":[{",".join(map(_alert, alerts)) if alerts else ""}],"resumed":{"true" if resumed else "false"}}},'
        f'"timing":{{"connect_ms":{(ack_ns - syn_ns) / 1e6},"client_hello_ms":{(hello_ns - ack_ns) / 1e6},'
        f'"server_hello_ms":{(answer.time_ns - hello_ns) / 1e6},'
        f'"handshake_ms":{(connection.done_ns - hello_ns) / 1e6}}},'
        f'"findings":[],"timeline":[],"display_filter":"tcp.stream eq {flow.stream}",'
        f'"comparison":null,"other_leg":null}}'
    )
    return Line(identity, "established", text.encode())


def _client_hello(hello: ClientHello) -> tuple[str, str]:
    """What is written of a ClientHello before and behind its server name; shared by all of one shape."""
    known: tuple[str, str] | None = hello.shape.scratch.get("json")
    if known is None:
        legacy, offered, suites, alpn, groups, md5, fingerprint = client_hello_parts(hello)
        before = {"legacy_version": legacy, "offered_versions": offered, "cipher_suites": suites}
        behind = {"alpn": alpn, "groups": groups, "ja3": md5, "ja4": fingerprint}
        known = _encode(before).decode()[1:-1] + ",", _encode(behind).decode()[1:-1]
        hello.shape.scratch["json"] = known
    return known


def _server_hello(hello: ServerHello) -> str:
    """What is written of a ServerHello behind its frame; shared by all of one shape."""
    known: str | None = hello.shape.scratch.get("json")
    if known is None:
        fields = {
            "version": version_name(hello.version),
            "cipher_suite": hello.cipher_suite,
            "alpn": hello.alpn,
            "ja3s": ja3s(hello),
            "hello_retry": False,
        }
        known = hello.shape.scratch["json"] = _encode(fields).decode()[1:-1]
    return known


def _chain(certificates: tuple[CertificateFacts, ...]) -> str:
    known = _chains.get(id(certificates))
    if known is None:
        if len(_chains) >= _MAX_CHAINS:
            _chains.clear()
        known = _chains[id(certificates)] = certificates, _encode(chain_model(certificates)).decode()
    return known[1]


def _alert(alert: Alert) -> str:
    level, code = alert.level, alert.code
    if level is None or code is None:
        rest = '"level":null,"code":null,"description":null,"encrypted":true'
    else:
        rest = f'"level":{_LEVELS[level]},"code":{code},"description":"{alert_name(code)}","encrypted":false'
    return f'{{"frame":{alert.frame},"from":"{SIDES[alert.side]}",{rest}}}'
