"""Fuzz target: a connection fed any rows.

With atheris installed: ``python tests/fuzz/fuzz_handshake.py [libFuzzer options]``. Without it the same target is
driven by random changes of sample conversations: ``python tests/fuzz/fuzz_handshake.py --seconds 60 --seed 1``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from capanalyzer.handshake.connection import Connection
from capanalyzer.handshake.session import Session
from capanalyzer.streams.flow import Row
from tests.handshake.messages import CCS, CLIENT_FLIGHT_12, CLIENT_HELLO, FINISHED_12, SERVER_FLIGHT_12, sealed
from tests.handshake.rows import CLIENT, SERVER, Talk, flow_of

HEADER = 13


def rows_of(data: bytes) -> list[Row]:
    """Rows from any bytes: side and flags, sequence and acknowledgement number, length, payload."""
    rows: list[Row] = []
    at = 0
    while at + HEADER <= len(data) and len(rows) < 200:
        head = data[at : at + HEADER]
        size = int.from_bytes(head[11:13], "big") % 2048
        payload = data[at + HEADER : at + HEADER + size]
        seq, ack = int.from_bytes(head[2:6], "big"), int.from_bytes(head[6:10], "big")
        number = len(rows) + 1
        length = len(payload) + (head[10] if head[10] > 250 else 0)
        rows.append((number, number * 1000, head[0] & 1, head[1], seq, ack, 1, length, payload, 64, head[10], b""))
        at += HEADER + len(payload)
    return rows


def bytes_of(rows: list[Row]) -> bytes:
    """The reverse, for samples."""
    parts = []
    for row in rows:
        numbers = row[4].to_bytes(4, "big") + row[5].to_bytes(4, "big")
        parts.append(bytes((row[2], row[3])) + numbers + b"\1" + len(row[8]).to_bytes(2, "big") + row[8])
    return b"".join(parts)


def summary(session: Session) -> tuple[object, ...]:
    """Everything that is worked out later is worked out now."""
    tls = session.tls
    sides = [
        (side.ttls, side.sent_until, side.retransmissions, side.gap_at)
        for side in (session.tcp.client, session.tcp.server)
    ]
    read = None
    if tls is not None:
        read = (
            tls.state,
            len(tls.messages),
            tls.alerts,
            tls.application_records,
            tls.resumed,
            tls.history,
            tls.malformed,
        )
        assert len(tls.certificates) + len(tls.client_certificates) >= 0
    return session.first_bytes, session.protocol, session.upgrade, sides, len(session.events), read


def target(data: bytes) -> None:
    """One run: all at once and row by row must agree."""
    rows = rows_of(data)
    whole, single = Connection(), Connection()
    whole.feed(rows)
    for row in rows:
        single.feed([row])
    flow = flow_of(rows)
    assert summary(whole.finish(flow)) == summary(single.finish(flow))


def samples() -> list[bytes]:
    ordinary = Talk().connect().send(CLIENT, CLIENT_HELLO).send(SERVER, SERVER_FLIGHT_12).send(CLIENT, CLIENT_FLIGHT_12)
    ordinary.send(SERVER, CCS + FINISHED_12).send(CLIENT, sealed(90)).send(SERVER, sealed(300)).close(CLIENT)
    tunnel = Talk().connect().send(CLIENT, b"CONNECT a:443 HTTP/1.1\r\n\r\n").send(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    tunnel.send(CLIENT, CLIENT_HELLO)
    mail = Talk().connect().send(SERVER, b"220 a ESMTP\r\n").send(CLIENT, b"STARTTLS\r\n").send(SERVER, b"220 go\r\n")
    mail.send(CLIENT, CLIENT_HELLO)
    return [bytes_of(talk.rows) for talk in (ordinary, tunnel, mail)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options, rest = parser.parse_known_args()
    try:
        import atheris  # type: ignore[import-untyped]  # it has no stubs
    except ImportError:
        chance = random.Random(options.seed)
        seeds, runs, until = samples(), 0, time.monotonic() + options.seconds
        while time.monotonic() < until:
            data = bytearray(chance.choice(seeds))
            for _ in range(chance.randint(0, 12)):
                at = chance.randrange(len(data))
                change = chance.randrange(3)
                if change == 0:
                    data[at] = chance.randrange(256)
                elif change == 1:
                    del data[at : at + chance.randint(1, 30)]
                else:
                    data[at:at] = data[: chance.randint(1, 60)]
                data = data or bytearray(1)
            target(bytes(data))
            runs += 1
        sys.stdout.write(f"{runs} runs\n")
        return
    atheris.Setup([sys.argv[0], *rest], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
