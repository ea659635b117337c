"""Over-long rows: kept aside whole, or shorter by whole rounds or fewer slices; a picture's span is never cut."""

from random import Random
from typing import Any

import pytest

from pipelines.records import Conversation, Quarantined, Sample
from tests.making import MODELS, configuration, run

SIZES = {f"{i}.png": size for i, size in enumerate([(1080, 2400), (1920, 1080), (400, 300), (900, 900)])}


def gui(rounds: int) -> dict[str, Any]:
    """Rounds with a picture each; every answer says which it is."""
    turns: list[dict[str, Any]] = [{"role": "system", "content": "Rules."}]
    for i in range(rounds):
        turns += [{"role": "user", "content": [{"type": "text", "text": f"Step {i} "}, {"type": "image_url", "image_url": {"url": f"{i % 4}.png"}}]}]
        turns += [{"role": "assistant", "content": f"Answer {i}."}]
    return {"messages": turns}


def tools(rounds: int) -> dict[str, Any]:
    turns: list[dict[str, Any]] = [{"role": "system", "content": "Rules."}]
    for i in range(rounds):
        turns += [
            {"role": "user", "content": f"Question {i}"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": f"c{i}", "function": {"name": "look", "arguments": {"at": i}}}]},
            {"role": "tool", "tool_call_id": f"c{i}", "content": f"result {i}"},
            {"role": "assistant", "content": f"Answer {i}."},
        ]
    return {"messages": turns}


def row(record: dict[str, Any], dialect: str, **options: Any) -> Sample | Quarantined:
    first, last = run(record, configuration(dialect, options=options), SIZES)
    assert isinstance(first, Conversation)
    assert not isinstance(last, Conversation)
    return last


def length(record: dict[str, Any], dialect: str, **options: Any) -> int:
    made = row(record, dialect, max_tokens=10**6, **options)
    assert isinstance(made, Sample)
    return len(made.tokens.input_ids)


def test_exactly_max_tokens_is_kept_and_one_less_is_not():
    record = gui(2)
    whole = length(record, "minicpm_v_2_6")
    assert isinstance(row(record, "minicpm_v_2_6", max_tokens=whole), Sample)
    kept_aside = row(record, "minicpm_v_2_6", max_tokens=whole - 1)
    assert isinstance(kept_aside, Quarantined)
    assert (kept_aside.findings[0].code, kept_aside.findings[0].detail) == ("tokens.too_long", f"{whole} tokens, max_tokens is {whole - 1}")


@pytest.mark.parametrize(("make", "dialect"), [(gui, "minicpm_v_2_6"), (gui, "agentcpm_gui"), (gui, "minicpm_v_2_5"), (tools, "glm_4")])
def test_dropping_turns_leaves_the_tokens_of_the_rounds_that_stay(make, dialect: str):
    record = make(4)
    dropped = make(4)
    per_round = 2 if make is gui else 4
    for gone in (1, 2, 3):
        dropped["messages"] = [record["messages"][0], *record["messages"][1 + per_round * gone :]]
        shorter = row(dropped, dialect, max_tokens=10**6)
        assert isinstance(shorter, Sample)
        made = row(record, dialect, max_tokens=len(shorter.tokens.input_ids), on_overflow="drop_turns")
        assert isinstance(made, Sample)
        assert list(made.tokens.input_ids) == list(shorter.tokens.input_ids)
        assert list(made.tokens.labels) == list(shorter.tokens.labels)
        assert [image.token_spans for image in made.tokens.images] == [image.token_spans for image in shorter.tokens.images]
        (finding,) = made.tokens.findings
        images = gone if make is gui else 0
        assert (finding.code, finding.detail) == ("repair.turns_dropped", f"{gone} of 4 rounds: {per_round * gone} turns and {images} images")


@pytest.mark.parametrize("make", [gui, tools])
def test_the_last_round_is_never_dropped(make):
    dialect = "minicpm_v_2_6" if make is gui else "glm_4"
    kept_aside = row(make(3), dialect, max_tokens=20, on_overflow="drop_turns")
    assert isinstance(kept_aside, Quarantined)
    assert kept_aside.findings[0].code == "tokens.too_long"


def test_fewer_slices_takes_the_largest_count_that_fits():
    record = gui(1)
    for most in (2, 3, 4, 6):
        wanted = length(record, "minicpm_v_2_6", options={"max_slices": most})
        made = row(record, "minicpm_v_2_6", max_tokens=wanted, on_overflow="fewer_slices")
        assert isinstance(made, Sample)
        (image,) = made.tokens.images
        best = max(
            length(record, "minicpm_v_2_6", options={"max_slices": cap})
            for cap in range(1, 10)
            if length(record, "minicpm_v_2_6", options={"max_slices": cap}) <= wanted
        )
        assert len(made.tokens.input_ids) == best
        assert [finding.code for finding in made.tokens.findings] == ["repair.fewer_slices"]
        assert f"image 0: at most {max(1, image.grid.columns * image.grid.rows if image.grid else 1)}"[:17] in made.tokens.findings[0].detail


def test_a_row_that_is_long_by_its_text_is_not_helped_by_fewer_slices():
    record = gui(1)
    record["messages"][1]["content"][0]["text"] = "word " * 2000
    kept_aside = row(record, "minicpm_v_2_6", max_tokens=1500, on_overflow="fewer_slices")
    assert isinstance(kept_aside, Quarantined)


@pytest.mark.parametrize("how", ["quarantine", "drop_turns", "fewer_slices"])
@pytest.mark.parametrize("dialect", ["minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui"])
def test_whatever_the_limit_no_span_is_cut_and_no_row_is_longer(dialect: str, how: str):
    random = Random(f"{dialect}:{how}")
    query = 96 if dialect == "minicpm_v_2_5" else 64
    for _ in range(25):
        record = gui(random.randrange(1, 4))
        if dialect == "minicpm_v_2":
            record["messages"].pop(0)
        most = random.randrange(100, 3000)
        made = row(record, dialect, max_tokens=most, on_overflow=how, options={"query_tokens": query})
        if isinstance(made, Quarantined):
            assert made.findings[0].code == "tokens.too_long"
            continue
        assert len(made.tokens.input_ids) <= most
        images = sum(
            isinstance(part, dict) and part["type"] == "image_url" for turn in record["messages"] for part in turn["content"] if turn["role"] == "user"
        )
        dropped = sum(int(finding.detail.split()[-2]) for finding in made.tokens.findings if finding.code == "repair.turns_dropped")
        assert len(made.tokens.images) == images - dropped
        for image in made.tokens.images:
            views = 1 + (image.grid.columns * image.grid.rows if image.grid else 0)
            assert [end - start for start, end in image.token_spans] == [query] * views


@pytest.mark.parametrize("limit", range(60, 400, 20))
def test_no_call_loses_its_result(limit: int):
    made = row(tools(4), "glm_4", max_tokens=limit, on_overflow="drop_turns")
    if isinstance(made, Sample):
        from tests.golden import open_case

        vocabulary = open_case(configuration("glm_4")).dialects[0].vocabulary
        ids = list(made.tokens.input_ids)
        text = vocabulary.decode(ids)
        assert text.count("look\n") == ids.count(vocabulary.specials["<|observation|>"]) == text.count("result ")
        assert "Rules." in text
        assert "Question 3" in text


@pytest.mark.parametrize("dialect", [name for name in MODELS if name != "glm_4"])
def test_a_model_without_a_tool_format_refuses_tools_unless_a_syntax_is_named(dialect: str):
    record = {"messages": tools(1)["messages"][1:]}
    kept_aside = row(record, dialect)
    assert isinstance(kept_aside, Quarantined)
    assert kept_aside.findings[0].code == "tokens.tools_unsupported"
    for syntax in ("hermes", "json"):
        assert isinstance(row(record, dialect, tool_syntax=syntax), Sample)


def test_hermes_is_written_as_qwen_writes_it():
    from tests.golden import open_case

    record = tools(1) | {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]}
    config = configuration("minicpm_v_2_6", options={"tool_syntax": "hermes"})
    sample = run(record, config)[-1]
    assert isinstance(sample, Sample)
    text = open_case(config).dialects[0].vocabulary.decode(sample.tokens.input_ids)
    assert '<tool_call>\n{"name": "look", "arguments": {"at": 0}}\n</tool_call><|im_end|>' in text
    assert "<|im_start|>user\n<tool_response>\nresult 0\n</tool_response><|im_end|>" in text
    assert text.startswith("<|im_start|>system\nRules.\n\n# Tools\n\nYou may call one or more functions")
