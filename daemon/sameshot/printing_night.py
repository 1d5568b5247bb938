"""Models and clusterings for a terminal.

Comes in: the plain values that verbs answer with. Goes out: text through a `Printer`, which escapes what names hold.
"""

from __future__ import annotations

from typing import Any

from sameshot.printing import Printer
from sameshot.wording import counted

_CHANGES_SHOWN = 50
_READY = {True: "ready", False: "made when it is chosen"}


def models(out: Printer, result: dict[str, Any]) -> None:
    """What was done, then a row for each encoder."""
    if result["done"]:
        out.say(f"{result['done']}.")
    rows = [
        (
            model["name"],
            "serves" if model["serves"] else model["coming"] or _READY[model["ready"]],
            model["dimension"],
            model["encoder_id"],
            model["about"] + (f" ({model['earlier']} earlier)" if model["earlier"] else ""),
        )
        for model in result["models"]
    ]
    out.table(("encoder", "state", "dimensions", "id", "about"), rows)
    if result["learned"]:
        lessons = [
            (known["name"], known["version"], f"{known['words']} words about {known['sets']} sets", known["why"])
            for known in result["learned"]
        ]
        out.table(("learned", "version", "from", "how good it is"), lessons)


def features(out: Printer, result: dict[str, Any]) -> None:
    """What was written."""
    left_out = f", {result['left_out']:,} could not be looked at" if result["left_out"] else ""
    out.say(f"{result['file']}: {counted(result['photos'], 'photo')}, {result['dimension']} numbers each{left_out}.")


def learn(out: Printer, result: dict[str, Any]) -> None:
    """What was learned, and what holds."""
    for sentence in result["said"]:
        out.say(f"{sentence[:1].upper()}{sentence[1:]}.")
    for known in result["lessons"]:
        values = ", ".join(f"{name} {value:g}" for name, value in known["values"].items())
        out.say(f"{known['name']}, version {known['version']}: {values}.")
    if not result["said"]:
        out.say("Nothing new was proposed.")


def train(out: Printer, result: dict[str, Any]) -> None:
    """Whether it is taken, and why."""
    out.say(f"{result['why'][:1].upper()}{result['why'][1:]}.", style="bold")
    out.say(
        f"Trained on {counted(result['photos'], 'photo')} in {counted(result['epochs'], 'epoch')}, the best was number "
        f"{result['best_epoch']}: {result['ended']}."
    )
    rows = [
        (
            row["of"],
            row["shots"],
            row["pictures"],
            *("" if row[by] is None or not row["pictures"] else f"{row[by]:.4f}"
              for by in ("untrained", "champion", "trained")),
        )
        for row in result["table"]
    ]  # fmt: skip
    out.table(("held out", "shots", "pictures", "untrained", "serves", "trained"), rows)
    out.say("By mean average precision: 1 where each picture finds all others of its shot before any other.")
    if result["features_of"]:
        out.say(f"Its loss compared features of {result['features_of']}.")
    if result["taken"]:
        out.say("Where the config says `encoder: autoencoder`, it serves once it has seen all photos: by itself.")
    out.say(f"The report is {result['report']}, the losses are drawn in {result['curve']}.")


def recluster(out: Printer, result: dict[str, Any], *, asked_to_apply: bool = False) -> None:
    """What would change."""
    out.say(
        f"{result['chosen']}: {counted(result['groups'], 'group')} of {counted(result['photos'], 'photo')}. As known: "
        f"{result['kept']}, new: {result['new']}, gone: {result['gone']}."
    )
    for change in result["changes"][:_CHANGES_SHOWN]:
        of = ", ".join(change["of"])
        if change["photos"]:
            alone = f"{counted(change['alone'], 'photo')} alone" if change["alone"] else ""
            out.say(f"One group, of {' and '.join(filter(None, (of, alone)))}:", style="bold")
            out.table(("photo",), [(path,) for path in change["photos"]])
        else:
            out.say(f"No group any more: {of}", style="bold")
    if (more := len(result["changes"]) - _CHANGES_SHOWN) > 0:
        out.say(f"... and {counted(more, 'change')} more: --format json shows all.")
    if result["differing"] and not asked_to_apply:
        out.say("Nothing was changed so far. `sameshot recluster --apply` makes it so.")
    elif not result["differing"]:
        out.say("Nothing was changed.")


def merge(out: Printer, result: dict[str, Any]) -> None:
    """Each merged group, with what certifies its members."""
    for one in result["merged"]:
        out.say(f"{one['group']}: of {' and '.join(one['of'])}", style="bold")
        rows = [(f"{member['score']:.3f}", member["certified_by"], member["path"]) for member in one["members"]]
        out.table(("score", "certified by", "photo"), rows)
    if result["parted"]:
        out.say(f"Taken back: {', '.join(result['parted'])}. What they were made of is kept apart from now on.")
    elif not result["merged"]:
        out.say("No two groups show one shot.")
    if result["changed"]:
        out.say(f"{counted(result['changed'], 'other group')} changed.")


def recluster_report(out: Printer, result: dict[str, Any], *, asked_to_apply: bool = False) -> None:
    """Every candidate, the best first, then what would change."""
    rows = [
        (
            row["method"],
            row["parameters"],
            row["clusters"],
            row["alone"],
            *(f"{score:.3f} ({rank:g})" for score, rank in zip(row["scores"], row["ranks"], strict=False)),
            *([""] * (3 - len(row["ranks"]))),
            f"{sum(row['ranks']):g}" if row["ranks"] else row["excluded"],
            "" if row["agreement"] is None else f"{row['agreement']:.2f}",
        )
        for row in result["candidates"]
    ]
    columns = (
        "method", "parameters", "clusters", "alone",
        "silhouette", "Calinski-Harabasz", "Davies-Bouldin", "sum of ranks", "as known",
    )  # fmt: skip
    out.table(columns, rows)
    out.say("In brackets the rank by each measure; the smallest sum is the best. The last column: 1 is as grouped now.")
    for sentence in result["why"]:
        out.say(sentence)
    recluster(out, result, asked_to_apply=asked_to_apply)
