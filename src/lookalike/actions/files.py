"""Single files, handled so that none is ever lost: what one is, renaming that overwrites nothing, exchanging two."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import stat
import sys
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Facts",
    "Refused",
    "clone",
    "copy_new",
    "digest",
    "exchange",
    "explain",
    "holds_nothing",
    "is_original",
    "look",
    "rename_new",
    "restore",
    "same_entry",
]

_AT_FDCWD = -100
_FICLONE = 0x40049409
_UNSUPPORTED = {getattr(errno, name, -1) for name in ("ENOSYS", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EPERM")}

_REASONS = {
    errno.EXDEV: "that is on another file system",
    errno.EROFS: "its disk is read-only",
    errno.ENOSPC: "the disk is full: free some space and apply the plan again",
    getattr(errno, "EDQUOT", -1): "the disk quota is used up: free some space and apply the plan again",
    errno.EACCES: "there is no permission: change that of the file's folder and apply the plan again",
    errno.EPERM: "there is no permission: change that of the file's folder and apply the plan again",
    errno.ENAMETOOLONG: "its path would become too long",
    errno.EMLINK: "the keeper has as many hard links as its file system allows",
    errno.EIO: "the disk fails",
    errno.ENOENT: "it is gone",
}


class Refused(Exception):  # noqa: N818  # a refusal is no error of the program
    """One act is not done, or not undone; the message says why, in words that follow a file's name."""


@dataclass(frozen=True)
class Facts:
    """What a file is beside its bytes; all of it comes back with `undo`.

    Attributes
    ----------
    device, inode, size, mtime_ns, atime_ns, mode, links
        As `os.lstat` tells.
    xattrs
        Extended attributes, base64 by name.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    atime_ns: int
    mode: int
    links: int
    xattrs: dict[str, str] = field(default_factory=dict)


def explain(error: OSError) -> str:
    """Return in words why something could not be done to a file."""
    return _REASONS.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()


def look(path: str) -> Facts:
    """Return the facts of a regular file, itself and not what a link leads to.

    Raises
    ------
    Refused
        If it is gone, a symbolic link, or no regular file.
    """
    try:
        status = os.lstat(path)
    except (OSError, ValueError) as error:
        raise Refused(explain(error) if isinstance(error, OSError) else "it is gone") from error
    if stat.S_ISLNK(status.st_mode):
        raise Refused("it is a symbolic link, which stands for no file of its own")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is no regular file")
    return Facts(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_atime_ns,
        stat.S_IMODE(status.st_mode), status.st_nlink, _xattrs(path),
    )  # fmt: skip


def digest(path: str) -> str:
    """Return the SHA-256 of a regular file as 64 hexadecimal digits; links are not followed, nothing is waited for.

    Raises
    ------
    Refused
        If it cannot be read, is no regular file, or changes while it is read.
    """
    look(path)
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    try:
        try:  # reading leaves no trace, where that is allowed
            number = os.open(path, flags | getattr(os, "O_NOATIME", 0))
        except PermissionError:
            number = os.open(path, flags)
        with os.fdopen(number, "rb") as stream:
            before = os.fstat(number)
            if not stat.S_ISREG(before.st_mode):
                raise Refused("it is no regular file")
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            after = os.fstat(number)
    except OSError as error:
        raise Refused(f"it cannot be read: {(error.strerror or str(error)).lower()}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Refused("it is being written to")
    return found


def is_original(path: str, facts: Facts, sha256: str) -> bool:
    """Say whether the file at `path` is the one that had these facts and bytes, wherever it was then."""
    try:
        now = look(path)
        if now.size != facts.size:
            return False
        # Some file systems number their files anew whenever they are mounted: then the bytes tell.
        same = now.inode != 0 and (now.inode, now.mtime_ns) == (facts.inode, facts.mtime_ns)
        return same or digest(path) == sha256
    except Refused:
        return False


def same_entry(a: str, b: str) -> bool:
    """Say whether two paths are, or may be, one name of one file, so that removing one removes both.

    They are not if they are different files, or names in different folders, or both listed in one folder. Links to
    folders, mounts of one folder at two places and spellings in another case lead to one name by two paths.
    """
    first, second = os.lstat(a), os.lstat(b)
    if not first.st_ino or not second.st_ino:
        return _spelling(a) == _spelling(b)
    if (first.st_dev, first.st_ino) != (second.st_dev, second.st_ino):
        return False
    if first.st_nlink < 2:
        return True
    (folder_a, name_a), (folder_b, name_b) = os.path.split(os.path.abspath(a)), os.path.split(os.path.abspath(b))
    one, other = os.stat(folder_a), os.stat(folder_b)
    if (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino):
        return False
    listed = set(os.listdir(folder_a))
    return name_a == name_b or not {name_a, name_b} <= listed


def _spelling(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name).casefold()


# ---------------------------------------------------------------------------------------------------- renaming


def rename_new(source: str, target: str) -> None:
    """Rename a file to a name that nothing has yet.

    Raises
    ------
    FileExistsError
        If something has it.
    OSError
        If it cannot be done; the file is where it was.
    """
    if _rename_with("new", source, target):
        return
    if sys.platform != "win32":  # there a rename never replaces anything
        try:
            os.link(source, target, follow_symlinks=False)
        except NotImplementedError:
            pass
        except OSError as error:
            if error.errno not in _UNSUPPORTED | {errno.EMLINK}:
                raise
        else:
            os.unlink(source)
            return
        if os.path.lexists(target):  # the file system has neither: nothing better is to be had
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)


def copy_new(source: str, target: str) -> None:
    """Copy the bytes of a file to one that is not there yet, and have them on disk.

    Raises
    ------
    OSError
        If it cannot be done; part of a copy may then be there.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    reading = os.open(source, os.O_RDONLY | flags)
    with os.fdopen(reading, "rb") as from_:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags, 0o600)
        with os.fdopen(writing, "wb") as to:
            shutil.copyfileobj(from_, to, 1 << 20)
            to.flush()
            os.fsync(writing)


