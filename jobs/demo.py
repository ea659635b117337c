"""Writes the demo's input to out/demo-input: raw logs in four formats, screenshots, and about forty planted faults.

python jobs/demo.py [FOLDER]

Does nothing if the same code has already written it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.spark.run.demo import write_input

if __name__ == "__main__":
    write_input(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "out" / "demo-input")
