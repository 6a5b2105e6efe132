"""A throw-away Redmine on loopback, from the packages ``redmine``, ``redmine-sqlite`` and ``puma`` of Debian 12.

    python scripts/redmine.py [--port 8080] [--certificate PEM]

Copies the package's files into a folder of its own, with a database, a project ``ops`` with one issue, and the REST
API enabled; serves until its standard input ends, and removes the folder. Nothing of the machine's own Redmine is
touched, and no service is installed. The first line it prints is JSON: ``url``, ``key`` (of the API), ``issue``,
``folder`` and ``login`` and ``password`` for a browser.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGE = Path("/usr/share/redmine")
PROVISION = """
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
Setting.default_language = 'en'
Setting.attachment_extensions_denied = 'exe'
admin = User.find_by_login('admin')
admin.password = admin.password_confirmation = ENV.fetch('REDMINE_PASSWORD')
admin.must_change_passwd = false
admin.save!(validate: false)
project = Project.new(name: 'Operations', identifier: 'ops')
project.trackers = Tracker.all
project.enabled_module_names = %w[issue_tracking]
project.save!
issue = Issue.new(project: project, subject: 'Customers cannot connect', author: admin, tracker: project.trackers.first,
                  status: IssueStatus.first, priority: IssuePriority.first)
issue.save!
puts "RESULT #{admin.api_key} #{issue.id}"
"""


@dataclass(frozen=True)
class Redmine:
    """A running one."""

    url: str
    key: str
    issue: int
    folder: str
    login: str
    password: str

    def run(self, ruby: str, **environ: str) -> str:
        """What Ruby code in Redmine's own process environment prints."""
        script = Path(self.folder, "script.rb")
        script.write_text(ruby, "utf-8")
        return _bundle(Path(self.folder), "exec", "rails", "runner", "-e", "production", str(script), **environ)


def missing() -> str | None:
    """Why it cannot be run here, or None."""
    if not (PACKAGE / "Gemfile").exists() or not shutil.which("bundle"):
        return "the packages redmine and redmine-sqlite are not installed"
    if not shutil.which("puma"):
        return "the package puma is not installed"
    return None


@contextmanager
def serving(port: int = 0, certificate: str | None = None) -> Iterator[Redmine]:
    """A Redmine that is ended with the block. ``certificate``: a PEM file with key and chain, for https."""
    with tempfile.TemporaryDirectory(prefix="redmine-") as name:
        folder = Path(name)
        password = secrets.token_urlsafe(12)
        _install(folder)
        _bundle(folder, "exec", "rake", "db:migrate")
        scratch = Redmine("", "", 0, name, "admin", password)
        answer = scratch.run(PROVISION, REDMINE_PASSWORD=password)
        key, issue = answer[answer.rindex("RESULT") :].split()[1:]
        with (
            _held(port) as taken,
            open(folder / "puma.log", "wb") as log,
            subprocess.Popen(
                ["bundle", "exec", "puma", "-e", "production", "-t", "1:4", "-b", _bind(taken, certificate)],
                cwd=folder / "app",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ) as server,
        ):
            try:
                _wait(server, taken, folder / "puma.log")
                scheme = "http" if certificate is None else "https"
                yield Redmine(f"{scheme}://127.0.0.1:{taken}", key, int(issue), name, "admin", password)
            finally:
                server.terminate()


def _install(folder: Path) -> None:
    app = folder / "app"
    shutil.copytree(PACKAGE, app, symlinks=True)
    for link in ("Gemfile.lock", "instances", "config/database.yml"):
        (app / link).unlink(missing_ok=True)
    gemfile = app / "Gemfile"
    gemfile.write_text(gemfile.read_text("utf-8").replace("/usr/share/redmine/", f"{app}/") + "\ngem 'puma'\n", "utf-8")
    # Debian's Redmine keeps what belongs to one instance in instances/NAME.
    instance = app / "instances" / "default"
    for part in ("config", "files", "tmp/cache", "log"):
        (instance / part).mkdir(parents=True)
    database = f"production:\n  adapter: sqlite3\n  database: {folder}/redmine.sqlite3\n  timeout: 20000\n"
    (instance / "config" / "database.yml").write_text(database, "utf-8")
    (instance / "config" / "secret_key.txt").write_text(secrets.token_hex(32), "utf-8")
    (app / "config" / "database.yml").symlink_to("../instances/default/config/database.yml")
    for part in ("tmp/pids", "files", "log"):
        (app / part).mkdir(parents=True, exist_ok=True)
    _bundle(folder, "install", "--local", "--quiet")


def _bundle(folder: Path, *command: str, **environ: str) -> str:
    done = subprocess.run(
        ["bundle", *command],
        cwd=folder / "app",
        env=_environment(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[:2000]}")
    return done.stdout


def _environment(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "RAILS_ENV": "production",
        "SCHEMA": os.devnull,  # do not write the schema back
        "REDMINE_INSTANCE": "default",
        "BUNDLE_SILENCE_ROOT_WARNING": "1",
        "LANG": "C.UTF-8",
        **more,
    }


def _bind(port: int, certificate: str | None) -> str:
    if certificate is None:
        return f"tcp://127.0.0.1:{port}"
    return f"ssl://127.0.0.1:{port}?key={certificate}&cert={certificate}&verify_mode=none"


@contextmanager
def _held(port: int) -> Iterator[int]:
    """The port (0: a free one), given to nobody else before puma, which takes some time to start, listens on it."""
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind(("127.0.0.1", port))
        held: int = holding.getsockname()[1]
        yield held


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until and server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"puma does not serve: {log.read_text('utf-8', 'replace')[-2000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", metavar="PEM")
    options = parser.parse_args()
    if reason := missing():
        print(reason, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the server ends and the folder goes
    with serving(options.port, options.certificate) as redmine:
        print(json.dumps(asdict(redmine)), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
