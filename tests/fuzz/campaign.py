"""`make fuzz MINUTES=10`: runs every target in separate processes, two at a time. Inputs that break something are kept in out/fuzz."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.corpus import unpack
from tests.fuzz.watch import MEGABYTES, SECONDS, Figures

# Records have two processes, and records in every format too, so that the ten jobs fill two lanes evenly.
JOBS = (
    *(("records", 1), ("shapes", 1), ("lines", 1), ("images", 1), ("paths", 1)),
    *(("literals", 1), ("calls", 1), ("sessions", 1), ("shapes", 2), ("records", 2)),
)
LANES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="0: from the clock; it is printed")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args(arguments)
    seed = options.seed or int(time.time()) % 1_000_000
    seconds = options.minutes * 60 * LANES / len(JOBS)
    print(f"fuzz: {len(JOBS)} processes of {seconds:.0f} s, {LANES} at a time, seed {seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(LANES) as lanes:
        hostile = unpack(Path(home))
        figures = list(lanes.map(lambda job: campaign(job[0], seconds, seed + job[1], options.out / f"{job[0]}-{job[1]}", hostile), JOBS))
    merged = [_sum([one for one in figures if one.target == name]) for name in dict.fromkeys(name for name, _ in JOBS)]
    print("\n".join(table(merged)))
    findings = [f"{one.target}: {finding}" for one in merged for finding in one.findings]
    print("\n".join(findings or [f"no input took more than {SECONDS:g} s or {MEGABYTES} MB; no unexpected exception"]))
    return 1 if findings else 0


def campaign(name: str, seconds: float, seed: int, folder: Path, hostile: Path) -> Figures:
    """The figures of one job. A process that dies is a finding, and a new one uses the time that is left."""
    folder.mkdir(parents=True, exist_ok=True)
    ends, parts = time.monotonic() + seconds, []
    while (left := ends - time.monotonic()) > 1:
        figures = folder / "figures.json"
        figures.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.fuzz.run", name, str(left), str(seed + len(parts)), str(folder), str(hostile)]
        with open(folder / "output.txt", "ab") as output:
            status = subprocess.run(command, stdout=output, stderr=output).returncode
        one = Figures(**json.loads(figures.read_text())) if figures.exists() else Figures(name)
        if status:
            one.exceptions += 1
            one.findings.append(f"the process died with status {status}: see {folder}/output.txt")
        parts.append(one)
        if status and not one.inputs:
            break  # it cannot start, so trying again is useless
    return _sum(parts)


def _sum(parts: Sequence[Figures]) -> Figures:
    findings = [finding for one in parts for finding in one.findings]
    inputs, seconds, exceptions = (sum(getattr(one, name) for one in parts) for name in ("inputs", "seconds", "exceptions"))
    return Figures(parts[0].target, inputs, seconds, exceptions, max(one.slowest for one in parts), max(one.megabytes for one in parts), findings)


def table(figures: Sequence[Figures]) -> list[str]:
    heads = ["target", "inputs", "inputs/s", "unexpected", "slowest s", "peak RSS MB"]
    rows = [
        [one.target, f"{one.inputs:,}", f"{one.inputs / max(one.seconds, 1e-9):,.0f}", str(one.exceptions), f"{one.slowest:.2f}", f"{one.megabytes:.0f}"]
        for one in figures
    ]
    return ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]


if __name__ == "__main__":
    sys.exit(main())
