"""What a template gets as the log has it: results in their order, and reasoning in its field or in the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pipelines.dialects.hf.order import as_logged
from pipelines.dialects.overflow import Work
from pipelines.records import Answered, Image, Message, Sample
from tests.dialects.hf.conversations import PARIS, ROME, TOOLS, answer, calls, record, result, user
from tests.dialects.hf.models import dialect, rows
from tests.dialects.hf.test_ids import ids_of, ids_of_transformers, same
from tests.dialects.hf.test_laws import PROMPT, row_of

SWAPPED = [user("Both?"), calls(PARIS, ROME), result("25", 2), result("21"), answer("21 and 25.")]
# It writes the ids of calls and results, as Kimi's and Mistral's templates do.
WITH_IDS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'tool' %}{{ m.tool_call_id }} {{ m.name }} {% endif %}{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.id }} {{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}<|im_end|>\n{% endfor %}" + PROMPT
)


def text_of(home: Path, row: Any) -> str:
    assert isinstance(row, Sample), row
    return Tokenizer.from_file(str(next(home.rglob("tokenizer.json")))).decode(row.tokens.input_ids.tolist(), skip_special_tokens=False)


@pytest.mark.parametrize("family", ["qwen3", "qwen2_5", "glm4moe"])
def test_results_stand_in_the_order_of_the_log(family: str):
    *_, row = rows(family, record(SWAPPED, TOOLS))
    assert same(family, ids_of(row), ids_of_transformers(family, SWAPPED, TOOLS))
    assert [(span.message, span.role) for span in row.tokens.turn_spans] == [
        (0, "user"),
        (1, "assistant"),
        (4, "observation"),
        (3, "observation"),
        (5, "assistant"),
    ]


@pytest.mark.parametrize(
    ("results", "written"),
    [
        ([result("25", 2), result("21")], ["call00002 get_weather 25", "call00001 get_weather 21"]),
        ([result("25", 2)], ["call00002 get_weather 25"]),  # the first call has no result
        ([result("21"), result("25", 2)], ["call00001 get_weather 21", "call00002 get_weather 25"]),
    ],
)
def test_a_result_has_the_id_of_its_call(tmp_path: Path, results: list[Any], written: list[str]):
    row = row_of(WITH_IDS, tmp_path, record([user("Both?"), calls(PARIS, ROME), *results, answer("Done.")], TOOLS))
    found = text_of(tmp_path, row).split("<|im_start|>tool\n")[1:]
    assert [one.partition("<|im_end|>")[0] for one in found] == written


def test_a_result_has_the_id_of_its_call_beside_a_call_that_is_not_trained(tmp_path: Path):
    messages = [user("Both?"), calls(PARIS) | {"loss_weight": 0}, calls(ROME, first=2), result("21"), result("25", 2), answer("Done.")]
    found = text_of(tmp_path, row_of(WITH_IDS, tmp_path, record(messages, TOOLS))).split("<|im_start|>tool\n")[1:]
    assert [one[:9] for one in found] == ["call00001", "call00002"]


def test_a_tool_syntax_keeps_the_order_of_the_calls(tmp_path: Path):
    template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" + PROMPT
    text = text_of(tmp_path, row_of(template, tmp_path, record(SWAPPED, TOOLS), tool_syntax="hermes"))
    assert text.index("<tool_response>\n21") < text.index("<tool_response>\n25")


def test_images_of_results_move_with_them():
    images = tuple(Image(f"{name}.png", "0", "PNG", 9, 9) for name in "qab")
    messages = (
        Message("user", "", image_at=(0,)),
        Message("observation", "a", image_at=(1,), answered=Answered(0, 1)),
        Message("observation", "b", image_at=(1,), answered=Answered(1, 0)),
    )
    moved = as_logged(Work(messages, images, (0, 0, 0), (0, 1, 2)))
    assert ([image.uri for image in moved.images], moved.places) == (["q.png", "b.png", "a.png"], (0, 2, 1))


INLINE = [user("6 times 7?"), answer("<think>Six sevens.</think>It is 42."), user("And 8?"), answer("<think>Six eights.</think>48.")]


@pytest.mark.parametrize("family", ["qwen3", "qwen3_training", "glm4moe"])
def test_reasoning_in_a_text_stays_there_if_the_template_finds_it_itself(family: str):
    *_, row = rows(family, record(INLINE))
    assert same(family, ids_of(row), ids_of_transformers(family, INLINE, None))


def test_reasoning_in_a_text_is_the_reasoning_of_the_answer():
    """Its tags are control tokens, as the template writes them, and the last answer is trained with it."""
    close = dialect("qwen3").encoder.ids_of["</think>"]
    fields = [user("6 times 7?"), answer("It is 42.", reasoning_content="Six sevens."), user("And 8?"), answer("48.", reasoning_content="Six eights.")]
    lines = [answer(f"<think>\n{one['reasoning_content']}\n</think>\n\n{one['content']}") if "reasoning_content" in one else one for one in fields]
    for messages in (INLINE, fields, lines):
        *_, row = rows("qwen3", record(messages))
        assert isinstance(row, Sample)
        assert [finding.code for finding in row.tokens.findings] == ["tokens.thinking_left_out"]
        assert (row.tokens.labels == close).sum() == 1
    assert ids_of(rows("qwen3", record(lines))[-1]) == ids_of_transformers("qwen3", fields, None)


@pytest.mark.parametrize("thought", ["Six <b>sevens</b>.\n", "a</thi", "  spaced  ", "\n\nlines\n\n"])
def test_reasoning_of_a_field_reaches_the_template_as_it_is(thought: str):
    messages = [user("6 times 7?"), answer("It is 42.", reasoning_content=thought)]
    *_, row = rows("qwen3", record(messages))
    assert ids_of(row) == ids_of_transformers("qwen3", messages, None)
