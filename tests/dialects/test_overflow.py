"""Rows that are too long: quarantined whole, or shortened by whole steps or by fewer slices. No image span is ever cut."""

from random import Random
from typing import Any

import pytest

from pipelines.config import DialectSettings
from pipelines.dialects.overflow import Work, shorten
from pipelines.reasons import Reason, Reject
from pipelines.records import Conversation, Image, Message, Quarantined, Sample
from tests.golden import open_case
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
def test_dropping_turns_gives_the_row_of_a_record_without_them(make, dialect: str):
    record = make(4)
    dropped = make(4)
    per_round = 2 if make is gui else 4
    for gone in (1, 2, 3):
        dropped["messages"] = [*record["messages"][:2], *record["messages"][1 + per_round * gone :]]
        shorter = row(dropped, dialect, max_tokens=10**6)
        assert isinstance(shorter, Sample)
        made = row(record, dialect, max_tokens=len(shorter.tokens.input_ids), on_overflow="drop_turns")
        assert isinstance(made, Sample)
        assert list(made.tokens.input_ids) == list(shorter.tokens.input_ids)
        assert list(made.tokens.labels) == list(shorter.tokens.labels)
        assert [image.token_spans for image in made.tokens.images] == [image.token_spans for image in shorter.tokens.images]
        (finding,) = made.tokens.findings
        images = gone - 1 if make is gui else 0
        assert finding.code == "repair.turns_dropped"
        assert finding.detail == f"the oldest {gone} of 4 steps: {per_round * gone - 1} turns and {images} images"


@pytest.mark.parametrize("make", [gui, tools])
def test_the_last_step_is_never_dropped(make):
    dialect = "minicpm_v_2_6" if make is gui else "glm_4"
    kept_aside = row(make(3), dialect, max_tokens=20, on_overflow="drop_turns")
    assert isinstance(kept_aside, Quarantined)
    assert kept_aside.findings[0].code == "tokens.too_long"


def episode(calls: int) -> dict[str, Any]:
    """One question, and so many calls with their results until it is answered."""
    turns: list[dict[str, Any]] = [{"role": "user", "content": "do a long task"}]
    for i in range(calls):
        call = {"id": f"c{i}", "function": {"name": "step", "arguments": f'{{"i": {i}}}'}}
        turns += [{"role": "assistant", "content": f"Step {i}.", "tool_calls": [call]}]
        turns += [{"role": "tool", "tool_call_id": f"c{i}", "content": f"result {i} " * 40}]
    return {"messages": [*turns, {"role": "assistant", "content": "all done"}]}


def text_of(made: Sample, dialect: str) -> str:
    text: str = open_case(configuration(dialect)).dialects[0].vocabulary.decode(made.tokens.input_ids)
    return text


@pytest.mark.parametrize(
    ("dialect", "syntax"), [("glm_4", None), ("glm_4", "hermes"), ("glm_4v", "json"), ("minicpm_v_2_6", "hermes"), ("agentcpm_gui", "json")]
)
def test_an_episode_of_one_question_loses_its_oldest_calls_with_their_results(dialect: str, syntax: str | None):
    for most in (400, 1000, 3000):
        made = row(episode(100), dialect, max_tokens=most, on_overflow="drop_turns", tool_syntax=syntax)
        assert isinstance(made, Sample)
        assert len(made.tokens.input_ids) <= most
        text = text_of(made, dialect)
        kept = [i for i in range(100) if f"Step {i}." in text]
        assert kept == list(range(100 - len(kept), 100))
        assert kept == [i for i in range(100) if f'"i": {i}}}' in text] == [i for i in range(100) if f"result {i} " in text]
        assert text.count("do a long task") == text.count("all done") == 1
        assert made.tokens.findings[0].detail == f"the oldest {100 - len(kept)} of 100 steps: {3 * (100 - len(kept))} turns and 0 images"
        one_more = {"messages": [episode(100)["messages"][0], *episode(100)["messages"][-2 * len(kept) - 3 :]]}
        assert length(one_more, dialect, tool_syntax=syntax) > most


