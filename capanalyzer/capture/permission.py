"""Why packets may not be captured, and what to do about it."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Final

from capanalyzer.remark import Remark

__all__ = ["NET_RAW", "has_capability", "is_in_user_namespace", "permission_hint"]

NET_RAW: Final = 13
"""CAP_NET_RAW, linux/capability.h."""
_STATUS: Final = "/proc/self/status"
_USERS: Final = "/proc/self/uid_map"
_NAME: Final = "capanalyzer"
_PATH_OF_ROOT: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where every sudo looks for programs, whatever the path of whoever calls it (``secure_path``, sudoers(5))."""


def has_capability(number: int) -> bool:
    """Whether this process has a capability in effect (capabilities(7)); False where the system does not tell."""
    try:
        with open(_STATUS, encoding="ascii", errors="replace") as lines:
            effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
        return bool(int(effective, 16) >> number & 1)
    except (OSError, ValueError, IndexError):
        return False


def is_in_user_namespace() -> bool:
    """Whether users and capabilities count in a namespace only (user_namespaces(7)); the host's maps all to itself."""
    try:
        with open(_USERS, encoding="ascii", errors="replace") as lines:
            return lines.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def permission_hint() -> Remark:
    """What to do where capturing is not permitted: half a sentence, where one helps with a command to be pasted."""
    if sys.platform == "win32":
        return Remark("run it in a console that was started as administrator")
    if sys.platform != "linux":
        return Remark("run it with {sudo}", sudo=_sudo())
    if has_capability(NET_RAW):
        if is_in_user_namespace():
            return Remark("CAP_NET_RAW counts only in its user namespace, not for this network: run it outside of that")
        return Remark("it has CAP_NET_RAW, so something else forbids it (seccomp, SELinux, AppArmor)")
    if os.geteuid() == 0:
        return Remark("root lacks CAP_NET_RAW here; a container needs --cap-add=NET_RAW")
    return Remark(
        "run it with {sudo}, or once: sudo setcap cap_net_raw+ep {path}",
        sudo=_sudo(),
        path=os.path.realpath(sys.executable),
    )


def _sudo() -> str:
    """``sudo``, and what this program is called where sudo does not find it by its name: in a virtual environment."""
    path = os.path.abspath(sys.argv[0])
    folder, name = os.path.split(path)
    if os.path.join(os.path.basename(folder), name) == os.path.join(_NAME, "__main__.py"):
        return f"sudo {shlex.quote(sys.executable)} -m {_NAME}"
    return f"sudo {shlex.quote(path)}" if name == _NAME and folder not in _PATH_OF_ROOT else "sudo"
