"""Nothing of the original survives: every output, byte by byte, over all samples and over captures full of secrets.

What is looked for is gathered by other means than what hides it: from the raw packets, and by the report that is not
redacted. Addresses are looked for as text and packed, in both byte orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import capanalyzer
from capanalyzer.capture.source import open_files
from capanalyzer.cli import main
from capanalyzer.cli.formats import FORMATS
from capanalyzer.redact.authorities import KEPT
from capanalyzer.redact.key import KEY_VARIABLE
from tests.capture.builders import read_bytes
from tests.small_captures import capture, connection
from tests.test_pcaps import CASES, capture_of

KEY = "a key of sixteen bytes, and more"
MIN_WORD = 5
"""Shorter words of names are part of other words."""
COMPRESSED = ("pdf", "parquet")
MIN_NEEDLE = 6
"""Shorter ones are found in compressed bytes by chance, about once in 10,000 files."""
OURS = frozenset(
    (
        "client",
        "server",
        "other",
        "issuing",
        "unknown",
        "example",
        "invalid",
        "expired",
        "certificate",
        "works",
        "endpoint",
    )
)
"""Words of names in the samples that are words of our texts too."""


def outputs(path: Path, folder: Path, *extra: str) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of everything that is written about a capture: each format, the evidence, its files' names."""
    folder.mkdir(exist_ok=True)
    for form in FORMATS:
        target = folder / f"report.{form}"
        argv = ["analyze", str(path), "--format", form, "-o", str(target), "--timeline", "all", *extra]
        if form == "text":
            argv += ["-v", "--evidence", str(folder / "evidence")]
        assert main(argv) == 0
        yield form, target.read_bytes()
    for file in sorted((folder / "evidence").iterdir()):
        yield f"name of {file.name}", file.name.encode()
        yield file.name, file.read_bytes()


def survivors(needles: dict[bytes, str], path: Path, folder: Path, *extra: str) -> tuple[list[str], int]:
    """What was found where, and how many pairs of needle and output were tried."""
    found, tried = [], 0
    for where, data in outputs(path, folder, *extra):
        small = data.lower()
        least = MIN_NEEDLE if where in COMPRESSED else 1
        for needle, origin in needles.items():
            tried += 1
            if len(needle) >= least and needle.lower() in small:
                found.append(f"{origin} ({needle!r}) in {where}")
    return found, tried


def of_address(text: str) -> dict[bytes, str]:
    address = ip_address(text)
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return {}
    packed = address.packed
    forms = (text.encode(), packed, packed[::-1], packed.hex().encode(), address.exploded.encode())
    return dict.fromkeys(forms, text)


def is_ours(word: str) -> bool:
    """It is in our texts too, or one that may stay: of a kind of authority, or of a product."""
    return all(one in OURS or one.encode() in KEPT for one in re.findall(r"[\w-]+", word.lower()))


def of_name(name: str) -> dict[bytes, str]:
    words = [word for word in re.findall(r"[\w-]+", name) if len(word) >= MIN_WORD and not is_ours(word)]
    return {word.encode(): name for word in [*words, *([name] if not is_ours(name) and len(name) >= MIN_WORD else [])]}


