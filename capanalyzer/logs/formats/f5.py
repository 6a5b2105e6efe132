"""F5 BIG-IP: /var/log/ltm. Messages have a number of eight hexadecimal digits and the severity.

``01260009`` says why a handshake failed and mostly not whose; the same tmm says whose in ``01260013`` right after it.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.diagnosis.f5.reasons import find_reason
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, dotted, endpoint
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Said
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "f5-ltm"
_REACH_S: Final = 30.0
"""The profiles' handshake timeout is 10 s, and often raised."""
_END: Final = rf"(?:{ENDPOINT}|[0-9A-Fa-f:.]{{2,45}}(?:%\d{{1,5}})?\.\d{{1,5}})(?![\w%]|[.:]\w)"
"""The port stands behind the last colon, or, mostly with IPv6, behind the last dot."""
_MESSAGE: Final = re.compile(r"(?:(?P<id>[0-9a-f]{8}):(?P<severity>\d): )?(?P<text>.*)", re.DOTALL)
_HANDSHAKE: Final = re.compile(
    rf"SSL Handshake failed for (?:TCP|UDP|SCTP) (?P<from>{_END}) -> (?P<to>{_END})", re.IGNORECASE
)
_ERROR: Final = re.compile(
    rf"(?:(?P<from>{_END}) -> (?P<to>{_END}): )?Connection error: "
    r"(?P<function>\w{1,64}):(?P<line>\d{1,6}): (?:alert\((?P<first>\d{1,3})\) ?)?"
    r"(?P<reason>.{0,300}?)(?: ?\((?P<alert>\d{1,3})\))?$"
)
_NO_CIPHERS: Final = re.compile(r"No shared ciphers between SSL peers (?P<ends>\S{9,120}?)\.?$")
_TWO_DOTTED: Final = re.compile(r"(?P<from>[0-9A-Fa-f:.]+(?:%\d+)?\.\d{1,5}):(?P<to>[0-9A-Fa-f:.]+(?:%\d+)?\.\d{1,5})")
_RESET: Final = re.compile(
    rf"RST sent from (?P<from>{_END}) to (?P<to>{_END}), "
    r"\[0x[0-9a-f]{1,16}:\d{1,6}\] ?(?P<peer>\{peer\} ?)?(?P<reason>.{1,120})$",
    re.IGNORECASE,
)
_PAYLOAD: Final = re.compile(
    r"(?:IP6? (?P<from>[0-9A-Fa-f:.]{3,50}) > (?P<to>[0-9A-Fa-f:.]{3,50}): .{0,300})?"
    r"BIG-IP: \[0x[0-9a-f]{1,16}:\d{1,6}\] ?(?P<peer>\{peer\} ?)?(?P<reason>[^\]\r\n]{1,120})",
    re.IGNORECASE | re.DOTALL,
)
"""What ``tm.rstcause.pkt`` puts into the RST itself, as Wireshark shows it, or tcpdump, which cuts it short."""
_VERIFY: Final = re.compile(r"Peer cert verify error: (?P<reason>.{1,120}?)(?: \(depth \d|$)")
_RENEGOTIATION: Final = re.compile(
    rf"Connection attempt .{{0,60}}?(?P<end>{_END})?.{{0,80}}?secure renegotiation",
    re.IGNORECASE,
)
_CERTIFICATE: Final = re.compile(r"Certificate '(?P<name>[^']{1,200})' in file .{1,300}? (?:will expire|expired) ")
_ARROW: Final = re.compile(rf"(?P<from>{_END}) -> (?P<to>{_END})")

