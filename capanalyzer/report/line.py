"""Ordinary sessions as JSON, without a model: text put together from ready pieces, a group of sessions at a time.

Of 100,000 sessions most differ in little more than numbers: their ClientHellos are of a few shapes, their certificates
of a few chains. What repeats is encoded once, by the model's own encoder. What differs is made as columns of text
(:mod:`capanalyzer.report.columns`), and one format brings them together. A test holds that both ways give the same
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import msgspec

from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary_group import Group
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.report import columns
from capanalyzer.report.build import SIDES, chain_model, client_hello_parts
from capanalyzer.streams.community_id import community_ids
from capanalyzer.tls.codepoints import alert_name, version_name
from capanalyzer.tls.fingerprint import ja3s
from capanalyzer.tls.hello import ClientHello, ServerHello
from capanalyzer.tls.history import MAX_HISTORY

if TYPE_CHECKING:
    from capanalyzer.diagnosis.verdict import Verdict
    from capanalyzer.handshake.shapes import Shape
    from capanalyzer.handshake.tls_facts import Alert
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["Line", "Lines", "ordinary_line", "run_lines"]

_encode: Final = msgspec.json.Encoder().encode
_MAX_CHAINS: Final = 4096
"""Encoded certificate chains kept, about 1 kB each; then all are forgotten at once."""
_chains: dict[int, tuple[tuple[CertificateFacts, ...], bytes]] = {}
"""By identity of the chain's facts, which the entry itself keeps alive."""
_CLOSES: Final = (("none", None), ("fin", "client"), ("fin", "server"), ("rst", "client"), ("rst", "server"))
"""By Batch.close: how, and by whom."""
_CLOSED_BY: Final = [_encode({"how": how, "who": who}) for how, who in _CLOSES]
_LEVELS: Final = {1: b'"warning"', 2: b'"fatal"'}
_HIDDEN_ALERT: Final = [
    b'{"frame":%%d,"from":"%b","level":null,"code":null,"description":null,"encrypted":true}' % side.encode()
    for side in SIDES
]

_FORMAT: Final = (
    b'{"id":%d,"capture":%d,"transport":"tcp","stream":%d,"community_id":"1:%b",'
    b'"client":{"ip":"%b","port":%d},"server":{"ip":"%b","port":%d},"start":"%b","end":"%b",'
    b'"packets":{"client":%d,"server":%d},"bytes":{"client":%d,"server":%d},'
    b'"first_bytes":{"client":"%b","server":"%b"},"protocol":{"client":"tls","server":"tls"},'
    b'"outcome":"established","stage":null,"waiting_on":null,"blame":null,"cause":null,"history":"%b",'
    b'"closed_by":%b,"tls":{"client_hello":{"frame":%d,%b"sni":%b,%b},"server_hello":{"frame":%d,%b},'
    b'"certificates":%b,"client_certificates":[],"alerts":[%b],"resumed":%b},'
    b'"timing":{"connect_ms":%b,"client_hello_ms":%b,"server_hello_ms":%b,"handshake_ms":%b},'
    b'"findings":[],"timeline":[],"display_filter":"tcp.stream eq %d",'
    b'"comparison":null,"other_leg":null,"proxy_header":null,"log_lines":[],"named_by_log":null,"f5":null}'
)
"""The keys of :class:`capanalyzer.report.model.Session`, in its order."""


class Line(NamedTuple):
    """A session as a renderer of JSON needs it."""

    id: int
    outcome: str
    data: bytes


class Lines(NamedTuple):
    """Established sessions without findings, one after the other."""

    ids: list[int]
    data: list[bytes]


def ordinary_line(session: OrdinarySession, verdict: Verdict, first_id: int) -> bytes | None:
    """The line of a session whose verdict has no findings; None where the model has to be made.

    :param first_id: id of the capture's stream 0.
    """
    group, at = session.group, session.at
    if _CLOSES[int(group.batch.close[group.places[at]])] != (verdict.closed_how, verdict.closed_who):
        return None  # the diagnosis knows better who closed it
    return _lines_of(group, first_id)[at]


def run_lines(run: OrdinaryRun, first_id: int) -> Lines | None:
    """The lines of sessions that simply work; None where the model of one of them has to be made."""
    departure, piece = run.departure, slice(run.start, run.stop)
    known: list[bytes | None] | None = departure.made.get("lines")
    if known is None:
        known = departure.made["lines"] = departure.in_order(lambda group: _lines_of(group, first_id))
    lines = known[piece]
    if None in lines:
        return None
    return Lines([first_id + stream for stream in departure.streams[piece]], cast("list[bytes]", lines))


def _lines_of(group: Group, first_id: int) -> list[bytes | None]:
    known: list[bytes | None] | None = group.made.get("lines")
    if known is None:
        known = group.made["lines"] = _make_lines(group, first_id)
    return known


