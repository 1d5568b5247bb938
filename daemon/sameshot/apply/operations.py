"""One operation on the disk: checked, staged, made to happen, finished, or put back.

Comes in: an `Operation`, whether its unit is carried to another filesystem or parks names, and the `Ground`. Every
function may be interrupted anywhere: which of its system calls happened is read from the disk afterwards, for every
name involved is in the journal and every temporary name is sameshot's own.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import replace

from sameshot.apply import contents, kernel, twins
from sameshot.apply.ground import Ground
from sameshot.apply.records import Operation, Staged, Unit, folded
from sameshot.errors import StepRefused
from sameshot.model import FileStat

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RESERVE_BYTES = 1 << 30
_RESERVE_SHARE = 0.05


class AcrossFilesystems(Exception):
    """A rename met another filesystem."""


def file_stat(status: os.stat_result) -> FileStat:
    """The five facts of a stat that sameshot remembers."""
    return FileStat(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def same_file(status: os.stat_result | None, known: FileStat) -> bool:
    """Same inode, size, mtime. Not the device (another number after a restart), nor ctime (a chmod changes it)."""
    known_facts = (known.inode, known.size_bytes, known.mtime_ns)
    return status is not None and (status.st_ino, status.st_size, status.st_mtime_ns) == known_facts


def copies(operation: Operation, *, carried: bool) -> bool:
    """Whether the operation makes a temporary copy first."""
    return operation.deed in ("copy", "reflink") or (operation.deed == "move" and carried)


def sets_aside(operation: Operation, unit: Unit) -> bool:
    """Whether the source gets its aside name before anything arrives."""
    return operation.deed == "remove" or (operation.deed == "move" and (unit.carried or unit.parks))


def lets_go(operation: Operation, unit: Unit) -> bool:
    """Whether what was set aside is removed in the end."""
    return operation.deed == "remove" or (operation.deed == "move" and unit.carried)


# ---------------------------------------------------------------- before anything happens


def as_it_is(operation: Operation, ground: Ground) -> Operation:
    """For undo: the operation on the file that is there now, with a word on it if it is another than was left there.

    What was made and is gone needs no removal. Raises StepRefused when the disk may be gone instead.
    """
    try:
        status = kernel.look(ground.folder(operation.source.parent), operation.source.name)
    except FileNotFoundError:
        status = None
    if status is None and not ground.has_lost(operation.source, operation.stat.device):
        raise StepRefused(f"{operation.source} is not there; is its disk mounted?")
    if status is None and operation.deed == "remove":
        return replace(operation, deed="forget", note=f"{operation.source} was gone already")
    if status is None:
        return operation
    rewritten = operation.deed == "move" and not same_file(status, operation.stat)
    note = "another program rewrote it meanwhile; it went back as it is now" if rewritten else ""
    return replace(operation, stat=file_stat(status), note=note)


def check_names(unit: Unit) -> None:
    """Raises StepRefused when two files of the unit would get names that some filesystem takes for one."""
    if unit.undoes:
        return  # they had these names before
    places = [folded(step.target) for step in unit.operations if step.arrives]
    if len(set(places)) < len(places):
        raise StepRefused("two files of one photo would get the same name")


def check(operation: Operation, unit: Unit, ground: Ground) -> None:
    """Raises StepRefused, or OSError, when the operation cannot be begun as things are."""
    if operation.deed == "forget":
        return
    status = kernel.look(ground.folder(operation.source.parent), operation.source.name)
    if status is None:
        raise StepRefused(f"{operation.source} is no longer there")
    if stat.S_ISLNK(status.st_mode) != (operation.made_by == "symlink") or not (
        stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
    ):
        raise StepRefused(f"{operation.source} is no longer a regular file")
    if status.st_dev != operation.stat.device or not same_file(status, operation.stat):
        raise StepRefused(f"{operation.source} changed after the plan was made")
    if operation.kept is not None:
        twins.check_apart(operation, status, ground)
    if operation.deed == "remove":
        _check_removal(operation, ground)
    else:
        _check_target(operation, unit, ground)


def _check_target(operation: Operation, unit: Unit, ground: Ground) -> None:
    folder, name = operation.target.parent, operation.target.name
    if name in ("", ".", "..") or operation.target == operation.source:
        raise StepRefused(f"{operation.target} is no place for a file")
    if ground.missing(folder):
        return
    taken = ground.alike(operation.target)
    takes_off = operation.source.parent == folder and operation.source.name.endswith(name)
    if unit.undoes or takes_off or taken is None:
        # What goes back, or loses a prefix, lay beside such names before.
        # Where the filesystem takes them for one, it shows what is there.
        taken = (taken or name) if kernel.look(ground.folder(folder), name) is not None else None
    vacated = {step.source for step in unit.operations if step.deed == "move"}
    if taken is not None and folder / taken not in vacated:
        if taken == name:
            raise StepRefused(f"{operation.target} is already there")
        raise StepRefused(f"{operation.target} differs only in case or accents from {taken!r}, which is already there")


def _check_removal(operation: Operation, ground: Ground) -> None:
    """What was made may go only when it is as it was made, and what it was made from is still there."""
    folder, name = ground.folder(operation.source.parent), operation.source.name
    match operation.made_by:
        case "symlink":
            if os.readlink(name, dir_fd=folder) != str(operation.target):
                raise StepRefused(f"{operation.source} now points elsewhere")
        case "hardlink":
            original, link = _original(operation, ground), kernel.look(folder, name)
            if original is None or link is None or not os.path.samestat(original, link) or link.st_nlink < 2:
                raise StepRefused(f"{operation.target} is no longer the same file, so {operation.source} is kept")
        case _:
            if _digest_of_name(folder, name) != operation.digest:
                raise StepRefused(f"{operation.source} was changed after it was made, so it is kept")
            if not _original_has_bytes(operation, ground):
                raise StepRefused(
                    f"{operation.target} is gone or changed, so {operation.source}, a copy of it, is kept"
                )


def _original(operation: Operation, ground: Ground) -> os.stat_result | None:
    try:
        return kernel.look(ground.folder(operation.target.parent), operation.target.name)
    except FileNotFoundError:
        return None


def _original_has_bytes(operation: Operation, ground: Ground) -> bool:
    status = _original(operation, ground)
    if not kernel.is_file(status) or status is None or status.st_size != operation.stat.size_bytes:
        return False
    return _digest_of_name(ground.folder(operation.target.parent), operation.target.name) == operation.digest


def _digest_of_name(folder: int, name: str) -> bytes:
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        return contents.digest_of(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- a verified copy under a temporary name


def write_copy(operation: Operation, ground: Ground) -> tuple[int, bytes]:
    """Write the temporary copy; returns the source's ctime_ns and the digest that the copy must have.

    Raises StepRefused when the source is not the planned file or cannot be copied wholly, OSError when writing fails.
    """
    folder = ground.folder(operation.target.parent)
    source = os.open(operation.source.name, _READ, dir_fd=ground.folder(operation.source.parent))
    try:
        before = os.fstat(source)
        if not same_file(before, operation.stat) or not stat.S_ISREG(before.st_mode):
            raise StepRefused(f"{operation.source} changed after the plan was made")
        shared = operation.deed == "reflink"
        if not shared:
            _refuse_filling_up(folder, before.st_size)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(operation.temporary, flags, 0o600, dir_fd=folder)
        try:
            contents.copy_bytes(source, target, before.st_size, must_share=shared)
            contents.copy_attributes(source, target, completely=operation.deed == "move")
            contents.start_writing_out(target)
        finally:
            os.close(target)
        return before.st_ctime_ns, operation.digest or contents.digest_of(source)
    finally:
        os.close(source)


def _refuse_filling_up(folder: int, size_bytes: int) -> None:
    space = os.fstatvfs(folder)
    left = space.f_bavail * space.f_frsize - size_bytes
    if left < reserve_bytes(space):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def reserve_bytes(space: os.statvfs_result) -> int:
    """How much of a disk copies leave free: other programs must go on."""
    return int(min(_RESERVE_BYTES, space.f_blocks * space.f_frsize * _RESERVE_SHARE))


def make_durable(made: Sequence[Operation], ground: Ground) -> list[OSError | None]:
    """Make the temporary copies of all these operations durable; for each what went wrong, None where nothing did."""
    return kernel.failures(_wait_for, [(ground.folder(one.target.parent), one.temporary) for one in made])


def _wait_for(place: tuple[int, str]) -> None:
    folder, name = place
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        contents.wait_and_fetch(descriptor)
    finally:
        os.close(descriptor)


def prove_copy(operation: Operation, ground: Ground, ctime_ns: int, digest: bytes) -> Staged:
    """Read the durable copy back from the disk. Raises StepRefused when its bytes are not the source's."""
    descriptor = os.open(operation.temporary, _READ, dir_fd=ground.folder(operation.target.parent))
    try:
        status = os.fstat(descriptor)
        if status.st_size != operation.stat.size_bytes or contents.digest_of(descriptor) != digest:
            raise StepRefused(f"the copy of {operation.source} does not have the expected bytes")
        return Staged(file_stat(status), digest, ctime_ns)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- happening