def test_pictures_of_dropped_results_are_dropped_and_the_others_are_renumbered():
    record = episode(6)
    for i, turn in enumerate(turn for turn in record["messages"] if turn["role"] == "tool"):
        turn["content"] = [{"type": "text", "text": f"screen {i} "}, {"type": "image_url", "image_url": {"url": f"{i % 4}.png"}}]
    made = row(record, "agentcpm_gui", max_tokens=1500, on_overflow="drop_turns", tool_syntax="hermes")
    assert isinstance(made, Sample)
    text = text_of(made, "agentcpm_gui")
    kept = [i for i in range(6) if f"screen {i} " in text]
    assert 0 < len(kept) < 6
    assert [image.image.uri for image in made.tokens.images] == [f"kit/{i % 4}.png" for i in kept]
    assert [text.count(f"screen {i} <image_id>{k}</image_id><image>") for k, i in enumerate(kept)] == [1] * len(kept)


class Counted:
    """A measure of 10 tokens for each turn, which counts how often it is asked; a work without a weighted answer has nothing to learn."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, work: Work) -> int:
        self.asked += 1
        if all(message.loss_weight == 0 for message in work.messages if message.role == "assistant"):
            raise Reject(Reason.TOKENS_NO_TARGET.at("", "every answer is masked"))
        return 10 * len(work.messages)


def chat(rounds: int, trained: int) -> Work:
    """Rounds of a question and an answer; the first `trained` answers are trained."""
    pairs = [(Message("user", f"q{i}"), Message("assistant", f"a{i}", loss_weight=None if i < trained else 0.0)) for i in range(rounds)]
    messages = tuple(message for pair in pairs for message in pair)
    return Work(messages, (), (), tuple(range(len(messages))))


def settings(max_tokens: int) -> DialectSettings:
    return configuration("glm_4", options={"max_tokens": max_tokens, "on_overflow": "drop_turns"}).dialects[0]


@pytest.mark.parametrize("trained", [1, 2, 5, 8])
def test_the_fewest_steps_are_dropped_and_a_trained_answer_stays(trained: int):
    work = chat(8, trained)
    for most in range(10, 160, 10):
        # The first question stays, and k questions and answers at the end.
        right = max((k for k in range(8) if 10 + 20 * k <= most and k > 8 - trained), default=None)
        if right is None:
            with pytest.raises(Reject) as caught:
                shorten(work, settings(most), Counted(), "160")
            assert caught.value.findings[0].code == "tokens.too_long"
        else:
            shorter = shorten(work, settings(most), Counted(), "160")
            assert [message.content for message in shorter.messages] == ["q0", *(f"{kind}{i}" for i in range(8 - right, 8) for kind in "qa")]


def test_a_chat_of_five_thousand_turns_is_measured_a_dozen_times():
    counted = Counted()
    shorter = shorten(chat(2500, 2500), settings(1000), counted, "50000")
    assert len(shorter.messages) == 99
    assert counted.asked <= 14


@pytest.mark.parametrize("early", ["word " * 300_000, "<|user|>" * 200_000, "-" * 2_000_000])
def test_a_long_early_answer_is_dropped_without_being_encoded(early: str):
    record = tools(4)
    record["messages"][4]["content"] = early
    dropped = {"messages": [*tools(4)["messages"][:2], *tools(4)["messages"][5:]]}
    made, expected = row(record, "glm_4", on_overflow="drop_turns"), row(dropped, "glm_4")
    assert isinstance(made, Sample)
    assert isinstance(expected, Sample)
    assert list(made.tokens.input_ids) == list(expected.tokens.input_ids)
    assert [finding.detail for finding in made.tokens.findings] == ["the oldest 1 of 4 steps: 3 turns and 0 images"]


@pytest.mark.parametrize("how", ["quarantine", "drop_turns", "fewer_slices"])
def test_a_question_that_cannot_fit_is_refused_with_a_lower_bound(how: str):
    record = gui(3)
    record["messages"][1]["content"][0]["text"] = "x" * 128 * 8193
    kept_aside = row(record, "minicpm_v_2_6", on_overflow=how)
    assert isinstance(kept_aside, Quarantined)
    (finding,) = kept_aside.findings
    assert finding.code == "tokens.too_long"
    least = int(finding.detail.removeprefix("at least ").removesuffix(" tokens, max_tokens is 8192"))
    assert 8193 < least < 8193 + 300


class Sliced(Counted):
    """A measure of 100 tokens for each slice that is allowed."""

    def __call__(self, work: Work) -> int:
        self.asked += 1
        return 100 * sum(work.caps)


@pytest.mark.parametrize(("most", "caps"), [(6400, [1] * 64), (12_900, [3, *[2] * 63]), (57_500, [9] * 63 + [8]), (25_000, [9] * 9 + [7] + [3] * 54)])
def test_the_slices_of_many_images_are_found_by_bisection(most: int, caps: list[int]):
    images = tuple(Image(f"{i}.png", "0" * 64, "PNG", 900, 900) for i in range(64))
    measure = Sliced()
    dialect = configuration("minicpm_v_2_6", options={"max_tokens": most, "on_overflow": "fewer_slices"}).dialects[0]
    shorter = shorten(Work((), images, (9,) * 64, ()), dialect, measure, "57600")
    assert list(shorter.caps) == caps
    assert measure.asked <= 64 * 4 + 4


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


@pytest.mark.parametrize("recipe", ["sound", "upstream"])
@pytest.mark.parametrize("dialect", ["minicpm_v_2_6", "minicpm_v_2_5", "agentcpm_gui"])
def test_no_image_of_many_could_have_more_slices(dialect: str, recipe: str):
    record = gui(12)
    record["messages"].pop(0)
    query = {"options": {"query_tokens": 96 if dialect == "minicpm_v_2_5" else 64}, "recipe": recipe}
    most = length(record, dialect, **query) * 2 // 3
    made = row(record, dialect, max_tokens=most, on_overflow="fewer_slices", **query)
    assert isinstance(made, Sample)
    slices = [image.grid.columns * image.grid.rows if image.grid else 1 for image in made.tokens.images]
    assert len(set(slices)) > 1
    assert most - 2 * (query["options"]["query_tokens"] + 4) < len(made.tokens.input_ids) <= most


def test_fewer_slices_do_not_help_a_row_whose_text_is_too_long():
    record = gui(1)
    record["messages"][1]["content"][0]["text"] = "word " * 2000
    kept_aside = row(record, "minicpm_v_2_6", max_tokens=1500, on_overflow="fewer_slices")
    assert isinstance(kept_aside, Quarantined)


@pytest.mark.parametrize("how", ["quarantine", "drop_turns", "fewer_slices"])
@pytest.mark.parametrize("dialect", ["minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui"])
def test_at_no_limit_is_a_span_cut_or_a_row_longer_than_the_limit(dialect: str, how: str):
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
        vocabulary = open_case(configuration("glm_4")).dialects[0].vocabulary
        ids = list(made.tokens.input_ids)
        text = vocabulary.decode(ids)
        assert text.count("look\n") == ids.count(vocabulary.specials["<|observation|>"]) == text.count("result ")
        assert "Rules." in text
        assert "Question 0" in text
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
    record = tools(1) | {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]}
    config = configuration("minicpm_v_2_6", options={"tool_syntax": "hermes"})
    sample = run(record, config)[-1]
    assert isinstance(sample, Sample)
    text = open_case(config).dialects[0].vocabulary.decode(sample.tokens.input_ids)
    assert '<tool_call>\n{"name": "look", "arguments": {"at": 0}}\n</tool_call><|im_end|>' in text
    assert "<|im_start|>user\n<tool_response>\nresult 0\n</tool_response><|im_end|>" in text
    assert text.startswith("<|im_start|>system\nRules.\n\n# Tools\n\nYou may call one or more functions")
