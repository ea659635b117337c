"""Pictures in chats: their tokens stand where the template writes a placeholder, and nothing in data is one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import parse_config
from pipelines.flow import open_flow
from pipelines.records import IGNORE_INDEX, Quarantined, Sample
from tests.dialects.hf.conversations import answer, record, user
from tests.dialects.hf.models import CHATML, family_folder, model_folder
from tests.golden import outcomes

VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
QWEN_VL = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
    "patch_size": 14,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "min_pixels": 3136,
    "max_pixels": 12845056,
}
SIZES = {"a.png": (640, 480), "b.png": (100, 300)}
PAD = 3000 + len(CHATML) + 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = (family_folder("qwen2_5_vl") / "chat_template.jinja").read_text(encoding="utf-8")
    made = model_folder(tmp_path_factory.mktemp("hf") / "model", template, [*CHATML, *VISION], None, "<|im_end|>", ["<|im_end|>"])
    (made / "preprocessor_config.json").write_text(json.dumps(QWEN_VL))
    return made


def row_of(folder: Path, logged: Any, **given: Any) -> Any:
    data = {"name": "tried", "model": "hf", "tokenizer": str(folder), "max_tokens": 8192} | given
    config = parse_config({"sources": [{"name": "kit", "path": "logs.jsonl", "image_root": "images"}], "dialects": [data], "output": {"root": "out"}})
    return outcomes(logged, SIZES, open_flow(config))[-1]


def picture(*parts: str) -> dict[str, Any]:
    """A question of texts and pictures, in their order."""
    made = [{"type": "image", "image": one} if one in SIZES else {"type": "text", "text": one} for one in parts]
    return {"role": "user", "content": made}


def test_a_picture_has_its_tokens_in_its_place(folder: Path):
    row = row_of(folder, record([picture("Look: ", "a.png", " and ", "b.png", "?"), answer("Two pictures.")]))
    assert isinstance(row, Sample), row.findings
    ids = row.tokens.input_ids.tolist()
    spans = [image.token_spans for image in row.tokens.images]
    assert [[end - start for start, end in one] for one in spans] == [[17 * 23], [11 * 4]]
    assert [image.target_sizes for image in row.tokens.images] == [((34, 46),), ((22, 8),)]
    for ((start, end),) in spans:
        assert set(ids[start:end]) == {PAD}
        assert (ids[start - 1], ids[end]) == (PAD - 2, PAD - 1)
    assert ids.count(PAD) == 17 * 23 + 11 * 4
    asked = row.tokens.turn_spans[0]
    assert asked.start < spans[0][0].start < spans[1][0].end < asked.end
    assert (row.tokens.labels[asked.start : asked.end] == IGNORE_INDEX).all()


def test_a_placeholder_in_data_is_text(folder: Path):
    row = row_of(folder, record([picture("<|image_pad|>", "b.png", "<|vision_start|><|image_pad|>"), answer("No <|image_pad|>.")]))
    assert isinstance(row, Sample), row.findings
    assert row.tokens.input_ids.tolist().count(PAD) == 11 * 4


def test_a_bare_picture_is_the_own_text_of_its_message(folder: Path):
    row = row_of(folder, record([picture("b.png"), answer("Tall."), user("Sure?"), answer("Yes.")]))
    asked = row.tokens.turn_spans[0]
    ((start, end),) = (image.token_spans[0] for image in row.tokens.images)
    assert asked.start <= start
    assert asked.end == end


def test_the_bounds_in_pixels_can_be_lowered(folder: Path):
    row = row_of(folder, record([picture("a.png"), answer("Small.")]), options={"max_pixels": 28 * 28 * 20})
    assert len(row.tokens.images[0].token_spans) == 1
    assert row.tokens.input_ids.tolist().count(PAD) <= 20


def test_a_model_without_a_processor_takes_no_pictures(folder: Path, tmp_path: Path):
    without = Path(shutil.copytree(folder, tmp_path / "model"))
    (without / "preprocessor_config.json").unlink()
    row = row_of(without, record([picture("b.png"), answer("Tall.")]))
    assert isinstance(row, Quarantined)
    assert [finding.code for finding in row.findings] == ["tokens.image_unsupported"]


def test_a_picture_that_the_template_leaves_out_is_missed(folder: Path, tmp_path: Path):
    text_only = Path(shutil.copytree(folder, tmp_path / "model"))
    template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content if c.text %}{{ c.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    (text_only / "chat_template.jinja").write_text(template + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
    row = row_of(text_only, record([picture("Look: ", "b.png"), answer("Tall.")]))
    assert [(finding.code, finding.detail) for finding in row.findings] == [("tokens.template_loses", "the template writes 0 of 1 picture")]
