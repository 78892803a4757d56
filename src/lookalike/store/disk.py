"""Where a folder lies: on a disk of this machine, or on one that others reach, too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["network_kind"]

_NETWORK = frozenset((
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "drvfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
    "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    "webdav", "fuse.ceph-fuse", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "fuse.vmhgfs-fuse",
))  # fmt: skip
"""File systems that other machines, or a host beside its guests, may write to at the same time."""

_REMOTE_DRIVE = 4  # of Windows' GetDriveType


def network_kind(folder: Path) -> str:
    """Return the kind of the network file system that a folder lies on, such as "nfs4"; empty if on none.

    Parameters
    ----------
    folder
        Need not exist yet: then the nearest one above it that does tells.

    Notes
    -----
    The file system at ``/`` counts as this machine's own, whatever its kind. What cannot be told counts so, too.
    """
    folder = Path(os.path.realpath(folder))
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        if sys.platform == "win32":
            return _windows_kind(folder)
        mounts = _mounts_of_macos(_output_of_mount()) if sys.platform == "darwin" else _mounts_of_linux(_mountinfo())
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return _kind_at(str(folder), mounts)


def _kind_at(folder: str, mounts: Iterable[tuple[str, str]]) -> str:
    """Return the kind of network file system at a folder, given (place, kind) of what is mounted, in order."""
    deepest, kind = "", ""
    for place, mounted in mounts:
        if (folder == place or folder.startswith(place.rstrip("/") + "/")) and len(place) >= len(deepest):
            deepest, kind = place, mounted
    return kind if kind in _NETWORK and deepest != "/" else ""


def _mountinfo() -> str:
    return os.fsdecode(Path("/proc/self/mountinfo").read_bytes())


def _mounts_of_linux(text: str) -> list[tuple[str, str]]:
    mounts = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4 and after:
            place = os.fsdecode(os.fsencode(fields[4]).decode("unicode_escape").encode("latin-1"))  # \040 is a space
            mounts.append((place, after.split(" ")[0]))
    return mounts


def _output_of_mount() -> str:
    return subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=True).stdout


def _mounts_of_macos(text: str) -> list[tuple[str, str]]:
    """Read lines such as ``//me@host/share on /Volumes/share (smbfs, nodev, nosuid)``."""
    mounts = []
    for line in text.splitlines():
        what, _, kinds = line.rpartition(" (")
        _, _, place = what.partition(" on /")
        if kinds and " on /" in what:
            mounts.append(("/" + place, kinds.rstrip(")").split(",")[0]))
    return mounts


def _windows_kind(folder: Path) -> str:
    import ctypes

    drive = folder.drive
    if drive.startswith("\\\\"):
        return "smb3"
    kind = ctypes.windll.kernel32.GetDriveTypeW(drive + "\\")  # type: ignore[attr-defined, unused-ignore]
    return "smb3" if kind == _REMOTE_DRIVE else ""
