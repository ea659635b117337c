"""Where a vocabulary has the tags of a tool syntax as control tokens, the syntax writes these, and data that spells them stays text."""

import json
from collections.abc import Callable
from functools import cache

import pytest
from tokenizers import Tokenizer

from pipelines.records import IGNORE_INDEX, Sample
from pipelines.tokenizers import open_vocabulary
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6
from tests.golden import TOKENIZERS, open_case
from tests.making import MODELS, configuration, run

TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
SPELLED = " ".join(TAGS)
RECORD = {
    "messages": [
        {"role": "user", "content": f"Say {SPELLED}"},
        {"role": "assistant", "content": SPELLED, "tool_calls": [{"id": i, "function": {"name": "look", "arguments": {"at": SPELLED}}} for i in "ab"]},
        {"role": "tool", "tool_call_id": "a", "content": SPELLED},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "assistant", "content": "Done."},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "description": SPELLED, "parameters": {"type": "object", "properties": {}}}}],
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def with_tags(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Makes the folder of a tokenizer with the tags added to it, as Qwen3 has them: not marked special. Once for the models that share it."""

    @cache
    def folder(name: str) -> str:
        parts = json.loads(open_vocabulary(TOKENIZERS[name], GLM_4 if "glm" in name else MINICPM_V_2_6, "here").path.read_bytes())
        first = 1 + max([*parts["model"]["vocab"].values(), *(token["id"] for token in parts["added_tokens"])])
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        parts["added_tokens"] += [{"id": first + i, "content": tag, **flags} for i, tag in enumerate(TAGS)]
        made = tmp_path_factory.mktemp(name)
        (made / "tokenizer.json").write_text(json.dumps(parts))
        return str(made)

    return folder


@pytest.fixture
def tokenizer(model: str, with_tags: Callable[[str], str]) -> str:
    return with_tags(MODELS[model])


def test_the_syntax_writes_control_tokens_and_data_does_not(model: str, tokenizer: str):
    record = RECORD if model != "minicpm_v_2" else {"messages": RECORD["messages"]}  # that one has no place for a system turn
    options = {"tool_syntax": "hermes", "recipe": "sound"}
    config = configuration(model, options=options | {"tokenizer": tokenizer})
    (_, row), (_, plain) = run(record, config), run(record, configuration(model, options=options))
    assert isinstance(row, Sample), row
    assert isinstance(plain, Sample)
    vocabulary = open_case(config).dialects[0].vocabulary
    ids, labels = row.tokens.input_ids.tolist(), row.tokens.labels.tolist()
    in_definitions = [2, 2, 0, 0] if "tools" in record else [0] * 4
    assert [ids.count(vocabulary.specials[tag]) for tag in TAGS] == [2 + count for count in in_definitions]
    assert [labels.count(vocabulary.specials[tag]) for tag in TAGS] == [2, 2, 0, 0]
    assert len(ids) < len(plain.tokens.input_ids)
    if model != "minicpm_v_2":  # its tokenizer puts a blank before every text between control tokens
        assert vocabulary.decode(ids) == vocabulary.decode(plain.tokens.input_ids)
        trained = [vocabulary.decode([i for i in made.tokens.labels.tolist() if i != IGNORE_INDEX]) for made in (row, plain)]
        assert trained[0] == trained[1]


@pytest.mark.parametrize("model", ["minicpm_v_2_6", "agentcpm_gui"], indirect=True)
def test_a_row_is_what_hugging_face_makes_of_the_rendered_text(model: str, tokenizer: str):
    record = json.loads(json.dumps(RECORD).replace(SPELLED, "the screen"))
    config = configuration(model, options={"tool_syntax": "hermes", "tokenizer": tokenizer})
    row = run(record, config)[-1]
    assert isinstance(row, Sample), row
    text = open_case(config).dialects[0].vocabulary.decode(row.tokens.input_ids)
    assert Tokenizer.from_file(f"{tokenizer}/tokenizer.json").encode(text, add_special_tokens=False).ids == row.tokens.input_ids.tolist()
    assert text.count("<tool_call>\n{") == 3
