"""Rows as the JSON of MiniCPM-V's and AgentCPM-GUI's fine-tuning scripts: {id, image, conversations}.

Source: OpenBMB/MiniCPM-V finetune/dataset.py @ 0dbb566; OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50.
"""

from __future__ import annotations

from typing import Any

from pipelines.training.export.job import Codes, Job
from pipelines.training.export.marks import NUMBERED, with_numbered_marks, with_plain_mark
from pipelines.training.export.rows import Message, Row, length_codes, loss_codes, pictures_of
from pipelines.training.export.tool_text import in_words

LLM_TYPES = {"minicpm_v_2": "minicpm", "minicpm_v_2_5": "llama3", "minicpm_v_2_6": "qwen", "agentcpm_gui": "qwen"}
THINK_BLOCK = "<think>\n\n</think>\n\n"


def entry(row: Row, job: Job) -> tuple[dict[str, Any], Codes]:
    """The row as their loader takes it, and why its ids or labels there are others than ours under recipe `upstream`."""
    is_agent = job.model == "agentcpm_gui"
    messages = in_words(row.messages, row.tools, job.settings.get("tool_syntax"))
    codes = length_codes(row, job.settings.get("recipe")) + loss_codes(row, messages, sum(message["role"] == "assistant" for message in messages))
    if not is_agent:
        messages, moved = with_system_moved(messages)
        codes += moved
    codes += _role_codes(messages, is_agent) + _text_codes(messages, job)
    paths = [job.pictures.path_of(image) for image in row.pictures]
    image, contents, mark_codes = _placed(messages, paths, job)
    conversations = [{"role": message["role"], "content": content} for message, content in zip(messages, contents, strict=True)]
    return {"id": row.sample_id, "image": image, "conversations": conversations}, codes + mark_codes


def with_system_moved(messages: list[Message]) -> tuple[list[Message], Codes]:
    """The turns with the text of a first system turn in front of the question that follows it."""
    if len(messages) < 2 or messages[0]["role"] != "system" or messages[1]["role"] != "user":
        return messages, []
    system, question, *rest = messages
    lead = f"{system['content']}\n\n" if system["content"] else ""
    image_at = [len(lead) + offset for offset in question["image_at"] or ()]
    return [question | {"content": lead + question["content"], "image_at": image_at}, *rest], ["system_moved"]


def _placed(messages: list[Message], paths: list[str], job: Job) -> tuple[str | dict[str, str], list[str], Codes]:
    """(value of `image`, texts with marks, codes). One picture in a first turn by the user is a plain path, which adds no newlines."""
    if len(paths) == 1 and messages[0]["image_at"] and messages[0]["role"] == "user":
        return paths[0], [with_plain_mark(message) for message in messages], []
    contents, codes, number = [], [], 0
    for message in messages:
        content, is_same = with_numbered_marks(message, number, is_trimmed=job.model == "minicpm_v_2_5")
        contents.append(content)
        codes += [] if is_same else ["mark_newline"]
        codes += ["picture_mark"] if NUMBERED.search(message["content"]) else []
        number += pictures_of([message])
    return {f"<image_{i:02d}>": path for i, path in enumerate(paths)}, contents, codes


def _role_codes(messages: list[Message], is_agent: bool) -> Codes:
    codes = ["one_turn"] if len(messages) < 2 else []
    known = {"system", "user", "assistant"} if is_agent else {"user", "assistant"}
    if any(message["role"] not in known for message in messages) or (not is_agent and messages[0]["role"] != "user"):
        codes.append("role_refused")
    return codes


def _text_codes(messages: list[Message], job: Job) -> Codes:
    texts = [message["content"] for message in messages]
    codes = ["control_token"] if any(map(job.control_tokens.search, texts)) else []
    if job.model in ("minicpm_v_2_5", "minicpm_v_2_6") and any(message["role"] == "assistant" and not message["content"].strip() for message in messages):
        codes.append("blank_answer")
    if job.model == "minicpm_v_2_6" and any(THINK_BLOCK in text for text in texts):
        codes.append("think_block")
    return codes


def command(job: Job) -> str:
    """The command line of their script, without deepspeed. No row is cut: a system turn that was moved adds a few tokens to the longest."""
    options = [
        "--model_name_or_path MODEL",
        f"--llm_type {LLM_TYPES[job.model]}",
        f"--data_path {job.shell_path('train.json')}",
        f"--max_slice_nums {job.options.get('max_slices', 9)}",
        f"--model_max_length {job.longest + 64}",
        "--remove_unused_columns false --label_names labels --prediction_loss_only false --do_train --bf16 true",
        "--per_device_train_batch_size 1 --gradient_checkpointing true --learning_rate 1e-6 --num_train_epochs 1 --output_dir output",
    ]
    if job.rows.get("val"):
        options.append(f"--eval_data_path {job.shell_path('val.json')} --do_eval --eval_strategy steps --eval_steps 500")
    if job.model == "agentcpm_gui":
        options.append(f"--max_line_res {job.options.get('max_side', 1120)}")
    return "torchrun --nproc_per_node 1 finetune.py \\\n  " + " \\\n  ".join(options)