_REASONS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"not SSL", "not-tls-received"),
        (r"unsupported version|version (?:not supported|mismatch)|protocol version", "version-refused"),
        (r"no shared ciphers?|no ciphers?|cipher mismatch", "no-shared-cipher"),
        (r"TLS_FALLBACK_SCSV|inappropriate fallback", "fallback-refused"),
        (r"handshake timeout|timed? ?out", "handshake-timeout"),
        (r"no (?:client |peer )?certificate|certificate required", "client-certificate-missing"),
        (r"bad (?:record )?mac|decrypt|bad record", "record-corrupted"),
        (r"server ?name|unrecognized name|\bsni\b", "sni-refused"),
        (r"application protocol|\balpn\b", "no-alpn"),
    )
)
_BY_ALERT: Final = {
    10: "message-malformed",
    20: "record-corrupted",
    21: "record-corrupted",
    22: "record-corrupted",
    42: "verify-failed",
    43: "verify-purpose",
    44: "verify-revoked",
    45: "verify-expired",
    46: "verify-failed",
    47: "message-malformed",
    48: "verify-unknown-issuer",
    50: "message-malformed",
    51: "record-corrupted",
    70: "version-refused",
    80: "local-internal-error",
    86: "fallback-refused",
    112: "sni-refused",
    116: "client-certificate-missing",
    120: "no-alpn",
}
"""The number in brackets is the alert that goes with the error."""
_CAUSES_BY_ALERT: Final = {
    40: (
        "handshake-failure-unspecified",
        "no-shared-cipher",
        "protocol-version-mismatch",
        "client-certificate-missing",
        "sni-unrecognized",
    ),
}
"""Of what the alert leaves open where the words are not known."""
_RESETS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"no local listener|vip (?:down|disabled)", "f5-no-local-listener"),
        (r"port denied", "f5-port-denied"),
        (r"no (?:available )?pool member|no server selected|connection limit", "f5-no-member"),
        (r"remote system|peer", "f5-reset-by-peer"),
        (r"timeout|expired|sweeper|retransmit", "f5-reset-timeout"),
    )
)
_BY_ID: Final = {
    "01260014": "f5-configuration",
    "01070317": "f5-configuration",
    "0107149c": "f5-configuration",
    "01010028": "f5-members-down",
    "01070638": "f5-members-down",
    "01200012": "f5-members-down",
}
"""Messages of which the number says enough."""
_PLAINTEXT_PORTS: Final = frozenset((80, 8000, 8080, 8888))


def _end(text: str) -> Peer | None:
    return endpoint(text) or dotted(text)


def _read(body: Body) -> Found | None:
    match = _MESSAGE.match(body.text)
    assert match is not None
    number, text = match["id"] or "", match["text"]
    tmm = (_NAME, body.program, body.pid)
    if (said := _HANDSHAKE.match(text)) is not None:
        return _handshake(body, _end(said["from"]), _end(said["to"]), said[0], tmm)
    if (said := _ERROR.match(text)) is not None and number in ("", "01260009", "01260008"):
        return _connection_error(body, said, tmm)
    if (said := _NO_CIPHERS.match(text)) is not None and (ends := _TWO_DOTTED.fullmatch(said["ends"])) is not None:
        client, server = dotted(ends["from"]), dotted(ends["to"])
        tie = Tie(tmm, Part.MORE, 2)
        return found(
            body,
            _NAME,
            "no-shared-cipher",
            reason="No shared ciphers",
            client=client,
            server=server,
            said=Said.LOCAL,
            tie=tie,
            reach_s=_REACH_S,
        )
    if (said := _RESET.match(text) or _PAYLOAD.search(text)) is not None:
        return _reset(body, said)
    if not number:
        return None
    return _by_number(body, number, text)


def _handshake(body: Body, client: Peer | None, server: Peer | None, words: str, tmm: tuple[str, ...]) -> Found | None:
    if client is None or server is None:
        return None
    meaning = "f5-plaintext-suspected" if client.port in _PLAINTEXT_PORTS else "f5-handshake-failed"
    return found(
        body,
        _NAME,
        meaning,
        reason=words.partition(" for ")[0],
        client=client,
        server=server,
        said=Said.LOCAL,
        tie=Tie(tmm, Part.END, 0),
        reach_s=_REACH_S,
    )


