"""What a latent of the owner's photos is worth beside the pretrained encoder: as a second signal, and as a head on it.

    python benchmarks/night/latent_uses.py PHOTOS WORK [--hard]

PHOTOS holds labels.csv. WORK holds plain-mse/candidate.onnx, as `autoencoder.py` leaves it: the autoencoder trained on
the scenes that are not held out here. Everything is fitted on those scenes and judged by the others, as a night would.
"""

from __future__ import annotations

import argparse
import pickle
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from photos import labelled, pixels_of, square

from sameshot.compare.pair_score import score_pair
from sameshot.describe.changes import CHANGES
from sameshot.describe.descriptors import describe
from sameshot.embed.encoders import EncoderFile, prepare
from sameshot.embed.judging import average_precisions, judge
from sameshot.embed.serving import Encoder
from sameshot.model import Capture, Features

LEAST_COSINE = 0.5
HARD = {
    "quarter turn": np.rot90,
    "mirrored": lambda pixels: pixels[:, ::-1],
    "half of it": lambda pixels: pixels[: 7 * len(pixels) // 10, : 7 * pixels.shape[1] // 10],
    "dark": lambda pixels: (pixels / 255.0) ** 2.2 / 8,
    "burnt": lambda pixels: (pixels / 255.0) ** 2.2 * 8,
}
"""What nights do not generate, and the encoder finds hard."""
RESAMPLES = 2000


@dataclass
class Seen:
    """Pictures: each photo, then its changed versions. `change` is empty for a photo."""

    features: list[Features]
    crops: np.ndarray
    groups: np.ndarray
    scenes: np.ndarray
    change: np.ndarray


def changed(name: str, pixels: np.ndarray) -> np.ndarray:
    made = (HARD if name in HARD else CHANGES)[name](pixels)
    if made.dtype != np.uint8:  # light, which a sensor clips
        made = (np.clip(made, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    return np.ascontiguousarray(made)


def look(folder: Path, work: Path, names: list[str]) -> Seen:
    kept = work / f"seen-{len(names)}.pickle"  # only ever written here, and read back
    if not kept.exists():
        encoder = Encoder(prepare("lite0", work))
        rows = []
        for row in labelled(folder):
            pixels = pixels_of(folder / row["path"], 512)
            if pixels is None:
                continue
            for name, made in {"": pixels, **{name: changed(name, pixels) for name in names}}.items():
                one = Features(encoder.embed(made), describe(made), Capture(), made.shape[1], made.shape[0])
                rows.append((one, square(made, 64), row["group"], row["scene"], name))
        features, crops, groups, scenes, changes = zip(*rows, strict=True)
        arrays = np.unique(groups, return_inverse=True)[1], np.array(scenes), np.array(changes)
        kept.write_bytes(pickle.dumps(Seen(list(features), np.stack(crops), *arrays)))
    return pickle.loads(kept.read_bytes())


# ---------------------------------------------------------------- a second signal


def scored_pairs(
    seen: Seen, vectors: np.ndarray, work: Path, versions: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First, second, and the pair score of each pair that a shortlist would hold and that holds a photo."""
    kept = work / f"pairs-{versions}.npz"
    if not kept.exists():
        cosines = np.triu(vectors @ vectors.T, 1)
        first, second = np.nonzero(cosines >= LEAST_COSINE)
        photo = seen.change == ""
        wanted = photo[first] & (photo[second] | (np.abs(first - second) < 1 + versions))
        first, second = first[wanted], second[wanted]
        pairs = zip(first, second, strict=True)
        scores = [score_pair(seen.features[one], seen.features[other]).score for one, other in pairs]
        np.savez(kept, first=first, second=second, scores=np.array(scores))
    with np.load(kept) as found:
        return found["first"], found["second"], found["scores"]


def logistic(design: np.ndarray, same: np.ndarray, penalty: float = 1e-3) -> np.ndarray:
    """Intercept and slopes, by Newton's method."""
    design = np.column_stack([np.ones(len(design)), design])
    solution = np.zeros(design.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -50, 50)))
        weight = chance * (1 - chance) / len(design)
        pull = design.T @ (chance - same) / len(design) + penalty * solution
        solution -= np.linalg.solve(design.T @ (design * weight[:, None]) + penalty * np.eye(len(solution)), pull)
    return solution


def losses(design: np.ndarray, same: np.ndarray, solution: np.ndarray) -> np.ndarray:
    margin = np.where(same, 1, -1) * (solution[0] + design @ solution[1:])
    return np.logaddexp(0, -margin)


def interval(differences: np.ndarray, shots: np.ndarray) -> tuple[float, float, float]:
    """Mean over pairs, and its bootstrap interval over shots."""
    _, own = np.unique(shots, return_inverse=True)
    sums, counts = np.bincount(own, differences), np.bincount(own)
    drawn = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return float(differences.mean()), *map(float, np.quantile(means, (0.025, 0.975)))


def second_signal(seen: Seen, held: np.ndarray, latents: np.ndarray, vectors: np.ndarray, work: Path) -> None:
    first, second, scores = scored_pairs(seen, vectors, work, len(np.unique(seen.change)) - 1)
    same = seen.groups[first] == seen.groups[second]
    log_odds = np.log(np.clip(scores, 1e-9, 1 - 1e-9) / np.clip(1 - scores, 1e-9, 1))
    latent = np.einsum("ij,ij->i", latents[first], latents[second])
    alone, beside = log_odds[:, None], np.column_stack([log_odds, latent, np.maximum(0, latent - 0.7)])
    trained, judged = ~held[first] & ~held[second], held[first] & held[second]
    real = judged & (seen.change[second] == "")
    for name, chosen in (("all pairs", judged), ("pairs of two photos", real)):
        before = losses(alone[chosen], same[chosen], logistic(alone[trained], same[trained]))
        after = losses(beside[chosen], same[chosen], logistic(beside[trained], same[trained]))
        print(f"second signal, {name}: {chosen.sum()} held out, {same[chosen].sum()} of one shot; log loss "
              f"{before.mean():.5f} alone, {after.mean():.5f} with the latent; better by %.5f (%.5f to %.5f)"
              % interval(before - after, seen.groups[first[chosen]]))  # fmt: skip
    fitted = logistic(beside[trained], same[trained])
    decided = (fitted[0] + beside[judged] @ fitted[1:] > np.log(4)) != (log_odds[judged] > np.log(4))
    print(f"decisions at 0.8 that change: {decided.sum()} of {judged.sum()}, right after: "
          f"{((fitted[0] + beside[judged] @ fitted[1:] > np.log(4)) == same[judged])[decided].sum()}")  # fmt: skip


# ---------------------------------------------------------------- a head


def whitened(vectors: np.ndarray, groups: np.ndarray, mix: float) -> np.ndarray:
    """The matrix by which what differs within shots weighs less (Hatch and others, 2006), mixed with none at all."""
    centred = np.vstack([vectors[groups == group] - vectors[groups == group].mean(0) for group in np.unique(groups)])
    within = centred.T @ centred / len(centred)
    within = (1 - mix) * within + mix * np.trace(within) / len(within) * np.eye(len(within))
    values, directions = np.linalg.eigh(within)
    return directions @ np.diag(values**-0.5) @ directions.T


def contrasted(vectors: np.ndarray, groups: np.ndarray, epochs: int = 40, seed: int = 0) -> np.ndarray:
    """A matrix that begins as none at all, trained to tell shots apart (InfoNCE: van den Oord and others, 2018)."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    members = {group: np.flatnonzero(groups == group) for group in np.unique(groups)}
    members = {group: found for group, found in members.items() if len(found) > 1}
    matrix = torch.eye(vectors.shape[1], requires_grad=True)
    optimizer = torch.optim.AdamW([matrix], lr=1e-3, weight_decay=0)
    given = torch.from_numpy(vectors)
    for _ in range(epochs):
        order = rng.permutation(list(members))
        for batch in np.array_split(order, max(1, len(order) // 64)):
            pairs = np.array([rng.choice(members[group], 2, replace=False) for group in batch])
            one, other = (torch.nn.functional.normalize(given[pairs[:, end]] @ matrix, dim=1) for end in (0, 1))
            loss = torch.nn.functional.cross_entropy(one @ other.T / 0.1, torch.arange(len(batch)))
            loss = loss + 0.01 * ((matrix - torch.eye(len(matrix))) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return matrix.detach().numpy()


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def heads(seen: Seen, held: np.ndarray, vectors: np.ndarray, latents: np.ndarray) -> None:
    trained, judged = vectors[~held], vectors[held]
    photo = seen.change[held] == ""
    candidates = {"none": np.eye(vectors.shape[1])}
    candidates |= {f"whitened, mixed {mix}": whitened(trained, seen.groups[~held], mix) for mix in (0.1, 0.3, 0.6)}
    candidates["contrasted"] = contrasted(trained, seen.groups[~held])
    shots = seen.groups[held].astype(np.int64)
    print("| head | average precision | difference | of photos alone | cut 0.5 % | AP of 100 |")
    for name, matrix in candidates.items():
        made = unit(judged @ matrix)
        told, real = judge(judged, made, shots), judge(judged[photo], made[photo], shots[photo])
        print(f"| {name} | {told.challenger:.4f} | {told.low:+.4f} to {told.high:+.4f} | {real.challenger:.4f} "
              f"({real.low:+.4f} to {real.high:+.4f}, {real.shots} shots) | {recall_at(made, shots, 0.005):.4f} "
              f"| {np.nanmean(average_precisions(made, shots)):.4f} |")  # fmt: skip
    for weight in (0.25, 0.5):
        made = unit(np.hstack([judged, weight * latents[held]]))
        told = judge(judged, made, shots)
        print(f"| lite0 beside {weight} of the latent | {told.challenger:.4f} | {told.low:+.4f} to {told.high:+.4f} |")


def recall_at(vectors: np.ndarray, shots: np.ndarray, passing: float) -> float:
    """The share of pairs of one shot above the cosine that lets so many of all others pass."""
    first, second = np.triu_indices(len(shots), 1)
    cosines = (vectors @ vectors.T)[first, second]
    same = shots[first] == shots[second]
    return float((cosines[same] > np.quantile(cosines[~same], 1 - passing)).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--hard", action="store_true", help="also changes that no night generates")
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    seen = look(wanted.photos, wanted.work, [*CHANGES, *(HARD if wanted.hard else ())])
    names = sorted({row["scene"] for row in labelled(wanted.photos)})
    held_scenes = np.random.default_rng(0).choice(names, int(len(names) * 0.4), replace=False)  # as photos.gather does
    held = np.isin(seen.scenes, held_scenes)
    vectors = np.stack([one.vector for one in seen.features])
    encoder = Encoder(EncoderFile("", wanted.work / "plain-mse" / "candidate.onnx", 128))
    latents = np.stack([encoder.embed(crop) for crop in seen.crops])
    print(f"{(seen.change == '').sum()} photos of {len(names)} scenes; held out {(held & (seen.change == '')).sum()}")
    heads(seen, held, vectors, latents)
    second_signal(seen, held, latents, vectors, wanted.work)


if __name__ == "__main__":
    main()