def needles_of(path: Path) -> dict[bytes, str]:
    """Addresses and names of a capture."""
    needles: dict[bytes, str] = {}
    for session in json.loads(capanalyzer.build_report(path).to_json())["sessions"]:
        needles |= of_address(session["client"]["ip"]) | of_address(session["server"]["ip"])
        tls: dict[str, Any] = session["tls"] or {}
        needles |= of_name((tls.get("client_hello") or {}).get("sni") or "")
        for one in [*tls.get("certificates", ()), *tls.get("client_certificates", ())]:
            for name in re.findall(r"=((?:\\.|[^,+\\])+)", one["subject"] + "," + one["issuer"]):
                needles |= of_name(name)
            for name in one["san"]:
                needles |= of_name(name)
            if len(one["serial"]) >= 8:
                needles |= {one["serial"].encode(): "serial", bytes.fromhex(one["serial"].lstrip("-")): "serial"}
    for batch in open_files([str(path)]).batches():
        for row in range(len(batch)):
            at = int(batch.offset[row])
            if batch.link[row] == 1:
                for mac in (batch.data[at : at + 6].tobytes(), batch.data[at + 6 : at + 12].tobytes()):
                    if not mac[0] & 1 and any(mac):
                        needles |= {mac: "MAC", mac.hex(":").encode(): "MAC", mac.hex().encode(): "MAC"}
    return needles


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_address_and_no_name_survives(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    path = capture_of(case)
    needles = needles_of(path)
    needles |= {str(path).encode(): "path", case.name.encode() + b"/": "folder"}
    found, tried = survivors(needles, path, tmp_path, "--redact")
    assert found == []
    assert tried >= len(FORMATS) * 8


SECRET = b"hUnter2s3cretZ"
PLAINTEXT = {
    "authorization": b"GET /konto7/reset HTTP/1.1\r\nHost: crm.acme.test\r\nAuthorization: Basic %s\r\n\r\n",
    "cookie": b"GET /konto7/reset HTTP/1.1\r\nHost: crm.acme.test\r\nCookie: s=%s\r\n\r\n",
    "query": b"GET /?token=%s HTTP/1.1\r\nHost: crm.acme.test\r\n\r\n",
    "first-bytes": b"GET /?t=%s HTTP/1.1\r\n\r\n",
    "proxy": b"CONNECT crm.acme.test:443 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n",
    "ftp": b"USER joe.quaide\r\nPASS %s\r\n",
    "pass-alone": b"PASS %s\r\n",
    "imap": b"a1 LOGIN joe.quaide %s\r\n",
    "smtp": b"EHLO crm.acme.test\r\nAUTH PLAIN %s\r\n",
    "redis": b"AUTH %s\r\n",
    "resp": b"*2\r\n$4\r\nAUTH\r\n$14\r\n%s\r\n",
    "user-information": b"GET http://joe.quaide:%s@crm.acme.test/ HTTP/1.1\r\n\r\n",
    "form": b"POST /konto7/reset HTTP/1.1\r\nHost: crm.acme.test\r\n\r\nuser=joe&password=%s",
}
ANSWERS = {
    "alert": b"\x15\x03\x03\0\x02\x02\x28",
    "page": b"HTTP/1.1 400 Bad Request\r\nSet-Cookie: id=%s\r\n\r\nThe plain HTTP request was sent to HTTPS port",
    "echo": b"-ERR unknown command, password=%s\r\n",
    "nothing": b"",
}


def crafted(request: bytes, answer: bytes) -> bytes:
    return capture((443, connection(request, answer)), (443, connection(request, answer, reset=True)))


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("case", PLAINTEXT)
def test_secrets_survive_nowhere_and_names_not_when_redacted(
    case: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    request = PLAINTEXT[case].replace(b"%s", SECRET)
    path = tmp_path / "secret-customer.pcap"
    path.write_bytes(crafted(request, ANSWERS[answer].replace(b"%s", SECRET)))
    starts = {
        SECRET: "secret",
        SECRET[:4]: "secret",
        SECRET.hex().encode(): "secret",
        SECRET[:3].hex(" ").encode(): "hex",
    }
    for number, extra in enumerate(((), ("--redact",), ("--lang", "ja"))):
        needles = dict(starts)
        if "--redact" in extra:
            needles |= of_name("crm.acme.test") | {
                b"joe.quaide": "user",
                b"secret-customer": "file name",
                b"konto7": "path",
                b"/reset": "path",
            }
            needles |= of_address("192.0.2.7") | of_address("198.51.100.9")
        found, tried = survivors(needles, path, tmp_path / str(number), *extra)
        assert found == []
        assert tried >= len(FORMATS) * len(needles)


def test_a_secret_across_two_segments(tmp_path: Path) -> None:
    """Masked in both, with checksums that are right."""
    request = b"GET / HTTP/1.1\r\nCookie: s=" + SECRET + b"\r\n\r\n"
    packets = connection(request, ANSWERS["alert"])
    at = request.index(SECRET) + 6
    asked = packets[3]
    packets[3:4] = [(True, 24, 1001, 5001, request[:at]), (True, 24, 1001 + at, 5001, request[at:])]
    path = tmp_path / "a.pcap"
    path.write_bytes(capture((443, packets)))
    assert asked[4] == request
    assert main(["analyze", str(path), "-q", "-o", str(tmp_path / "r"), "--evidence", str(tmp_path / "e")]) == 0
    [file] = (tmp_path / "e").iterdir()
    sent = [packet.data[40:] for packet in read_bytes(file.read_bytes()).packets]
    assert SECRET[:6] not in file.read_bytes()
    assert SECRET[6:] not in file.read_bytes()
    assert b"".join(sent[3:5]) == request.replace(b"s=" + SECRET, b"*" * (len(SECRET) + 2))


def test_keys_in_a_capture_are_left_out(tmp_path: Path) -> None:
    """pcapng secrets and F5 trailers, without being asked."""
    from capanalyzer.capture.write import PacketRecord, write_pcapng

    trailer = bytes.fromhex("f5deb0f50080 0001 00040000 00780000") + SECRET * 8
    ether = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"
    records = [
        PacketRecord(at, packet.time_ns, 0, 1, len(packet.data) + 14 + len(trailer), ether + packet.data + trailer)
        for at, packet in enumerate(read_bytes(crafted(b"GET / HTTP/1.1\r\n\r\n", ANSWERS["alert"])).packets, 1)
    ]
    data = write_pcapng(records, application="", comment="", comments={}, interface_names={})
    log = b"CLIENT_RANDOM " + SECRET + b"\n"
    body = b"KSLT" + len(log).to_bytes(4, "little") + log + bytes(-len(log) % 4)
    size = (12 + len(body)).to_bytes(4, "little")
    path = tmp_path / "a.pcapng"
    path.write_bytes(data + b"\x0a\0\0\0" + size + body + size)
    assert SECRET in path.read_bytes()
    for number, extra in enumerate(((), ("--redact",))):
        found, _ = survivors({SECRET: "key"}, path, tmp_path / str(number), *extra)
        assert found == []


def test_the_same_key_gives_the_same_and_a_new_one_each_run_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    path, key = capture_of(CASES[0]), tmp_path / "key"
    key.write_text(KEY)

    def run(name: str, *extra: str) -> bytes:
        target = tmp_path / name
        assert main(["analyze", str(path), "--format", "json", "-o", str(target), "--redact", *extra]) == 0
        return target.read_bytes()

    assert run("a", "--redact-key", str(key)) == run("b", "--redact-key", str(key))
    assert run("c") != run("d")
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert run("e") == run("a", "--redact-key", str(key))


def test_several_processes_hide_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    folder = str(CASES[0].parent)
    for jobs in ("1", "2"):
        target = str(tmp_path / jobs)
        assert main(["analyze", folder, "--format", "json", "-o", target, "--redact", "--jobs", jobs, "-q"]) == 0
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
