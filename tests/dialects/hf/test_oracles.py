"""Other implementations as oracles: transformers on hostile conversations, the templates of TRL with their own masks, and PrimeIntellect's renderers."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from pipelines.chat.turns import make_turns
from pipelines.records import IGNORE_INDEX
from tests.dialects.hf.hostile_chats import campaign
from tests.dialects.hf.models import FAMILIES, TEMPLATES, dialect, family_folder, template_text
from tests.dialects.hf.survey import KINDS, conversation, opened, survey

pytestmark = pytest.mark.long


ROOT = Path(__file__).parents[3]
ORACLES = ROOT / "out" / "oracles" / "bin" / "python"
HOSTILE = 2000


def test_trl_templates_give_the_ids_and_the_masks_of_transformers(tmp_path: Path):
    templates = sorted(TEMPLATES.glob("*.jinja"))
    if not templates:
        pytest.skip("the chat templates are not here: `make test` fetches them once")
    wrong = []
    for file in templates:
        for found in survey(opened(file.read_text(encoding="utf-8"), tmp_path / file.stem)):
            if found.outcome == "different" or found.mask is False:
                wrong.append((file.stem, found))
    assert wrong == []


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_conversations_have_the_ids_of_transformers(family: str):
    found, faults = campaign(family_folder(family), HOSTILE)
    print(family, dict(found))
    assert faults == []
    assert found["equal"] > HOSTILE / 3


def test_renderers_in_their_own_environment():
    """Runs the test below where `renderers` is installed."""
    if not ORACLES.is_file():
        pytest.skip("renderers is not installed: `make oracles` installs it into out/oracles")
    command = [str(ORACLES), "-m", "pytest", "-p", "no:cacheprovider", "-m", "long", "-k", "prime_intellect", __file__]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "skipped" in done.stdout) == (0, False), done.stdout


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
    if importlib.util.find_spec("renderers") is None:
        pytest.skip("renderers is not part of this environment, but of out/oracles")
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
