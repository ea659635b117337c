"""Whether the training side can be installed beside each trainer: resolves both together with uv, without installing anything.

    python -m tests.trainers.resolve [NAME:PYTHON:FILE]...

FILE is another list of requirements, such as the requirements.txt of a checkout of a trainer. One line per list: how many packages
the trainer alone has, which the training side adds, and whose versions it changes. Exits with 1 if a list does not resolve, or a version changes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "requirements"


class Trainer(NamedTuple):
    name: str
    python: str
    requirements: Path


TRAINERS = [
    Trainer("transformers 4.51.3", "3.10", FOLDER / "transformers_4_51.txt"),
    Trainer("transformers 5.23.0", "3.13", FOLDER / "transformers_5.txt"),
    Trainer("TRL 1.16.0", "3.11", FOLDER / "hf.txt"),
    Trainer("LLaMA-Factory 0.9.5", "3.11", FOLDER / "llamafactory.txt"),
]


def resolved(trainer: Trainer, *more: str) -> dict[str, str]:
    """Name -> version of everything that would be installed. Lines with a URL are left out: they name no package of the registry."""
    lines = [line for line in trainer.requirements.read_text().splitlines() if "://" not in line]
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    settings = ["--config-file", str(FOLDER / "resolve.toml"), "--python-version", trainer.python]
    ended = subprocess.run([*command, *settings, *more, "-"], input="\n".join(lines), capture_output=True, text=True, cwd=ROOT)
    if ended.returncode:
        sys.exit(f"{trainer.name}: does not resolve{' beside the training side' if more else ''}:\n{ended.stderr}")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", ended.stdout, re.M))


def compare(trainer: Trainer) -> bool:
    """Prints the line of a trainer; whether its own versions stay as they are."""
    alone, both = resolved(trainer), resolved(trainer, "pyproject.toml", "--extra", "training")
    added = [f"{name} {version}" for name, version in both.items() if name not in alone]
    changed = [f"{name} {alone[name]} -> {both.get(name)}" for name in alone if alone[name] != both.get(name)]
    ours = " ".join(f"{name} {both[name]}" for name in ("numpy", "pyarrow", "pillow", "torch"))
    print(
        f"{trainer.name}, Python {trainer.python}: {len(alone)} packages; added: {', '.join(added) or 'none'}; changed: {', '.join(changed) or 'none'}; {ours}"
    )
    return not changed


def main(words: list[str]) -> int:
    given = [Trainer(name, python, Path(file)) for name, python, file in (word.split(":", 2) for word in words)]
    unchanged = [compare(trainer) for trainer in [*TRAINERS, *given]]
    return 0 if all(unchanged) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
