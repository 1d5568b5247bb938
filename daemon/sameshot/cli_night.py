"""The part of the command line that is about models and clustering anew: what else is done by night.

Comes in: words. Goes out: results on stdout. These verbs work beside a running service and hold up nobody. No logic, as
in `cli`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from sameshot import printing_night as printing
from sameshot.cli_service import Format, FormatOption, show
from sameshot.cli_words import Yes, ask
from sameshot.config_keys import parse_duration
from sameshot.errors import BadInput
from sameshot.verbs.table import as_json

commands = typer.Typer()


class ModelsAction(StrEnum):
    """What `models` does."""

    list = "list"
    fetch = "fetch"
    make = "make"
    rollback = "rollback"
    forget = "forget"
    features = "features"


class Architecture(StrEnum):
    """Which autoencoder."""

    plain = "plain"
    residual = "residual"


class LossName(StrEnum):
    """What a drawn picture is held against."""

    mse = "mse"
    mae = "mae"
    perceptual = "perceptual"


class Device(StrEnum):
    """Where to train."""

    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Optimizer(StrEnum):
    """By what weights are changed."""

    adam = "adam"
    adamw = "adamw"
    sgd = "sgd"


class Scheduler(StrEnum):
    """How the learning rate falls."""

    constant = "constant"
    cosine = "cosine"
    step = "step"


def _by_config(what: str) -> Any:
    """An option that is as the config says where it is left out."""
    return typer.Option(help=f"{what}.", show_default="as in the config")


@commands.command()
def models(
    context: typer.Context,
    action: Annotated[
        ModelsAction,
        typer.Argument(
            help="fetch NAME: download its weights. make NAME: make it ready. rollback: the last autoencoder again. "
            "forget pair-score or representative: what was learned of it. features NAME: write what it sees, as CSV."
        ),
    ] = ModelsAction.list,
    name: Annotated[str, typer.Argument(show_default=False, help="As torchvision:resnet50 or onnx:/own.onnx?...")] = "",
    into: Annotated[
        Path | None, typer.Option(show_default=False, help="features: the file to write; `rank --from` reads it.")
    ] = None,
    first: Annotated[int, typer.Option(min=1, help="features: from which photo on, by path.")] = 1,
    last: Annotated[int | None, typer.Option(min=1, show_default="all", help="features: up to which photo.")] = None,
    how: FormatOption = Format.table,
) -> None:
    """Show the encoders, fetch, make or go back to one."""
    from sameshot.verbs.models import models as verb  # noqa: PLC0415

    options = context.obj
    if action is ModelsAction.forget:
        from sameshot.way.learned import NAMES  # noqa: PLC0415

        if name not in NAMES:
            raise BadInput(
                f"Nothing is learned about {name!r}" if name else "`forget` wants to know what to forget",
                f"Choose {' or '.join(NAMES)}",
            )
        show(options, options.perform("learn", forget=name), how, printing.learn)
        return
    if action is ModelsAction.features:
        from sameshot.verbs.features import features as write  # noqa: PLC0415

        if into is None:
            raise BadInput("`features` wants a file to write", "As --into features.csv")
        with options.out.progress() as progress:
            told = write(options.loaded(), options.locations, progress, file=into, name=name, first=first, last=last)
        show(options, as_json(told), how, printing.features)
        return
    asked: Any = action.value
    result = as_json(verb(options.loaded(), options.locations, action=asked, name=name))
    show(options, result, how, printing.models)


@commands.command()
def learn(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Learn from what you said and did; keep it if it helps."""
    from sameshot.verbs.learn import propose  # noqa: PLC0415

    options = context.obj
    with options.out.progress() as progress:  # beside the service: it only takes up what is proposed
        propose(options.loaded(), options.locations, progress)
    show(options, options.perform("learn"), how, printing.learn)


