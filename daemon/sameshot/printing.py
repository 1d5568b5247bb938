"""Results for a terminal: tables, a progress bar, sentences.

Comes in: the plain values that verbs answer with. Goes out: text whose control characters are escaped, whatever the
names of files hold. Progress and sentences go to stderr; NO_COLOR and pipes are respected (rich does both).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sameshot.plan.describe import shown
from sameshot.wording import counted

if TYPE_CHECKING:
    from sameshot.app import Progress as Report

_SHOWN_STEPS, _SHOWN_FAILURES = 40, 5
STOPPED = (
    "Stopped. What was begun on files is finished or put back at the next start or by `sameshot recover`; "
    "`sameshot history` tells what was done"
)
_WIDEST = 1_000_000
_LONGEST_UNBROKEN, _ROOMY = 22, 80


class _Console(Console):
    """Leaves it to the command line what a reader who has had enough means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Printer:
    """Where results and progress go."""

    def __init__(self, *, quiet: bool, stderr: bool = False) -> None:
        self.quiet = quiet
        self._console = _Console(stderr=stderr, highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = _WIDEST  # a program reads: nothing is cut to fit
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def to_stderr(self) -> Printer:
        """Returns a printer that leaves stdout to what programs read."""
        return Printer(quiet=self.quiet, stderr=True)

    def say(self, text: object, style: str = "") -> None:
        """Prints one line; control characters in it are escaped."""
        self._console.print(escape(shown(text)), style=style or None)

    def table(self, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
        """Prints rows under their heads."""
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for number, column in enumerate(columns):
            # Ids and names that one copies are not broken; what is long is.
            longest = max((len(word) for row in rows for word in shown(row[number]).split()), default=0)
            table.add_column(
                column,
                overflow="fold",
                no_wrap=number == 0 or not self._console.is_terminal,
                min_width=longest if longest <= _LONGEST_UNBROKEN and self._console.width >= _ROOMY else None,
            )
        for row in rows:
            table.add_row(*(escape(shown(cell)) for cell in row))
        # On a terminal long names are folded in their column; a line wrapped by the terminal would run into the next.
        self._console.print(table, soft_wrap=not self._console.is_terminal)

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """Shows a bar with rate and time left while something takes long; nothing where nobody looks."""
        if self.quiet or not self._errors.is_terminal:
            yield lambda _label, _done, _total: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        bar = Progress(*columns, console=self._errors, transient=True)
        tasks: dict[str, Any] = {}

        def report(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                bar.start()  # not before there is something to show: most verbs are done at once
                tasks[label] = bar.add_task(label, total=total)
            bar.update(tasks[label], completed=done, total=total)

        try:
            yield report
        finally:
            if tasks:
                bar.stop()


class _Rate(ProgressColumn):
    """Things per second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.1f}/s")


def at_home(path: Path) -> str:
    """Returns a path as people write it, with a tilde for their home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def complain(sentence: str) -> None:
    """Prints what went wrong and what to do about it."""
    for line in sentence.splitlines():
        print(f"sameshot: {shown(line)}", file=sys.stderr)


def check(out: Printer, result: dict[str, Any]) -> None:
    """Every setting and its source, then the problems."""
    out.table(("setting", "value", "from"), [(s["key"], s["value"], s["source"]) for s in result["settings"]])
    out.say(f"state: {result['state_dir']}   cache: {result['cache_dir']}")
    for problem in result["problems"]:
        complain(problem)
    if not result["problems"]:
        out.say("All of this can be used.")


def scan(out: Printer, result: dict[str, Any]) -> None:
    """What is known now."""
    for problem in result["problems"]:
        complain(problem)
    for photo in result["failures"][:_SHOWN_FAILURES]:
        complain(f"not looked at: {shown(photo['path'])}: {shown(photo['reason'])}")
    if (more := len(result["failures"]) - _SHOWN_FAILURES) > 0:
        complain(f"and {more:,} more: `sameshot groups` lists them at its end, each with its reason")
    if not out.quiet:
        failed = f", {result['failed']:,} that could not be looked at" if result["failed"] else ""
        out.say(f"{counted(result['photos'], 'photo')}, {counted(result['groups'], 'group')}{failed}.")


def groups(out: Printer, result: dict[str, Any]) -> None:
    """Each group under its representative."""
    for group in result["groups"]:
        out.say(f"{group['id']}  {counted(len(group['photos']), 'photo')}, {group['kind']}", style="bold")
        for photo in group["photos"]:
            mark = "*" if photo["path"] == group["representative"] else " "
            out.say(f"  {mark} {photo['path']}   quality {photo['quality']:.2f}")
            for companion in photo["companions"]:
                out.say(f"      + {companion}")
    out.say(f"{counted(len(result['groups']), 'group')}, {counted(len(result['alone']), 'photo')} alone.")
    for photo in result["failed"]:
        out.say(f"not looked at: {photo['path']}: {photo['reason']}")


def status(out: Printer, result: dict[str, Any]) -> None:
    """One fact a line, then the roots."""
    facts = (
        "state",
        *(("why",) if result["why"] else ()),
        "photos",
        "groups",
        "pending",
        "failed",
        "encoder",
        "rss_mb",
        "version",
    )
    out.table(("", ""), [(fact, result[fact]) for fact in facts])
    if result["coming_encoder"]:
        out.say(f"{result['coming_encoder']['sentence']}.")
    for root in result["roots"]:
        out.say(f"{root['path']}: {root['state']}{': ' if root['detail'] else ''}{root['detail']}")


def similar(out: Printer, result: dict[str, Any]) -> None:
    """The most alike first, with a line where the same shot ends."""
    scores = ["-" if photo["score"] is None else f"{photo['score']:.3f}" for photo in result["photos"]]
    facts = [(f"{photo['cosine']:.3f}", photo["path"], photo["group"] or "") for photo in result["photos"]]
    rows = [(score, *rest) for score, rest in zip(scores, facts, strict=True)]
    out.table(("score", "cosine", "photo", "group"), rows)
    out.say(f"The same shot from a score of {result['threshold']:.3f} on.")


def plan(out: Printer, result: dict[str, Any]) -> None:
    """The steps, the first of them where they are many, and what to know before."""
    steps, undoes = result["steps"], result["kind"] == "undo"
    if not steps:
        out.say("Nothing to undo." if undoes else "Nothing to do: every photo is where it belongs.")
    for step in steps[:_SHOWN_STEPS]:
        out.say(f"{step['action']} {step['source']}")
        out.say(f"    {_arrow(step['action'])} {step['target']}   ({step['why']})")
    if len(steps) > _SHOWN_STEPS:
        out.say(f"... and {len(steps) - _SHOWN_STEPS:,} more: `--format json` lists all.")
    if steps:
        out.say(_counts(result), style="bold")
    notes(out, result)


def notes(out: Printer, result: dict[str, Any]) -> None:
    """What to know before a plan is done."""
    for warning in result["warnings"]:
        out.say(f"Note: {warning}")


def _counts(result: dict[str, Any]) -> str:
    counts, steps = result["counts"], result["steps"]
    if result["kind"] == "undo":
        copies = sum(step["action"] == "remove" for step in steps)
        moved = len(steps) - copies
        back = f"{counted(moved, 'file')} {'goes' if moved == 1 else 'go'} back to where {_it(moved)}"
        gone = f"{counted(copies, 'copy or link', 'copies or links')} that sameshot made will be removed"
        said = [back] * bool(moved) + [gone] * bool(copies)
        return f"{counted(counts['photos'], 'photo')}: {', '.join(said)}."
    size_mb = counts["size_bytes"] / 1e6
    return (
        f"{counted(counts['photos'], 'photo')}, {counted(counts['files'], 'file')}, {size_mb:,.1f} MB, "
        f"{counted(counts['folders'], 'folder')}."
    )


def _it(count: int) -> str:
    return "it was" if count == 1 else "they were"


def batch(out: Printer, result: dict[str, Any]) -> None:
    """What was done, what was refused and why, and how to take it back."""
    for refused in result["refused"]:
        complain(f"{shown(refused['source'])}: {shown(refused['reason'])}")
    for note in result["notes"]:
        out.say(note)
    if not result["batch"]:
        out.say("Nothing was done." if result["refused"] else "Nothing to do.")
    else:
        refused = f", {len(result['refused']):,} refused" if result["refused"] else ""
        out.say(f"{counted(result['done'], 'file')} done{refused}, as batch {result['batch']}.")


def history(out: Printer, result: dict[str, Any]) -> None:
    """The batches, or each file of one."""
    rows = [
        (*(b[fact] for fact in ("batch", "kind", "why", "done", "undone", "refused")), _when(b["when"]))
        for b in result["batches"]
    ]
    out.table(("batch", "kind", "what", "done", "undone", "refused", "when"), rows)
    for interrupted in (b["batch"] for b in result["batches"] if b["interrupted"]):
        out.say(f"{interrupted} was interrupted: `sameshot recover` settles it.")
    done(out, result["steps"])


def done(out: Printer, steps: Sequence[dict[str, Any]]) -> None:
    """What the journal says of files, two lines for each."""
    for step in steps:
        reason = f": {step['reason']}" if step["reason"] else ""
        out.say(f"{step['state']} {step['deed']} {step['source']}")
        out.say(f"    {_arrow(step['deed'])} {step['target']}   ({step['why']}){reason}")


def _arrow(deed: str) -> str:
    return "its original stays at" if deed == "remove" else "->"


def _when(moment: str) -> str:
    """An ISO time to the second; other words as they are."""
    return moment[:19].replace("T", " ") if moment[:1].isdecimal() else moment


def recover(out: Printer, result: dict[str, Any]) -> None:
    """What was interrupted and how it ended."""
    for sentence in result["unsettled"]:
        complain(sentence)
    if not result["batches"]:
        out.say("Nothing was interrupted.")
        return
    finished, before = len(result["finished"]), len(result["put_back"])
    out.say(
        f"{counted(len(result['batches']), 'interrupted batch', 'interrupted batches')}: "
        f"{counted(finished, 'file')} where {'it' if finished == 1 else 'they'} should be, {before:,} as before."
    )


def verdict(out: Printer, result: dict[str, Any]) -> None:
    """That it was heard."""
    for displaced in result["displaced"]:
        out.say(f"This replaces {displaced}.")
    out.say(f"Noted for {counted(len(result['photos']), 'photo')}.")


def unsaid(out: Printer, result: dict[str, Any]) -> None:
    """What was taken back."""
    for word in result["words"]:
        out.say(f"Taken back: {word}.")
    if not result["words"]:
        out.say("Nothing was said of it." if len(result["photos"]) == 1 else "Nothing was said of them together.")


def activity(out: Printer, result: dict[str, Any]) -> None:
    """What happened, oldest first, then what goes on."""
    for event in result["events"]:
        out.say(f"{datetime.fromtimestamp(event['at_s'], UTC).astimezone():%H:%M:%S}  {event['what']}")
    for sentence in result["doing"]:
        out.say(f"now: {sentence}")
    if not (result["events"] or result["doing"]):
        out.say("Nothing goes on just now, and nothing happened since the service started.")


def jobs(out: Printer, result: dict[str, Any]) -> None:
    """A line for each."""
    columns = ("job", "last success", "last run", "seconds", "outcome", "next")
    out.table(
        columns,
        [
            (
                job["name"],
                *(_when(job[moment] or "-") for moment in ("succeeded_at", "began_at")),
                "-" if job["duration_s"] is None else job["duration_s"],
                job["outcome"],
                _when(job["next_at"] or "when the service runs"),
            )
            for job in result["jobs"]
        ],
    )
    if result["coming_encoder"]:
        out.say(f"{result['coming_encoder']['sentence']}.")


def log(out: Printer, result: dict[str, Any]) -> None:
    """The lines as they are."""
    for line in result["lines"]:
        out.say(line)
    if not result["exists"]:
        out.say(f"There is no log at {result['file']} yet: `sameshot watch` writes it.")
    elif not result["lines"]:
        out.say(f"The log at {result['file']} is empty.")


def doctor(out: Printer, result: dict[str, Any]) -> None:
    """Each finding with its remedy."""
    for finding in result["findings"]:
        mark = {"good": "ok  ", "note": "note", "bad": "BAD "}[finding["level"]]
        out.say(f"{mark} {finding['about']}: {finding['fact']}")
        if finding["remedy"]:
            out.say(f"       {finding['remedy']}")


def pause(out: Printer, result: dict[str, Any]) -> None:
    """That it was heard."""
    until = f" until {_when(result['until'])}" if result["until"] else " until `sameshot resume`"
    if result["service"]:
        out.say(f"Keeps still{until}." if result["paused"] else "Goes on.")
    elif result["paused"]:
        out.say(f"No service runs. One that starts keeps still{until}.")
    else:
        out.say("No service runs. One that starts does not keep still.")
