"""Which sets are recognised, and which are kept whole: `python recognition.py [SETS] [SEED]`.

Draws SETS of each kind (default 12), other ones for every SEED (default 0): bursts, exposure brackets (by shutter and
by ISO, two to four stops a step, written as cameras round them), sweeps cut from wide scenes (two thirds to a fifth of
a frame further on each time; `thin` ones are 600 px wide and go on by 0.55 to 0.65 of a frame), time-lapses of a fading
light and focus stacks of slopes by a camera that writes no distance; beside them what is no set: series of different
scenes at automatic exposure, whose shutter times make a ladder by chance, and series of look-alikes (people before one
backdrop, tickets of one printer). All go through the real scan, in an order that tells nothing. Prints for each kind:
sets that are one group of this kind, sets that are in one group, photos that are kept whole, and false: series of
something else of which any photo is in a group of this kind; and of the series of different scenes how many pairs were
joined.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from sameshot.app import open_app
from sameshot.config import load_with_sources
from sameshot.group.kinds import SET_KINDS, belongs_together
from sameshot.locations import find_locations
from sameshot.verbs.groups import ShownGroup, groups
from sameshot.verbs.scan import scan

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "quality"))
import scenes

import drawn

NOMINAL_S = [8, 4, 2, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 15, 1 / 30, 1 / 60, 1 / 125, 1 / 250, 1 / 500, 1 / 1000, 1 / 2000]
METERED = 9
"""Place of the metered shutter time in `NOMINAL_S`."""
SHOWN_AS = {"burst": "burst", "thin": "panorama"} | {kind: kind for kind in SET_KINDS}
"""What each drawn set should be recognised as."""
LOOKALIKES = ("portrait", "ticket", "room", "product", "hills", "facade")
"""Drawn kinds whose photos of one style have places in common by which corners agree."""


class Camera:
    """Writes photos as one camera does; `sets`: kind and number of a set -> names of its photos."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.now = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - cameras write no zone
        self.sets: dict[tuple[str, int], list[str]] = {}
        self._rng = np.random.default_rng([5, seed])

    def take(self, name: tuple[str, int], picture: drawn.Pixels, shutter_s: float = 1 / 60, iso: int = 200) -> None:
        """Writes one photo, with a sensor's noise, under a name that tells nothing."""
        file = f"{self._rng.integers(1 << 40):010x}.jpg"
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Sameshot", "Bench"
        details = exif.get_ifd(0x8769)
        details[0x9003] = self.now.strftime("%Y:%m:%d %H:%M:%S")
        details[0x9291] = f"{self.now.microsecond // 1000:03d}"
        details[0x829A], details[0x829D], details[0x8827], details[0x920A] = shutter_s, 8.0, iso, 35.0
        noisy = np.clip(picture + self._rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(self.folder / file, exif=exif, quality=88)
        self.sets.setdefault(name, []).append(file)
        self.now += timedelta(seconds=shutter_s)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += timedelta(seconds=seconds)


def draw(camera: Camera, count: int, seed: int) -> None:
    """Takes `count` sets of each kind, each of a scene of its own, minutes apart."""
    rng = np.random.default_rng([7, seed])
    for number in range(count):
        first = 10_000 * seed + number
        lake = drawn.scene(1000 + first)
        for shot in range(int(rng.integers(2, 7))):
            camera.take(("burst", number), drawn.burst_frame(lake, shot))
            camera.wait(float(rng.uniform(0.1, 0.9)))
        camera.wait(900)

        tower, step = drawn.scene(2000 + first), int(rng.integers(2, 4 if number % 3 else 5))
        stops = [0, -step, step] if number % 2 else [-step, 0, step]
        for stop in stops if number % 4 else [0, -step, step, -2, 2][: 3 if step != 4 else 5]:
            by_iso = number % 3 == 2 and step <= 3
            shutter_s = 1 / 60 if by_iso else NOMINAL_S[METERED - stop]
            iso = int(800 * 2.0**stop) if by_iso else 200
            camera.take(("bracket", number), drawn.exposed(drawn.burst_frame(tower, 9), stop), shutter_s, iso)
            camera.wait(float(rng.uniform(0.1, 1.5)))
        camera.wait(900)

        step_px, frames = int(rng.uniform(240, 800)), int(rng.integers(4, 7))
        wide = drawn.scene(3000 + first, 1200 + step_px * (frames - 1), 800)
        for shot in range(frames):
            camera.take(("panorama", number), wide[:, step_px * shot : step_px * shot + 1200])
            camera.wait(float(rng.uniform(0.6, 3.0)))
        camera.wait(900)

        step_px = int(600 * rng.uniform(0.55, 0.65))
        narrow = drawn.scene(7000 + first, 600 + step_px * 4, 400)
        for shot in range(5):
            camera.take(("thin", number), narrow[:, step_px * shot : step_px * shot + 600])
            camera.wait(2.0)
        camera.wait(900)

        garden, interval_s = drawn.scene(4000 + first), float(rng.choice([3, 5, 10, 30]))
        for shot in range(12):
            camera.take(("time-lapse", number), drawn.exposed(drawn.burst_frame(garden, shot), -0.15 * shot))
            camera.wait(interval_s - 1 / 60)
        camera.wait(900)

        slope, frames = drawn.scene(6000 + first), int(rng.integers(3, 9))
        for shot in range(frames):
            at = shot / (frames - 1)
            camera.take(("focus-stack", number), drawn.focused(slope, at, from_left=number % 2 == 0))
            camera.wait(float(rng.uniform(0.5, 5.0)))
        camera.wait(900)

        for shot, place in enumerate((METERED - 2, METERED, METERED + 2, METERED + 4)):
            camera.take(("different", number), drawn.scene(500_000 + 10 * first + shot), NOMINAL_S[place])
            camera.wait(float(rng.uniform(0.5, 2.0)))
        camera.wait(900)

        for shot in range(5):
            camera.take(("look-alikes", number), scenes.draw(LOOKALIKES[number % len(LOOKALIKES)], first, shot))
            camera.wait(2.0)
        camera.wait(900)


def report(camera: Camera, found: Sequence[ShownGroup]) -> None:
    """Prints the table."""
    group_of = {photo.path.name: group for group in found for photo in group.photos}
    print(f"{'kind':<12}{'sets':>6}{'recognised':>12}{'one group':>11}{'photos':>8}{'kept whole':>12}{'false':>7}")
    named = {one: {group_of[name].kind for name in names if name in group_of} for one, names in camera.sets.items()}
    for kind, shown_as in SHOWN_AS.items():
        sets = [names for (name, _), names in camera.sets.items() if name == kind]
        ids = [{group_of[name].id if name in group_of else name for name in names} for names in sets]
        one_group = [names for names, found_in in zip(sets, ids, strict=True) if len(found_in) == 1]
        right = sum(all(name in group_of and group_of[name].kind == shown_as for name in names) for names in one_group)
        photos = [name for names in sets for name in names]
        kept = sum(name in group_of and belongs_together(group_of[name].kind) for name in photos)
        false = sum(shown_as in kinds for (name, _), kinds in named.items() if SHOWN_AS.get(name) != shown_as)
        print(f"{kind:<12}{len(sets):>6}{right:>12}{len(one_group):>11}{len(photos):>8}{kept:>12}{false:>7}")
    pairs = [pair for (name, _), names in camera.sets.items() if name == "different" for pair in combinations(names, 2)]
    joined = sum(a in group_of and b in group_of and group_of[a].id == group_of[b].id for a, b in pairs)
    sets_of = {file: name for name, names in camera.sets.items() for file in names}
    mixed = sum(len({sets_of[photo.path.name] for photo in group.photos}) > 1 for group in found)
    print(f"different scenes in one ladder: {joined} of {len(pairs)} pairs joined; groups that mix sets: {mixed}")


def main() -> None:
    count, seed = (int(said) for said in (*sys.argv[1:], *("12", "0")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as temporary:
        folder, config = Path(temporary, "photos"), Path(temporary, "config.yaml")
        folder.mkdir()
        camera = Camera(folder, seed)
        draw(camera, count, seed)
        config.write_text(f"roots: [{{path: {folder}}}]\nsettle: {{quiet_s: 0}}\n")
        locations = find_locations(Path(temporary, "state"))
        with open_app(load_with_sources(config), locations, lambda *_: None, verb="benchmark", writing=True) as app:
            scan(app)
            report(camera, groups(app).groups)


if __name__ == "__main__":
    main()
