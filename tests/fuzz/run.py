"""Fuzzes one target in this process, guided by coverage (atheris): `python -m tests.fuzz.run TARGET SECONDS SEED FOLDER HOSTILE`."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.watch import Watch

BEGAN = time.monotonic()
LONGEST = 1 << 16  # bytes of an input
HANG = 60  # seconds; for an input that never returns, which the watch cannot report


def main(name: str, seconds: float, seed: int, folder: Path, hostile: Path) -> None:
    import atheris  # only here, because the tests in this folder do not need it

    with atheris.instrument_imports(include=["pipelines"]):
        targets = importlib.import_module("tests.fuzz.targets")
    watch = Watch(name, targets.TARGETS[name](), folder)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(targets.seeds(name, hostile)):
        (corpus / f"seed-{number:04d}").write_bytes(data[:LONGEST])

    def one(data: bytes) -> None:
        watch(data)
        if time.monotonic() - BEGAN > seconds:
            watch.write()
            os._exit(0)  # any other way to end libFuzzer loses the figures

    limits = [f"-timeout={HANG}", "-rss_limit_mb=0", f"-max_len={LONGEST}", f"-artifact_prefix={folder}/", "-verbosity=0", "-reload=0", "-detect_leaks=0"]
    mutators = (
        {"custom_mutator": json_mutator(seed, lambda data, most: atheris.Mutate(data, most))}
        if name in ("records", "shapes") or name.startswith("format-")
        else {}
    )
    atheris.Setup([sys.argv[0], *limits, f"-seed={seed}", str(corpus)], one, **mutators)
    atheris.Fuzz()


def json_mutator(seed: int, mutate: Callable[[bytes, int], bytes]) -> Callable[[bytes, int, int], bytes]:
    """Changes values of the record half of the time, so that many inputs are still JSON, and otherwise bytes, as for every target."""
    damage = importlib.import_module("tests.properties.damage")
    junk = [None, True, 0, -1, 1.5, 10**400, "", " ", "<image>", "<|user|>", "{'a': 1}", '{"name": "f", "arguments": {}}', [], {}, [{}], "a.png", "../a"]

    def run(data: bytes, most: int, step: int) -> bytes:
        random = Random(seed * 1_000_003 + step)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return mutate(data, most)
        if random.random() < 0.5:
            return mutate(data, most)
        for _ in range(random.choice((1, 1, 2, 3))):
            places = damage.places(record)
            value = random.choice([random.choice(junk), _at(record, random.choice(places))])
            record = damage.changed(record, random.choice(places), damage.act(random.randrange(7), value, random.choice(damage.KEYS)))
        made = json.dumps(record, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
        return made if len(made) <= most else mutate(data, most)

    return run


def _at(value: object, path: tuple) -> object:
    for step in path:
        value = value[step]  # type: ignore[index]
    return value


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
