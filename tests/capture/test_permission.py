"""Why packets may not be captured: what is said has to help where it is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from capanalyzer.capture import permission
from capanalyzer.capture.permission import has_capability, is_in_user_namespace, permission_hint

HINT = "from capanalyzer.capture.permission import permission_hint; print(permission_hint())"
SUDO = f"run it with sudo, or once: sudo setcap cap_net_raw+ep {os.path.realpath(sys.executable)}"


def told(*prefix: str) -> str:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root of Linux, and setpriv")
    done = subprocess.run([*prefix, sys.executable, "-c", HINT], capture_output=True, check=False, text=True)
    if "unshare failed" in done.stderr:
        pytest.skip(f"no user namespaces: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_the_kernel_knows() -> None:
    outside = "CAP_NET_RAW counts only in its user namespace, not for this network: run it outside of that"
    assert told("unshare", "-Ur") == outside
    assert (
        told("setpriv", "--bounding-set=-net_raw") == "root lacks CAP_NET_RAW here; a container needs --cap-add=NET_RAW"
    )
    if not is_in_user_namespace():
        assert told() == "it has CAP_NET_RAW, so something else forbids it (seccomp, SELinux, AppArmor)"


def test_a_user_is_given_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "has_capability", lambda number: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert permission_hint() == SUDO


@pytest.mark.parametrize(
    ("started_as", "command"),
    [
        ("/home/me/.venv/bin/capanalyzer", "sudo /home/me/.venv/bin/capanalyzer"),
        ("/home/my own/bin/capanalyzer", "sudo '/home/my own/bin/capanalyzer'"),
        ("/usr/bin/capanalyzer", "sudo"),
        ("/home/me/.venv/lib/capanalyzer/__main__.py", f"sudo {sys.executable} -m capanalyzer"),
        ("/home/me/report.py", "sudo"),
    ],
)
def test_sudo_finds_what_it_is_given(started_as: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path is not the user's: a virtual environment's programs are not in it."""
    monkeypatch.setattr(permission, "has_capability", lambda number: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(sys, "argv", [started_as])
    for system in ("linux", "darwin"):
        monkeypatch.setattr(sys, "platform", system)
        assert permission_hint().partition(",")[0] == f"run it with {command}"


@pytest.mark.parametrize(
    ("system", "hint"),
    [
        ("darwin", "run it with sudo"),
        ("freebsd14", "run it with sudo"),
        ("win32", "run it in a console that was started as administrator"),
    ],
)
def test_systems_without_capabilities(system: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is Linux's is not recommended elsewhere."""
    monkeypatch.setattr(sys, "platform", system)
    assert permission_hint() == hint


def test_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "_STATUS", "/nowhere")
    monkeypatch.setattr(permission, "_USERS", "/nowhere")
    assert not has_capability(0)
    assert not is_in_user_namespace()
