"""A TLS client and a TLS server of Python's ssl: ``stack.py client key=value ...`` and ``stack.py server ...``."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def prepare(given: dict[str, str], purpose: int) -> ssl.SSLContext:
    context = ssl.SSLContext(purpose)
    context.minimum_version = VERSIONS[given.get("min", "1.2")]
    context.maximum_version = VERSIONS[given.get("max", "1.3")]
    if "cert" in given:
        context.load_cert_chain(given["cert"], given["key"])
    if "ca" in given:
        context.load_verify_locations(given["ca"])
    if "ciphers" in given:
        context.set_ciphers(given["ciphers"])
    if "alpn" in given:
        context.set_alpn_protocols(given["alpn"].split(","))
    return context


def client(given: dict[str, str]) -> None:
    context = prepare(given, ssl.PROTOCOL_TLS_CLIENT)
    if given.get("insecure"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    name = given.get("name")
    context.check_hostname &= name is not None
    source = (given["source"], 0) if "source" in given else None
    address = (given["host"], int(given["port"]))
    with (
        socket.create_connection(address, timeout=10, source_address=source) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        ending = given.get("ending", "")
        path, version = ("/large", "1.1") if ending else ("/", "1.0")
        tls.sendall(f"GET {path} HTTP/{version}\r\nHost: {name}\r\n\r\n".encode())
        if ending == "reset":
            plain_reset(tls)
        elif ending == "close":
            tls.recv(1000)
            tls.settimeout(0.5)
            with contextlib.suppress(OSError, ssl.SSLError):
                tls.unwrap()
        elif ending == "drop":
            tls.recv(1000)
        else:
            while piece := tls.recv(65536):
                sys.stdout.write(piece.decode(errors="replace"))


def plain_reset(tls: ssl.SSLSocket) -> None:
    """SO_LINGER with zero seconds, and closed in the middle of the answer."""
    tls.recv(1000)
    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def server(given: dict[str, str]) -> None:
    context = prepare(given, ssl.PROTOCOL_TLS_SERVER)
    if "ca" in given:
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("", int(given["port"])), family=socket.AF_INET6, dualstack_ipv6=True)

    def answer(peer: socket.socket) -> None:
        peer.settimeout(10)
        with peer, context.wrap_socket(peer, server_side=True) as tls:
            if tls.recv(65536):
                tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n")

    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    words = dict(one.split("=", 1) for one in sys.argv[2:])
    {"client": client, "server": server}[sys.argv[1]](words)
