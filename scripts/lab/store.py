"""A case's folder: the capture, its labels, and how it was made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lab.case import CASES, Case, Expected
from lab.net import Lab

__all__ = ["store", "write_index"]

VERSION_FLAGS = {
    "apache": ("apache2", "-v"),
    "chromium": ("chromium", "--version"),
    "curl": ("curl", "--version"),
    "faketime": ("faketime", "--version"),
    "gnutls": ("gnutls-cli", "--version"),
    "go": ("go", "version"),
    "haproxy": ("haproxy", "-v"),
    "java": ("java", "-version"),
    "mitmproxy": (os.environ.get("CAPA_LAB_MITMDUMP", "mitmdump"), "--version"),
    "nginx": ("nginx", "-v"),
    "node": ("node", "--version"),
    "openssl": ("openssl", "version"),
    "postgresql": ("psql", "--version"),
    "redis": ("redis-server", "--version"),
    "ssh": ("ssh", "-V"),
    "stunnel": ("stunnel", "-version"),
    "wget": ("wget", "--version"),
}
INDEX_HEAD = """\
# Sample captures

Made by `scripts/make_pcaps.py` with real servers and clients on throw-away keys, in network namespaces with
documentation addresses. Each folder has the capture, `expected.json` (what each TCP stream is, labelled by hand from
what the programs were made to do and checked against tshark; a key left out is not labelled) and how it was made.
Ours, MIT.

| case | what | sessions | labels |
|---|---|---|---|
"""


@cache
def version(program: str) -> str:
    """One line that names a program's version."""
    if program == "python":
        import ssl

        return f"Python {sys.version.split()[0]} with {ssl.OPENSSL_VERSION}"
    if program == "scapy":
        import scapy

        return f"scapy {scapy.VERSION}"
    if program == "nss":
        asked: tuple[str, ...] = ("dpkg-query", "-W", "-f", "NSS ${Version}", "libnss3")
    elif program in VERSION_FLAGS:
        asked = VERSION_FLAGS[program]
    else:
        return program
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    output = [line for line in (done.stdout + done.stderr).splitlines() if any(letter.isdigit() for letter in line)]
    return f"{program}: {output[0].strip()}" if output else program


def compress(source: Path, target: Path) -> None:
    """Copy ``source`` to ``target``, through the compressor its ending names."""
    if target.suffix == ".gz":
        target.write_bytes(subprocess.run(["gzip", "-9nc", str(source)], capture_output=True, check=True).stdout)
    elif target.suffix == ".zst":
        target.write_bytes(subprocess.run(["zstd", "-19qc", str(source)], capture_output=True, check=True).stdout)
    else:
        shutil.copyfile(source, target)


def store(case: Case, lab: Lab, labels: Sequence[Expected], target: Path) -> None:
    """Write the case's folder below ``target``."""
    if case.edit is not None:
        case.edit(lab)
    raw = lab.raw
    if case.form.startswith("pcapng"):
        converted = raw.with_suffix(".ng")
        subprocess.run(["editcap", "-F", "pcapng", str(raw), str(converted)], check=True)
        raw = converted
    folder = target / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compress(raw, folder / f"capture.{case.form}")
    for log in sorted((lab.work / "logs").glob("*")):
        shutil.copyfile(log, folder / log.name)
    sessions = [{"stream": number, **label.as_json(lab.plan)} for number, label in enumerate(labels)]
    content: dict[str, object] = {"purpose": case.purpose}
    if case.decode_as_tls:
        content["decode_as_tls"] = [lab.plan.port(port) for port in case.decode_as_tls]
    content["sessions"] = sessions
    (folder / "expected.json").write_text(json.dumps(content, indent=2) + "\n")
    versions = "\n".join(f"- {version(one)}" for one in dict.fromkeys(case.software))
    edited = f"\nThe capture was edited afterwards: {case.edited}\n" if case.edited else ""
    (folder / "README.md").write_text(
        f"# {case.name}\n\n{case.purpose}.\n\nHow it was made: {case.how}\n{edited}\nSoftware:\n\n{versions}\n\n"
        f"Made by `scripts/make_pcaps.py {case.name}` on throw-away keys and documentation addresses; ours, MIT.\n"
    )


def write_index(target: Path) -> None:
    """``README.md`` of the whole: what is there."""
    rows = []
    for case in sorted(CASES.values(), key=lambda one: one.name):
        expected = target / case.name / "expected.json"
        if expected.is_file():
            sessions = json.loads(expected.read_text())["sessions"]
            causes = sorted({session.get("cause") or session.get("outcome", "not a failure") for session in sessions})
            rows.append(f"| [{case.name}]({case.name}/) | {case.purpose} | {len(sessions)} | {', '.join(causes)} |")
    (target / "README.md").write_text(INDEX_HEAD + "\n".join(rows) + "\n")
