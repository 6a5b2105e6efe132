"""Giving up what a run needs no more: the rights it opened its sockets and files with.

To be called when everything is open and before any thread is started (some of what follows counts for one thread
alone). Started as root, the process becomes another user without groups; however it was started, it loses all
capabilities (capabilities(7)), the bounding set included where it may (one that is to stay root keeps CAP_DAC_OVERRIDE,
by which root reads and writes what belongs to others), can gain none by executing anything
(``no_new_privs``), and where the kernel has Landlock (landlock(7)) it can write nowhere but in the folders named.
Reading stays as the user's rights have it: modules and texts are loaded when they are first used.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int, c_long, c_uint32, c_uint64, c_ulong
from typing import Final, NamedTuple

from capanalyzer.capture.permission import has_capability, is_in_user_namespace
from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

__all__ = ["DEFAULT_USER", "User", "give_up", "user_named"]

DEFAULT_USER: Final = "nobody"

_SET_NO_NEW_PRIVS, _DROP_FROM_BOUNDING_SET, _AMBIENT, _AMBIENT_CLEAR_ALL = 38, 24, 47, 4
"""prctl(2) operations, linux/prctl.h."""
_MAX_CAPABILITIES: Final = 64
_DAC_OVERRIDE: Final = 1
_TO_BECOME: Final = {"CAP_CHOWN": 0, "CAP_SETGID": 6, "CAP_SETUID": 7}
"""Capabilities, linux/capability.h."""
_CAPABILITY_VERSION_3: Final = 0x20080522

_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT = 444, 445, 446
"""System calls, the same on every architecture."""
_LANDLOCK_VERSION: Final = 1
_BENEATH: Final = 1
"""LANDLOCK_RULE_PATH_BENEATH."""
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_CHANGE: Final = sum(1 << bit for bit in range(4, 13))
"""Removing and making files, folders, sockets, FIFOs, devices and links."""
_REFER, _TRUNCATE = 1 << 13, 1 << 14
"""Renaming into another folder, since version 2; since version 3. What is not named here is not restricted."""
_NULL: Final = "/dev/null"
_NO_LANDLOCK: Final = {
    errno.ENOSYS: Remark("the kernel has none"),
    errno.EOPNOTSUPP: Remark("it is switched off in the kernel"),
    errno.EPERM: Remark("a filter of system calls forbids it"),
}


class User(NamedTuple):
    """Who a process becomes."""

    name: str
    uid: int
    gid: int


class _Header(ctypes.Structure):
    _fields_ = (("version", c_uint32), ("pid", c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", c_uint32), ("permitted", c_uint32), ("inheritable", c_uint32))


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", c_uint64), ("parent_fd", c_int))


def user_named(name: str | None) -> User | None:
    """Who a run that was started as root becomes: this user, or the default one; None: it stays who it is.

    :raises UsageError: there is no such user, or only root can become another one.
    """
    if not hasattr(os, "geteuid") or (os.geteuid() != 0 and name is None):
        return None
    import pwd

    try:
        entry = pwd.getpwnam(name or DEFAULT_USER)
    except KeyError:
        raise UsageError(Remark("--user: there is no user {name}", name=name or DEFAULT_USER)) from None
    if os.geteuid() != 0:
        if entry.pw_uid == os.geteuid():
            return None
        raise UsageError(Remark("--user: only root can become another user"))
    return None if entry.pw_uid == 0 else User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def give_up(
    user: User | None, folders: Sequence[str], *, outputs: Sequence[str] = (), confine: bool = True
) -> list[Remark]:
    """Become ``user``, and give up everything else.

    :param folders: in which the run goes on to write. Those that are empty and belong to root are given to the user.
    :param outputs: folders of files that are open, and opened again if the user may.
    :param confine: nothing else is to be written, and nothing executed.
    :returns: what could not be given up, one plain sentence each.
    :raises UsageError: the user could not write in one of the folders.
    :raises OSError: the system refuses, and the run would go on with its rights.
    """
    if user is not None:
        for folder in folders:
            _hand_over(folder, user)
    if not sys.platform.startswith("linux"):
        _become(user)
        _check(folders, user)
        return [Remark("only the user could be changed: this system has no capabilities")] if user is not None else []
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_MAX_CAPABILITIES):
        libc.prctl(_DROP_FROM_BOUNDING_SET, c_ulong(capability), c_ulong(0), c_ulong(0), c_ulong(0))
    _become(user)
    libc.prctl(_AMBIENT, c_ulong(_AMBIENT_CLEAR_ALL), c_ulong(0), c_ulong(0), c_ulong(0))
    _keep_capabilities(libc, 0 if os.geteuid() else 1 << _DAC_OVERRIDE)
    if libc.prctl(_SET_NO_NEW_PRIVS, c_ulong(1), c_ulong(0), c_ulong(0), c_ulong(0)):
        raise _error("no_new_privs")
    _check(folders, user)
    missing = _confine(libc, [*folders, *outputs]) if confine else None
    return (
        []
        if missing is None
        else [Remark("no Landlock ({reason}): the user's rights alone say what may be written", reason=missing)]
    )


def _hand_over(folder: str, user: User) -> None:
    status = os.stat(folder)
    if status.st_uid == 0 and not os.listdir(folder):
        with _needing("CAP_CHOWN", Remark("{folder} cannot be given to {name}", folder=folder, name=user.name)):
            os.chown(folder, user.uid, user.gid)


def _become(user: User | None) -> None:
    if user is not None:
        with _needing("CAP_SETGID", Remark("cannot become {name}", name=user.name)):
            os.setgroups([])
            os.setgid(user.gid)
        # Of root these change the real, the effective and the saved one; setresuid(2) not every system has.
        with _needing("CAP_SETUID", Remark("cannot become {name}", name=user.name)):
            os.setuid(user.uid)


@contextmanager
def _needing(capability: str, what: Remark) -> Iterator[None]:
    """Root in a container may lack it, and that of a user namespace may not know the user."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise
        if is_in_user_namespace() and (error.errno == errno.EINVAL or has_capability(_TO_BECOME[capability])):
            raise UsageError(
                Remark("{what}: this user namespace forbids it; stay root with --user root", what=what)
            ) from error
        raise UsageError(
            Remark(
                "{what}: {capability} is missing; grant it, or stay root with --user root",
                what=what,
                capability=capability,
            )
        ) from error


