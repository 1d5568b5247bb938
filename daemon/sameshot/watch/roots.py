"""Whether a root is really there: an unmounted disk must never read as 'all photos were deleted'.

Comes in: a root's path, and what was remembered of it when its photos were last seen. Goes out: what it is now
(`check_root`), and online or offline with the reason (`compare_root`). Device numbers change between boots, so a
changed filesystem is believed when the names in the root are still known ones. Nothing is written.

A filesystem that hangs (NFS without its server) hangs the caller: ask where waiting hurts nobody.
"""

from __future__ import annotations

import heapq
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sameshot.errors import RootUnavailable

LANDMARKS_KEPT = 32

# Others write to these behind this kernel's back, so it announces nothing. fuseblk (ntfs-3g) is a disk of our own.
_NETWORK_FILESYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
# Reading a file here fetches it over the internet, and may cost money.
_CLOUD_FILESYSTEMS = frozenset({
    "davfs", "fuse.davfs", "fuse.gcsfuse", "fuse.gdfuse", "fuse.geesefs", "fuse.google-drive-ocamlfuse", "fuse.goofys",
    "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.onedriver", "fuse.pcloud", "fuse.rclone", "fuse.s3fs",
})  # fmt: skip
_NOT_CONTENT = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What tells one root from another: plain values, to be remembered.

    `filesystem_id`: its UUID, a share's source or, for want of both, the kernel's f_fsid; empty where there is none of
    them. A device number is no identity: the next disk in the slot gets the same. `landmarks`: up to 32 of the names
    directly in the root, always the same ones while they stay; empty only for an empty root.
    """

    path: str
    device: int
    inode: int
    filesystem_id: str
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
        with os.scandir(path) as entries:
            names = [os.fsencode(entry.name) for entry in entries if entry.name not in _NOT_CONTENT]
        facts = path.stat()
        kernel_id = os.statvfs(path).f_fsid
    except FileNotFoundError as error:
        raise RootUnavailable(f"The folder {path} is not there", "Mount its disk or create it") from error
    except NotADirectoryError as error:
        raise RootUnavailable(f"{path} is not a folder", "Name the folder that holds the photos") from error
    except OSError as error:
        raise RootUnavailable(f"The folder {path} cannot be read: {error.strerror}") from error
    mount_point, filesystem_type, source = _mount_of(os.path.realpath(path))
    if is_network(filesystem_type):
        filesystem_id = source
    else:
        filesystem_id = _uuid_of(source) or (f"{kernel_id:x}" if kernel_id else "")
    # By checksum: a choice that other names coming and going hardly change.
    landmarks = heapq.nsmallest(LANDMARKS_KEPT, names, key=zlib.crc32)
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
    return now.filesystem_id != "" and (now.mount_point, now.filesystem_type, now.filesystem_id) == (
        remembered.mount_point,
        remembered.filesystem_type,
        remembered.filesystem_id,
    )


def is_network(filesystem_type: str) -> bool:
    """Whether files of this filesystem may change without this kernel knowing (network shares, most of FUSE)."""
    return filesystem_type in _NETWORK_FILESYSTEMS or filesystem_type.startswith("fuse.")


def is_cloud(filesystem_type: str) -> bool:
    """Whether reading a file of this filesystem downloads it from somebody else's machine."""
    return filesystem_type in _CLOUD_FILESYSTEMS


def filesystem_of(path: Path) -> str:
    """The type of the filesystem that holds `path`, as the kernel names it."""
    return _mount_of(os.path.realpath(path))[1]


def shares_below(folder: Path) -> dict[Path, str]:
    """The network filesystems that are mounted below `folder`, each with its type; asks none of them anything."""
    above = os.path.realpath(folder).rstrip("/") + "/"
    return {
        folder / mount_point[len(above) :]: kind
        for mount_point, kind, _ in _mounts()
        if mount_point.startswith(above) and is_network(kind)
    }


def _mount_of(real_path: str) -> tuple[str, str, str]:
    """(mount point, filesystem type, source) of a resolved path, by the longest mount point above; later ones cover."""
    found = ("/", "unknown", "")
    for mounted in _mounts():
        is_above = real_path == mounted[0] or real_path.startswith(mounted[0].rstrip("/") + "/")
        if is_above and len(mounted[0]) >= len(found[0]):
            found = mounted
    return found


def _mounts() -> Iterator[tuple[str, str, str]]:
    """(mount point, filesystem type, source) of all there are, in the order they were mounted."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        mount, _, filesystem = line.partition(" - ")
        kind, source = filesystem.split(" ")[:2]
        yield _unescaped(mount.split(" ")[4]), kind, _unescaped(source)


def _uuid_of(source: str) -> str:
    """The UUID of the filesystem on a block device, as udev knows it; empty where it does not."""
    device = os.path.realpath(source)
    try:
        links = sorted(Path("/dev/disk/by-uuid").iterdir())
    except OSError:
        return ""
    return next((link.name for link in links if os.path.realpath(link) == device), "")


def _unescaped(field: str) -> str:
    """The kernel writes blanks and backslashes in paths as octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
