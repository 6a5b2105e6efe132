"""Zeek's letters."""

from __future__ import annotations

from capanalyzer.tls.history import MAX_HISTORY, history
from capanalyzer.tls.records import SSLV2, Message
from tests.tls.wires import HELLO_RETRY, server_hello


def seen(side: int, kind: int, handshake: int = -1, *, encrypted: bool = False, body: bytes = b"") -> Message:
    return Message(0, 1, 1, side, kind, handshake, len(body), encrypted, 0x0303, 0, body)


def test_full_handshake() -> None:
    messages = [seen(0, 22, 1), *(seen(1, 22, kind) for kind in (2, 11, 12, 14)), seen(0, 22, 16), seen(0, 20)]
    messages += [seen(0, 22, encrypted=True), seen(1, 22, 4), seen(1, 20), seen(1, 22, encrypted=True)]
    messages += [seen(0, 23, encrypted=True), seen(1, 21, encrypted=True)]
    assert history(messages) == "CsxknGIti"


def test_hello_retry_alert_and_the_rest() -> None:
    retry = server_hello(random=HELLO_RETRY)
    messages = [seen(0, 22, 1), seen(1, 22, 2, body=retry), seen(0, 22, 1), seen(1, 22, 2, body=server_hello())]
    assert history([*messages, seen(1, 21, body=b"\x02\x28"), seen(0, 24), seen(1, 22, 99)]) == "CjCslBz"


def test_sslv2() -> None:
    assert history([seen(0, SSLV2, 1), seen(1, SSLV2, 4), seen(0, SSLV2, 2)]) == "CsG"


def test_history_is_bounded() -> None:
    assert len(history([seen(1, 22, 0)] * 1000)) == MAX_HISTORY
