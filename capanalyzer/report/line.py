"""Ordinary sessions as JSON, without a model: text put together from ready pieces, all that leave at once.

Of 100,000 sessions most differ in little more than numbers: their ClientHellos are of a few shapes, their certificates
of a few chains. What repeats is encoded once, by the model's own encoder. What differs is made as columns of text
(:mod:`capanalyzer.report.columns`), and two formats bring them together. A test holds that both ways give the same
bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from capanalyzer.handshake.departure import Departure, OrdinaryRun
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.report import columns
from capanalyzer.report.build import SIDES, chain_model, client_hello_parts
from capanalyzer.streams.chunk import distinct
from capanalyzer.streams.community_id import community_ids
from capanalyzer.tls.codepoints import alert_name, version_name
from capanalyzer.tls.fingerprint import ja3s
from capanalyzer.tls.hello import ClientHello, ServerHello
from capanalyzer.tls.history import MAX_HISTORY

if TYPE_CHECKING:
    from capanalyzer.diagnosis.verdict import Verdict
    from capanalyzer.handshake.tls_facts import Alert
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["Line", "Lines", "ordinary_line", "run_lines"]

_encode: Final = msgspec.json.Encoder().encode
_AT_ONCE: Final = 256
"""Lines made at once, about 500 kB: they stay in the processor's cache until they are written."""
_MAX_CHAINS: Final = 4096
"""Encoded certificate chains kept, about 1 kB each; then all are forgotten at once."""
_chains: dict[int, tuple[tuple[CertificateFacts, ...], bytes]] = {}
"""By identity of the chain's facts, which the entry itself keeps alive."""
_CLOSES: Final = (("none", None), ("fin", "client"), ("fin", "server"), ("rst", "client"), ("rst", "server"))
"""By Batch.close: how, and by whom."""
_CLOSED_BY: Final = [_encode({"how": how, "who": who}) for how, who in _CLOSES]
_LEVELS: Final = {1: b'"warning"', 2: b'"fatal"'}
_HIDDEN: Final = [
    b'{"frame":%%d,"from":"%b","level":null,"code":null,"description":null,"encrypted":true}' % side.encode()
    for side in SIDES
]
"""An alert that cannot be read, by side."""

_HEAD: Final = (
    b'{"id":%d,"capture":%d,"transport":"tcp","stream":%d,"community_id":"1:%b",'
    b'"client":{"ip":"%b","port":%d},"server":%b,"start":"%b",'
    b'"packets":{"client":%d,"server":%d},"bytes":{"client":%d,"server":%d},'
    b'"first_bytes":{"client":"%b"},"protocol":{"client":"tls","server":"tls"},'
    b'"outcome":"established","stage":null,"waiting_on":null,"blame":null,"cause":null,"history":"%b",'
    b'"closed_by":%b,"tls":{"client_hello":{"frame":%d,'
)
_BETWEEN_TIMES: Final = b'","end":"'
_BETWEEN_OPENINGS: Final = b'","server":"'
_BEFORE_NAME: Final = b'%b,"sni":%b'
_BEHIND_NAME: Final = b'%b,%b},"server_hello":{"frame":'
_ANSWER: Final = b',%b},"certificates":'
_TAIL: Final = (
    b',"client_certificates":[],"alerts":[%b],"resumed":%b},'
    b'"timing":{"connect_ms":%b,"client_hello_ms":%b,"server_hello_ms":%b,"handshake_ms":%b},'
    b'"findings":[],"timeline":[],"display_filter":"tcp.stream eq %d",'
    b'"comparison":null,"other_leg":null,"proxy_header":null,"log_lines":[],"named_by_log":null,"f5":null,"request_host":null}'
)
"""The keys of :class:`capanalyzer.report.model.Session`, in its order: the head, what is written of the ClientHello
before its server name, the name, what is behind it, the ServerHello's frame and what is behind that, the certificates,
and the tail."""
_PIECES: Final = 9
"""Of a line, the end of the line with them."""


class Line(NamedTuple):
    """A session as a renderer of JSON needs it."""

    id: int
    outcome: str
    data: bytes