@commands.command()
def train(
    context: typer.Context,
    architecture: Annotated[Architecture | None, _by_config("Which autoencoder")] = None,
    side: Annotated[int | None, _by_config("Side of its pictures in px, a power of two")] = None,
    latent: Annotated[int | None, _by_config("How many numbers its vectors have")] = None,
    loss: Annotated[LossName | None, _by_config("What it learns to get right")] = None,
    perceptual_model: Annotated[str | None, _by_config("Whose features a perceptual loss compares")] = None,
    epochs: Annotated[int | None, _by_config("The most passes over the pictures")] = None,
    batch_size: Annotated[int | None, _by_config("Pictures at a time")] = None,
    learning_rate: Annotated[float | None, _by_config("How fast it learns at first")] = None,
    optimizer: Annotated[Optimizer | None, _by_config("By what it learns")] = None,
    scheduler: Annotated[Scheduler | None, _by_config("How the learning rate falls")] = None,
    patience: Annotated[int | None, _by_config("It ends after so many epochs that were no better")] = None,
    seed: Annotated[int | None, _by_config("The same seed, the same model")] = None,
    device: Annotated[Device | None, _by_config("Where to train")] = None,
    budget: Annotated[str | None, _by_config("The longest it may take, as 30m")] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin anew though it was trained or begun.")] = False,
    how: FormatOption = Format.table,
) -> None:
    """Train an autoencoder on your photos; keep it if it helps.

    What is not said here is as the section `train` of the config says.
    """
    from sameshot.verbs.train import train as verb  # noqa: PLC0415

    options = context.obj
    try:
        time = None if budget is None else parse_duration(budget)
    except ValueError as error:
        raise BadInput(f"--budget {error}") from None
    with options.out.progress() as progress:
        result = verb(
            options.loaded(), options.locations, progress, architecture=architecture, side_px=side, latent=latent,
            loss=loss, perceptual_model=perceptual_model, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, optimizer=optimizer, scheduler=scheduler, patience=patience, seed=seed,
            device=device, budget=time, force=force,
        )  # fmt: skip
    show(options, as_json(result), how, printing.train)


MethodOption = Annotated[
    str | None,
    typer.Option(help="shot, auto (the best of all), or one: kmeans, hdbscan ...; default: the config's."),
]


@commands.command()
def recluster(
    context: typer.Context,
    method: MethodOption = None,
    report: Annotated[bool, typer.Option("--report", help="Show every candidate with its measures and ranks.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Make it so, after showing it and asking.")] = False,
    yes: Yes = False,
    how: FormatOption = Format.table,
) -> None:
    """Show what clustering everything anew would change."""
    from sameshot.verbs.recluster import recluster as verb  # noqa: PLC0415

    options = context.obj
    with options.out.progress() as progress:
        found = verb(options.loaded(), options.locations, progress, method=method)
    result = as_json(found)
    if not apply or how is Format.table:
        show(
            options,
            result,
            how,
            partial(printing.recluster_report if report else printing.recluster, asked_to_apply=apply),
        )
    if apply:
        if not yes:
            ask(f"Make it so? {len(found.changes)} changes, no file is touched", "groups")
        done = options.perform("merge", clusters=True)
        show(options, result | done, how, printing.merge)


@commands.command()
def merge(
    context: typer.Context,
    method: MethodOption = "shot",
    undo: Annotated[bool, typer.Option("--undo", help="Part again what the last run merged.")] = False,
    group: Annotated[str, typer.Option(help="With --undo: the merge that made this group.", show_default=False)] = "",
    how: FormatOption = Format.table,
) -> None:
    """Make one of groups that show one shot; touches no file.

    With --method: of those whose best photos that method puts into one cluster.
    """
    from sameshot.verbs.recluster import recluster as verb  # noqa: PLC0415

    options = context.obj
    if undo:
        show(options, options.perform("merge", undo=True, group=group), how, printing.merge)
        return
    with options.out.progress() as progress:  # beside the service: it is only told where to look
        found = verb(options.loaded(), options.locations, progress, method=method, of="representatives")
    # A clustering is proposed in a file: of a large library it is more than fits into a request.
    done = options.perform("merge", **({"contents": found.differing} if method == "shot" else {"clusters": True}))
    show(options, done, how, printing.merge)
