"""The pipeline in one process, without Spark: files -> verified, tokenized rows -> Parquet files as the job writes them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.config import Config, parse_config
from pipelines.flow import Flow, open_flow
from pipelines.local import run_files
from pipelines.records import Sample
from pipelines.tables.writing import OUTCOMES, FileWriter, placed

TOKENIZER = "glm_4_standin"


def settings(logs: Path, root: Path, **more: object) -> Config:
    """A configuration for these logs and GLM-4, in which no row is too long."""
    dialect = {"name": "glm_4", "tokenizer": TOKENIZER, "max_tokens": 65_536}
    return parse_config({"sources": [{"name": "bench", "path": str(logs)}], "dialects": [dialect], "output": {"root": str(root)}, **more})


def gui_settings(logs: Path, screens: Path, root: Path) -> Config:
    """A configuration for steps with screenshots and MiniCPM-V 2.6, in which every pixel is checked."""
    dialect = {"name": "minicpm_v_2_6", "tokenizer": "minicpm_v_2_6", "max_tokens": 65_536}
    source = {"name": "bench", "path": str(logs), "image_root": str(screens.absolute())}
    return parse_config({"sources": [source], "dialects": [dialect], "images": {"verify": "decode"}, "output": {"root": str(root)}})


def just_opened(config: Config) -> Flow:
    """A flow with new tokenizers, which have seen no text. (Otherwise a process shares its open tokenizers.)"""
    flow = open_flow(config)
    flow = replace(flow, dialects=tuple(replace(dialect, vocabulary=replace(dialect.vocabulary)) for dialect in flow.dialects))
    flow.load_tokenizers()
    return flow


def bytes_per_token(folder: Path) -> float:
    """The bytes of the files of table `samples` in this folder, divided by the number of tokens."""
    files = [file for samples in folder.rglob("table=samples") for file in samples.rglob("*.parquet")]
    tokens = sum(pc.sum(pq.read_table(file, columns=["num_tokens"])["num_tokens"]).as_py() for file in files)
    return round(sum(file.stat().st_size for file in files) / tokens, 2)


def text(flow: Flow, paths: Sequence[Path], out: Path) -> int:
    """Writes conversations and samples, and returns the number of tokens."""
    shutil.rmtree(out, ignore_errors=True)
    parts = FileWriter(out, "bench", OUTCOMES)
    tokens = 0
    for outcome in run_files(flow, [str(path) for path in paths]):
        parts.add(*placed(outcome, "bench", "bench", flow.config.split))
        tokens += len(outcome.tokens.input_ids) if isinstance(outcome, Sample) else 0
    parts.close()
    return tokens
