"""A dialect's name is free and its model says what is written: rows carry the name, and what a model cannot do names the model."""

from typing import Any

import pytest

from pipelines.config import ConfigError, parse_config
from pipelines.dialects import open_dialect
from pipelines.records import Quarantined, Sample
from tests.golden import TOKENIZERS
from tests.making import asked, configuration, run

QWEN, GLM = TOKENIZERS["minicpmv26"], TOKENIZERS["glm4_standin"]


def named(*dialects: dict[str, Any]):
    return parse_config(
        {"sources": [{"name": "kit", "path": "logs.jsonl"}], "dialects": [{"max_tokens": 8192} | one for one in dialects], "output": {"root": "o"}}
    )


def test_two_dialects_of_one_model_have_separate_rows():
    config = named(
        {"name": "gui-9", "model": "agentcpm_gui", "tokenizer": QWEN},
        {"name": "gui-1", "model": "agentcpm_gui", "tokenizer": QWEN, "options": {"max_slices": 1}},
    )
    record = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]}, {"role": "assistant", "content": "tap"}]}
    rows = [row for row in run(record, config, {"a.png": (1080, 1100)}) if isinstance(row, Sample)]
    assert [(row.dialect, row.tokens.images[0].grid is None) for row in rows] == [("gui-9", False), ("gui-1", True)]


@pytest.mark.parametrize("model", ["minicpm_v_2_6", "agentcpm_gui"])
def test_the_model_alone_decides_the_tokens(model: str):
    (_, row), (_, wanted) = run(asked(), named({"name": "glm_4", "model": model, "tokenizer": QWEN})), run(asked(), configuration(model))
    assert isinstance(row, Sample)
    assert isinstance(wanted, Sample)
    assert row.dialect == "glm_4"
    assert row.tokens.input_ids.tolist() == wanted.tokens.input_ids.tolist()


def test_what_a_model_cannot_take_names_the_model():
    record = {
        "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "tap", "arguments": "{}"}}]}]
    }
    row = run(record, named({"name": "nightly", "model": "minicpm_v_2_6", "tokenizer": QWEN}))[-1]
    assert isinstance(row, Quarantined)
    assert row.dialect == "nightly"
    assert row.findings[0].detail == "minicpm_v_2_6 has no format for tools, and tool_syntax is not set"


def test_errors_are_reported_at_the_dialects_name_and_name_the_model():
    config = named({"name": "nightly", "model": "minicpm_v_2_6", "tokenizer": GLM})
    with pytest.raises(ConfigError) as caught:
        open_dialect(config.dialects[0])
    assert f"dialects: nightly.tokenizer: {GLM} has no special token <|im_start|>, which minicpm_v_2_6 writes" in caught.value.faults


def test_an_unknown_option_is_compared_with_those_of_the_model():
    with pytest.raises(ConfigError) as caught:
        named({"name": "glm_4", "model": "agentcpm_gui", "tokenizer": QWEN, "options": {"max_slice": 2}})
    assert list(caught.value.faults) == ["dialects[0].options.max_slice: unknown key; did you mean max_slices?"]