class Lines:
    """Established sessions without findings, one after the other."""

    __slots__ = ("_first_id", "_streams", "pieces")

    def __init__(self, first_id: int, streams: Sequence[int], pieces: list[bytes]) -> None:
        self._first_id, self._streams = first_id, streams
        self.pieces = pieces
        """What the lines consist of, each with a line feed at its end."""

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def ids(self) -> list[int]:
        """Ids of the sessions."""
        return [self._first_id + stream for stream in self._streams]

    @property
    def data(self) -> list[bytes]:
        """The lines, without their line feeds."""
        pieces = self.pieces
        return [b"".join(pieces[at : at + _PIECES - 1]) for at in range(0, len(pieces), _PIECES)]


def ordinary_line(session: OrdinarySession, verdict: Verdict, first_id: int) -> bytes | None:
    """The line of a session whose verdict has no findings; None where the model has to be made.

    :param first_id: id of the capture's stream 0.
    """
    if _CLOSES[session.close] != (verdict.closed_how, verdict.closed_who):
        return None  # the diagnosis knows better who closed it
    known, number = _columns_of(session.departure, first_id), session.number
    return known.lines(number, number + 1).data[0] if known.fits(number, number + 1) else None


def run_lines(run: OrdinaryRun, first_id: int) -> Iterator[Lines] | None:
    """The lines of sessions that simply work; None where the model of one of them has to be made."""
    known = _columns_of(run.departure, first_id)
    if not known.fits(run.start, run.stop):
        return None
    return (known.lines(start, min(start + _AT_ONCE, run.stop)) for start in range(run.start, run.stop, _AT_ONCE))


def _columns_of(departure: Departure, first_id: int) -> _Columns:
    known: _Columns | None = departure.made.get("lines")
    if known is None:
        known = departure.made["lines"] = _Columns(departure, first_id)
    return known


