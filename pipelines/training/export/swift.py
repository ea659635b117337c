"""Rows as the messages of ms-swift: {"messages", "images", "tools"}. It takes no tokenized rows, and writes every row by a template of its own.

Source: ms-swift 4.6.0 dataset/preprocessor/core.py, template/template_inputs.py.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.training.export.job import Codes, Job
from pipelines.training.export.marks import texts_between
from pipelines.training.export.rows import Message, Row, weight_codes

ROLES = {"observation": "tool_response"}
MARKS = ("<image>", "<video>", "<audio>")  # ms-swift puts media in their place, whoever wrote them


def entry(row: Row, job: Job) -> tuple[dict[str, Any], Codes]:
    """All rows have the same keys, since datasets reads the file as one table. `loss` says which answers are trained."""
    last_answers = _last_run(row.messages) if job.settings.get("loss") == "last_turn" else range(len(row.messages))
    messages = [
        _message(message, i in last_answers and not is_history) for i, (message, is_history) in enumerate(zip(row.messages, row.is_history, strict=True))
    ]
    codes = [
        "other_template",
        *["history"] * row.shows_less,
        *weight_codes(message["loss_weight"] for message in row.messages if message["role"] == "assistant"),
    ]
    if any(mark in message["content"] for message in row.messages for mark in MARKS):
        codes.append("picture_mark")
    return {"messages": messages, "images": [job.pictures.path_of(image) for image in row.pictures], "tools": row.tools or "[]"}, codes


def _message(message: Message, may_train: bool) -> dict[str, Any]:
    content = "<image>".join(texts_between(message["content"], message["image_at"]))
    role = "tool_call" if message["metadata"] else ROLES.get(message["role"], message["role"])
    if role == "tool_call":
        content = f'{{"name": {json.dumps(message["metadata"], ensure_ascii=False)}, "arguments": {content}}}'
    is_trained = message["role"] == "assistant" and message["loss_weight"] != 0 and may_train
    return {"role": role, "content": content, "loss": is_trained}


def _last_run(messages: list[Message]) -> range:
    """The places of the last answers in a row."""
    end = next((i for i in range(len(messages), 0, -1) if messages[i - 1]["role"] == "assistant"), 0)
    start = end
    while start > 0 and messages[start - 1]["role"] == "assistant":
        start -= 1
    return range(start, end)


def configure(job: Job) -> dict[str, str]:
    validation = f"val_dataset: {job.yaml_path('val.jsonl')}\n" if job.rows.get("val") else ""
    return {
        "swift.yaml": f"""\
model: MODEL
dataset: {job.yaml_path("train.jsonl")}
{validation}split_dataset_ratio: 0
tuner_type: lora
max_length: {2 * job.longest}
torch_dtype: bfloat16
num_train_epochs: 1
per_device_train_batch_size: 1
learning_rate: 1e-4
output_dir: output
report_to: none
"""
    }


def command(job: Job) -> str:
    return f"swift sft {job.shell_path('swift.yaml')}"
