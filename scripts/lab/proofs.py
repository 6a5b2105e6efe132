"""What tshark has to have seen of a session for its label to stand: one condition for each cause that has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lab.reading import Stream

__all__ = ["unproved"]

Condition = Callable[[Stream], bool]


def said(*steps: str) -> Condition:
    """One of these steps is there."""
    return lambda stream: any(one in stream.steps for one in steps)


def never(*steps: str) -> Condition:
    return lambda stream: not any(one in stream.steps for one in steps)


def silent_server(stream: Stream) -> bool:
    return not stream.payload["S"]


def all_of(*conditions: Condition) -> Condition:
    return lambda stream: all(one(stream) for one in conditions)


def alert(side: str, *codes: int) -> Condition:
    return said(*(f"{side}:alert{code}" for code in codes))


def completed(stream: Stream) -> bool:
    """Both ends have sent a ChangeCipherSpec (TLS 1.2), or the client something after the ServerHello (TLS 1.3)."""
    steps = stream.steps
    if stream.version != "TLS 1.3":
        return "S:ccs" in steps and ("C:ccs" in steps or not stream.payload["C"])
    return "S:SH" in steps and any(re.fullmatch(r"C:r23\[\d+\]", one) for one in steps)


def connected(stream: Stream) -> bool:
    return "S:SYN" in stream.steps


BY_OUTCOME: Mapping[str, Condition] = {
    "established": completed,
    "idle": lambda stream: not stream.payload["C"],
    "plaintext": lambda stream: not stream.hello and bool(stream.payload["C"] and stream.payload["S"]),
}
LEFT = said("C:FIN", "C:RST")
HANDSHAKE_FAILURE = alert("S", 40)
BY_CAUSE: Mapping[str, Condition] = {
    "access-denied": said("S:alert49", "C:alert49"),
    "certificate-rejected": alert("C", 42, 46),
    "certificate-rejected-encrypted": said("C:r23[19]", "C:r23[35]"),
    "certificate-revoked": alert("C", 44),
    "certificate-unknown-ca": alert("C", 48),
    "certificate-unsupported": alert("C", 42, 43, 46),
    "client-abandoned": all_of(silent_server, LEFT),
    "client-aborted": all_of(said("S:SH"), LEFT, never("C:CKE", "C:alert48", "C:alert42")),
    "client-clock-skew": alert("C", 45),
    "client-hello-lost": all_of(connected, silent_server),
    "client-silent": all_of(said("S:SH"), said("S:FIN", "S:RST")),
    "handshake-failure-unspecified": HANDSHAKE_FAILURE,
    "hello-rewritten": all_of(said("S:SH"), alert("C", 47)),
    "inappropriate-fallback": alert("S", 86),
    "large-client-hello-dropped": all_of(connected, silent_server),
    "middlebox-reset": said("S:RST", "C:RST"),
    "no-client-hello": all_of(said("S:FIN", "S:RST"), lambda stream: not stream.payload["C"]),
    "no-shared-alpn": alert("S", 120),
    "no-shared-cipher": HANDSHAKE_FAILURE,
    "no-shared-group": said("S:alert40", "S:SH"),
    "no-shared-signature-algorithm": HANDSHAKE_FAILURE,
    "protocol-version-mismatch": said("S:alert70", "C:alert70"),
    "server-closed": all_of(silent_server, said("S:FIN")),
    "server-internal-error": alert("S", 80),
    "server-reset": all_of(silent_server, said("S:RST")),
    "server-silent": all_of(silent_server, LEFT),
    "sni-unrecognized": alert("S", 112),
    "tcp-connect-refused": all_of(said("S:RST"), never("S:SYN")),
    "tcp-connect-timeout": lambda stream: set(stream.steps) == {"C:SYN"},
    "tcp-connect-unreachable": lambda stream: stream.icmp and "S:SYN" not in stream.steps,
    "tcp-handshake-incomplete": all_of(connected, silent_server),
    "unknown-psk": alert("S", 115),
    "user-canceled": alert("C", 90),
}


def unproved(label: Mapping[str, object], stream: Stream) -> str:
    """What the label says and tshark does not; empty if it bears the label out, or has nothing to say about it."""
    by_cause = BY_CAUSE.get(str(label.get("cause")))
    if label.get("outcome") == "failed" and by_cause is not None and not by_cause(stream):
        return f"{label['cause']} is not what tshark saw: {' '.join(stream.steps)}"
    by_outcome = BY_OUTCOME.get(str(label.get("outcome")))
    if by_outcome is not None and not by_outcome(stream):
        return f"{label['outcome']} is not what tshark saw: {' '.join(stream.steps)}"
    return ""
