"""The five errors that README.md promises to avoid, each with a record that makes the upstream trainer fail."""

import json
from typing import Any

import pytest

from pipelines.config import parse_config
from pipelines.records import IGNORE_INDEX, Conversation, Outcome, Quarantined, Sample
from pipelines.tables.schema import SAMPLES, array_of, row_of
from tests.golden import open_case, outcomes

PHONE = {"home.png": (1080, 2400)}


def run(record: dict[str, Any], dialect: str = "agentcpm_gui", sizes=PHONE, **settings: Any) -> list[Outcome]:
    tokenizer = "glm_4_standin" if dialect.startswith("glm") else "minicpm_v_2_6"
    source = {"name": "kit", "path": "logs.jsonl"}
    made = {"name": dialect, "tokenizer": tokenizer, "max_tokens": 4096, **settings}
    return outcomes(record, sizes, open_case(parse_config({"sources": [source], "dialects": [made], "output": {"root": "out"}})))


def tokens(*args: Any, **kwargs: Any) -> Sample:
    conversation, sample = run(*args, **kwargs)
    assert isinstance(conversation, Conversation)
    assert isinstance(sample, Sample), sample
    return sample


def decoded(sample: Sample) -> str:
    dialect = open_case(
        parse_config(
            {
                "sources": [{"name": "kit", "path": "x"}],
                "dialects": [{"name": "minicpm_v_2_6", "tokenizer": "minicpm_v_2_6", "max_tokens": 1}],
                "output": {"root": "o"},
            }
        )
    ).dialects[0]
    return dialect.vocabulary.decode(sample.tokens.input_ids)


AGENTCPM_README_EXAMPLE = {
    "id": "0",
    "image": "home.png",
    "conversations": [
        {"role": "system", "content": "You operate a phone."},
        {"role": "user", "content": "<Question>Open the mail.</Question>\nScreenshot: <image>"},
        {"role": "assistant", "content": '{"thought": "the icon below", "POINT": [480, 900]}'},
    ],
}


def test_1_agentcpm_image_start_token_equals_image_end_tokens():
    """`image start token != image end tokens`: upstream puts an image given as a plain path into the system turn, and its mark stays in the text."""
    sample = tokens(AGENTCPM_README_EXAMPLE)
    text = decoded(sample)
    assert text.count("<image>") == text.count("</image>") == 1
    assert text.count("<slice>") == text.count("</slice>") == 2
    assert text.index("<|im_start|>user") < text.index("<image>") < text.index("<|im_start|>assistant")
    (image,) = sample.tokens.images
    # 1080x2400 px is first resized to 504x1120, to fit 1120 px, and then sliced.
    assert (image.grid, len(image.token_spans)) == ((1, 2), 3)
    assert (image.image.width, image.image.height) == (1080, 2400)


def test_1_a_row_that_max_tokens_would_cut_inside_an_image_is_quarantined():
    """The same error, `(4,3)`, has a second cause: upstream cuts the row in the middle of a slice."""
    whole = len(tokens(AGENTCPM_README_EXAMPLE).tokens.input_ids)
    assert len(tokens(AGENTCPM_README_EXAMPLE, max_tokens=whole).tokens.input_ids) == whole
    for most in range(40, whole, 7):
        _, row = run(AGENTCPM_README_EXAMPLE, max_tokens=most)
        assert isinstance(row, Quarantined)
        assert row.findings[0].code == "tokens.too_long"
        assert f"{whole} tokens" in row.findings[0].detail


@pytest.mark.parametrize(
    ("question", "images"),
    [("<image><image> Compare.", ["home.png"]), ("<image> Compare.", ["home.png", "home.png"]), ("Compare.", ["home.png", "home.png"])],
)
def test_2_llamafactory_another_number_of_images_than_of_tags_is_quarantined(question: str, images: list[str]):
    """`The number of images does not match the number of <image> tokens`: one such row stops the whole data set."""
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": "Fine."}]
    (row,) = run({"conversations": turns, "images": images})
    assert isinstance(row, Quarantined)
    finding = row.findings[0]
    assert finding.code == "image.count_mismatch"
    assert str(question.count("<image>")) in finding.detail
    assert str(len(images)) in finding.detail