def _make_lines(group: Group, first_id: int) -> list[bytes | None]:
    """The lines of all sessions, as if none had anything unusual about it; None where that cannot be."""
    batch, rows, flows, places, chains = group.batch, group.rows, group.flows, group.places, group.chains
    streams, ports, packets, payload = group.streams, flows.port, flows.packets, flows.payload
    opening = batch.opening.take(rows, axis=0)
    hello_ns, syn_ns, ack_ns = batch.hello_ns.take(rows), batch.syn_ns.take(rows), batch.ack_ns.take(rows)
    hello_shapes = [batch.hello_shape[place] for place in places]
    answer_shapes = [batch.answer_shape[place] for place in places]
    one_hello = dict(zip(hello_shapes, places, strict=True))
    hellos = {shape: _client_hello(shape, batch.hello_body[place]) for shape, place in one_hello.items()}
    one_answer = dict(zip(answer_shapes, places, strict=True))
    answers = {shape: _server_hello(shape, batch.answer_body[place]) for shape, place in one_answer.items()}
    alerts = [batch.alerts.get(place, ()) for place in places]
    # All at once: a moment later what each line is made of would have to be fetched from memory again.
    fields = zip(
        (flows.stream + first_id).tolist(),
        repeat(flows.capture, len(streams)),
        streams,
        community_ids(flows.address, flows.is_v6, ports),
        [client.encode() for client in group.clients],
        ports[:, 0].tolist(),
        [server[0].encode() for server in group.servers],
        ports[:, 1].tolist(),
        columns.times(flows.first_ns),
        columns.times(flows.last_ns),
        packets[:, 0].tolist(),
        packets[:, 1].tolist(),
        payload[:, 0].tolist(),
        payload[:, 1].tolist(),
        columns.hexadecimal(opening[:, :16]),
        columns.hexadecimal(opening[:, 16:]),
        _histories(group.shapes, alerts),
        [_CLOSED_BY[close] for close in batch.close.take(rows).tolist()],
        batch.hello_frame.take(rows).tolist(),
        [hellos[shape].before for shape in hello_shapes],
        columns.strings(group.names),
        [hellos[shape].behind for shape in hello_shapes],
        batch.answer_frame.take(rows).tolist(),
        [answers[shape].text for shape in answer_shapes],
        [_chain(chain) if chain else b"[]" for chain in chains],
        [b",".join(map(_alert, some)) if some else b"" for some in alerts],
        [answers[shape].resumed for shape in answer_shapes],
        columns.milliseconds(ack_ns - syn_ns),
        columns.milliseconds(hello_ns - ack_ns),
        columns.milliseconds(batch.answer_ns.take(rows) - hello_ns),
        columns.milliseconds(batch.done_ns.take(rows) - hello_ns),
        streams,
        strict=True,
    )
    lines: list[bytes | None] = list(map(_FORMAT.__mod__, fields))
    if not all(chains):
        for at, (shape, chain) in enumerate(zip(group.shapes, chains, strict=True)):
            if not chain and not shape.handshake.is_13:
                lines[at] = None  # resumed, or anonymous
    return lines


class _Hello(NamedTuple):
    """What is written of a ClientHello before and behind its server name; shared by all of one shape."""

    before: bytes
    behind: bytes


class _Answer(NamedTuple):
    """What is written of a ServerHello behind its frame; shared by all of one shape."""

    text: bytes
    resumed: bytes
    """In TLS 1.3."""


def _client_hello(shape: ClientHelloShape, body: bytes) -> _Hello:
    known: _Hello | None = shape.scratch.get("json")
    if known is None:
        legacy, offered, suites, alpn, groups, md5, fingerprint = client_hello_parts(ClientHello(shape, body))
        before = {"legacy_version": legacy, "offered_versions": offered, "cipher_suites": suites}
        behind = {"alpn": alpn, "groups": groups, "ja3": md5, "ja4": fingerprint}
        known = shape.scratch["json"] = _Hello(_encode(before)[1:-1] + b",", _encode(behind)[1:-1])
    return known


def _server_hello(shape: ServerHelloShape, body: bytes) -> _Answer:
    known: _Answer | None = shape.scratch.get("json")
    if known is None:
        hello = ServerHello(shape, body)
        fields = {
            "version": version_name(hello.version),
            "cipher_suite": hello.cipher_suite,
            "alpn": hello.alpn,
            "ja3s": ja3s(hello),
            "hello_retry": False,
        }
        resumed = b"false" if hello.selected_psk is None else b"true"
        known = shape.scratch["json"] = _Answer(_encode(fields)[1:-1], resumed)
    return known


def _histories(shapes: Sequence[Shape], alerts: Sequence[Sequence[Alert]]) -> list[bytes]:
    known = {shape: shape.history.encode() for shape in set(shapes)}
    histories = [known[shape] for shape in shapes]
    for at, some in enumerate(alerts):
        for alert in some:
            if not alert[5] and len(histories[at]) < MAX_HISTORY:  # in the clear
                histories[at] += b"l" if alert.side else b"L"
    return histories


def _chain(certificates: tuple[CertificateFacts, ...]) -> bytes:
    known = _chains.get(id(certificates))
    if known is None:
        if len(_chains) >= _MAX_CHAINS:
            _chains.clear()
        known = _chains[id(certificates)] = certificates, _encode(chain_model(certificates))
    return known[1]


def _alert(alert: Alert) -> bytes:
    _, frame, side, level, code, _, _ = alert
    if level is None or code is None:
        return _HIDDEN_ALERT[side] % frame
    return b'{"frame":%d,"from":"%b","level":%b,"code":%d,"description":"%b","encrypted":false}' % (
        frame,
        SIDES[side].encode(),
        _LEVELS[level],
        code,
        alert_name(code).encode(),
    )