def exchange(a: str, b: str) -> bool:
    """Let two files take each other's name in one step; return False where the system cannot, and do nothing."""
    return _rename_with("exchange", a, b)


def _rename_with(what: str, source: str, target: str) -> bool:
    """Call what Linux and macOS have beyond rename(2); return False where it is not to be had."""
    if sys.platform == "win32":
        return False
    libc = _libc()
    if sys.platform == "darwin":
        if not hasattr(libc, "renamex_np"):
            return False
        flag = {"new": 4, "exchange": 2}[what]
        failed = libc.renamex_np(os.fsencode(source), os.fsencode(target), ctypes.c_uint(flag))
    else:
        if not hasattr(libc, "renameat2"):
            return False
        flag = {"new": 1, "exchange": 2}[what]
        failed = libc.renameat2(
            _AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(flag)
        )  # fmt: skip
    if failed:
        number = ctypes.get_errno()
        if number in _UNSUPPORTED - {errno.EPERM}:
            return False
        raise OSError(number, os.strerror(number), source)
    return True


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def holds_nothing(folder: str) -> bool:
    """Say whether a folder is not there, no folder, or empty: an unplugged disk, most likely."""
    try:
        with os.scandir(folder) as entries:
            return next(iter(entries), None) is None
    except OSError:
        return True


# ---------------------------------------------------------------------------------------------------- facts


def restore(path: str, facts: Facts) -> None:
    """Give a file back its mode, times and extended attributes, where they are others now."""
    now = look(path)
    with contextlib.suppress(OSError, NotImplementedError):
        for name in now.xattrs.keys() - facts.xattrs.keys():
            os.removexattr(path, name, follow_symlinks=False)
        for name, value in facts.xattrs.items():
            if now.xattrs.get(name) != value:
                os.setxattr(path, name, base64.b64decode(value), follow_symlinks=False)
    with contextlib.suppress(OSError, NotImplementedError):
        if now.mode != facts.mode:
            os.chmod(path, facts.mode)  # look() has seen that it is no link
    with contextlib.suppress(OSError, NotImplementedError):
        if (now.mtime_ns, now.atime_ns) != (facts.mtime_ns, facts.atime_ns):
            os.utime(path, ns=(facts.atime_ns, facts.mtime_ns))


def _xattrs(path: str) -> dict[str, str]:
    if not hasattr(os, "listxattr"):
        return {}
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(path, follow_symlinks=False):
            if not name.startswith(("security.", "system.", "trusted.")):
                value = os.getxattr(path, name, follow_symlinks=False)
                found[name] = base64.b64encode(value).decode()
    return found


def clone(source: str, target: str) -> None:
    """Make `target`, a new file that shares the bytes of `source` on disk until either is written to.

    Raises
    ------
    Refused
        If the file system cannot.
    OSError
        If `target` cannot be made.
    """
    try:
        if sys.platform == "darwin":
            if _libc().clonefile(os.fsencode(source), os.fsencode(target), ctypes.c_uint(1)):  # CLONE_NOFOLLOW
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), target)
        elif sys.platform == "linux":
            _clone_linux(source, target)
        else:
            raise Refused("this system has no reflinks: choose quarantine or hardlink")
    except OSError as error:
        if error.errno in _UNSUPPORTED | {errno.EXDEV}:
            raise Refused(
                "its file system has no reflinks (Btrfs, XFS and APFS have them), or the keeper is on another one: "
                "choose quarantine or hardlink"
            ) from error
        raise


def _clone_linux(source: str, target: str) -> None:
    if sys.platform != "linux":
        return
    import fcntl

    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
            os.fsync(writing)
        except OSError:
            os.unlink(target)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)
