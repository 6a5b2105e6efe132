"""What a run gave up is gone: seen in /proc by the kernel's own account, and by trying."""

from __future__ import annotations

import errno
import gzip
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from capanalyzer.errors import UsageError
from capanalyzer.live import privileges
from capanalyzer.live.privileges import user_named

SCRIPT = """
import errno, json, os, socket, sys
from capanalyzer.live.privileges import give_up, user_named

def tried(what):
    try:
        what()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]

folder, outside, name = sys.argv[1:]
notes = give_up(user_named(name or None), [folder])
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
inside = os.path.join(folder, "report")
json.dump({
    "notes": notes,
    "status": {key: status[key].split() for key in ("Uid", "Gid", "Groups", "NoNewPrivs", "CapEff", "CapPrm", "CapInh",
                                                     "CapBnd", "CapAmb")},
    "read": tried(lambda: open("/etc/shadow")),
    "write": tried(lambda: open(os.path.join(outside, "anything"), "w")),
    "remove": tried(lambda: os.unlink(os.path.join(outside, "there"))),
    "null": tried(lambda: open("/dev/null", "w")),
    "inside": tried(lambda: open(inside + ".new", "w").close() or os.replace(inside + ".new", inside)),
    "execute": tried(lambda: os.execv("/bin/true", ["true"])),
    "packet": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
    "raw": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)),
    "back": tried(lambda: os.setuid(0)),
}, sys.stdout)
"""
"""An execute that is not refused ends the process without an answer."""


def gave_up(folder: Path, outside: Path, name: str = "") -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(outside), name], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that others reach too; those of pytest are closed to them."""
    with tempfile.TemporaryDirectory(prefix="capanalyzer-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def outside(top: Path) -> Path:
    """A folder where anybody may write."""
    folder = top / "outside"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "there").touch()
    return folder


def needs_root() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux has something to give up")


def test_nothing_is_left_of_root(top: Path, outside: Path) -> None:
    needs_root()
    folder = top / "records"
    folder.mkdir()
    found = gave_up(folder, outside)
    nobody = pwd.getpwnam("nobody")
    zero = ["0" * 16]
    assert found["status"] == {
        "Uid": [str(nobody.pw_uid)] * 4,
        "Gid": [str(nobody.pw_gid)] * 4,
        "Groups": [],
        "NoNewPrivs": ["1"],
        **dict.fromkeys(("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"), zero),
    }
    assert (found["packet"], found["raw"], found["back"]) == ("EPERM", "EPERM", "EPERM")
    assert found["read"] == "EACCES"
    assert (found["inside"], found["null"]) == ("done", "done")
    if not found["notes"]:
        assert (found["write"], found["remove"], found["execute"]) == ("EACCES", "EACCES", "EACCES")
    assert folder.stat().st_uid == nobody.pw_uid, "an empty folder of root's is handed over"


def test_a_folder_of_others_is_left_alone(top: Path, outside: Path) -> None:
    """What is in use belongs to whom it belongs; the run says that it cannot write there."""
    needs_root()
    folder = top / "records"
    folder.mkdir()
    (folder / "something").touch()
    with pytest.raises(AssertionError, match=r"nobody may not write there; chown it to nobody, or name another --user"):
        gave_up(folder, outside)
    assert folder.stat().st_uid == 0


def test_root_stays_root_when_told_so(top: Path, outside: Path) -> None:
    """Even then: nothing is written elsewhere, and nothing gained by executing something."""
    needs_root()
    folder = top / "records"
    folder.mkdir()
    found = gave_up(folder, outside, "root")
    assert found["status"]["Uid"] == ["0"] * 4  # type: ignore[index]
    assert found["status"]["NoNewPrivs"] == ["1"]  # type: ignore[index]
    only = [f"{1 << 1:016x}"]
    status = cast("dict[str, list[str]]", found["status"])
    assert (status["CapEff"], status["CapPrm"]) == (only, only), "CAP_DAC_OVERRIDE"
    assert (status["CapInh"], status["CapBnd"], status["CapAmb"]) == (["0" * 16],) * 3
    assert (found["packet"], found["raw"]) == ("EPERM", "EPERM")
    assert (found["read"], found["inside"], found["null"]) == ("done", "done", "done")
    if not found["notes"]:
        assert (found["write"], found["execute"]) == ("EACCES", "EACCES")


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("setuid", "cannot become nobody: CAP_SETUID is missing; grant it, or stay root with --user root"),
        ("setgid", "cannot become nobody: CAP_SETGID is missing; grant it, or stay root with --user root"),
        ("chown", "records cannot be given to nobody: CAP_CHOWN is missing; grant it, or stay root with --user root"),
    ],
)
def test_root_that_lacks_something_says_what(lacks: str, told: str, top: Path, outside: Path) -> None:
    """As in a container that was given few capabilities; staying root needs none."""
    needs_root()
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    folder = top / "records"
    folder.mkdir()
    command = ["setpriv", f"--bounding-set=-{lacks}", sys.executable, "-c", SCRIPT, str(folder), str(outside)]
    done = subprocess.run([*command, ""], capture_output=True, check=False, text=True)
    assert f"UsageError: {told}" in done.stderr.replace(f"{top}/", "")
    assert subprocess.run([*command, "root"], capture_output=True, check=False).returncode == 0


def test_root_of_a_user_namespace_says_what_it_is(top: Path, outside: Path) -> None:
    """It has every capability, and yet cannot become a user whom its namespace does not have."""
    needs_root()
    folder = top / "records"
    folder.mkdir()
    (folder / "there").touch()
    command = ["unshare", "-Ur", sys.executable, "-c", SCRIPT, str(folder), str(outside)]
    done = subprocess.run([*command, ""], capture_output=True, check=False, text=True)
    if "unshare failed" in done.stderr:
        pytest.skip(f"no user namespaces: {done.stderr}")
    told = "UsageError: cannot become nobody: this user namespace forbids it; stay root with --user root"
    assert told in done.stderr
    assert subprocess.run([*command, "root"], capture_output=True, check=False).returncode == 0


MACOS = """
import json, os, sys
from capanalyzer.live.privileges import give_up, user_named
sys.platform = "darwin"
del os.setresuid, os.setresgid
notes = give_up(user_named(None), [sys.argv[1]])
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
json.dump([notes, *(status[key].split() for key in ("Uid", "Gid", "Groups"))], sys.stdout)
"""


def test_a_system_without_capabilities_changes_the_user(top: Path) -> None:
    """macOS has no setresuid(2), either."""
    needs_root()
    (top / "records").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MACOS, str(top / "records")], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    nobody = pwd.getpwnam("nobody")
    assert json.loads(done.stdout) == [
        ["only the user could be changed: this system has no capabilities"],
        [str(nobody.pw_uid)] * 4,
        [str(nobody.pw_gid)] * 4,
        [],
    ]


@pytest.mark.parametrize(
    ("number", "namespace", "has", "told"),
    [
        (errno.EINVAL, True, True, "x: this user namespace forbids it; stay root with --user root"),
        (errno.EINVAL, True, False, "x: this user namespace forbids it; stay root with --user root"),
        (errno.EPERM, True, True, "x: this user namespace forbids it; stay root with --user root"),
        (errno.EPERM, True, False, "x: CAP_CHOWN is missing; grant it, or stay root with --user root"),
        (errno.EPERM, False, False, "x: CAP_CHOWN is missing; grant it, or stay root with --user root"),
        (errno.EROFS, True, True, "[Errno 30] Read-only file system"),
    ],
)
def test_what_stands_in_the_way(
    number: int, namespace: bool, has: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "is_in_user_namespace", lambda: namespace)
    monkeypatch.setattr(privileges, "has_capability", lambda number: has)
    with pytest.raises((UsageError, OSError)) as raised, privileges._needing("CAP_CHOWN", "x"):
        raise OSError(number, os.strerror(number))
    assert str(raised.value) == told


LANDLOCK = """
import ctypes, sys
from capanalyzer.live import privileges

