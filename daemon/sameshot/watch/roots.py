"""Whether a root is really there: an unmounted disk must never read as 'all photos were deleted'.

Comes in: a root's path, and what was remembered of it when its photos were last seen. Goes out: what it is now
(`check_root`), and online or offline with the reason (`compare_root`). Device numbers change between boots, so a
changed filesystem is believed when the names in the root are still known ones. Nothing is written.

A filesystem that hangs (NFS without its server) hangs the caller: ask where waiting hurts nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sameshot.errors import RootUnavailable

LANDMARKS_KEPT = 32

# Others write to these behind this kernel's back, so it announces nothing. fuseblk (ntfs-3g) is a disk of our own.
_NETWORK_FILESYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
_NOT_CONTENT = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What tells one root from another: plain values, to be remembered.

    `filesystem_id`: statfs's f_fsid, 0 where the filesystem has none. `landmarks`: up to 32 of the names directly in
    the root, always the same ones while they stay; empty only for an empty root.
    """

    path: str
    device: int
    inode: int
    filesystem_id: int
    filesystem_type: str
    mount_point: str
    is_network: bool
    is_writable: bool
    landmarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RootState:
    """Whether what the root shows may be believed, and the sentence that says why not."""

    is_online: bool
    sentence: str = ""


def check_root(path: Path) -> RootFacts:
    """The facts of the folder at `path` (absolute, resolved). Raises RootUnavailable when none can be read there."""
    try:
        # Listing comes first: it makes an automounter mount.
        names = [os.fsencode(name) for name in os.listdir(path) if name not in _NOT_CONTENT]
        facts = os.stat(path)
        filesystem_id = os.statvfs(path).f_fsid
    except FileNotFoundError as error:
        raise RootUnavailable(f"The folder {path} is not there", "Mount its disk or create it") from error
    except NotADirectoryError as error:
        raise RootUnavailable(f"{path} is not a folder", "Name the folder that holds the photos") from error
    except OSError as error:
        raise RootUnavailable(f"The folder {path} cannot be read: {error.strerror}") from error
    mount_point, filesystem_type = _mount_of(os.path.realpath(path))
    landmarks = sorted(names, key=lambda name: hashlib.sha256(name).digest())[:LANDMARKS_KEPT]
    return RootFacts(
        path=os.fspath(path),
        device=facts.st_dev,
        inode=facts.st_ino,
        filesystem_id=filesystem_id,
        filesystem_type=filesystem_type,
        mount_point=mount_point,
        is_network=is_network(filesystem_type),
        is_writable=os.access(path, os.W_OK),
        landmarks=tuple(os.fsdecode(name) for name in landmarks),
    )


def compare_root(now: RootFacts, remembered: RootFacts | None) -> RootState:
    """Whether `now` is the root that was remembered (None: never seen before), so that missing files are gone files."""
    if remembered is None:
        return RootState(is_online=True)
    unmounted = now.mount_point != remembered.mount_point and remembered.mount_point.startswith(
        now.mount_point.rstrip("/") + "/"
    )
    if remembered.landmarks and not now.landmarks:
        why = f"nothing is mounted at {remembered.mount_point}" if unmounted else "it held photos before"
        return RootState(is_online=False, sentence=f"{now.path} is empty and {why}; its photos are kept as known")
    if _is_same_filesystem(now, remembered):
        return RootState(is_online=True)
    still_there = len(set(remembered.landmarks) & set(now.landmarks))
    if 2 * still_there >= min(len(remembered.landmarks), len(now.landmarks)):
        return RootState(is_online=True)  # the same photos under a new device number, or moved to another disk
    why = f"nothing is mounted at {remembered.mount_point}" if unmounted else "another filesystem is mounted there"
    return RootState(
        is_online=False, sentence=f"{now.path} shows other files than before: {why}; its photos are kept as known"
    )


def _is_same_filesystem(now: RootFacts, remembered: RootFacts) -> bool:
    if (now.mount_point, now.filesystem_type) != (remembered.mount_point, remembered.filesystem_type):
        return False
    same_id = now.filesystem_id == remembered.filesystem_id != 0
    return same_id or (now.device, now.inode) == (remembered.device, remembered.inode)


def is_network(filesystem_type: str) -> bool:
    """Whether files of this filesystem may change without this kernel knowing (network shares, most of FUSE)."""
    return filesystem_type in _NETWORK_FILESYSTEMS or filesystem_type.startswith("fuse.")


def _mount_of(real_path: str) -> tuple[str, str]:
    """(mount point, filesystem type) of a resolved path, by the longest mount point above it; later mounts cover."""
    found = ("/", "unknown")
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        mount, _, filesystem = line.partition(" - ")
        mount_point = _unescaped(mount.split(" ")[4])
        is_above = real_path == mount_point or real_path.startswith(mount_point.rstrip("/") + "/")
        if is_above and len(mount_point) >= len(found[0]):
            found = (mount_point, filesystem.split(" ")[0])
    return found


def _unescaped(field: str) -> str:
    """The kernel writes blanks and backslashes in paths as octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
