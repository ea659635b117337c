"""The folder of screenshots that the demo's records refer to; each distinct screen is drawn once."""

from __future__ import annotations

from pathlib import Path
from random import Random

from pipelines.demo.screens import APPS, DESKTOPS, PHONES, Screen, draw_screen, encoded

_ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


class Library:
    """Draws screens into a folder and returns their paths relative to it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._sizes: dict[str, tuple[int, int]] = {}

    def screens(self, seed: int, steps: int, desktop: bool) -> list[str]:
        """The paths of an episode's screens; every second step shows the same screen as the step before, as in real episodes."""
        random = Random(f"screens:{seed}")
        app, dark = APPS[seed % len(APPS)], random.random() < 0.3
        width, height = random.choice(DESKTOPS if desktop else PHONES)
        kind = "JPEG" if desktop else random.choice(("PNG", "PNG", "JPEG", "WEBP"))
        return [self._drawn(Screen(app, width, height, dark, seed, step - step % 2), kind) for step in range(steps)]

    def size_of(self, path: str) -> tuple[int, int]:
        return self._sizes[path]

    def bytes_of(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def write(self, path: str, data: bytes) -> str:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return path

    def _drawn(self, screen: Screen, kind: str) -> str:
        path = f"{screen.app.lower()}/{screen.seed:03d}_{screen.step:02d}.{_ENDINGS[kind]}"
        if path not in self._sizes:
            self._sizes[path] = (screen.width, screen.height)
            self.write(path, encoded(draw_screen(screen), kind))
        return path
