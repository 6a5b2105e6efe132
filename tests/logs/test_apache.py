"""Apache's lines with what it puts before the client's address."""

from __future__ import annotations

import pytest

from capanalyzer.logs.line import Peer
from capanalyzer.logs.recognise import recognise


@pytest.mark.parametrize(
    "before",
    [
        "",
        "(104)Connection reset by peer: ",
        "(70014)End of file found: ",
        "(-1471031216)Unknown error -1471031216: ",
        "(os 0x3bfbabd0)Unrecognized resolver error: ",
    ],
)
def test_an_error_of_the_system_stands_before_the_client(before: str) -> None:
    line = recognise(
        f"[Thu Nov 26 17:26:30.396858 2026] [ssl:info] [pid 7:tid 8] {before}[client 192.0.2.136:38109] "
        "AH02008: SSL library error 1 in handshake (server www.example.test:9443)"
    )
    assert line is not None
    assert line.client == Peer("192.0.2.136", 38109)
