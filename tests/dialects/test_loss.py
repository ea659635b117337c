"""Which tokens are trained: every answer, the last one, or what the log says."""

import pytest

from pipelines.records import IGNORE_INDEX, Quarantined, Sample
from tests.golden import open_case
from tests.making import MODELS, configuration, run


def trained_text(record, dialect: str, **options) -> list[str]:
    """The trained stretches of the row, each as text."""
    config = configuration(dialect, options=options)
    row = run(record, config)[-1]
    assert isinstance(row, Sample), row
    vocabulary = open_case(config).dialects[0].vocabulary
    stretches: list[list[int]] = [[]]
    for i, label in zip(row.tokens.input_ids, row.tokens.labels, strict=True):
        if label == IGNORE_INDEX:
            stretches.append([])
        else:
            stretches[-1].append(i)
    return [vocabulary.decode(ids).strip() for ids in stretches if ids]


def talk(*flags: dict) -> dict:
    answers = ["one", "two", "three"]
    messages = []
    for answer, flag in zip(answers, [*flags, {}, {}, {}], strict=False):
        messages += [{"role": "user", "content": "Q"}, {"role": "assistant", "content": answer, **flag}]
    return {"messages": messages}


@pytest.mark.parametrize(
    ("dialect", "ends"),
    [
        ("glm_4", ["<|user|>"] * 3),
        ("glm_4v", ["<|user|>"] * 3),
        ("minicpm_v_2_6", ["<|im_end|>"] * 3),
        ("agentcpm_gui", ["<|im_end|>"] * 3),
        ("minicpm_v_2_5", ["<|eot_id|>"] * 3),
        ("minicpm_v_2", ["", "", "</s>"]),
    ],
)
def test_every_answer_is_trained_with_the_token_that_ends_it(dialect: str, ends: list[str]):
    assert trained_text(talk(), dialect) == [answer + end for answer, end in zip(("one", "two", "three"), ends, strict=True)]


@pytest.mark.parametrize("dialect", MODELS)
def test_last_turn_trains_only_the_last_answer(dialect: str):
    (text,) = trained_text(talk(), dialect, loss="last_turn")
    assert text.startswith("three")


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("flag", [{"loss": False}, {"train": False}, {"loss_weight": 0}])
def test_an_answer_that_the_log_masks_is_context(dialect: str, flag: dict):
    texts = trained_text(talk({}, flag), dialect)
    assert [text[:3] for text in texts] == ["one", "thr"]


def test_a_weight_that_is_not_zero_trains():
    assert len(trained_text(talk({"loss_weight": 0.25}), "glm_4")) == 3


@pytest.mark.parametrize("dialect", MODELS)
def test_a_row_without_a_trained_token_is_quarantined(dialect: str):
    masked = {"loss": False}
    row = run(talk(masked, masked, masked), configuration(dialect))[-1]
    assert isinstance(row, Quarantined)
    assert (row.dialect, row.findings[0].code) == (dialect, "tokens.no_target")


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_answer_is_refused_because_its_template_leaves_it_out(dialect: str, blank: str):
    record = {"messages": [{"role": role, "content": text} for role, text in (("user", "Q"), ("assistant", blank), ("user", "Q"), ("assistant", "A"))]}
    row = run(record, configuration(dialect))[-1]
    assert isinstance(row, Quarantined)
    assert (row.findings[0].code, row.findings[0].where) == ("tokens.answer_blank", "messages[1]")
