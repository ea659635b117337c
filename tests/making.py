"""Short functions for tests: make a configuration and records, run them, and look at the outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.config import Config, parse_config
from pipelines.local import run_files
from pipelines.records import Conversation, Outcome, Quarantined
from tests.golden import TOKENIZERS, open_case, outcomes

MODELS = {
    "glm_4": "glm4_standin",
    "glm_4v": "glm4_standin",
    "minicpm_v_2": "minicpmv20_standin",
    "minicpm_v_2_5": "minicpmv25_standin",
    "minicpm_v_2_6": "minicpmv26",
    "agentcpm_gui": "minicpmv26",
}


def configuration(*dialects: str, source: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **more: Any) -> Config:
    """A configuration with these dialects. `options` apply to every dialect; `more` are top-level settings."""
    made = [{"name": name, "tokenizer": TOKENIZERS[MODELS[name]], "max_tokens": 8192} | (options or {}) for name in dialects]
    data = {"sources": [{"name": "kit", "path": "logs.jsonl"} | (source or {})], "dialects": made, "output": {"root": "out"}}
    return parse_config(data | more)


def run(record: Any, config: Config | None = None, sizes: dict[str, tuple[int, int]] | None = None) -> list[Outcome]:
    """The outcomes of one record. `sizes` are the (width, height) of its images."""
    return outcomes(record, sizes or {}, open_case(config or configuration()))


def conversation(record: Any, config: Config | None = None, sizes: dict[str, tuple[int, int]] | None = None) -> Conversation:
    first = run(record, config, sizes)[0]
    assert isinstance(first, Conversation), first.findings
    return first


def refusals(record: Any, config: Config | None = None, sizes: dict[str, tuple[int, int]] | None = None) -> list[tuple[str, str]]:
    """(code, place) of every reason why the record is quarantined."""
    first = run(record, config, sizes)[0]
    assert isinstance(first, Quarantined), first
    return [(finding.code, finding.where) for finding in first.findings]


def notes(made: Conversation) -> list[tuple[str, str]]:
    """Without those of the step checks, which have tests of their own: a record that is made for a test often stops in the middle of an episode."""
    return [(finding.code, finding.where) for finding in made.findings if not finding.code.startswith("check.")]


def turns(made: Conversation) -> list[tuple[str, str, str]]:
    return [(message.role, message.metadata, message.content) for message in made.messages]


def write_lines(path: Path, records: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()) + b"\n" for record in records))
    return path


def run_lines(config: Config, path: Path) -> list[Outcome]:
    return list(run_files(open_case(config), [str(path)]))


def asked(question: str = "Hello?", answer: str = "Hello.", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


def called(arguments: Any, **more: Any) -> dict[str, Any]:
    """A record with a call of tool f and its result."""
    calls = [{"id": "1", "function": {"name": "f", "arguments": arguments}}]
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": None, "tool_calls": calls}]
    return {"messages": [*turns, {"role": "tool", "tool_call_id": "1", "content": "4"}], **more}
