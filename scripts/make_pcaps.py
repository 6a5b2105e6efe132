#!/usr/bin/env python3
"""Make the sample captures under pcaps/ again, all or some, with real software in network namespaces.

    sudo python3 scripts/make_pcaps.py --all
    sudo python3 scripts/make_pcaps.py healthy-tls13 resumption
    sudo python3 scripts/make_pcaps.py --all --plan second --to /tmp/second   # other addresses, names, ports, order
    python3 scripts/make_pcaps.py --list
    python3 scripts/make_pcaps.py --check        # expected.json against tshark's reading

Debian packages: iproute2 iptables tcpdump tshark openssl nginx-light apache2-bin haproxy stunnel4 gnutls-bin curl wget
libnss3-tools default-jdk-headless nodejs golang-go chromium faketime redis-server postgresql openssh-client zstd;
from PyPI: scapy and, in an environment of its own, mitmproxy (CAPA_LAB_MITMDUMP names its mitmdump).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab.all_cases import CASES
from lab.case import Case
from lab.check import check
from lab.net import Lab, LabError
from lab.plan import FIRST, PLANS, Plan
from lab.store import store, write_index

PCAPS = Path(__file__).resolve().parent.parent / "pcaps"


def make(case: Case, folder: Path, plan: Plan) -> str:
    """Play one case and store what was captured; what went wrong, if anything did."""
    with tempfile.TemporaryDirectory(prefix="capa-lab-") as scratch:
        try:
            with Lab(Path(scratch), case=case.name, plan=plan, offload=case.offload) as lab:
                labels = list(case.play(lab))
            store(case, lab, labels, folder)
        except (LabError, OSError, subprocess.SubprocessError) as error:
            return f"{case.name}: {error}"
        finally:
            if keep := os.environ.get("CAPA_LAB_KEEP"):
                shutil.copytree(
                    scratch, Path(keep) / case.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("chromium*")
                )
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--all", action="store_true", help="every case")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--check", action="store_true", help="compare expected.json with tshark (no root needed)")
    parser.add_argument("--steps", action="store_true", help="with a check: what tshark saw of each stream")
    parser.add_argument("--plan", choices=PLANS, default=FIRST.name, help="addresses, names, ports, order, timing")
    parser.add_argument("--to", type=Path, default=PCAPS, metavar="FOLDER", help="where the cases are written")
    parser.add_argument("--jobs", type=int, default=6, metavar="N", help="cases made at the same time (default: 6)")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{one.name:28} {one.purpose}" for one in CASES.values()))
        return 0
    if unknown := [name for name in options.cases if name not in CASES]:
        parser.error(f"no such case: {', '.join(unknown)} (--list shows them)")
    names = list(CASES) if options.all else options.cases
    if options.check:
        return check(options.to, names, verbose=options.steps)
    if not names:
        parser.error("name some cases, or --all")
    if os.geteuid():
        parser.error("network namespaces need root")
    if options.plan != FIRST.name and options.to == PCAPS:
        parser.error("--plan other than the first one needs --to")
    options.to.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with ThreadPoolExecutor(options.jobs) as workers:
        one = partial(make, folder=options.to, plan=PLANS[options.plan])
        for name, problem in zip(names, workers.map(one, (CASES[name] for name in names)), strict=True):
            if problem:
                print(problem, file=sys.stderr)
                wrong = 1
            else:
                wrong |= check(options.to, [name], verbose=options.steps)
    write_index(options.to)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
