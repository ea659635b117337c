"""Peak memory of one worker: `python -m tests.fuzz.memory`. The hostile corpus and a line of 1 GB against an ordinary log.

Each case runs the pipeline without Spark in a new process, once without dialects and once with two, whose vocabularies take most of the
memory. Pictures are decoded in a process of their own.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.demo.tools import TALKS, talk
from pipelines.local import run_files
from tests.corpus import unpack
from tests.golden import open_case
from tests.making import asked, configuration, write_lines

GIGABYTE = 1 << 30


def ordinary(path: Path, size: int) -> Path:
    """A log of tool-calling conversations of about this many bytes."""
    forms = list(TALKS.values())
    rows: list[dict] = []
    while size > 0:
        rows.append(forms[len(rows) % len(forms)](talk(len(rows))))
        size -= len(json.dumps(rows[-1], ensure_ascii=False).encode())
    return write_lines(path, rows)


def line_bomb(path: Path, size: int) -> Path:
    """A small .gz with a good record, a line of `size` bytes, and another good record."""
    block = b"x" * (1 << 20)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(json.dumps(asked("Before?")).encode() + b"\n")
        for _ in range(size // len(block)):
            file.write(block)
        file.write(b"\n" + json.dumps(asked("After?")).encode() + b"\n")
    return path


def corpus_files(hostile: Path) -> list[Path]:
    return [hostile / "records.jsonl", hostile / "policy.jsonl", *sorted(path for path in (hostile / "raw").rglob("*") if path.is_file())]


def peak(files: Sequence[Path], image_root: Path, *dialects: str) -> dict[str, int]:
    """{"outcomes", "worker_mb", "decoder_mb"} of a new process that runs these files; decoder_mb is 0 if no picture was decoded."""
    command = [sys.executable, "-m", "tests.fuzz.memory", "--child", ",".join(dialects), str(image_root), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def child(dialects: str, image_root: str, *files: str) -> None:
    config = configuration(*filter(None, dialects.split(",")), source={"image_root": image_root}, options={"tool_syntax": "json"})
    outcomes = sum(1 for _ in run_files(open_case(config), files))
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    print(json.dumps({"outcomes": outcomes, "worker_mb": high_water(own), "decoder_mb": max(map(high_water, map(int, children)), default=0)}))


def high_water(process: int) -> int:
    """The peak resident memory of this process, in MB."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found) >> 10


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        hostile = unpack(Path(home))
        files = corpus_files(hostile)
        size = sum(path.stat().st_size for path in files)
        cases = {
            f"an ordinary log of {size >> 10} KB": [ordinary(Path(home) / "ordinary.jsonl", size)],
            f"the hostile corpus, {size >> 10} KB": files,
            "a line of 1 GB in a .gz": [line_bomb(Path(home) / "bomb.jsonl.gz", GIGABYTE)],
        }
        print("| input | worker MB, no dialect | worker MB, two dialects | decoder MB |\n|---|---|---|---|")
        for name, paths in cases.items():
            bare, found = peak(paths, hostile / "images"), peak(paths, hostile / "images", "glm_4", "minicpm_v_2_6")
            print(f"| {name} | {bare['worker_mb']} | {found['worker_mb']} | {found['decoder_mb']} |", flush=True)


if __name__ == "__main__":
    child(*sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main()
