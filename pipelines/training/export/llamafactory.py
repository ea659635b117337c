"""Rows as a data set that LLaMA-Factory loads by `tokenized_path`: what datasets.save_to_disk writes, made with pyarrow alone.

Its raw form drops parallel calls and has tool texts of its own, so it never gives our ids: tokens are the honest form.
Source: LLaMA-Factory 0.9.5 data/loader.py get_dataset, data/mm_plugin.py; datasets 4.0 arrow_dataset.py load_from_disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from pipelines.training.export.columns import IDS, ROWS_AT_ONCE
from pipelines.training.export.job import Codes, Job
from pipelines.training.export.rows import Row, answer_weights, weight_codes
from pipelines.training.pixels import fit_side

FOLDERS = {"train": "tokenized/train", "val": "tokenized/validation", "test": "test"}
ARROW = "data-00000-of-00001.arrow"
COLUMNS = pa.schema({"input_ids": IDS, "attention_mask": IDS, "labels": IDS, "images": pa.list_(pa.string())})
TEMPLATES = {"minicpm_v_2_6": "minicpm_v", "agentcpm_gui": "minicpm_v", "glm_4": "glm4"}
MAX_PIXELS = 100_000_000  # no picture is brought to fewer; the default, 768*768, gives views that do not fit their tokens
MIN_PIXELS = 32 * 32  # smaller ones are enlarged, whatever the configuration says


def write(job: Job, split: str, rows: Iterable[Row]) -> Iterator[tuple[Row, Codes]]:
    """Writes a saved data set of the split."""
    folder = job.staging / FOLDERS[split]
    folder.mkdir(parents=True)
    _write_json(folder / "dataset_info.json", {"citation": "", "description": "", "homepage": "", "license": ""})
    state = {"_data_files": [{"filename": ARROW}], "_fingerprint": job.fingerprint(split), "_format_columns": None}
    _write_json(folder / "state.json", state | {"_format_kwargs": {}, "_format_type": None, "_output_all_columns": False, "_split": None})
    with pa.OSFile(str(folder / ARROW), "wb") as file, pa.ipc.new_stream(file, COLUMNS) as stream:
        rest = iter(rows)
        while part := list(islice(rest, ROWS_AT_ONCE)):
            stream.write_batch(pa.RecordBatch.from_pylist([_columns(row, job) for row in part], schema=COLUMNS))
            yield from ((row, codes_of(row, job)) for row in part)


def _columns(row: Row, job: Job) -> dict[str, object]:
    side = max_side(job)
    return {name: row.sample[name] for name in COLUMNS.names[:3]} | {"images": [job.pictures.path_of(image, side) for image in row.images]}


def max_side(job: Job) -> int | None:
    """What AgentCPM-GUI's own code brings pictures to before it slices them. LLaMA-Factory does not, so they are written in that size."""
    return (job.options.get("max_side") or 1120) if job.model == "agentcpm_gui" else None


def codes_of(row: Row, job: Job) -> Codes:
    """Why the views that LLaMA-Factory makes do not fit the tokens of the row, or its loss is not weighted. The tokens themselves are always ours."""
    codes = ["fewer_slices"] if "repair.fewer_slices" in (row.sample["repairs"] or ()) else []
    codes += weight_codes(answer_weights(row))
    side = max_side(job)
    sizes = [(image["width"], image["height"]) for image in row.images]
    if any(width * height < MIN_PIXELS for width, height in (fit_side(size, side) if side else size for size in sizes)):
        codes.append("picture_resized")
    return codes


def count(folder: Path, split: str) -> int:
    with pa.memory_map(str(folder / FOLDERS[split] / ARROW)) as file, pa.ipc.open_stream(file) as stream:
        return sum(batch.num_rows for batch in stream)


def configure(job: Job) -> dict[str, str]:
    evaluation = "do_eval: true\neval_strategy: steps\neval_steps: 500\nper_device_eval_batch_size: 1\n" if job.rows.get("val") else ""
    splits = [name for split, name in (("train", "train"), ("val", "validation")) if job.rows.get(split)]
    return {
        "tokenized/dataset_dict.json": json.dumps({"splits": splits}) + "\n",
        "llamafactory.yaml": f"""\
model_name_or_path: MODEL
template: {TEMPLATES.get(job.model, "default")}
trust_remote_code: true
stage: sft
do_train: true
finetuning_type: lora
lora_target: all
tokenized_path: {job.yaml_path("tokenized")}
dataset: not_used  # the rows come from tokenized_path, but there must be a name
val_size: 0.01  # not used either; without it, evaluation is refused
cutoff_len: {job.longest}
image_max_pixels: {MAX_PIXELS}
remove_unused_columns: false
output_dir: output
per_device_train_batch_size: 1
num_train_epochs: 1
learning_rate: 1.0e-4
bf16: true
report_to: none
{evaluation}""",
    }


def command(job: Job) -> str:
    return f"llamafactory-cli train {job.shell_path('llamafactory.yaml')}"


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
