"""Redis and PostgreSQL, with TLS and without."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lab.net import Lab
from lab.pki import Identity

__all__ = ["postgres", "redis"]


def redis(lab: Lab, port: int = 6379, *extra: str) -> None:
    number = str(lab.plan.port(port))
    words = ("--port", number, "--bind", "*", "--protected-mode", "no", "--save", "", "--dir", str(lab.work))
    lab.start("server", "redis-server", *words, *extra, port=int(number))


def postgres(lab: Lab, port: int = 5432, identity: Identity | None = None) -> None:
    """A server with a data folder of its own; with an identity it agrees to an SSLRequest."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    number, data = lab.plan.port(port), lab.work / f"postgres-{port}"
    lab.work.chmod(0o755)
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    prepare = (*as_postgres, str(binaries / "initdb"), "-A", "trust", "-N", "-D", str(data))
    subprocess.run(prepare, capture_output=True, check=True, cwd=data)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 trust\n")
    words = ["-p", str(number), "-c", "listen_addresses=*", "-c", f"unix_socket_directories={data}"]
    if identity is not None:
        for source, name in ((identity.chain, "server.crt"), (identity.key, "server.key")):
            shutil.copyfile(source, data / name)
            (data / name).chmod(0o600)
            shutil.chown(data / name, "postgres", "postgres")
        words += ["-c", "ssl=on"]
    lab.start("server", *as_postgres, str(binaries / "postgres"), "-D", str(data), *words, port=number)