class _Columns:
    """What the lines of a departure are made of, as if none of its sessions had anything unusual about it."""

    def __init__(self, departure: Departure, first_id: int) -> None:
        flows, streams, column = departure.flows, departure.streams, departure.column
        ports, packets, payload = flows.port, flows.packets, flows.payload
        hello_ns, syn_ns, ack_ns = column("hello_ns"), column("syn_ns"), column("ack_ns")
        hello_shapes, answer_shapes = departure.hello_shapes, departure.answer_shapes
        hello_bodies = dict(zip(hello_shapes, column("hello_body").tolist(), strict=True))
        hellos = {shape: _client_hello(shape, body) for shape, body in hello_bodies.items()}
        answer_bodies = dict(zip(answer_shapes, column("answer_body").tolist(), strict=True))
        answers = {shape: _server_hello(shape, body) for shape, body in answer_bodies.items()}
        ends = {server: _encode({"ip": server[0], "port": server[1]}) for server in set(departure.servers)}
        chains = departure.chains
        histories, alerts = _histories_and_alerts(departure)
        # One after the other: connect, ClientHello, ServerHello, handshake.
        spans = (ack_ns - syn_ns, hello_ns - ack_ns, column("answer_ns") - hello_ns, column("done_ns") - hello_ns)
        timings, count = columns.milliseconds(np.concatenate(spans)), len(departure)
        self._first_id, self._streams, self._capture = first_id, streams, flows.capture
        self._head: tuple[Sequence[Any], ...] = (
            streams,
            community_ids(flows.address, flows.is_v6, ports),
            list(map(str.encode, departure.clients)),
            ports[:, 0].tolist(),
            [ends[server] for server in departure.servers],
            columns.pairs_of_times(np.column_stack([flows.first_ns, flows.last_ns]), _BETWEEN_TIMES),
            packets[:, 0].tolist(),
            packets[:, 1].tolist(),
            payload[:, 0].tolist(),
            payload[:, 1].tolist(),
            columns.openings(column("opening"), _BETWEEN_OPENINGS),
            histories,
            [_CLOSED_BY[close] for close in column("close").tolist()],
            column("hello_frame").tolist(),
        )
        self._middle: tuple[list[bytes], ...] = (
            [hellos[shape].before for shape in hello_shapes],
            columns.names(departure.names),
            [hellos[shape].behind for shape in hello_shapes],
        )
        self._answer_frame: list[int] = column("answer_frame").tolist()
        self._behind: tuple[list[bytes], ...] = (
            [answers[shape].text for shape in answer_shapes],
            [_chain(chain) if chain else b"[]" for chain in chains],
        )
        self._tail: tuple[Sequence[Any], ...] = (
            alerts,
            [answers[shape].resumed for shape in answer_shapes],
            *(timings[at : at + count] for at in range(0, 4 * count, max(1, count))),
            streams,
        )
        has_chain = np.fromiter(map(bool, chains), np.bool_, count)
        self._unfit: list[int] = np.flatnonzero(~(has_chain | column("silent"))).tolist()  # resumed, or anonymous

    def fits(self, start: int, stop: int) -> bool:
        """Of all of these a line can be made."""
        return bisect_left(self._unfit, start) == bisect_left(self._unfit, stop)

    def lines(self, start: int, stop: int) -> Lines:
        """The lines of some that follow each other. Not of all at once: what was made of a few is still at hand when it
        is written, what was made of thousands would have to be fetched from memory again.
        """
        streams = self._streams[start:stop]
        ids = map(self._first_id.__add__, streams)
        heads = zip(ids, repeat(self._capture), *(column[start:stop] for column in self._head), strict=False)
        lines = zip(
            map(_HEAD.__mod__, heads),
            *(column[start:stop] for column in self._middle),
            map(b"%d".__mod__, self._answer_frame[start:stop]),
            *(column[start:stop] for column in self._behind),
            map(_TAIL.__mod__, zip(*(column[start:stop] for column in self._tail), strict=True)),
            repeat(b"\n", stop - start),
            strict=True,
        )
        return Lines(self._first_id, streams, list(chain.from_iterable(lines)))


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
        known = shape.scratch["json"] = _Hello(
            _BEFORE_NAME % (_encode(before)[1:-1], b"null" if shape.sni_span is None else b'"'),
            _BEHIND_NAME % (b"" if shape.sni_span is None else b'"', _encode(behind)[1:-1]),
        )
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
        known = shape.scratch["json"] = _Answer(_ANSWER % _encode(fields)[1:-1], resumed)
    return known


def _histories_and_alerts(departure: Departure) -> tuple[list[bytes], list[bytes]]:
    """Letters of the messages and of the alerts behind them, and the alerts."""
    node, (frame, clear) = departure.node, departure.first_alerts
    known = {number: departure.nodes[number].history.encode() for number in distinct(node).tolist()}
    histories = [known[number] for number in node.tolist()]
    alerts = np.full(len(departure), b"", np.object_)
    client, server = frame[:, 0], frame[:, 1]
    for order in ((0,), (1,), (0, 1), (1, 0)):
        # Nearly always each side says once that it will close, in a record that cannot be read.
        sent = (client > 0) == (0 in order)
        sent &= (server > 0) == (1 in order)
        if len(order) > 1:
            sent &= frame[:, order[0]] < frame[:, order[1]]
        rows = np.flatnonzero(sent)
        written = b",".join([_HIDDEN[side] for side in order])
        alerts[rows] = list(
            map(written.__mod__, zip(*(frame[:, side].take(rows).tolist() for side in order), strict=True))
        )
    for number in {*np.flatnonzero(clear.any(axis=1)).tolist(), *departure.with_more_alerts}:
        some = departure.alerts(number)
        alerts[number] = b",".join(map(_alert, some))
        for alert in some:
            if not alert.encrypted and len(histories[number]) < MAX_HISTORY:
                histories[number] += b"l" if alert.side else b"L"
    written_alerts: list[bytes] = alerts.tolist()
    return histories, written_alerts


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
        return _HIDDEN[side] % frame
    return b'{"frame":%d,"from":"%b","level":%b,"code":%d,"description":"%b","encrypted":false}' % (
        frame,
        SIDES[side].encode(),
        _LEVELS[level],
        code,
        alert_name(code).encode(),
    )
