"""The part of the command line that is about models and clustering anew: what else is done by night.

Comes in: words. Goes out: results on stdout. These verbs work beside a running service and hold up nobody. No logic, as
in `cli`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from sameshot import printing_night as printing
from sameshot.cli_service import Format, FormatOption, show
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


@commands.command()
def models(
    context: typer.Context,
    action: Annotated[
        ModelsAction,
        typer.Argument(
            help="fetch NAME: download its weights. make NAME: make it ready. rollback: the last autoencoder again. "
            "forget pair-score or representative: what was learned of it."
        ),
    ] = ModelsAction.list,
    name: Annotated[str, typer.Argument(show_default=False, help="As torchvision:resnet50 or onnx:/own.onnx?...")] = "",
    how: FormatOption = Format.table,
) -> None:
    """Show the encoders, fetch, make or go back to one."""
    from sameshot.verbs.models import models as verb  # noqa: PLC0415

    options = context.obj
    result = as_json(verb(options.loaded(), options.locations, action=action.value, name=name))
    if action is ModelsAction.forget:
        from sameshot.way.learned import NAMES  # noqa: PLC0415

        if name not in NAMES:
            raise BadInput(f"Nothing is learned about {name!r}", f"Choose {' or '.join(NAMES)}")
        show(options, options.perform("learn", forget=name), how, printing.learn)
        return
    show(options, result, how, printing.models)


@commands.command()
@commands.command()
def learn(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Learn from what you said and did; keep it if it helps."""
    from sameshot.verbs.learn import propose  # noqa: PLC0415

    options = context.obj
    with options.out.progress() as progress:  # beside the service: it only takes up what is proposed
        propose(options.loaded(), options.locations, progress)
    show(options, options.perform("learn"), how, printing.learn)


def train(
    context: typer.Context,
    architecture: Annotated[Architecture, typer.Option(help="Which autoencoder.")] = Architecture.plain,
    loss: Annotated[LossName, typer.Option(help="What it learns to get right.")] = LossName.mse,
    side: Annotated[int, typer.Option(min=16, max=512, help="Side of its pictures in px, a power of two.")] = 64,
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="Passes over the pictures.")] = 60,
    budget: Annotated[str, typer.Option(help="The longest it may take.")] = "30m",
    seed: Annotated[int, typer.Option(min=0, max=1 << 31, help="The same seed, the same model.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.cpu,
    force: Annotated[bool, typer.Option("--force", help="Begin anew though it was trained or begun.")] = False,
    how: FormatOption = Format.table,
) -> None:
    """Train an autoencoder on your photos; keep it if it helps."""
    from sameshot.verbs.train import train as verb  # noqa: PLC0415

    options = context.obj
    try:
        time = parse_duration(budget)
    except ValueError as error:
        raise BadInput(f"--budget {error}") from None
    with options.out.progress() as progress:
        result = verb(
            options.loaded(), options.locations, progress, architecture=architecture.value, loss=loss.value,
            side_px=side, epochs=epochs, budget=time, seed=seed, device=device.value, force=force,
        )  # fmt: skip
    show(options, as_json(result), how, printing.train)


@commands.command()
def recluster(
    context: typer.Context,
    method: Annotated[
        str, typer.Option(help="shot, auto (the best of all), or one: kmeans, hdbscan ...", show_default=True)
    ] = "shot",
    report: Annotated[bool, typer.Option("--report", help="Show every candidate with its measures and ranks.")] = False,
    how: FormatOption = Format.table,
) -> None:
    """Show what clustering everything anew would change."""
    from sameshot.verbs.recluster import recluster as verb  # noqa: PLC0415

    options = context.obj
    with options.out.progress() as progress:
        result = verb(options.loaded(), options.locations, progress, method=method)
    show(options, as_json(result), how, printing.recluster_report if report else printing.recluster)


@commands.command()
def merge(context: typer.Context, how: FormatOption = Format.table) -> None:
    """Make one of groups that show one shot; touches no file."""
    from sameshot.verbs.recluster import recluster as verb  # noqa: PLC0415

    options = context.obj
    with options.out.progress() as progress:  # beside the service: it is only told where to look
        differing = verb(options.loaded(), options.locations, progress, method="shot").differing
    show(options, options.perform("merge", contents=differing), how, printing.merge)
