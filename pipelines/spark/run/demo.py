"""`episodes demo`: the pipeline on logs that are generated, to see what it does before it has logs of your own."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from pipelines.config import ConfigError
from pipelines.demo import BATCH, write_demo
from pipelines.demo.configuration import demo_settings
from pipelines.ledger.manifest import code_fingerprint
from pipelines.visible import visible

OK = 0
INPUT, ROOT, CONF, STAMP = "input", "tables", "demo.yaml", ".written-by"
MADE = "# Made by `episodes demo`.\n"


def run(options: Namespace) -> int:
    """Writes the input and a configuration, and runs it with Spark. Raises ConfigError where the folder has other contents."""
    from pipelines.spark.run.jobs import run as run_batches  # so that jobs/demo.py, which only writes the input, does not wait for Spark

    conf = prepare(options.out)
    code = run_batches(Namespace(config=conf, set=[], batch=BATCH, backfill=None, replace=True, force=False))
    if code == OK:
        report = options.out / ROOT / "reports" / BATCH / "report.html"
        _say(f"open {report} in a browser; configuration {conf}, logs {options.out / INPUT}")
    return code


def prepare(out: Path) -> Path:
    """The configuration in this folder, which is written if it is not there, as its input is. Raises ConfigError."""
    conf = out / CONF
    is_demo = conf.is_file() and conf.read_bytes().startswith(MADE.encode())
    if out.exists() and not is_demo and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError([f"{out} exists already and is not the folder of a demo; name another one with --out"])
    out.mkdir(parents=True, exist_ok=True)
    if not is_demo:
        conf.write_text(MADE + demo_settings(INPUT, ROOT), encoding="utf-8")
    write_input(out / INPUT)
    return conf


def write_input(folder: Path) -> None:
    """Writes the input, unless the same code has written it, and says so."""
    stamp, code = folder / STAMP, code_fingerprint("demo")
    if stamp.is_file() and stamp.read_text() == code:
        _say(f"demo: input already exists in {folder}")
        return
    written = write_demo(folder)
    stamp.write_text(code)
    counts = f"{written.records} records of {written.episodes} episodes, {written.screens} screenshots, {len(written.expected)} planted faults"
    _say(f"demo: {counts} in {folder}")


def _say(text: str) -> None:
    print(visible(text), file=sys.stderr)