def _check(folders: Sequence[str], user: User | None) -> None:
    for folder in folders:
        if not os.access(folder, os.W_OK | os.X_OK):
            who = _name_of(os.geteuid())
            other = "" if user is None else Remark(", or name another --user")
            raise UsageError(
                Remark(
                    "{folder}: {who} may not write there; chown it to {who}{other}", folder=folder, who=who, other=other
                )
            )


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _keep_capabilities(libc: ctypes.CDLL, kept: int) -> None:
    """Lose all but those of this set of bits, and of them what was not there."""
    header, sets = _Header(_CAPABILITY_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise _error("capget")
    here = sets[0].permitted & kept
    sets[0], sets[1] = _Sets(here, here, 0), _Sets(0, 0, 0)
    if libc.capset(ctypes.byref(header), sets):
        raise _error("capset")


def _confine(libc: ctypes.CDLL, folders: Sequence[str]) -> str | None:
    """Landlock: write beneath these folders only, execute nothing. Why not, where it cannot be had."""
    libc.syscall.restype = c_long
    version = libc.syscall(c_long(_LANDLOCK_CREATE), None, c_ulong(0), c_ulong(_LANDLOCK_VERSION))
    if version < 1:
        return _NO_LANDLOCK.get(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    write = _WRITE_FILE | _CHANGE | (_REFER if version > 1 else 0) | (_TRUNCATE if version > 2 else 0)
    ruleset = _Ruleset(write | _EXECUTE)
    size = c_ulong(ctypes.sizeof(ruleset))
    handle = libc.syscall(c_long(_LANDLOCK_CREATE), ctypes.byref(ruleset), size, c_ulong(0))
    if handle < 0:
        raise _error("landlock_create_ruleset")
    try:
        for path in folders:
            _allow(libc, handle, path, write)
        _allow(libc, handle, _NULL, write & (_WRITE_FILE | _TRUNCATE))
        if libc.syscall(c_long(_LANDLOCK_RESTRICT), c_long(handle), c_ulong(0)):
            raise _error("landlock_restrict_self")
    finally:
        os.close(handle)
    return None


def _allow(libc: ctypes.CDLL, handle: int, path: str, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(access, place)
        if libc.syscall(c_long(_LANDLOCK_ADD_RULE), c_long(handle), c_long(_BENEATH), ctypes.byref(rule), c_ulong(0)):
            raise _error(f"landlock_add_rule {path}")
    finally:
        os.close(place)


def _error(what: str) -> OSError:
    number = ctypes.get_errno() or errno.EPERM
    return OSError(number, f"{what}: {os.strerror(number)}")
