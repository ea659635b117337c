"""Rows as the jsonl of GLM-4's finetune.py: {"messages": [...]}.

datasets reads the file as one table and gives every message the keys of all of them, null where it has none: `metadata` is
therefore on every message, and tool definitions are the text that the template makes of them, not a list of JSON schemas.
Source: THUDM/GLM-4 finetune/finetune.py process_batch (combine false) @ f27a106; chat template of glm-4-9b-chat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from pipelines.training.export.job import Codes, Job
from pipelines.training.export.rows import Message, Row, length_codes, loss_codes
from pipelines.training.export.tool_text import in_words, uses_tools

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def entry(row: Row, job: Job) -> tuple[dict[str, Any], Codes]:
    """The row as process_batch takes it, and why its ids or labels there are others than ours under recipe `upstream`."""
    messages, tools, codes = row.messages, row.tools, length_codes(row, job.settings.get("recipe"))
    if syntax := job.settings.get("tool_syntax"):
        codes += ["tool_syntax"] if uses_tools(messages, tools) else []
        messages, tools = in_words(messages, tools, syntax), None
    codes += loss_codes(row, messages, runs_of_answers(messages))
    written = [plain(message) for message in messages]
    if tools:
        # A system turn without text carried the definitions and nothing else; the template leaves it out.
        kept = [message for message in written if message["role"] != "system" or message["content"]]
        written = [{"role": "system", "metadata": "", "content": tools_text(tools)}, *kept]
    if not all(message["content"] for message in written):
        codes.append("empty_turn")
    texts = [text for message in written for text in (message["metadata"], message["content"])]
    if any(map(job.control_tokens.search, texts)):
        codes.append("control_token")
    return {"messages": written}, codes + date_codes(written)


def date_codes(messages: Sequence[Mapping[str, Any]]) -> Codes:
    """pyarrow reads texts as timestamps where all of a file are such; content 2024-01-01 comes back as 2024-01-01 00:00:00."""
    return ["read_as_date"] if all(_DATE.match(message["content"]) for message in messages) else []


def plain(message: Message) -> dict[str, str]:
    return {"role": message["role"], "metadata": message["metadata"] or "", "content": message["content"]}


def runs_of_answers(messages: list[Message]) -> int:
    """How many stretches are trained: an answer's end is the next header, so that answers in a row are one."""
    return sum(is_answer for is_answer, _ in groupby(message["role"] == "assistant" for message in messages))


def tools_text(tools: str) -> str:
    """What the template writes after `<|system|>` and a newline for these definitions."""
    return _LEAD + "".join(f"\n## {tool['function']['name']}\n\n{_indented(tool['function'])}{_TRAIL}" for tool in json.loads(tools))


def _indented(function: dict[str, Any]) -> str:
    return json.dumps(function, indent=4, ensure_ascii=False)


def configure(job: Job) -> dict[str, str]:
    """lora.yaml as in their configs/, with `combine: false` (else only the last answer is trained, one token short) and without deepspeed."""
    files = "".join(f"  {name}_file: {split}.jsonl\n" for name, split in (("train", "train"), ("val", "val"), ("test", "test")) if job.rows.get(split))
    evaluation = "  do_eval: true\n  eval_strategy: steps\n  eval_steps: 500\n" if job.rows.get("val") else "  do_eval: false\n  eval_strategy: 'no'\n"
    answer = max(job.longest_answer, 1)
    text = f"""\
data_config:
{files}  num_proc: 1
combine: false
freezeV: true
max_input_length: {job.longest}
max_output_length: {answer}
swanlab: disabled
training_args:
  output_dir: ./output
  num_train_epochs: 1
  learning_rate: 5e-4
  per_device_train_batch_size: 1
  per_device_eval_batch_size: 1
  dataloader_num_workers: 4
  remove_unused_columns: false
  save_strategy: epoch
  logging_strategy: steps
  logging_steps: 10
{evaluation}  predict_with_generate: true
  report_to: none
  generation_config:
    max_new_tokens: {answer}
peft_config:
  peft_type: LORA
  task_type: CAUSAL_LM
  r: 8
  lora_alpha: 32
  lora_dropout: 0.1
  target_modules: {"['query_key_value']" if job.model == "glm_4v" else "['q_proj', 'k_proj', 'v_proj']"}
"""
    return {"lora.yaml": text}


def command(job: Job) -> str:
    script = "finetune_vision.py" if job.model == "glm_4v" else "finetune.py"
    return f"python {script} {job.shell_path('')} MODEL {job.shell_path('lora.yaml')}"
