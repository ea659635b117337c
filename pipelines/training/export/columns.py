"""Rows as Parquet of input_ids, attention_mask and labels, for trainers that take tokenized rows: TRL, Hugging Face Trainer, axolotl."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.training.export.job import Codes, Job
from pipelines.training.export.rows import ExportError, Row, answer_weights, weight_codes

IDS = pa.list_(pa.int32())
COLUMNS = pa.schema({"input_ids": IDS, "attention_mask": IDS, "labels": IDS})
ROWS_AT_ONCE = 256


def write(job: Job, split: str, rows: Iterable[Row]) -> Iterator[tuple[Row, Codes]]:
    """Writes `<split>.parquet`. Raises ExportError for a row with a picture: these columns have no pixels."""
    rest = iter(rows)
    with pq.ParquetWriter(job.staging / f"{split}.parquet", COLUMNS, compression="zstd") as file:
        while part := list(islice(rest, ROWS_AT_ONCE)):
            for row in part:
                refuse_pictures(row, job)
            file.write_batch(pa.RecordBatch.from_pylist([{name: row.sample[name] for name in COLUMNS.names} for row in part], schema=COLUMNS))
            yield from ((row, weight_codes(answer_weights(row))) for row in part)


def refuse_pictures(row: Row, job: Job) -> None:
    if row.images:
        raise ExportError(
            f"row {row.sample_id} of dialect {job.dialect} has a picture, and --to {job.to} takes tokens only; "
            f"pixels come from pipelines.training.TrainingSet(root, {job.dialect!r}), which Hugging Face's Trainer takes as train_dataset"
        )


def has_pictures(batches: Iterable[pa.RecordBatch]) -> bool:
    """Whether any row has a picture, from column `images` of table `samples`. Reads no further than the first."""
    return any(len(batch.column("images").flatten()) for batch in batches)


def count(folder: Path, split: str) -> int:
    return pq.ParquetFile(folder / f"{split}.parquet").metadata.num_rows


def trl_files(job: Job) -> dict[str, str]:
    evaluation = ', eval_dataset=rows["val"]' if job.rows.get("val") else ""
    return {
        "train.py": f'''"""One epoch with TRL. MODEL is a folder or a name on the hub."""

import sys
from pathlib import Path

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

here = Path(__file__).parent
rows = load_dataset("parquet", data_files={{path.stem: str(path) for path in here.glob("*.parquet")}})
# Without max_length=None, TRL cuts rows at 1,024 tokens without a message.
arguments = SFTConfig(output_dir="output", max_length=None, packing=False, num_train_epochs=1, per_device_train_batch_size=1, report_to="none")
SFTTrainer(model=sys.argv[1], args=arguments, train_dataset=rows["train"]{evaluation}).train()
'''
    }


def hf_files(job: Job) -> dict[str, str]:
    evaluation = ', eval_dataset=rows["val"]' if job.rows.get("val") else ""
    return {
        "train.py": f'''"""One epoch with Hugging Face's Trainer. MODEL is a folder or a name on the hub."""

import sys
from pathlib import Path

from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments

here = Path(__file__).parent
rows = load_dataset("parquet", data_files={{path.stem: str(path) for path in here.glob("*.parquet")}})
arguments = TrainingArguments(output_dir="output", num_train_epochs=1, per_device_train_batch_size=1, report_to="none")
collate = DataCollatorForSeq2Seq(AutoTokenizer.from_pretrained(sys.argv[1]))
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
Trainer(model=model, args=arguments, data_collator=collate, train_dataset=rows["train"]{evaluation}).train()
'''
    }


def python_command(job: Job) -> str:
    return f"python {job.shell_path('train.py')} MODEL"


def axolotl_files(job: Job) -> dict[str, str]:
    """Source: axolotl 0.19.0 utils/data/wrappers.py (a set with these three columns counts as tokenized), utils/data/utils.py (longer rows are dropped)."""
    test = f"test_datasets:\n  - path: {job.yaml_path('val.parquet')}\n    ds_type: parquet\n    split: train\n    type:\n" if job.rows.get("val") else ""
    return {
        "axolotl.yaml": f"""\
base_model: MODEL
datasets:
  - path: {job.yaml_path("train.parquet")}
    ds_type: parquet
    split: train
    type:
{test}val_set_size: 0
dataset_prepared_path: ./prepared
sequence_len: {job.longest}
excess_length_strategy: raise
sample_packing: false
adapter: lora
lora_r: 8
lora_alpha: 32
lora_target_linear: true
micro_batch_size: 1
gradient_accumulation_steps: 1
num_epochs: 1
learning_rate: 0.0001
optimizer: adamw_torch
output_dir: ./output
"""
    }


def axolotl_command(job: Job) -> str:
    return f"axolotl train {job.shell_path('axolotl.yaml')}"
