"""The three captures the benchmark reads: bulk, mixed and handshake-dense. Classic pcap, Ethernet, microseconds."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from benchmark.flows import bulk_capture, mixed_capture
from benchmark.handshakes import EPOCH_S, HOST_DIGITS, RealSession, real_sessions
from benchmark.script import AWKWARD, Step, awkward, ordinary
from benchmark.stamp import Block, Connections, Template, stamp

__all__ = ["WORKLOADS", "dense_capture", "ensure", "secrets_of", "sessions"]

CERTIFICATES = 2_000
PER_SECOND = 500
"""New connections a second in the dense capture: with 0.5-5 s each, over a thousand overlap."""
AWKWARD_SHARE = 0.05
AWKWARD_SITES = 25
"""How many sites see awkward connections (each kind is a template of its own)."""
CLIENTS = 4_999
BLOCK = 20_000
"""Connections made at a time: about 120 MB."""

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def sessions(folder: Path, count: int = CERTIFICATES) -> list[tuple[RealSession, RealSession]]:
    """Real sessions, played once and kept beside the captures."""
    path = folder / f"sessions-{count}.pickle"
    if not path.exists():
        path.write_bytes(pickle.dumps(real_sessions(count)))
    kept: list[tuple[RealSession, RealSession]] = pickle.loads(path.read_bytes())
    return kept


def secrets_of(session: RealSession) -> dict[str, bytes]:
    """Bytes that are fresh in every connection: where they stand in the hellos (RFC 8446 section 4.1.2, 4.1.3)."""
    client, server = session.flights[0][1], session.flights[1][1]
    found = {"client random": client[11:43], "server random": server[11:43], "name": HOST_DIGITS[1:7]}
    for name, hello in (("client session id", client), ("server session id", server)):
        if hello[43] == 32:
            found[name] = hello[44:76]
    if found.get("server session id") == found.get("client session id"):
        found.pop("server session id", None)  # TLS 1.3 echoes it
    return found


def dense_capture(
    out: IO[bytes], played: list[tuple[RealSession, RealSession]], connections: int, seed: int = 1
) -> None:
    """``connections`` short TLS connections, 30 % of the sites on IPv6, half of all in TLS 1.3, 5 % awkward."""
    random = np.random.default_rng(seed)
    templates = _Templates(played)
    popularity = 1.0 / np.arange(5, len(played) + 5)
    popularity /= popularity.sum()
    out.write(FILE_HEADER)
    left = _Leftover(out)
    for first in range(0, connections, BLOCK):
        count = min(BLOCK, connections - first)
        number = np.arange(first, first + count)
        start_s = EPOCH_S + (number + random.random(count)) / PER_SECOND
        site = random.choice(len(played), count, p=popularity)
        # Every certificate is seen at least once.
        site[: len(played)] = np.arange(len(played))[:count] if first == 0 else site[: len(played)]
        flavour = random.integers(0, 2, count)
        odd = random.random(count) < AWKWARD_SHARE
        flavour[odd] = 2 + random.integers(0, 2 * len(AWKWARD), int(odd.sum()))
        site[odd] %= AWKWARD_SITES
        key = site * 1000 + flavour
        order = np.argsort(key, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(key[order])) + 1)
        blocks = []
        for group in groups:
            template = templates.get(int(site[group[0]]), int(flavour[group[0]]))
            blocks.append(
                stamp(template, _who(number[group], start_s[group], site[group], template.ipv6, random), random)
            )
        left.write(blocks, until_us=int((EPOCH_S + (first + count) / PER_SECOND) * 1e6))
    left.write([], until_us=None)


class _Templates:
    """Templates by (site, flavour), made when first needed.

    Flavours: 0 TLS 1.2, 1 TLS 1.3, then the awkward kinds of each.
    """

    def __init__(self, played: list[tuple[RealSession, RealSession]]) -> None:
        self._played, self._made = played, dict[tuple[int, int], Template]()

    def get(self, site: int, flavour: int) -> Template:
        if (site, flavour) not in self._made:
            session = self._played[site][flavour % 2]
            steps: list[Step] = ordinary(session) if flavour < 2 else awkward(session, AWKWARD[flavour // 2 - 1])
            port = 443 if site % 10 else 8443
            self._made[site, flavour] = Template(
                steps, ipv6=site % 10 < 3, server_port=port, secrets=secrets_of(session)
            )
        return self._made[site, flavour]


def _who(
    number: NDArray[np.int64],
    start_s: NDArray[np.float64],
    site: NDArray[np.int64],
    ipv6: bool,
    random: np.random.Generator,
) -> Connections:
    """Addresses: one server per site (198.18.0.0/15, RFC 2544; 2001:2::/48, RFC 5180), some thousand clients."""
    count = len(number)
    client, server = number % CLIENTS, site
    if ipv6:
        clients, servers = np.zeros((count, 16), np.uint8), np.zeros((count, 16), np.uint8)
        clients[:, :8] = np.frombuffer(bytes.fromhex("2001000200000001"), np.uint8)
        servers[:, :8] = np.frombuffer(bytes.fromhex("2001000200000002"), np.uint8)
    else:
        clients, servers = np.zeros((count, 4), np.uint8), np.zeros((count, 4), np.uint8)
        clients[:, 0], servers[:, :2] = 10, (198, 18)
    for addresses, value in ((clients, client), (servers, server)):
        addresses[:, -2], addresses[:, -1] = value // 250, value % 250 + 1
    return Connections(
        start_s=start_s,
        rtt_s=random.gamma(2.0, 0.012, count) + 0.0005,
        pause_s=random.exponential(0.7, count),
        client=clients,
        client_port=20_000 + number // CLIENTS % 40_000,
        server=servers,
        number=number % 1_000_000,
    )


class _Leftover:
    """Writes packets in time order although connections overlap the blocks they are made in."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._times = np.empty(0, np.int64)
        self._packets: list[bytes] = []

    def write(self, blocks: list[Block], until_us: int | None) -> None:
        """Write what is older than ``until_us``, keep the rest for later; everything without a limit."""
        data = b"".join(block.data for block in blocks)
        shift = np.cumsum([0] + [len(block.data) for block in blocks])
        kept = len(self._packets)
        times = np.concatenate([self._times, *(block.time_us for block in blocks)])
        starts = np.concatenate([np.zeros(kept, np.int64), *(b.start + s for b, s in zip(blocks, shift, strict=False))])
        ends = np.concatenate([np.zeros(kept, np.int64), *(b.end + s for b, s in zip(blocks, shift, strict=False))])
        order = np.argsort(times, kind="stable")
        ready = len(order) if until_us is None else int(np.searchsorted(times[order], until_us))
        view = memoryview(data)
        pieces: list[bytes | memoryview] = [
            self._packets[index] if index < kept else view[start:end]
            for index, start, end in zip(order.tolist(), starts[order].tolist(), ends[order].tolist(), strict=True)
        ]
        self._out.write(b"".join(pieces[:ready]))
        self._times, self._packets = times[order[ready:]], [bytes(piece) for piece in pieces[ready:]]


def _dense(count: int) -> Callable[[IO[bytes], Path], None]:
    return lambda out, folder: dense_capture(out, sessions(folder), count)


WORKLOADS: dict[str, Callable[[IO[bytes], Path], None]] = {
    "bulk": lambda out, folder: bulk_capture(out, sessions(folder), EPOCH_S, FILE_HEADER, secrets_of),
    "mixed": lambda out, folder: mixed_capture(out, sessions(folder), EPOCH_S, FILE_HEADER, secrets_of),
    "dense": _dense(100_000),
    "dense-400k": _dense(400_000),
    "small": _dense(60),
}
"""Name to writer. ``small`` is about 1,000 packets."""


def ensure(folder: Path, names: list[str]) -> Iterator[tuple[str, Path]]:
    """(name, path) of each workload, made where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / f"{name}.pcap"
        if not path.exists():
            part = path.with_suffix(".part")
            with open(part, "wb", buffering=1 << 22) as out:
                WORKLOADS[name](out, folder)
            part.rename(path)
        yield name, path
