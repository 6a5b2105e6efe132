"""Every rule, in the order of precedence.

How the cause is chosen: all rules in ``RULES`` are asked, and each says of which event (time and frame) it speaks.
**The first abnormal event in time wins; what follows is consequence**: a reset after an alert, a close after a
silence. Where several rules explain the same event, the earlier one in the tuple wins. So the order below matters
only between rules that judge the same event: the special before the general, evidence before its absence.

A new rule is a file under ``rules/``, an entry here, and a page in every language for each cause it gives.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.diagnosis.rule import Rule
from capanalyzer.diagnosis.rules.closes.lost import ClientHelloLost, MtuBlackHole, ServerFlightLost
from capanalyzer.diagnosis.rules.closes.rewritten import DowngradeSentinel, HelloRewritten
from capanalyzer.diagnosis.rules.closes.server_ends import MiddleboxReset, ServerEnds, UnreadableServerAlert
from capanalyzer.diagnosis.rules.closes.silence import (
    ClientAbandoned,
    ClientAborted,
    ClientSilent,
    NoClientHello,
    ServerSilent,
)
from capanalyzer.diagnosis.rules.first_bytes.http_to_tls import HttpToTlsPort
from capanalyzer.diagnosis.rules.first_bytes.not_tls import NotTls
from capanalyzer.diagnosis.rules.first_bytes.obsolete_hello import ObsoleteSslHello
from capanalyzer.diagnosis.rules.first_bytes.proxy_header import ProxyHeaderMissing, ProxyHeaderUnexpected
from capanalyzer.diagnosis.rules.first_bytes.tls_to_other import TlsToOtherProtocol
from capanalyzer.diagnosis.rules.first_bytes.upgrades import ProxyConnectRefused, StarttlsRefused
from capanalyzer.diagnosis.rules.parameters.alerts import ClearAlert
from capanalyzer.diagnosis.rules.parameters.compared import NothingInCommon
from capanalyzer.diagnosis.rules.parameters.retry import RetryNotFollowed
from capanalyzer.diagnosis.rules.parameters.server_name import SniMissing
from capanalyzer.diagnosis.rules.parameters.version import VersionNotOffered
from capanalyzer.diagnosis.rules.quality.capture import (
    CaptureEndsMidHandshake,
    CaptureLostPackets,
    CaptureOneSided,
    CaptureStartsMidSession,
    CaptureTruncated,
)
from capanalyzer.diagnosis.rules.quality.cipher import WeakCipher
from capanalyzer.diagnosis.rules.quality.warnings import (
    CertificateLetPass,
    CompletedThenClosed,
    ObsoleteProtocolVersion,
    SlowHandshake,
)
from capanalyzer.diagnosis.rules.reach.refused import TcpConnectRefused
from capanalyzer.diagnosis.rules.reach.timeout import TcpConnectTimeout, TcpHandshakeIncomplete
from capanalyzer.diagnosis.rules.reach.unreachable import TcpConnectUnreachable
from capanalyzer.diagnosis.rules.trust.client_alerts import ClientCertificateAlert
from capanalyzer.diagnosis.rules.trust.client_certificate import ClientCertificate
from capanalyzer.diagnosis.rules.trust.encrypted import CertificateRejectedEncrypted
from capanalyzer.diagnosis.rules.trust.intercepted import InterceptionSeen
from capanalyzer.diagnosis.rules.trust.visible import VisibleCertificateFault

__all__ = ["ALL_RULES", "CAPTURE_RULES", "RULES", "WARNINGS"]

RULES: Final[tuple[Rule, ...]] = (
    # Reaching the server.
    TcpConnectUnreachable(),
    TcpConnectRefused(),
    TcpConnectTimeout(),
    TcpHandshakeIncomplete(),
    # Another protocol than TLS, before what its bytes made the other end do.
    HttpToTlsPort(),
    ProxyHeaderUnexpected(),
    ProxyHeaderMissing(),
    StarttlsRefused(),
    ProxyConnectRefused(),
    TlsToOtherProtocol(),
    NotTls(),
    ObsoleteSslHello(),
    # Rewriting, then what the server chose; then whose certificate was turned down, the special reading of an alert
    # first.
    HelloRewritten(),
    DowngradeSentinel(),
    VersionNotOffered(),
    SniMissing(),
    ClientCertificate(),
    VisibleCertificateFault(),
    ClientCertificateAlert(),
    CertificateRejectedEncrypted(),
    RetryNotFollowed(),
    NothingInCommon(),
    ClearAlert(),
    UnreadableServerAlert(),
    # Segments that never arrived explain the silence and the close that follow.
    MtuBlackHole(),
    ClientHelloLost(),
    ServerFlightLost(),
    # Resets, closes, silence. Evidence of another sender comes before who it claims to be.
    MiddleboxReset(),
    NoClientHello(),
    ServerSilent(),
    ClientSilent(),
    ServerEnds(),
    ClientAborted(),
    ClientAbandoned(),
)
"""Why a session failed."""

CAPTURE_RULES: Final[tuple[Rule, ...]] = (
    CaptureOneSided(),
    CaptureTruncated(),
    CaptureStartsMidSession(),
    CaptureLostPackets(),
    CaptureEndsMidHandshake(),
)
"""Why nothing can be said: the first that applies, and the last one always does."""

WARNINGS: Final[tuple[Rule, ...]] = (
    CertificateLetPass(),
    InterceptionSeen(),
    ObsoleteProtocolVersion(),
    WeakCipher(),
    SlowHandshake(),
    CompletedThenClosed(),
)
"""What is worth a word on sessions that work: all that apply."""

ALL_RULES: Final = RULES + CAPTURE_RULES + WARNINGS