def _connection_error(body: Body, said: re.Match[str], tmm: tuple[str, ...]) -> Found:
    words = said["reason"].strip() or said[0].rpartition(": ")[2]
    number = said["first"] or said["alert"]
    alert = int(number) if number and int(number) < 256 else None
    meaning = next((meaning for pattern, meaning in _REASONS if pattern.search(words)), "")
    if not meaning and "cert" in words.lower():
        meaning = refusal(words, None)
    if not meaning:
        meaning = _BY_ALERT.get(alert if alert is not None else -1, "f5-connection-error")
    tie = Tie(tmm, Part.BEGIN, 1 if meaning == "f5-connection-error" else 2)
    client, server = (_end(said["from"]), _end(said["to"])) if said["from"] else (None, None)
    return found(
        body,
        _NAME,
        meaning,
        reason=words,
        client=client,
        server=server,
        causes=_CAUSES_BY_ALERT.get(alert or 0) if meaning == "f5-connection-error" else None,
        said=None if said["first"] else Said.LOCAL,  # whether "alert(40)" was sent or received is not told
        alert=alert,
        tie=tie,
        reach_s=_REACH_S,
    )


def _reset(body: Body, said: re.Match[str]) -> Found:
    """The sender of the reset stands first; which end is the client shows by the ports, if at all."""
    words = said["reason"].strip()
    known = find_reason(words)
    whole = words if known is None or len(words) > len(known.text) else known.text
    meaning = next((meaning for pattern, meaning in _RESETS if pattern.search(whole)), "f5-reset")
    if said["peer"]:
        meaning = "f5-reset-by-peer"
    sender, receiver = _end(said["from"] or ""), _end(said["to"] or "")
    if sender is not None and receiver is not None and (sender.port or 0) > (receiver.port or 0):
        sender, receiver = receiver, sender
    is_echo = meaning in ("f5-reset-by-peer", "f5-reset-timeout")
    by = Said.TRANSPORT if is_echo else Said.LOCAL
    return found(body, _NAME, meaning, reason=whole, client=receiver, server=sender, said=by)


def _by_number(body: Body, number: str, text: str) -> Found | None:
    if (said := _VERIFY.match(text)) is not None:
        return found(body, _NAME, refusal(said["reason"], None), reason=said["reason"], said=Said.LOCAL)
    if number in ("01260017", "01260018"):
        match = _RENEGOTIATION.match(text)
        end = (match["end"] or "") if match is not None else ""
        who = _end(end)
        return found(body, _NAME, "f5-renegotiation", reason="secure renegotiation", client=who, said=Said.LOCAL)
    if number == "01260008":
        return found(body, _NAME, "too-many-connections", reason=text[:80], said=Said.LOCAL)
    if number in ("01420007", "01420008") and (said := _CERTIFICATE.match(text)) is not None:
        return found(body, _NAME, "f5-certificate-expires", reason=said["name"])
    if number == "01220001" and ("CLIENTSSL_" in text or "SERVERSSL_" in text):
        return found(body, _NAME, "local-internal-error", reason=text[:120], said=Said.LOCAL)
    if number in _BY_ID:
        ends = _ARROW.search(text)
        client, server = (_end(ends["from"]), _end(ends["to"])) if ends is not None else (None, None)
        return found(body, _NAME, _BY_ID[number], reason=text[:120], client=client, server=server)
    return None


_NEEDLES: Final = (
    "handshake failed for",
    "connection error: ",
    "rst sent from",
    "big-ip: [0x",
    "ssl peers",
    *(number.lower() + ":" for number in _BY_ID),
    "0126000",
    "01260014",
    "01260017",
    "01260018",
    "01420007",
    "01420008",
    "01220001",
)
FORMAT: Final = Format(_NAME, _NEEDLES, _read)
