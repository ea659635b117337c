"""How far the pipeline is from the bare steps: `make bench`.

A seeded text workload of tool-calling conversations goes, in turns, through the pure pipeline and through the bare steps (parse with
orjson, encode every text with the same tokenizer, write Parquet), each in this one process. CPU seconds, medians, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo.tools import TALKS, talk
from pipelines.local import run_files
from pipelines.records import Sample
from pipelines.schema import SAMPLES, row_of, struct_column
from tests.golden import open_case
from tests.making import configuration, write_lines

CONFIG = configuration("glm_4")


def workload(path: Path, conversations: int) -> Path:
    forms = list(TALKS.values())
    return write_lines(path, [forms[seed % len(forms)](talk(seed)) | {"id": f"bench-{seed}"} for seed in range(conversations)])


def pipeline(logs: Path, out: Path) -> int:
    """Everything but Spark: read, normalize, tokenize, check, write."""
    rows = [row_of(outcome, "bench", "bench", CONFIG.split)[1] for outcome in run_files(open_case(CONFIG), [str(logs)]) if isinstance(outcome, Sample)]
    pq.write_table(pa.Table.from_batches([pa.RecordBatch.from_struct_array(struct_column(rows, SAMPLES))]), out, compression="zstd")
    return sum(row["num_tokens"] for row in rows)


def bare(logs: Path, out: Path) -> int:
    """Parse, encode all texts, write the ids: nothing is checked and nothing is normalized."""
    encode = open_case(CONFIG).dialects[0].vocabulary.encode
    ids = [np.concatenate([np.asarray(one, dtype=np.int32) for one in encode(texts(orjson.loads(line)))]) for line in logs.read_bytes().splitlines()]
    pq.write_table(pa.table({"input_ids": pa.array(ids, type=pa.list_(pa.int32()))}), out, compression="zstd")
    return sum(map(len, ids))


def texts(record: dict) -> list[str]:
    turns = record.get("messages") or record["conversations"]
    said = [turn.get("content") or turn.get("value") or orjson.dumps(turn.get("tool_calls")).decode() for turn in turns]
    tools = record.get("tools") or next((turn["tools"] for turn in turns if turn.get("tools")), None)
    return [*said, tools if isinstance(tools, str) else json.dumps(tools, indent=4, ensure_ascii=False)]


def cpu_seconds(work: Callable[[Path, Path], int], logs: Path, out: Path) -> tuple[float, int]:
    started = time.process_time()
    tokens = work(logs, out)
    return time.process_time() - started, tokens


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=4000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        logs, out = workload(Path(folder) / "logs.jsonl", options.conversations), Path(folder) / "out.parquet"
        pairs = []
        for number in range(options.pairs + 1):
            ours, tokens = cpu_seconds(pipeline, logs, out)
            limit, bare_tokens = cpu_seconds(bare, logs, out)
            if number:  # the first pair warms up
                pairs.append((ours, limit))
                print(f"pair {number}: {ours:.2f} s, bare {limit:.2f} s", file=sys.stderr)
    per_thousand = 1000 / options.conversations
    ratios = sorted(ours / limit for ours, limit in pairs)
    figures = {
        "conversations": options.conversations,
        "tokens": tokens,
        "bare_tokens": bare_tokens,
        "cpu_s_per_1000": round(statistics.median(ours for ours, _ in pairs) * per_thousand, 3),
        "bare_cpu_s_per_1000": round(statistics.median(limit for _, limit in pairs) * per_thousand, 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_spread": [round(ratios[0], 2), round(ratios[-1], 2)],
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
