#!/usr/bin/env python3
"""Make the sample captures under pcaps/ again, all or some, with real software in network namespaces.

    sudo python3 scripts/make_pcaps.py --all
    sudo python3 scripts/make_pcaps.py healthy-tls13 resumption
    python3 scripts/make_pcaps.py --list
    python3 scripts/make_pcaps.py --check        # expected.json against tshark's reading

Debian packages: iproute2 iptables tcpdump tshark openssl nginx-light haproxy stunnel4 gnutls-bin curl zstd.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab.all_cases import CASES
from lab.case import Case, Expected
from lab.check import check
from lab.net import Lab, LabError
from lab.packets import read_pcap, write_pcap

PCAPS = Path(__file__).resolve().parent.parent / "pcaps"
VERSION_FLAGS = {
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
    "stunnel": ("stunnel", "-version"),
    "gnutls-serv": ("gnutls-serv", "--version"),
    "gnutls-cli": ("gnutls-cli", "--version"),
    "curl": ("curl", "--version"),
    "openssl": ("openssl", "version"),
    "ssh": ("ssh", "-V"),
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


def version(program: str) -> str:
    """One line that names a program's version."""
    if program == "python":
        import ssl

        return f"Python {sys.version.split()[0]} with {ssl.OPENSSL_VERSION}"
    done = subprocess.run(VERSION_FLAGS[program], capture_output=True, text=True, check=False)
    output = [line for line in (done.stdout + done.stderr).splitlines() if any(letter.isdigit() for letter in line)]
    return f"{program}: {output[0].strip()}" if output else program


def compress(source: Path, target: Path) -> None:
    """Move ``source`` to ``target``, through the compressor its ending names."""
    if target.suffix == ".gz":
        target.write_bytes(subprocess.run(["gzip", "-9nc", str(source)], capture_output=True, check=True).stdout)
    elif target.suffix == ".zst":
        target.write_bytes(subprocess.run(["zstd", "-19qc", str(source)], capture_output=True, check=True).stdout)
    else:
        shutil.copyfile(source, target)


def store(case: Case, raw: Path, labels: list[Expected]) -> None:
    """Write the case's folder."""
    if case.edit is not None:
        link, packets = read_pcap(raw)
        write_pcap(raw, link, case.edit(packets))
    if case.form.startswith("pcapng"):
        converted = raw.with_suffix(".ng")
        subprocess.run(["editcap", "-F", "pcapng", str(raw), str(converted)], check=True)
        raw = converted
    folder = PCAPS / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compress(raw, folder / f"capture.{case.form}")
    sessions = [{"stream": number, **label.as_json()} for number, label in enumerate(labels)]
    text = json.dumps({"purpose": case.purpose, "sessions": sessions}, indent=2)
    (folder / "expected.json").write_text(text + "\n")
    versions = "\n".join(f"- {version(one)}" for one in case.software)
    edited = f"\nThe capture was edited afterwards: {case.edited}\n" if case.edited else ""
    (folder / "README.md").write_text(
        f"# {case.name}\n\n{case.purpose}.\n\nHow it was made: {case.how}\n{edited}\nSoftware:\n\n{versions}\n\n"
        f"Made by `scripts/make_pcaps.py {case.name}` on throw-away keys and documentation addresses; ours, MIT.\n"
    )


def write_index() -> None:
    """``pcaps/README.md``: what is there."""
    rows = []
    for case in sorted(CASES.values(), key=lambda one: one.name):
        expected = PCAPS / case.name / "expected.json"
        if expected.is_file():
            sessions = json.loads(expected.read_text())["sessions"]
            causes = sorted({session.get("cause") or session.get("outcome", "not a failure") for session in sessions})
            rows.append(f"| [{case.name}]({case.name}/) | {case.purpose} | {len(sessions)} | {', '.join(causes)} |")
    (PCAPS / "README.md").write_text(INDEX_HEAD + "\n".join(rows) + "\n")


def make(case: Case) -> None:
    """Play one case and store what was captured."""
    with tempfile.TemporaryDirectory(prefix="capa-lab-") as scratch:
        try:
            with Lab(Path(scratch), offload=case.offload) as lab:
                labels = case.play(lab)
            store(case, lab.raw, labels)
        finally:
            if keep := os.environ.get("CAPA_LAB_KEEP"):
                shutil.copytree(scratch, Path(keep) / case.name, dirs_exist_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--check", action="store_true", help="compare expected.json with tshark (no root needed)")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{one.name:28} {one.purpose}" for one in CASES.values()))
        return 0
    if unknown := [name for name in options.cases if name not in CASES]:
        parser.error(f"no such case: {', '.join(unknown)} (--list shows them)")
    names = list(CASES) if options.all else options.cases
    if options.check:
        return check(PCAPS, names)
    if not names:
        parser.error("name some cases, or --all")
    if os.geteuid():
        parser.error("network namespaces need root")
    wrong = 0
    for name in names:
        try:
            make(CASES[name])
        except (LabError, OSError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            wrong = 1
            continue
        wrong |= check(PCAPS, [name])
    write_index()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
