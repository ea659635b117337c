"""Other implementations as oracles: the templates of TRL, with their own masks, and PrimeIntellect's renderers. They are not part of this environment."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pipelines.chat.turns import make_turns
from pipelines.records import IGNORE_INDEX
from tests.dialects.hf.models import FAMILIES, dialect, template_text
from tests.dialects.hf.survey import KINDS, conversation, opened, survey

pytestmark = pytest.mark.long


def _folder_of(package: str, *parts: str) -> Path:
    """A folder of an installed package, which is not imported. Skips the test where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed here: pip install {package}")
    return Path(spec.origin).parent.joinpath(*parts)


def test_trl_templates_give_the_ids_and_the_masks_of_transformers(tmp_path: Path):
    templates = sorted(_folder_of("trl", "chat_templates").glob("*.jinja"))
    assert templates
    wrong = []
    for file in templates:
        for found in survey(opened(file.read_text(encoding="utf-8"), tmp_path / file.stem)):
            if found.outcome == "different" or found.mask is False:
                wrong.append((file.stem, found))
    assert wrong == []


def test_the_bundled_templates_give_the_ids_and_the_masks_of_transformers(tmp_path: Path):
    for family in FAMILIES:
        template = template_text(family)
        assert [one for one in survey(opened(template, tmp_path / family)) if one.outcome == "different" or one.mask is False] == []


# Our name of a family -> the renderer's configuration, and the options under which ours does the same. For GLM-4.5 renderers does not train the newline
# after <|assistant|>, which the generation prompt leaves to the model.
RENDERERS = {
    "qwen3": ("Qwen3RendererConfig", {"history_thinking": "train"}),
    "glm4moe": ("GLM45RendererConfig", {"history_thinking": "train", "end_of_turn": "<|endoftext|>"}),
}
OTHERWISE = {("qwen3", "blank edges"), ("glm4moe", "call last")}  # newlines encoded in two parts; R4


@pytest.mark.parametrize("family", RENDERERS)
def test_renderers_of_prime_intellect_write_the_same_ids_and_masks(family: str):
    _folder_of("renderers")
    import renderers
    from transformers import AutoTokenizer

    name, options = RENDERERS[family]
    ours = dialect(family, options=options)
    tokenizer = AutoTokenizer.from_pretrained(ours.folder.path)
    theirs = renderers.create_renderer(tokenizer, getattr(renderers.configs, name)())
    for kind, (turns, tools) in KINDS.items():
        if (family, kind) in OTHERWISE:
            continue
        given = conversation(turns, tools)
        tokens = ours.complete(ours.encode(ours.lay_out(given)))
        messages, shown = ours.writers[tools].inputs(make_turns(given.messages, "all", range(len(turns))), given.tools)
        bare = [{key: value for key, value in message.items() if key != "thinking"} for message in messages]
        sample = renderers.build_training_sample(theirs, bare, tools=shown.values if shown else None, ensure_final_stop=True)
        ids, trained = tokens.input_ids.tolist(), (tokens.labels != IGNORE_INDEX).tolist()
        assert list(sample.token_ids) == ids, kind
        odd = [tokenizer.decode([ids[i]]) for i, mask in enumerate(sample.loss_mask) if bool(mask) != trained[i]]
        assert set(odd) <= ({"\n"} if family == "glm4moe" else set()), kind
