"""Which sets are recognised, and which are kept whole: `python recognition.py [SETS]`, SETS of each kind (default 12).

Draws bursts, exposure brackets (by shutter and by ISO, two to four stops a step, written as cameras round them), sweeps
cut from wide scenes (two thirds to a fifth of a frame further on each time), time-lapses of a fading light and focus
stacks of slopes by a camera that writes no distance; beside them series of different scenes at automatic exposure,
whose shutter times make a ladder by chance. All go through the real scan, in an order that tells nothing. Prints for
each kind: sets that are one group of this kind, sets that are in one group, and photos that are kept whole; and of the
series of different scenes how many pairs were joined.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from sameshot.app import open_app
from sameshot.config import load_with_sources
from sameshot.group.kinds import belongs_together
from sameshot.locations import find_locations
from sameshot.verbs.groups import groups
from sameshot.verbs.scan import scan

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import drawn

NOMINAL_S = [8, 4, 2, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 15, 1 / 30, 1 / 60, 1 / 125, 1 / 250, 1 / 500, 1 / 1000, 1 / 2000]
METERED = 9
"""Place of the metered shutter time in `NOMINAL_S`."""


class Camera:
    """Writes photos as one camera does; `sets`: kind and number of a set -> names of its photos."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - cameras write no zone
        self.sets: dict[tuple[str, int], list[str]] = {}
        self._rng = np.random.default_rng(5)

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


def draw(camera: Camera, count: int) -> None:
    """Takes `count` sets of each kind, each of a scene of its own, minutes apart."""
    rng = np.random.default_rng(7)
    for number in range(count):
        lake = drawn.scene(1000 + number)
        for shot in range(int(rng.integers(2, 7))):
            camera.take(("burst", number), drawn.burst_frame(lake, shot))
            camera.wait(float(rng.uniform(0.1, 0.9)))
        camera.wait(900)

        tower, step = drawn.scene(2000 + number), int(rng.integers(2, 4 if number % 3 else 5))
        stops = [0, -step, step] if number % 2 else [-step, 0, step]
        for stop in stops if number % 4 else [0, -step, step, -2, 2][: 3 if step != 4 else 5]:
            by_iso = number % 3 == 2 and step <= 3
            shutter_s = 1 / 60 if by_iso else NOMINAL_S[METERED - stop]
            iso = int(800 * 2.0**stop) if by_iso else 200
            camera.take(("bracket", number), drawn.exposed(drawn.burst_frame(tower, 9), stop), shutter_s, iso)
            camera.wait(float(rng.uniform(0.1, 1.5)))
        camera.wait(900)

        step_px, frames = int(rng.uniform(240, 800)), int(rng.integers(4, 7))
        wide = drawn.scene(3000 + number, 1200 + step_px * (frames - 1), 800)
        for shot in range(frames):
            camera.take(("panorama", number), wide[:, step_px * shot : step_px * shot + 1200])
            camera.wait(float(rng.uniform(0.6, 3.0)))
        camera.wait(900)

        garden, interval_s = drawn.scene(4000 + number), float(rng.choice([3, 5, 10, 30]))
        for shot in range(12):
            camera.take(("time-lapse", number), drawn.exposed(drawn.burst_frame(garden, shot), -0.15 * shot))
            camera.wait(interval_s - 1 / 60)
        camera.wait(900)

        slope, frames = drawn.scene(6000 + number), int(rng.integers(3, 9))
        for shot in range(frames):
            at = shot / (frames - 1)
            camera.take(("focus-stack", number), drawn.focused(slope, at, from_left=number % 2 == 0))
            camera.wait(float(rng.uniform(0.5, 5.0)))
        camera.wait(900)

        for shot, place in enumerate((METERED - 2, METERED, METERED + 2, METERED + 4)):
            camera.take(("different", number), drawn.scene(5000 + 10 * number + shot), NOMINAL_S[place])
            camera.wait(float(rng.uniform(0.5, 2.0)))
        camera.wait(900)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    with tempfile.TemporaryDirectory() as temporary:
        folder, config = Path(temporary, "photos"), Path(temporary, "config.yaml")
        folder.mkdir()
        camera = Camera(folder)
        draw(camera, count)
        config.write_text(f"roots: [{{path: {folder}}}]\nsettle: {{quiet_s: 0}}\n")
        locations = find_locations(Path(temporary, "state"))
        with open_app(load_with_sources(config), locations, lambda *_: None, verb="benchmark", writing=True) as app:
            scan(app)
            found = groups(app)
    group_of = {photo.path.name: group for group in found.groups for photo in group.photos}
    print(f"{'kind':<12}{'sets':>6}{'recognised':>12}{'one group':>11}{'photos':>8}{'kept whole':>12}")
    kept: Counter[str] = Counter()
    for kind in ("burst", "bracket", "panorama", "time-lapse", "focus-stack"):
        sets = [names for (name, _), names in camera.sets.items() if name == kind]
        ids = [{group_of[name].id if name in group_of else name for name in names} for names in sets]
        kinds = [{group_of[name].kind if name in group_of else "" for name in names} for names in sets]
        whole = sum(len(one) == 1 for one in ids)
        right = sum(len(one) == 1 and named == {kind} for one, named in zip(ids, kinds, strict=True))
        photos = [name for names in sets for name in names]
        kept[kind] = sum(name in group_of and belongs_together(group_of[name].kind) for name in photos)
        print(f"{kind:<12}{len(sets):>6}{right:>12}{whole:>11}{len(photos):>8}{kept[kind]:>12}")
    joined = sum(
        group_of[a].id == group_of[b].id
        for (name, _), names in camera.sets.items()
        if name == "different"
        for place, a in enumerate(names)
        for b in names[place + 1 :]
        if a in group_of and b in group_of
    )
    sets_of = {file: name for name, names in camera.sets.items() for file in names}
    mixed = sum(len({sets_of[photo.path.name] for photo in group.photos}) > 1 for group in found.groups)
    print(f"different scenes in one ladder: {joined} of {count * 6} pairs joined; groups that mix sets: {mixed}")


if __name__ == "__main__":
    main()
