"""The report as data: one versioned model for every renderer, with the keys of the JSON output.

All structures are frozen; keys are never translated, texts are. Every key is always present, null where nothing was
seen. Times are RFC 3339 in UTC with nanoseconds, ``*_ms`` are milliseconds, frame numbers are Wireshark's.

The structures take part in no reference cycle, so the garbage collector need not look at them (``gc=False``): there
may be 100,000 sessions of a dozen structures each.
"""

from __future__ import annotations

from typing import Final

from capanalyzer import __version__
from capanalyzer.report.log_model import FailedSide, Log, LogClock, LogCounts, LogLine, UnmatchedLogLine
from capanalyzer.report.model_f5 import F5, F5Address, F5Capture, F5Peer, F5Reset, F5Side
from capanalyzer.report.structure import Endpoint, Model

__all__ = [
    "F5",
    "SCHEMA_VERSION",
    "TOOL",
    "Alert",
    "AppliedFilter",
    "Capture",
    "Certificate",
    "ClientHello",
    "ClosedBy",
    "Comparison",
    "Counts",
    "Endpoint",
    "Evidence",
    "F5Address",
    "F5Capture",
    "F5Peer",
    "F5Reset",
    "F5Side",
    "FailedSide",
    "Finding",
    "Incident",
    "Log",
    "LogClock",
    "LogCounts",
    "LogLine",
    "ProxyHeader",
    "ServerHello",
    "Session",
    "SideTexts",
    "Summary",
    "TimelineEntry",
    "Timing",
    "Tls",
    "Tool",
    "Trailer",
    "UnmatchedLogLine",
    "Unreadable",
]

SCHEMA_VERSION: Final = "1.2"
"""Major: a key was removed or changed its meaning. Minor: keys were added."""


class Counts(Model, frozen=True, gc=False):
    """A number for each side."""

    client: int
    server: int


class SideTexts(Model, frozen=True, gc=False):
    """A text for each side; None where it sent nothing."""

    client: str | None
    server: str | None


class ClosedBy(Model, frozen=True, gc=False):
    """How the connection ended."""

    how: str
    """``rst`` ``fin`` ``timeout`` ``none``."""
    who: str | None
    """``client`` ``server`` ``middlebox``; None where nobody closed."""


class ClientHello(Model, frozen=True, gc=False):
    """The first ClientHello; lists in the client's order, GREASE (RFC 8701) included."""

    frame: int
    legacy_version: str
    offered_versions: tuple[str, ...]
    cipher_suites: tuple[int, ...]
    sni: str | None
    alpn: tuple[str, ...]
    groups: tuple[int, ...]
    ja3: str | None
    ja4: str | None


class ServerHello(Model, frozen=True, gc=False):
    """The real one, also where a HelloRetryRequest came before it (``hello_retry``)."""

    frame: int
    version: str
    """Negotiated."""
    cipher_suite: int
    alpn: str | None
    ja3s: str | None
    hello_retry: bool


class Certificate(Model, frozen=True, gc=False):
    """An X.509 certificate as it was sent; nothing in it is verified."""

    subject: str
    """RFC 4514 form."""
    issuer: str
    serial: str
    """Hexadecimal."""
    not_before: str | None
    not_after: str | None
    san: tuple[str, ...]
    """DNS names and IP addresses, as in the certificate."""


class Alert(Model, frozen=True, gc=False, rename={"sender": "from"}):
    """A record of type 21. Level, code and description are None where it is encrypted."""

    frame: int
    sender: str
    """``client`` or ``server``; the key is ``from``."""
    level: str | None
    code: int | None
    description: str | None
    encrypted: bool


class Tls(Model, frozen=True, gc=False):
    """What was seen of TLS."""

    client_hello: ClientHello | None
    server_hello: ServerHello | None
    certificates: tuple[Certificate, ...]
    """The server's, as sent: readable up to TLS 1.2."""
    client_certificates: tuple[Certificate, ...]
    alerts: tuple[Alert, ...]
    resumed: bool


