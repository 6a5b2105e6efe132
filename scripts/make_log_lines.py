#!/usr/bin/env python3
"""Make the stored log lines of the tests again, all or some, with the programs themselves in network namespaces.

    sudo python3 scripts/make_log_lines.py --all
    sudo python3 scripts/make_log_lines.py nginx apache
    python3 scripts/make_log_lines.py --list

Each entry comes with what is known of it from elsewhere than its text: the addresses and ports that were used, and what
was made to fail. Debian packages: iproute2 openssl nginx-light apache2-bin haproxy stunnel4 gnutls-bin curl
default-jdk-headless nodejs golang-go chromium openssh-server postgresql.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lab.logged import as_toml
from lab.logged_all import PROGRAMS
from lab.net import Lab, LabError

LINES = Path(__file__).resolve().parent.parent / "tests" / "logs" / "lines"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="FORMAT")
    parser.add_argument("--all", action="store_true", help="every format that has a program here")
    parser.add_argument("--list", action="store_true", help="print the formats and end")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PROGRAMS))
        return 0
    if unknown := [name for name in options.formats if name not in PROGRAMS]:
        parser.error(f"no such format: {', '.join(unknown)} (--list shows them)")
    if os.geteuid():
        parser.error("network namespaces need root")
    failed = 0
    for name in PROGRAMS if options.all else options.formats:
        try:
            with tempfile.TemporaryDirectory(prefix="capa-logs-") as scratch, Lab(Path(scratch)) as lab:
                text = as_toml(PROGRAMS[name](lab), name)
            (LINES / f"{name}.toml").write_text(text, "utf-8")
            print(f"{name}: {text.count('[[line]]')} lines")
        except (LabError, OSError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
