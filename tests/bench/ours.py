"""The pure pipeline without Spark in one process: files -> verified, tokenized rows -> Parquet files as the job writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.config import Config, parse_config
from pipelines.flow import Flow
from pipelines.local import run_files
from pipelines.parts import OUTCOMES, Parts, placed
from pipelines.records import Sample

TOKENIZER = "glm_4_standin"


def settings(logs: Path, root: Path, **more: object) -> Config:
    """GLM-4 over these logs; nothing is too long, and every verdict is published."""
    dialect = {"name": "glm_4", "tokenizer": TOKENIZER, "max_tokens": 65_536}
    return parse_config({"sources": [{"name": "bench", "path": str(logs)}], "dialects": [dialect], "output": {"root": str(root)}, **more})


def text(flow: Flow, paths: Sequence[Path], out: Path) -> int:
    """Number of tokens written; conversations are written too."""
    parts = Parts(out, "bench", OUTCOMES)
    tokens = 0
    for outcome in run_files(flow, [str(path) for path in paths]):
        parts.add(*placed(outcome, "bench", "bench", flow.config.split))
        tokens += len(outcome.tokens.input_ids) if isinstance(outcome, Sample) else 0
    parts.close()
    return tokens