def test_2_llamafactory_a_single_image_without_a_tag_goes_before_the_first_question():
    turns = [{"from": "human", "value": "What is this?"}, {"from": "gpt", "value": "A phone."}]
    conversation, sample = run({"conversations": turns, "images": ["home.png"]})
    assert conversation.messages[0].image_at == (0,)
    assert [finding.code for finding in conversation.findings] == ["repair.placeholder_added"]
    assert len(sample.tokens.images) == 1


def test_3_glm_4v_val_rows_have_the_fields_of_train_rows():
    """`KeyError: 'labels'` in validation. Here the columns of a row do not depend on its split, its dialect or its content."""
    with_image = {
        "messages": [{"role": "user", "content": "Look.", "image": "home.png"}, {"role": "assistant", "content": "A phone."}],
    }
    without = {"messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hello!"}]}
    kinds = set()
    for split in ("train", "val", "test"):
        fractions = {"train": 0.0, "val": 0.0, "test": 0.0, split: 1.0}
        config = parse_config({"sources": [{"name": "kit", "path": "x"}], "split": {"fractions": fractions}, "output": {"root": "out"}})
        for record in (with_image, without):
            for dialect in ("glm_4v", "minicpm_v_2_6"):
                table, row = row_of(tokens(record, dialect), "batch", "run", config.split)
                assert (table, row["split"]) == ("samples", split)
                assert row["labels"].size == row["input_ids"].size > 0
                column = array_of([row], SAMPLES)
                kinds.add((tuple(row), str(column.type)))
                assert column[0].as_py()["images"] is not None
    assert len(kinds) == 1


def test_4_a_call_logged_as_text_becomes_metadata_and_content():
    """GLM-4 writes a call as `<|assistant|>name\\n{arguments}`. Trained on the logged text, it would never call a tool."""
    call = '{"name": "get_weather", "arguments": {"city": "Oslo", "price": 2.50}}'
    turns = [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": call}]
    turns += [{"role": "observation", "content": "4 degrees"}, {"role": "assistant", "content": "It is 4 degrees."}]
    sample = tokens({"messages": turns}, "glm_4")
    message = sample.conversation.messages[1]
    assert (message.role, message.metadata, message.content) == ("assistant", "get_weather", '{"city": "Oslo", "price": 2.50}')
    assert [finding.code for finding in sample.conversation.findings] == ["repair.tool_call_extracted"]
    logged_as_call = [turns[0], {"role": "assistant", "metadata": "get_weather", "content": message.content}, *turns[2:]]
    assert list(tokens({"messages": logged_as_call}, "glm_4").tokens.input_ids) == list(sample.tokens.input_ids)


@pytest.mark.parametrize("dialect", ["minicpm_v_2_6", "agentcpm_gui"])
@pytest.mark.parametrize("size", [(448, 448), (449, 448), (1080, 2400), (2400, 1080), (1920, 1080), (633, 633), (1185, 1185), (4000, 30)])
def test_5_minicpm_start_and_end_counts_are_equal_for_images_over_448_px(dialect: str, size: tuple[int, int]):
    """`torch.hstack` of the starts and ends of image bounds fails if their numbers differ."""
    record = json.loads(json.dumps(AGENTCPM_README_EXAMPLE).replace("You operate a phone.", "Look."))
    sample = tokens(record, dialect, {"home.png": size})
    ids = list(sample.tokens.input_ids)
    specials = {"<image>": 151646, "</image>": 151647, "<slice>": 151656, "</slice>": 151657}
    (image,) = sample.tokens.images
    views = 1 + (image.grid.columns * image.grid.rows if image.grid else 0)
    assert ids.count(specials["<image>"]) == ids.count(specials["</image>"]) == 1
    assert ids.count(specials["<slice>"]) == ids.count(specials["</slice>"]) == views - 1
    assert len(image.token_spans) == len(image.target_sizes) == views
    assert all(end - start == 64 for start, end in image.token_spans)
    assert all(sample.tokens.labels[i] == IGNORE_INDEX for start, end in image.token_spans for i in range(start, end))