class Timing(Model, frozen=True, gc=False):
    """How long each step took; None where its beginning or end was not seen."""

    connect_ms: float | None
    """First SYN to the client's ACK of the SYN/ACK."""
    client_hello_ms: float | None
    """That ACK to the complete ClientHello."""
    server_hello_ms: float | None
    """ClientHello to the complete ServerHello."""
    handshake_ms: float | None
    """ClientHello to the end of the TLS handshake."""


class Evidence(Model, frozen=True, gc=False, rename={"sender": "from"}):
    """A frame that proves it."""

    frame: int
    time: str
    sender: str | None
    """``client`` or ``server``; None for the network or the capture. The key is ``from``."""
    text: str


class Finding(Model, frozen=True, gc=False):
    """What is said of a session, and what proves it."""

    cause: str
    severity: str
    """``failure`` ``warning`` ``note``."""
    confidence: str
    """``certain`` ``likely`` ``possible``."""
    title: str
    explanation: str
    evidence: tuple[Evidence, ...]
    alternatives: tuple[str, ...]
    """Causes that would look the same from here."""
    remedies: tuple[str, ...]


class TimelineEntry(Model, frozen=True, gc=False, rename={"sender": "from"}):
    """An event of a session."""

    frame: int
    time: str
    sender: str | None
    """``client`` or ``server``; None for the network or the capture. The key is ``from``."""
    event: str
    detail: str


class Comparison(Model, frozen=True, gc=False):
    """What else worked in this capture, beside a session that failed. Lower bounds in captures of very many ends."""

    server_established: int
    """Sessions established with the same server (address and port)."""
    server_clients: int
    """Client addresses they came from."""
    client_established: int
    """Sessions that the same client address established with other servers."""
    client_servers: int
    """Those servers."""


class ProxyHeader(Model, frozen=True, gc=False):
    """What a PROXY protocol header at the beginning of a connection says of the one it was made for."""

    source: Endpoint
    """Whom the proxy serves: behind it, logs call this the client."""
    destination: Endpoint


class Session(Model, frozen=True, gc=False):
    """One connection and what is said of it."""

    id: int
    """Unique in the document and the same in every run and format: see :func:`capanalyzer.report.build.session_id`."""
    capture: int
    """Index into ``captures``."""
    transport: str
    """``tcp``."""
    stream: int
    """Numbered as Wireshark's ``tcp.stream``."""
    community_id: str
    client: Endpoint
    server: Endpoint
    start: str
    end: str
    packets: Counts
    bytes: Counts
    """Payload on the wire, retransmissions included."""
    first_bytes: SideTexts
    """Hexadecimal, up to 16 bytes in stream order."""
    protocol: SideTexts
    """What each side speaks, by its first bytes: ``tls`` ``http`` ``ssh`` ... ``unknown``."""
    outcome: str
    """``established`` ``failed`` ``incomplete`` ``plaintext`` ``idle``."""
    stage: str | None
    """The step it stalled at; None where it did not stall."""
    waiting_on: str | None
    blame: str | None
    """Who has to change something: ``client`` ``server`` ``network`` ``unknown``."""
    cause: str | None
    """That of the first finding when failed or incomplete, else None."""
    history: str
    """Zeek's ssl_history letters, capital = client."""
    closed_by: ClosedBy
    tls: Tls | None
    """None where no TLS was spoken."""
    timing: Timing
    findings: tuple[Finding, ...]
    timeline: tuple[TimelineEntry, ...]
    """Of sessions that failed or are incomplete, and of all where asked for; else empty."""
    display_filter: str
    """For Wireshark."""
    comparison: Comparison | None = None
    """Of failed sessions; None for all others."""
    other_leg: int | None = None
    """Id of the session on the other side of a balancer, proxy or NAT: of failed sessions, one that carried the same
    ClientHello; in a BIG-IP's capture, of all sessions, the one that it says."""
    proxy_header: ProxyHeader | None = None
    """At the beginning of the client's stream, where there is one with addresses."""
    log_lines: tuple[LogLine, ...] = ()
    """Lines of the given logs that speak of it, in their order in time."""
    named_by_log: str | None = None
    """The cause that the end which decided names in its own log, in a line that is certainly of this session: that of
    the first finding, which is then one step surer, or one of its alternatives, and then the only one."""
    f5: F5 | None = None
    """None where no BIG-IP says anything of it."""
    request_host: str | None = None
    """Whom a plaintext request at the beginning of the client's stream is meant for: the target of CONNECT, or the Host
    field; without port."""


