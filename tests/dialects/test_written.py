"""What each model's row says, from its first token to its last. «…» is trained; `<unk>*64` are 64 placeholders of one view of an image."""

from itertools import groupby
from typing import Any

import pytest

from pipelines.records import IGNORE_INDEX, Sample
from tests.golden import open_case
from tests.making import configuration, run

SIZES = {"small.png": (300, 300), "wide.png": (900, 450)}


def written(dialect: str, *turns: tuple[str, str], **options: Any) -> str:
    """Of turns as (role, content), with <image> for small.png and then wide.png."""
    text = "".join(content for _, content in turns)
    images = {"images": [*SIZES][: text.count("<image>")]} if "<image>" in text else {}
    config = configuration(dialect, options=options)
    row = run({"messages": [{"role": role, "content": content} for role, content in turns], **images}, config, SIZES)[-1]
    assert isinstance(row, Sample), row
    vocabulary = open_case(config).dialects[0].vocabulary
    names = {number: name for name, number in vocabulary.specials.items()}
    parts = []
    pairs = list(zip(row.tokens.input_ids.tolist(), row.tokens.labels.tolist(), strict=True))
    for (is_trained, name), group in groupby(pairs, key=lambda pair: (pair[1] != IGNORE_INDEX, names.get(pair[0]))):
        ids = [number for number, _ in group]
        said = vocabulary.decode(ids) if name is None else f"{name}*{len(ids)}" if len(ids) > 1 else name
        parts.append(f"«{said}»" if is_trained else said)
    return "".join(parts).replace("»«", "")


ASKED = (("user", "Q"), ("assistant", "A"))


@pytest.mark.parametrize(
    ("dialect", "turns", "row"),
    [
        ("glm_4", ASKED, "[gMASK]<sop><|user|>\nQ<|assistant|>«\nA<|user|>»"),
        ("glm_4", (*ASKED, *ASKED), "[gMASK]<sop><|user|>\nQ<|assistant|>«\nA<|user|>»\nQ<|assistant|>«\nA<|user|>»"),
        ("glm_4", (("user", "!"), ("assistant", "!")), "[gMASK]<sop><|user|>\n!<|assistant|>«\n!<|user|>»"),  # the token with the id 0
        ("glm_4", (("system", "S"), *ASKED), "[gMASK]<sop><|system|>\nS<|user|>\nQ<|assistant|>«\nA<|user|>»"),
        (
            "glm_4v",
            (("user", "<image>Q"), ("assistant", "A")),
            "[gMASK]<sop><|user|>\n<|begin_of_image|><|endoftext|><|end_of_image|>Q<|assistant|>«\nA<|user|>»",
        ),
        (
            "glm_4v",
            (("user", "Q<image>"), ("assistant", "A"), *ASKED),
            "[gMASK]<sop><|user|>\nQ<|begin_of_image|><|endoftext|><|end_of_image|><|assistant|>«\nA<|user|>»\nQ<|assistant|>«\nA<|user|>»",
        ),
        ("minicpm_v_2", ASKED, "<用户> Q <AI>«A</s>»"),
        (
            "minicpm_v_2",
            (("user", "<image>Q"), ("assistant", "A"), ("user", "<image>"), ("assistant", "B")),
            "<用户><image><unk>*64</image>Q <AI>«A»<用户><image><unk>*64</image><slice><image><unk>*64</image><image><unk>*64</image></slice><AI>«B</s>»",
        ),
        (
            "minicpm_v_2_5",
            ASKED,
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«A<|eot_id|>»",
        ),
        (
            "minicpm_v_2_5",
            (("system", "S"), ("user", " Q "), ("assistant", "A\n")),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«A<|eot_id|>»",
        ),
        (
            "minicpm_v_2_5",
            (("user", " <image> Q <image> "), ("assistant", "A")),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<image><unk>*64</image> Q <image><unk>*64</image><slice><image><unk>*64</image><image><unk>*64</image></slice><|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«A<|eot_id|>»",
        ),
        (
            "minicpm_v_2_5",
            (("user", "Q\n<image>"), ("assistant", "A")),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nQ\n<image><unk>*64</image><|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«A<|eot_id|>»",
        ),
        (
            "minicpm_v_2_6",
            ASKED,
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n«A<|im_end|>»\n",
        ),
        ("minicpm_v_2_6", (("system", "S"), *ASKED), "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n«A<|im_end|>»\n"),
        (
            "minicpm_v_2_6",
            (("user", "<image>Q<image>"), ("assistant", "A")),
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image_id>0</image_id><image><unk>*64</image>Q<image_id>1</image_id><image><unk>*64</image><slice><unk>*64</slice><slice><unk>*64</slice><|im_end|>\n<|im_start|>assistant\n«A<|im_end|>»\n",
        ),
        (
            "agentcpm_gui",
            ASKED,
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant«\nA<|im_end|>»\n",
        ),
        (
            "agentcpm_gui",
            (("user", "<image>Q<image>"), ("assistant", "A"), ("system", "S"), *ASKED),
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image_id>0</image_id><image><unk>*64</image>Q<image_id>1</image_id><image><unk>*64</image><slice><unk>*64</slice><slice><unk>*64</slice><|im_end|>\n<|im_start|>assistant«\nA<|im_end|>»\n<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant«\nA<|im_end|>»\n",
        ),
    ],
)
def test_a_row_is_written_as_expected_from_the_first_token_to_the_last(dialect: str, turns: tuple[tuple[str, str], ...], row: str):
    assert written(dialect, *turns) == row


@pytest.mark.parametrize(
    ("dialect", "row"),
    [
        ("glm_4", "[gMASK]<sop><|user|>\nQ<|assistant|>«\nA<|user|>»"),
        ("glm_4v", "[gMASK]<sop><|user|>\n<|begin_of_image|><|endoftext|><|end_of_image|>Q«<|assistant|>\nA»<|user|>"),
        ("minicpm_v_2", "<用户><image><unk>*64</image>Q <AI>«A</s>»"),
        (
            "minicpm_v_2_5",
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n<image><unk>*64</image>Q<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n«A<|eot_id|>»",
        ),
        (
            "minicpm_v_2_6",
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image><unk>*64</image>Q<|im_end|>\n<|im_start|>assistant\n«A<|im_end|>\n»",
        ),
        (
            "agentcpm_gui",
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image><unk>*64</image>Q<|im_end|>\n<|im_start|>assistant«\nA<|im_end|>»\n",
        ),
    ],
)
def test_a_row_as_upstream_writes_it(dialect: str, row: str):
    image = "" if dialect == "glm_4" else "<image>"
    assert written(dialect, ("user", f"{image}Q"), ("assistant", "A"), recipe="upstream") == row
