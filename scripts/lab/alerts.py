"""Alerts that no ordinary program can be made to send at will, and hellos that no ordinary program sends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from lab import raw, servers
from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.net import Lab
from lab.session import play, session

CLIENTS = ("openssl", "curl", "gnutls", "go", "java", "node", "python", "nss")


def alert_server(code: int) -> raw.Handler:
    """Reads the hello, answers by one alert and closes."""
    return raw.answer_with(raw.alert(code))


ANSWERS = {
    "server-internal-error": (80,),
    "access-denied": (49,),
    "unknown-psk": (115,),
    "record-corrupted": (20, 22, 51),
    "message-rejected": (50, 47, 10, 109),
    "no-shared-cipher": (71,),
    "alert-other": (100, 60),
}


@case(
    "server-alerts",
    "Alerts of servers: internal error, access denied, unknown PSK, decode errors, and others that are rare",
    "eight clients to small servers in Python that read the ClientHello and answer it by one fatal alert each.",
    "python",
    *CLIENTS,
)
def server_alerts(lab: Lab) -> list[Expected]:
    ports = {code: 14_500 + code for codes in ANSWERS.values() for code in codes}
    for code, port in ports.items():
        lab.serve("server", port, alert_server(code))
    rows, turn = [], 0
    for cause, codes in ANSWERS.items():
        for code in codes:
            # insufficient_security: what was too weak, nobody says.
            label = failed(UNLABELLED if code == 71 else cause, "server-hello")
            for _ in range(4 if len(codes) == 1 else 2):
                client = CLIENTS[turn % len(CLIENTS)]
                rows.append(session(client, ("1.2", "", "1.3")[turn % 3], label, port=ports[code]))
                turn += 1
    with lab.capture():
        return play(lab, rows)


def client_alert(code: int, *, close_notify: bool = False) -> bytes:
    return raw.alert(code) + (raw.alert(0, 1) if close_notify else b"")


@case(
    "client-alerts",
    "Clients that end a handshake by an alert of their own: canceled by the user, internal error, decode errors, "
    "certificates revoked or unsupported",
    "a real ClientHello by Python's ssl, and after the server's flight an alert made by this script, to nginx, "
    "HAProxy and Go, TLS 1.2.",
    "nginx",
    "haproxy",
    "go",
    "python",
)
def client_alerts(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "haproxy": 8443, "go": 9443}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    causes = {
        90: "user-canceled",
        44: "certificate-revoked",
        43: "certificate-unsupported",
        42: "certificate-rejected",
        46: "certificate-rejected",
        50: "message-rejected",
        51: "record-corrupted",
        49: "access-denied",
    }
    labels = []
    with lab.capture():
        for (code, cause), (number, version) in product(causes.items(), enumerate(("1.2", "1.3"))):
            port = tuple(ports.values())[(code + number) % 3]
            data = raw.hello(lab.www, highest=version)
            raw.client(lab, data, client_alert(code, close_notify=code == 90), port=port, wait_s=0.5)
            labels.append(failed(cause, "client-flight", version=version))
    return labels


def handshake(body: bytes) -> bytes:
    return raw.record(22, b"\x01" + len(body).to_bytes(3, "big") + body, 0x0301)


def changed(data: bytes, how: str) -> bytes:
    """A real ClientHello, made wrong: ``data`` is one record."""
    body = bytearray(data[9:])
    session_end = 35 + body[34]
    suites_end = session_end + 2 + int.from_bytes(body[session_end : session_end + 2], "big")
    if how == "no null compression":
        body[suites_end + 1] = 1
    elif how == "extension too long":
        start = suites_end + 1 + body[suites_end]
        body[start + 2 + 3] = 0xFF  # the first extension's length, low byte
    elif how == "no extensions":
        start = suites_end + 1 + body[suites_end]
        body[start:] = b"\0\0"
    elif how == "odd suites":
        body[session_end + 1] -= 1
    elif how == "server hello first":
        return raw.record(22, b"\x02" + len(body).to_bytes(3, "big") + bytes(body), 0x0301)
    return handshake(bytes(body))


@case(
    "message-rejected",
    "Broken ClientHellos, answered by decode_error, illegal_parameter or unexpected_message",
    "a real ClientHello by Python's ssl, changed by this script (a length too large, no null compression, a message "
    "of another type), to seven servers.",
    "nginx",
    "openssl",
    "go",
    "java",
    "node",
    "gnutls",
    "nss",
    "python",
)
def message_rejected(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    ports = {"nginx": 443, "openssl": 8443, "go": 9443, "java": 5061, "node": 993, "gnutls": 8883, "nss": 6697}
    for stack, port in ports.items():
        servers.start(lab, stack, identity, port)
    data = raw.hello(lab.www)
    labels = []
    with lab.capture():
        for how in ("no null compression", "extension too long", "odd suites", "server hello first"):
            for stack, port in ports.items():
                if stack == "java" and how == "no null compression":
                    continue  # JSSE does not mind
                raw.client(lab, changed(data, how), port=port, wait_s=1)
                # What can be read of such a hello is not labelled.
                label = failed("message-rejected", UNLABELLED, sni=UNLABELLED, client=UNLABELLED, version=UNLABELLED)
                labels.append(label)
    return labels


@case(
    "wrong-psk",
    "Pre-shared keys that differ",
    "openssl s_client -psk with another key than s_server's, TLS 1.2 (bad_record_mac) and 1.3 (illegal_parameter); "
    "one with the right key.",
    "openssl",
)
def wrong_psk(lab: Lab) -> list[Expected]:
    identity = lab.pki.leaf()
    servers.start(lab, "openssl", identity, extra=("-psk", "00112233445566778899aabbccddeeff", "-nocert"))
    wrong, right = ("-psk", "ffeeddccbbaa99887766554433221100"), ("-psk", "00112233445566778899aabbccddeeff")
    rows = [
        session("openssl", "1.2", ok("1.2"), extra=(*right, "-cipher", "PSK"), verify=False),
        session("openssl", "1.3", ok("1.3"), extra=right, verify=False),
        session(
            "openssl",
            "1.2",
            failed("record-corrupted", "server-finished", version="1.2"),
            extra=(*wrong, "-cipher", "PSK"),
            verify=False,
        ),
        session("openssl", "1.3", failed("message-rejected", "server-hello"), extra=wrong, verify=False),
    ]
    with lab.capture():
        return play(lab, rows)


def flipping(after: int) -> Callable[[], raw.Change]:
    """Changes one bit of the ``after``-th record that carries handshake or application data."""

    def make() -> raw.Change:
        pieces = 0

        def change(data: bytes) -> bytes:
            nonlocal pieces
            pieces += 1
            return data if pieces != after else data[:-1] + bytes([data[-1] ^ 1])

        return change

    return make


@case(
    "record-corrupted",
    "Somebody changes a bit on the way: of the client's Finished, of the server's, of the server's TLS 1.3 flight",
    "clients through a relay in Python (beside the server, which listens on loopback) that changes the last bit of "
    "what passes second; TLS 1.2 and 1.3.",
    "nginx",
    "python",
    "openssl",
    "go",
    "java",
    "gnutls",
    "node",
)
def corrupted(lab: Lab) -> list[Expected]:
    servers.start(lab, "nginx", lab.pki.leaf(), 8080)
    behind = ("127.0.0.1", lab.plan.port(8080))
    lab.serve("server", 443, raw.relay(behind, there=flipping(2)))
    lab.serve("server", 8443, raw.relay(behind, back=flipping(2)))
    lab.serve("server", 9443, raw.relay(behind, back=flipping(1)))
    clients = ("openssl", "go", "java", "gnutls", "node")
    rows = []
    for client in clients:
        # The client's second flight in TLS 1.2: the server says bad_record_mac, in the clear.
        rows.append(session(client, "1.2", failed("record-corrupted", "server-finished", version="1.2"), port=443))
        # The server's Finished in TLS 1.2: what the client then says is encrypted, all that is seen is that it leaves.
        rows.append(session(client, "1.2", ok("1.2"), port=8443, answered=False))
        # The end of the server's first flight in TLS 1.3.
        clear = client in ("openssl", "node")
        cause = "record-corrupted" if clear else "certificate-rejected-encrypted"
        rows.append(session(client, "1.3", failed(cause, "client-flight", version="1.3"), port=9443))
    with lab.capture():
        return play(lab, rows)