class Capture(Model, frozen=True, gc=False):
    """One capture: a file, a stream, or a ring of files."""

    path: str
    format: str
    """``pcap`` ``pcapng`` ``snoop``; empty for a file of length zero."""
    link_types: tuple[str, ...]
    packets: int
    bytes: int
    """Sum of the packets' lengths on the wire."""
    first_time: str | None
    last_time: str | None
    warnings: tuple[str, ...]
    files: tuple[str, ...]
    """All files of a ring in reading order."""
    comments: tuple[str, ...]
    truncated_packets: int
    """Packets of which less was captured than was on the wire."""
    dropped_packets: int
    """Packets the capturing host says it lost."""
    f5: F5Capture | None = None
    """None where nothing shows that a BIG-IP made it. Its first record, which is no packet, counts as frame 1."""
    session_keys: bool = False
    """The file holds secrets that decrypt its TLS sessions: whoever has it can read them."""


class Unreadable(Model, frozen=True, gc=False):
    """An input that could not be read at all."""

    path: str
    reason: str


class Incident(Model, frozen=True, gc=False):
    """Failed sessions that have one cause at one server."""

    cause: str
    server: Endpoint
    sni: str | None
    """The server name, where all of them sent the same one."""
    sessions: tuple[int, ...]
    """Their ids, in order."""
    clients: int
    """Distinct client addresses."""
    first: str
    last: str
    title: str = ""
    """What the cause is called."""
    sentence: str = ""
    """Whom it hits and whom it does not, and why: what a ticket's reader wants first."""
    confidence: str = ""
    """The best of its sessions': ``certain`` ``likely`` ``possible``."""
    blame: str = "unknown"
    """Who has to change something, where its sessions agree: ``client`` ``server`` ``network``; else ``unknown``."""
    log_lines: int = 0
    """Log lines that speak of its sessions."""
    sessions_unlisted: int = 0
    """Further sessions of it, which a run that went on for long counted and did not list."""

    @property
    def session_count(self) -> int:
        """All of its sessions."""
        return len(self.sessions) + self.sessions_unlisted


class AppliedFilter(Model, frozen=True, gc=False):
    """The report is about some of the sessions only; what is counted and gathered into incidents are these."""

    expression: str
    """As it was given."""
    left_out: int
    """Sessions for which it does not hold."""


class Summary(Model, frozen=True, gc=False):
    """All sessions counted, those that a filter leaves out apart."""

    sessions: int
    outcomes: dict[str, int]
    causes: dict[str, int]
    """Of failed and incomplete sessions."""
    notes: tuple[str, ...]
    """What the reader has to know of this report, one sentence each: that it was filtered, limits that were reached."""
    filter: AppliedFilter | None = None
    """None where the report is about all sessions."""
    log_lines: LogCounts | None = None
    """None where no log was given."""


class Tool(Model, frozen=True, gc=False):
    """Who writes the report."""

    name: str
    version: str


class Trailer(Model, frozen=True, gc=False):
    """What is known when all sessions have been seen: the last line of JSONL."""

    schema_version: str
    tool: Tool
    captures: tuple[Capture, ...]
    unreadable: tuple[Unreadable, ...]
    incidents: tuple[Incident, ...]
    summary: Summary
    logs: tuple[Log, ...] = ()
    unmatched_log_lines: tuple[UnmatchedLogLine, ...] = ()
    """In the order of the logs; the first 1,000."""


TOOL: Final = Tool("capanalyzer", __version__)
"""Who writes the report."""