def vacate(operation: Operation, ground: Ground, staged: Staged | None) -> None:
    """Rename the source to its aside name, and make sure that it was the planned file. Raises StepRefused if not."""
    folder = ground.folder(operation.source.parent)
    if staged is not None:
        _check_unchanged(operation, folder, staged)
    kernel.rename_no_replace(folder, operation.source.name, folder, operation.aside)
    ground.changed(operation.source, there=False)
    if not same_file(kernel.look(folder, operation.aside), operation.stat):
        raise StepRefused(f"{operation.source} was replaced at this moment")


def _check_unchanged(operation: Operation, folder: int, staged: Staged) -> None:
    status = kernel.look(folder, operation.source.name)
    if status is None or not same_file(status, operation.stat) or status.st_ctime_ns != staged.source_ctime_ns:
        raise StepRefused(f"{operation.source} changed while it was copied")
    descriptor = os.open(operation.source.name, _READ, dir_fd=folder)
    try:
        if kernel.written_by_another(descriptor):
            raise StepRefused(f"{operation.source} is open for writing in another program")
    finally:
        os.close(descriptor)


def arrive(operation: Operation, unit: Unit, ground: Ground) -> None:
    """Give the file its final name. Raises StepRefused when it is taken, AcrossFilesystems when it must be carried."""
    if operation.deed == "remove":
        _check_original_stands(operation, ground)
    if not operation.arrives:
        return
    try:
        _rename_or_link(operation, unit, ground)
    except FileExistsError as error:
        raise StepRefused(f"{operation.target} is already there") from error
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if operation.deed == "move":
            raise AcrossFilesystems from error
        raise StepRefused("a hard link cannot reach another filesystem") from error
    ground.changed(operation.target, there=True)
    if operation.deed in ("move", "hardlink") and not unit.carried:
        arrived = kernel.look(ground.folder(operation.target.parent), operation.target.name)
        if not same_file(arrived, operation.stat):
            raise StepRefused(f"{operation.source} was replaced at this moment")


