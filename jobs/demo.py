"""Writes the demo's input to out/demo-input: raw logs in four formats, screenshots, and about forty planted faults.

python jobs/demo.py [FOLDER]

Does nothing if the same code has already written it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.demo import write_demo
from pipelines.ledger.manifest import code_fingerprint

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "out" / "demo-input"
    stamp = folder / ".written-by"
    code = code_fingerprint("demo")
    if stamp.is_file() and stamp.read_text() == code:
        print(f"demo: input already exists in {folder}", file=sys.stderr)
    else:
        written = write_demo(folder)
        stamp.write_text(code)
        counts = f"{written.records} records of {written.episodes} episodes, {written.screens} screenshots, {len(written.expected)} planted faults"
        print(f"demo: {counts} in {folder}", file=sys.stderr)
