"""Session keys: recognised, warned of, in no output, and taken out of a copy."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.capture.source import open_files
from capanalyzer.redact.strip import strip_keys
from capanalyzer.redact.trailers import without_trailer_keys
from tests.f5_captures import PROJECT, f5, frame_v4, write

NS = 10**18
MASTER = hashlib.sha384(b"master").digest()
TRAFFIC = tuple(hashlib.sha384(f"traffic {number}".encode()).digest() for number in range(5))
RANDOMS = hashlib.sha256(b"client").digest(), hashlib.sha256(b"server").digest()
SECRETS = (MASTER, *TRAFFIC)
SAY = f5.Saying(
    ingress=True, virtual_server="/Common/vs", flow=7, peer=9, other=f5.Peer("10.0.0.5", 443, "10.0.0.9", 5)
)
TRAILERS = (
    f5.dpt(SAY, f5.dpt_tls12(MASTER, *RANDOMS)),
    f5.dpt(SAY, f5.dpt_tls13(TRAFFIC[:4], *RANDOMS)),
    f5.dpt(SAY, f5.dpt_tls13(TRAFFIC, *RANDOMS)),
)


def records() -> list[tuple[int, bytes]]:
    """A client that speaks plaintext HTTP to a TLS port and is reset: a session that is shown in every detail."""
    steps = [
        (True, 0x02, b"", 100, 0),
        (False, 0x12, b"", 500, 101),
        (True, 0x10, b"", 101, 501),
        (True, 0x18, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 101, 501),
        (False, 0x14, b"", 501, 127),
    ]
    made = [
        (
            NS + at * 10**6,
            frame_v4(
                TRAILERS[at % 3],
                from_client=who,
                flags=flags,
                payload=data,
                seq=seq,
                ack=ack,
                total=0 if data else None,
            ),
        )
        for at, (who, flags, data, seq, ack) in enumerate(steps)
    ]
    return [(NS, f5.pseudo_packet("tcpdump -nni 0.0:nnnp -s0 --f5 ssl:v")), *made]


KEY_LOG = f"CLIENT_RANDOM {RANDOMS[0].hex()} {MASTER.hex()}\n".encode()


def with_secrets_block(path: Path) -> Path:
    """The same as pcapng, with a block of decryption secrets (draft-ietf-opsawg-pcapng, section 4.7)."""
    subprocess.run(["editcap", "-F", "pcapng", str(path), str(path.with_suffix(".ng"))], check=True)
    data = path.with_suffix(".ng").read_bytes()
    (section,) = struct.unpack_from("<I", data, 4)
    body = struct.pack("<II", 0x544C534B, len(KEY_LOG)) + KEY_LOG + bytes(-len(KEY_LOG) % 4)
    block = struct.pack("<II", 0x0000000A, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    made = path.with_suffix(".pcapng")
    made.write_bytes(data[:section] + block + data[section:])
    return made


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory, tshark: str) -> list[Path]:
    """A pcap with keys in trailers, and a pcapng with a key log beside them."""
    plain = write(tmp_path_factory.mktemp("keys") / "keys.pcap", records())
    return [plain, with_secrets_block(plain)]


def leaks(data: bytes) -> list[str]:
    """Which secrets are in it: as they are, in hexadecimal, or a good part of one."""
    found = []
    for secret in SECRETS:
        for piece in (secret[:12], secret[20:32]):
            if piece in data or piece.hex().encode() in data.lower() or piece.hex(" ").encode() in data.lower():
                found += [secret.hex()]
    return found


def test_the_search_would_find_them(captures: list[Path]) -> None:
    assert all(len(set(leaks(path.read_bytes()))) == len(SECRETS) for path in captures)


FORMATS = ("text", "json", "jsonl", "markdown", "html", "csv", "parquet", "pdf")


VARIANTS = [
    *((form, ()) for form in FORMATS),
    *((form, ("--redact", "--timeline", "all")) for form in ("text", "json", "html")),
    *((form, ("--lang", "ja", "-v")) for form in ("text", "markdown")),
]


@pytest.mark.parametrize(("form", "more"), VARIANTS)
def test_no_format_shows_them(form: str, more: tuple[str, ...], captures: list[Path], tmp_path: Path) -> None:
    for module in ({"parquet": ["pyarrow"], "pdf": ["weasyprint"]}).get(form, []):
        pytest.importorskip(module)
    out = tmp_path / f"report.{form}"
    paths = list(map(str, captures))
    command = [sys.executable, "-m", "capanalyzer", "analyze", *paths, "--format", form, "-o", str(out), *more]
    done = subprocess.run(command, capture_output=True, check=True)
    assert leaks(out.read_bytes()) == []
    assert leaks(done.stderr + done.stdout) == []


def test_evidence_does_not_carry_them(captures: list[Path], tmp_path: Path) -> None:
    for path in captures:
        for more in ((), ("--redact",)):
            folder = tmp_path / f"{path.suffix}{len(more)}"
            command = [sys.executable, "-m", "capanalyzer", "analyze", str(path), "--evidence", str(folder), *more]
            subprocess.run(command, capture_output=True, check=True)
            written = [one for one in folder.rglob("*") if one.is_file()]
            assert any(one.suffix == ".pcapng" for one in written)
            for one in written:
                assert leaks(one.read_bytes()) == []
                if one.suffix == ".pcapng":
                    assert not capanalyzer.build_report(one).captures[0].session_keys


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_warning_is_the_first_thing_said(lang: str, captures: list[Path]) -> None:
    for path in captures:
        command = [sys.executable, "-m", "capanalyzer", "analyze", str(path), "--lang", lang]
        keys = "TLS session keys" if lang == "en" else "TLS のセッション鍵"
        shown = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout
        assert keys in "".join(shown.splitlines()[:4])
        command = [sys.executable, "-m", "capanalyzer", "analyze", str(path), "--format", "csv", "--lang", lang]
        environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        assert keys in subprocess.run(command, capture_output=True, check=True, env=environ).stderr.decode()


def test_nothing_prints_them_by_accident(captures: list[Path]) -> None:
    capture = open_files([str(captures[1])])
    for _ in capture.batches():
        pass
    assert capture.info.secrets
    assert leaks(repr(capture.info).encode()) == []


def test_a_copy_has_everything_but_the_keys(captures: list[Path], tmp_path: Path, tshark: str) -> None:
    for path in captures:
        copy = tmp_path / f"copy-of{path.suffix}.pcapng"
        command = [sys.executable, "-m", "capanalyzer", "strip-keys", str(path), "-o", str(copy), "--lang", "en"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "keys in 5 trailers overwritten" in done.stderr
        assert leaks(copy.read_bytes()) == []
        before, after = capanalyzer.build_report(path), capanalyzer.build_report(copy)
        assert before.captures[0].session_keys
        assert not after.captures[0].session_keys
        assert after.captures[0].f5 == before.captures[0].f5
        assert after.sessions == before.sessions
        fields = [
            "-T",
            "fields",
            "-e",
            "frame.time_epoch",
            "-e",
            "frame.len",
            "-e",
            "f5ethtrailer.flowid",
            "-e",
            "tcp.seq",
        ]
        read = [
            subprocess.run([tshark, "-r", str(one), *fields], capture_output=True, text=True, check=True).stdout
            for one in (path, copy)
        ]
        assert read[0] == read[1]
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 2
        assert "exists already" in again.stderr


def test_captures_without_keys_are_copied_to_the_byte(tmp_path: Path) -> None:
    """Every packet of a sample of each kind stays as it is."""
    for case in ("healthy-tls13", "any-interface", "big-ip-reset-relayed"):
        [path] = (PROJECT / "pcaps" / case).glob("capture.*")
        copy = tmp_path / f"{case}.pcapng"
        with copy.open("wb") as file:
            done = strip_keys(open_files([str(path)]), file.write, application="test")
        assert done.overwritten == 0
        assert packets_of(copy) == packets_of(path)


def packets_of(path: Path) -> list[tuple[int, int, bytes]]:
    found = []
    for batch in open_files([str(path)]).batches():
        view = batch.data.tobytes()
        for time_ns, original, at, size in zip(
            batch.time_ns.tolist(), batch.original.tolist(), batch.offset.tolist(), batch.captured.tolist(), strict=True
        ):
            found.append((time_ns, original, view[at : at + size]))
    return found


def test_a_magic_number_in_the_payload_is_payload() -> None:
    payload = f5.MAGIC + b"\0\x40\0\x02" + b"x" * 40
    frame = frame_v4(payload=payload)
    assert without_trailer_keys(frame, 1, len(frame)) is frame
    padded = frame_v4(b"\0" * 6, payload=payload)
    assert without_trailer_keys(padded, 1, len(padded)) == padded


def test_keys_in_a_frame_that_the_capture_cut_go_too() -> None:
    whole = frame_v4(TRAILERS[0])
    for size in range(60, len(whole)):
        assert leaks(without_trailer_keys(whole[:size], 1, len(whole))) == []


def test_the_public_interface_gives_no_secret(captures: list[Path]) -> None:
    for path in captures:
        report = capanalyzer.build_report(path, timeline=True)
        assert leaks(repr(report).encode()) == []
        assert leaks(report.to_json()) == []
        assert json.loads(report.to_json())["captures"][0]["session_keys"] is True
