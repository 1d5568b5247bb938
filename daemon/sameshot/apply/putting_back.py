"""What was begun and not finished: read off the disk how far it came, then put it back or finish it.

Comes in: a unit as the journal knows it, and the `Ground`. Goes out: what could not be settled, as sentences. The same
code serves a step that was refused half-way and a crash; being killed inside it only means doing it again. Nothing is
unlinked here but temporary copies whose source is in its place, and what the journal says was verified to be let go.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sameshot.apply import kernel, operations, trash, twins
from sameshot.apply.ground import Ground
from sameshot.apply.records import Operation, Staged, Unit
from sameshot.apply.sentences import sentence
from sameshot.errors import StepRefused


def happened(unit: Unit, ground: Ground, staged: dict[int, Staged]) -> bool:
    """Whether every operation of the unit came to its end."""
    return all(_happened(step, unit, ground, staged.get(index)) for index, step in enumerate(unit.operations))


def _happened(step: Operation, unit: Unit, ground: Ground, staged: Staged | None) -> bool:
    if step.deed == "forget":
        return True
    if step.kept is not None and not twins.stands(step, ground):
        return False
    if step.deed == "remove":
        ground.folder(step.source.parent)  # where the folder is gone, nothing is known
    source, aside = _look(ground, step.source), _look_named(ground, step.source, step.aside)
    if step.deed == "remove":
        return source is None and aside is None
    target = _look(ground, step.target)
    if operations.copies(step, carried=unit.carried):
        whole = staged is not None and operations.same_file(target, staged.stat)
        alone = _look_named(ground, step.target, step.temporary) is None
        return whole and alone and (step.deed != "move" or (source is None and aside is None))
    if step.deed == "move":
        if unit.parks:
            return aside is None and operations.same_file(target, step.stat)
        return source is None and target is not None
    return _is_link_made(step, ground, target)


def put_back(unit: Unit, ground: Ground, staged: dict[int, Staged], *, after_crash: bool) -> list[str]:
    """Undo whatever part of the unit happened. Returns a sentence for each file that is not where it was."""
    problems: list[str] = []
    steps = list(enumerate(unit.operations))[::-1]
    for index, step in steps:
        _try(problems, _take_from_target, step, unit, ground, staged.get(index), after_crash)
    for _, step in steps:
        _try(problems, _return_to_source, step, ground, after_crash)
        if step.trash_info and not unit.undoes:
            _try(problems, trash.remove_info, step, ground, step.target)
    for index, step in steps:
        _try(problems, _remove_temporary, step, ground, staged.get(index))
    _sync(problems, ground)
    for folder in reversed(unit.folders):
        try:
            ground.remove_if_empty(folder)
        except OSError as error:
            problems.append(f"the empty folder {folder} could not be removed: {sentence(error, None)}")
    return problems


def finish(unit: Unit, ground: Ground, staged: dict[int, Staged]) -> list[str]:
    """Finish a committed unit: what was set aside goes, if what it gave way to is still in place."""
    problems: list[str] = []
    for index, step in enumerate(unit.operations):
        if _look_named(ground, step.source, step.aside) is None:
            continue
        status = _look(ground, step.target)
        copy = staged.get(index)
        if step.made_by == "symlink" or (kernel.is_file(status) and (copy is None or status)):
            _try(problems, operations.let_go, step, ground)
        else:
            _try(problems, _return_to_source, step, ground, True)
            problems.append(f"{step.target} vanished meanwhile, so {step.source} was put back")
    _sync(problems, ground)
    return problems


def _try(problems: list[str], act: Callable[..., None], step: Operation, *facts: object) -> None:
    try:
        act(step, *facts)
    except FileNotFoundError:
        pass  # the folder was never made, or is gone: nothing of ours is in it
    except (OSError, StepRefused) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        problems.append(f"{step.source} could not be put back: {reason}")


def _sync(problems: list[str], ground: Ground) -> None:
    try:
        ground.sync()
    except OSError as error:
        problems.append(f"what was put back may not survive a power cut: {error.strerror}")


def _take_from_target(step: Operation, unit: Unit, ground: Ground, staged: Staged | None, after_crash: bool) -> None:
    if not step.arrives:
        return
    folder, name = ground.folder(step.target.parent), step.target.name
    status = kernel.look(folder, name)
    if status is None:
        return
    if operations.copies(step, carried=unit.carried):
        gone = staged is not None and _take_copy(step, folder, status, staged, after_crash)
    elif step.deed == "move":
        start = step.aside if unit.parks else step.source.name
        gone = _move_back(step, folder, status, ground.folder(step.source.parent), start, after_crash)
        ground.changed(step.source, there=True)
    elif gone := _is_link_made(step, ground, status):
        os.unlink(name, dir_fd=folder)
    if gone:
        ground.changed(step.target, there=False)


def _take_copy(step: Operation, folder: int, status: os.stat_result, staged: Staged, after_crash: bool) -> bool:
    temporary = kernel.look(folder, step.temporary)
    if operations.same_file(status, staged.stat):
        _move_name(folder, step.target.name, folder, step.temporary, after_crash=after_crash)
    elif after_crash and operations.same_file(temporary, staged.stat) and _holds_name(status, temporary):
        os.unlink(step.target.name, dir_fd=folder)
    else:
        return False
    return True


def _move_back(
    step: Operation, folder: int, status: os.stat_result, source: int, start: str, after_crash: bool
) -> bool:
    before = kernel.look(source, start)
    if before is None:
        came = operations.same_file(status, step.stat) or start == step.source.name
    else:
        came = operations.same_file(status, step.stat) or os.path.samestat(before, status)
    if came:
        _move_name(folder, step.target.name, source, start, after_crash=after_crash)
    elif after_crash and operations.same_file(before, step.stat) and _holds_name(status, before):
        os.unlink(step.target.name, dir_fd=folder)
    else:
        return False
    return True


def _return_to_source(step: Operation, ground: Ground, after_crash: bool) -> None:
    folder = ground.folder(step.source.parent)
    if kernel.look(folder, step.aside) is not None:
        _move_name(folder, step.aside, folder, step.source.name, after_crash=after_crash)
        ground.changed(step.source, there=True)


def _remove_temporary(step: Operation, ground: Ground, staged: Staged | None) -> None:
    folder = ground.folder(step.target.parent)
    if kernel.look(folder, step.temporary) is None:
        return
    if staged is not None and _look(ground, step.source) is None:
        kernel.rename_no_replace(folder, step.temporary, folder, step.target.name)
        ground.changed(step.target, there=True)
        raise StepRefused(f"it vanished, and its copy is kept as {step.target}")
    os.unlink(step.temporary, dir_fd=folder)
    ground.changed(step.target, there=False)


def _move_name(source: int, name: str, target: int, new_name: str, *, after_crash: bool) -> None:
    """Rename without replacing; what a two-call rename left that was cut in the middle, either way, goes."""
    there, here = kernel.look(target, new_name), kernel.look(source, name)
    if there is not None and here is not None:
        if os.path.samestat(there, here) or (after_crash and _holds_name(here, there)):
            os.unlink(name, dir_fd=source)
            return
        if after_crash and _holds_name(there, here):
            os.unlink(new_name, dir_fd=target)
    kernel.rename_no_replace(source, name, target, new_name)


def _holds_name(empty: os.stat_result, file: os.stat_result | None) -> bool:
    """Whether it is the empty file that holds the name for `file` where no rename and no link refuses to replace."""
    return kernel.is_file(empty) and empty.st_size == 0 and file is not None and file.st_size > 0


def _is_link_made(step: Operation, ground: Ground, target: os.stat_result | None) -> bool:
    if target is None:
        return False
    if step.deed == "symlink":
        try:
            text = os.readlink(step.target.name, dir_fd=ground.folder(step.target.parent))
        except OSError:
            return False
        return text == str(step.source)
    source = _look(ground, step.source)
    return step.deed == "hardlink" and source is not None and os.path.samestat(source, target)


def _look(ground: Ground, path: Path) -> os.stat_result | None:
    return _look_named(ground, path, path.name)


def _look_named(ground: Ground, beside: Path, name: str) -> os.stat_result | None:
    try:
        return kernel.look(ground.folder(beside.parent), name)
    except FileNotFoundError:
        return None
