"""An archive of the classes that a job loads, made once, so that the JVM starts faster.

    python -m pipelines.spark.session.class_archive .venv/spark.jsa

A run of ten records spends most of its time loading the same 20,000 classes. `conf/local.conf` names the archive; where
it is missing, or was made by another Java or for other jars, the JVM starts without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = {"messages": [{"role": "user", "content": "<image>?"}, {"role": "assistant", "content": "A dot."}]}
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def archive_classes(archive: Path) -> None:
    """Runs a batch of two records and archives the classes that it loaded. Prints a message where that fails; Spark then only starts slower."""
    bin_folder, checkout = Path(sys.executable).parent, Path(__file__).parents[3]
    temporary = archive.with_name(f".{archive.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [RECORD | {"images": [DOT], "episode_id": "a"}, RECORD | {"images": ["b.gif"], "episode_id": "b"}]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        conf = {"sources": [{"name": "a", "path": "log.jsonl"}], "output": {"root": "out"}, "gates": {"max_quarantined": 1}}
        (folder / "conf.json").write_text(json.dumps(conf))  # JSON is YAML
        options = f"-XX:ArchiveClassesAtExit={temporary.absolute()} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xlog:disable"
        command = [
            bin_folder / "spark-submit",
            "--driver-java-options",
            options,
            checkout / "jobs" / "run.py",
            "--config",
            folder / "conf.json",
            "--batch",
            "0",
        ]
        done = subprocess.run(
            list(map(str, command)),
            cwd=folder,
            env=os.environ | {"PYSPARK_PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode or not temporary.is_file():
        print(f"setup: the class archive could not be made, so Spark starts slower\n{done.stdout[-2000:]}", file=sys.stderr)
        return
    temporary.replace(archive)


if __name__ == "__main__":
    archive_classes(Path(sys.argv[1]))
