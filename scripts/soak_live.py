#!/usr/bin/env python3
"""Does capanalyzer live stay the same for long? Churn in two network namespaces, and its memory, CPU and drops.

    sudo .venv/bin/python scripts/soak_live.py --minutes 30

A server (nginx) and clients (OpenSSL through Python's ssl) are joined by a veth pair. Most handshakes work; some fail
in seven ways, some carry bulk, and once a minute a flood of SYNs comes from addresses that nobody has. capanalyzer live
watches the server's end with --record and --metrics-port; every few seconds its memory, CPU time and metrics are read.
At the end a line is fitted to its memory after the warm-up (least squares). Everything is bounded in count and time,
stays in the namespaces, and is taken away again. Needs root, iproute2, nginx, curl and trustme.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

CLIENT, SERVER = "vw-client", "vw-server"
CLIENT_IP, SERVER_IP = "10.77.0.1", "10.77.0.2"
METRICS_PORT = 9469
GOOD, EXPIRED, ONLY_13, WITH_CLIENT, CLOSED, SILENT = 443, 444, 445, 446, 447, 448
MAX_MINUTES, MAX_RATE, MAX_FLOOD = 240, 1_000, 1_000_000
WORKERS = 4
WARM_UP_S = 600.0
"""By then a hundred thousand SYNs a minute have filled the largest table, that of a million addresses and ports."""
BULK_BYTES = 20_000_000
FLOOD_EVERY_S = 60
FLOOD_A_SECOND = 20_000


# -- in the clients' namespace -----------------------------------------------------------------------------------------


class Client:
    """One worker: handshake after handshake, at its share of the rate."""

    def __init__(self, authority: str, seed: int) -> None:
        self._random = random.Random(seed)
        self._good = ssl.create_default_context(cafile=authority)
        self._only_12 = ssl.create_default_context(cafile=authority)
        self._only_12.maximum_version = ssl.TLSVersion.TLSv1_2
        self._strangers = ssl.create_default_context()
        self.sessions = 0

    def run(self, until_s: float, pause_s: float) -> None:
        """Until then."""
        next_s = time.monotonic()
        while time.monotonic() < until_s:
            self.sessions += 1
            with contextlib.suppress(OSError):
                self._one(self._random.random())
            next_s = max(next_s + pause_s, time.monotonic() - 1)
            time.sleep(max(0.0, next_s - time.monotonic()))

    def _one(self, dice: float) -> None:
        if dice < 0.85:
            self._tls(self._good, GOOD, b"GET / HTTP/1.0\r\n\r\n")
        elif dice < 0.86:
            self._tls(self._good, GOOD, b"GET /bulk HTTP/1.0\r\n\r\n")
        elif dice < 0.89:
            self._tls(self._good, EXPIRED)
        elif dice < 0.92:
            self._tls(self._only_12, ONLY_13)
        elif dice < 0.94:
            self._tls(self._strangers, GOOD)
        elif dice < 0.96:
            self._tls(self._good, WITH_CLIENT, b"GET / HTTP/1.0\r\n\r\n")
        elif dice < 0.98:
            with socket.create_connection((SERVER_IP, GOOD), 5) as plain:
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                plain.recv(4096)
        elif dice < 0.99:
            socket.create_connection((SERVER_IP, CLOSED), 5).close()
        else:
            with socket.create_connection((SERVER_IP, SILENT), 5) as quiet:
                quiet.settimeout(2)
                self._only_12.wrap_socket(quiet, server_hostname="server.example")

    @staticmethod
    def _tls(context: ssl.SSLContext, port: int, request: bytes = b"") -> None:
        with (
            socket.create_connection((SERVER_IP, port), 5) as plain,
            context.wrap_socket(plain, server_hostname="server.example") as secured,
        ):
            secured.sendall(request)
            while request and secured.recv(1 << 16):
                pass


def churn(arguments: argparse.Namespace) -> None:
    """All workers and the floods."""
    until_s = time.monotonic() + arguments.minutes * 60
    clients = [Client(arguments.authority, seed) for seed in range(WORKERS)]
    pause_s = WORKERS / arguments.rate
    threads = [threading.Thread(target=client.run, args=(until_s, pause_s)) for client in clients]
    for thread in threads:
        thread.start()
    flooded = 0
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(FLOOD_EVERY_S / 2, left_s))
        if until_s - time.monotonic() > FLOOD_EVERY_S / 4:
            flooded += flood(arguments.flood)
            time.sleep(min(FLOOD_EVERY_S / 2, max(until_s - time.monotonic(), 0)))
    for thread in threads:
        thread.join(30)
    print(f"{sum(client.sessions for client in clients)} sessions, {flooded} SYNs of floods", flush=True)


def flood(count: int) -> int:
    """SYNs from random addresses in 10.128.0.0/9, to the good port. Nobody answers for them, nothing routes back."""
    ours, theirs = mac("vwc"), neighbour()
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind(("vwc", 0))
    chance, began_s = random.Random(), time.monotonic()
    try:
        for number in range(count):
            source = bytes([10, 128 | chance.getrandbits(7), chance.getrandbits(8), chance.getrandbits(8)])
            with contextlib.suppress(OSError):  # no buffer space: the wire is full
                raw.send(theirs + ours + b"\x08\x00" + syn(source, chance))
            if number % 1000 == 0:
                time.sleep(max(0.0, number / FLOOD_A_SECOND - (time.monotonic() - began_s)))
    finally:
        raw.close()
    return count


def syn(source: bytes, chance: random.Random) -> bytes:
    target = socket.inet_aton(SERVER_IP)
    ports = chance.randbytes(2) + GOOD.to_bytes(2, "big")
    tcp = bytearray(ports + chance.randbytes(4) + bytes(4) + b"\x50\x02\xff\xff" + bytes(4))
    tcp[16:18] = checksum(source + target + b"\x00\x06" + len(tcp).to_bytes(2, "big") + tcp)
    ip = bytearray(b"\x45\x00" + (20 + len(tcp)).to_bytes(2, "big") + bytes(4) + b"\x40\x06\x00\x00" + source + target)
    ip[10:12] = checksum(bytes(ip))
    return bytes(ip + tcp)


def checksum(data: bytes) -> bytes:
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    total = (total & 0xFFFF) + (total >> 16)
    return (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, "big")


def mac(interface: str) -> bytes:
    return bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text("ascii").strip().replace(":", ""))


def neighbour() -> bytes:
    shown = subprocess.run(["ip", "neigh", "show", SERVER_IP], capture_output=True, text=True, check=True).stdout
    found = re.search(r"lladdr ([0-9a-f:]{17})", shown)
    if found is None:
        sys.exit("the server's address is not known yet")
    return bytes.fromhex(found[1].replace(":", ""))


# -- the scene ---------------------------------------------------------------------------------------------------------


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def network() -> Iterator[None]:
    """The two namespaces."""
    try:
        for name in (CLIENT, SERVER):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "vwc", "netns", CLIENT, "type", "veth", "peer", "name", "vws", "netns", SERVER)
        for name, link, address in ((CLIENT, "vwc", CLIENT_IP), (SERVER, "vws", SERVER_IP)):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", link)
            run("ip", "-n", name, "link", "set", link, "up")
        yield
    finally:
        for name in (CLIENT, SERVER):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def inside(name: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", name, *command]


def write_scene(folder: Path) -> None:
    """Certificates and nginx's configuration."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    for name, until in (("good", None), ("expired", past)):
        issued = authority.issue_cert("server.example", not_after=until)
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
    (folder / "www").mkdir()
    (folder / "www/index.html").write_text("works\n", "utf-8")
    with (folder / "www/bulk").open("wb") as bulk:
        bulk.truncate(BULK_BYTES)
    servers = "".join(
        f"""
  server {{
    listen {port} ssl; server_name server.example; root {folder}/www;
    ssl_certificate {folder}/{pem}.pem; ssl_certificate_key {folder}/{pem}.pem; {more}
  }}"""
        for port, pem, more in (
            (GOOD, "good", ""),
            (EXPIRED, "expired", ""),
            (ONLY_13, "good", "ssl_protocols TLSv1.3;"),
            (WITH_CLIENT, "good", f"ssl_verify_client on; ssl_client_certificate {folder}/authority.pem;"),
        )
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; user root;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;{servers}
}}
""",
        "utf-8",
    )


def silence() -> None:
    """Takes connections, says nothing."""
    with socket.create_server((SERVER_IP, SILENT), backlog=512) as listening:
        held: list[socket.socket] = []
        while True:
            held.append(listening.accept()[0])
            for done in held[:-256]:
                done.close()
            del held[:-256]


@contextmanager
def started(command: list[str], **arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, **arguments)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# -- what is measured --------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    at_s: float
    rss_kb: int
    cpu_s: float
    metrics: dict[str, float]

    def __str__(self) -> str:
        found = self.metrics
        return (
            f"{self.at_s:6.0f} s  {self.rss_kb / 1024:7.1f} MB  {self.cpu_s:7.1f} s CPU  "
            f"{found.get('entries', 0):9,.0f} entries  {found.get('packets', 0):11,.0f} packets  "
            f"{found.get('drops', 0):5,.0f} lost  {found.get('established', 0):8,.0f} established  "
            f"{found.get('failed', 0):7,.0f} failed  {found.get('records', 0):6,.0f} records"
        )


def take_sample(pid: int, began_s: float) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    rss = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Sample(time.monotonic() - began_s, int(rss[1]) if rss else 0, cpu_s, scrape())


def scrape() -> dict[str, float]:
    url = f"http://127.0.0.1:{METRICS_PORT}/metrics"
    done = subprocess.run(inside(SERVER, "curl", "-s", "-m", "5", url), capture_output=True, text=True, check=False)
    found: dict[str, float] = {}
    for name, pattern in (
        ("packets", r"^capanalyzer_packets_total (\S+)"),
        ("drops", r"^capanalyzer_dropped_packets_total\{.*\} (\S+)"),
        ("established", r'^capanalyzer_sessions\{outcome="established"\} (\S+)'),
        ("failed", r'^capanalyzer_sessions\{outcome="failed"\} (\S+)'),
        ("records", r'^capanalyzer_records_total\{result="written"\} (\S+)'),
        ("unwritten", r'^capanalyzer_records_total\{result="(?:failed|skipped)"\} (\S+)'),
        ("entries", r'^capanalyzer_table_entries\{table="(?:flows|keys|held|connections|incidents)"\} (\S+)'),
        ("evicted", r"^capanalyzer_evicted_total\{.*\} (\S+)"),
    ):
        found[name] = sum(float(one) for one in re.findall(pattern, done.stdout, re.MULTILINE))
    return found


def slope(samples: list[Sample]) -> float:
    """kB a minute, by least squares."""
    count = len(samples)
    mean_t = sum(one.at_s for one in samples) / count
    mean_m = sum(one.rss_kb for one in samples) / count
    spread = sum((one.at_s - mean_t) ** 2 for one in samples)
    return 60 * sum((one.at_s - mean_t) * (one.rss_kb - mean_m) for one in samples) / spread if spread else 0.0


def summary(samples: list[Sample], warm_up_s: float) -> bool:
    """Print it; whether memory is flat."""
    warm = [one for one in samples if one.at_s >= warm_up_s]
    if len(warm) < 5:
        print("too few samples after the warm-up to say anything")
        return False
    a_minute, span_min = slope(warm), (warm[-1].at_s - warm[0].at_s) / 60
    highest = max(one.rss_kb for one in warm)
    grown = a_minute * span_min
    is_flat = grown < max(0.02 * highest, 4096)
    last, cpu = warm[-1].metrics, (warm[-1].cpu_s - warm[0].cpu_s) / (warm[-1].at_s - warm[0].at_s)
    print(
        f"\nafter {warm_up_s:.0f} s of warm-up, over {span_min:.1f} minutes: memory {a_minute:+.0f} kB a minute "
        f"({grown / 1024:+.1f} MB in all), at most {highest / 1024:.1f} MB: {'flat' if is_flat else 'NOT FLAT'}\n"
        f"CPU {cpu:.0%} of a core; {last['packets']:,.0f} packets, {last['drops']:,.0f} lost; "
        f"{last['established']:,.0f} sessions established, {last['failed']:,.0f} failed; "
        f"{last['records']:,.0f} records written, "
        f"{last['unwritten']:,.0f} not; {last['evicted']:,.0f} entries left full tables early"
    )
    return is_flat


def soak(options: argparse.Namespace) -> bool:
    """The whole run; whether memory stayed flat."""
    samples: list[Sample] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vw-soak-")))
        folder.chmod(0o755)
        records = folder / "records"
        records.mkdir()
        write_scene(folder)
        stack.enter_context(network())
        stack.enter_context(started(inside(SERVER, "nginx", "-c", str(folder / "nginx.conf"))))
        me = [sys.executable, __file__]
        stack.enter_context(started(inside(SERVER, *me, "--role", "silence")))
        live = [sys.executable, "-m", "capanalyzer", "live", "-i", "vws", "--plain", "-o", str(folder / "lines.txt")]
        live += ["--record", str(records), "--record-size", "50", "--metrics-port", str(METRICS_PORT), *options.live]
        # ip netns exec becomes the program it starts: its number is the program's.
        watching = stack.enter_context(started(inside(SERVER, *live)))
        deadline_s = time.monotonic() + 30
        while not scrape()["packets"] and watching.poll() is None and time.monotonic() < deadline_s:
            subprocess.run(inside(CLIENT, "ping", "-c", "1", "-W", "1", SERVER_IP), check=False, capture_output=True)
            time.sleep(0.2)
        began_s = time.monotonic()
        role = ["--role", "churn", "--authority", str(folder / "authority.pem"), "--minutes", str(options.minutes)]
        role += ["--rate", str(options.rate), "--flood", str(options.flood)]
        churning = stack.enter_context(started(inside(CLIENT, *me, *role)))
        while churning.poll() is None and watching.poll() is None:
            time.sleep(options.every)
            if watching.poll() is None:
                samples.append(take_sample(watching.pid, began_s))
                print(samples[-1], flush=True)
            (folder / "lines.txt").open("w").close()  # what it told is not kept
        if watching.poll() is not None:
            print(f"capanalyzer ended by itself, with status {watching.returncode}")
            return False
        shown = sum(path.stat().st_size for path in records.iterdir())
        print(f"records: {len(list(records.glob('*.pcapng')))} in {shown / 1e6:.1f} MB")
    return summary(samples, min(WARM_UP_S, options.minutes * 60 / 3))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument("--rate", type=float, default=60, help="handshakes a second (default: 60)")
    parser.add_argument("--flood", type=int, default=100_000, help="SYNs of a flood, one a minute (default: 100000)")
    parser.add_argument("--every", type=float, default=5, help="seconds between samples (default: 5)")
    parser.add_argument("--role", choices=("churn", "silence"), help=argparse.SUPPRESS)
    parser.add_argument("--authority", help=argparse.SUPPRESS)
    parser.add_argument("live", nargs="*", help="further options of capanalyzer live, behind --")
    options = parser.parse_args()
    options.minutes = min(options.minutes, MAX_MINUTES)
    options.rate, options.flood = min(options.rate, MAX_RATE), min(options.flood, MAX_FLOOD)
    if options.role == "silence":
        silence()
    elif options.role == "churn":
        churn(options)
    else:
        missing = [name for name in ("ip", "nginx", "curl", "ping") if shutil.which(name) is None]
        if missing or os.geteuid() != 0:
            sys.exit(f"needs root and {', '.join(missing) or 'nothing else'}")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends it leaves nothing running
        return 0 if soak(options) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