def call(*arguments):
    ctypes.set_errno(int(sys.argv[1]))
    return -1

real = ctypes.CDLL(None, use_errno=True)
class Without:
    prctl, capget, capset, syscall = real.prctl, real.capget, real.capset, call
call.restype = None
privileges.ctypes.CDLL = lambda *_, **__: Without
print(*privileges.give_up(None, []))
"""


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.ENOSYS, "the kernel has none"),
        (errno.EOPNOTSUPP, "it is switched off in the kernel"),
        (errno.EPERM, "a filter of system calls forbids it"),
        (errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_why_there_is_no_landlock_is_said(number: int, why: str) -> None:
    """A container's filter of system calls may keep it away from a kernel that has it."""
    if sys.platform != "linux":
        pytest.skip("only Linux has it")
    done = subprocess.run(
        [sys.executable, "-c", LANDLOCK, str(number)], capture_output=True, check=False, text=True
    )  # fmt: skip
    assert done.stdout == f"no Landlock ({why}): the user's rights alone say what may be written\n", done.stderr


def test_a_user_that_does_not_exist_is_said() -> None:
    with pytest.raises(UsageError, match="there is no user no-such-user"):
        user_named("no-such-user")


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_only_root_may_read_is_opened_before_rights_are_given_up(top: Path, packed: bool) -> None:
    needs_root()
    capture = next((Path(__file__).parents[2] / "pcaps").glob("*/*.pcap")).read_bytes()
    private = top / "private.pcap"
    private.write_bytes(gzip.compress(capture) if packed else capture)
    private.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "capanalyzer", "live", "-r", str(private), "--plain", "--format", "jsonl"],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("outcome" in line for line in lines)
    assert "Permission denied" not in done.stdout + done.stderr
