"""An OSError about one file, as a sentence that the owner understands."""

from __future__ import annotations

import errno

from sameshot.apply.records import Operation

_MEANINGS = {
    errno.ENOSPC: "the disk is full, or nearly",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the filesystem is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "the system does not permit it",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "it is no longer there",
    errno.ENOTDIR: "something that is no folder stands where a folder should be",
    errno.EEXIST: "the name is already taken",
    errno.EIO: "the disk reported an error",
    errno.EMFILE: "too many files are open",
}


def sentence(error: Exception, at: Operation | None) -> str:
    """Why an operation was refused: what is wrong, and with which file."""
    if not isinstance(error, OSError):
        return str(error)
    meaning = _MEANINGS.get(error.errno or 0, error.strerror or str(error))
    if at is None:
        return meaning
    if at.deed == "remove":
        return f"{at.source}: {meaning}"
    return f"{at.source} -> {at.target}: {meaning}"