def _rename_or_link(operation: Operation, unit: Unit, ground: Ground) -> None:
    source, target = ground.folder(operation.source.parent), ground.folder(operation.target.parent)
    name = operation.target.name
    if copies(operation, carried=unit.carried):
        kernel.rename_no_replace(target, operation.temporary, target, name)
    elif operation.deed == "move":
        start = operation.aside if unit.parks else operation.source.name
        kernel.rename_no_replace(source, start, target, name)
        ground.changed(operation.source, there=False)
    elif operation.deed == "hardlink":
        os.link(operation.source.name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    else:
        os.symlink(str(operation.source), name, dir_fd=target)


def _check_original_stands(operation: Operation, ground: Ground) -> None:
    """Now that the copy is out of the way: two paths may have led to one file."""
    if operation.made_by != "symlink" and not kernel.is_file(_original(operation, ground)):
        raise StepRefused(f"{operation.target} is gone without {operation.source}, so it is kept")


def let_go(operation: Operation, ground: Ground) -> None:
    """Remove what was set aside: the last system call of a removal or of a carried move."""
    os.unlink(operation.aside, dir_fd=ground.folder(operation.source.parent))
    ground.changed(operation.source, there=False)


def now_at(operation: Operation, ground: Ground) -> FileStat | None:
    """What is at the target now; None where nothing came, and where it cannot be seen."""
    if not operation.arrives:
        return None
    try:
        status = kernel.look(ground.folder(operation.target.parent), operation.target.name)
    except (OSError, StepRefused):
        return None
    return file_stat(status) if status else None
