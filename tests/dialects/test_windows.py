"""Windows: a conversation that is too long becomes several rows, in which every answer is trained exactly once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.turns import rounds_of
from pipelines.config import ConfigError, DialectSettings
from pipelines.dialects import Dialect, open_dialect, windows
from pipelines.dialects.windows import farthest, trained_places
from pipelines.reasons import Reason, Reject, repairs_of
from pipelines.records import IGNORE_INDEX, Conversation, Image, Message, Origin, Quarantined, Sample, Tokens, sample_id_of
from tests.dialects.hf.models import CHATML, model_folder
from tests.dialects.hf.test_pictures_in_chats import QWEN_VL, VISION
from tests.dialects.test_overflow import SIZES, episode, gui
from tests.golden import open_case
from tests.making import configuration, run

TASK = "do a long task"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Like that of Qwen3: an answer before the last question is written without its reasoning.
THINKING = (
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content and loop.index0 > ns.last %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


SCREENS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def samples(record: dict[str, Any], model: str, **options: Any) -> list[Sample]:
    first, *rows = run(record, configuration(model, options={"on_overflow": "windows"} | options), SIZES)
    assert isinstance(first, Conversation)
    made = [row for row in rows if isinstance(row, Sample)]
    assert len(made) == len(rows), rows
    return made


def refused(record: dict[str, Any], model: str, **options: Any) -> Quarantined:
    _, row = run(record, configuration(model, options={"on_overflow": "windows"} | options), SIZES)
    assert isinstance(row, Quarantined)
    return row


def trained(*rows: Tokens) -> list[int]:
    return [int(label) for row in rows for label in row.labels if label != IGNORE_INDEX]


def text_of(tokens: Tokens, model: str) -> str:
    text: str = open_case(configuration(model)).dialects[0].vocabulary.decode(tokens.input_ids)
    return text


def messages_of(tokens: Tokens) -> list[int]:
    return [span.message for span in tokens.turn_spans if span.message >= 0]


def note(sample: Sample) -> str:
    return next(finding.detail for finding in sample.tokens.findings if finding.code == Reason.TOKENS_WINDOW.code)


@pytest.mark.parametrize(("model", "syntax"), [("glm_4", None), ("glm_4", "hermes"), ("minicpm_v_2_6", "hermes"), ("agentcpm_gui", "json")])
def test_an_episode_of_120_calls_trains_in_its_windows_what_it_trains_uncut(model: str, syntax: str | None):
    record = episode(120)
    (whole,) = samples(record, model, max_tokens=10**6, tool_syntax=syntax)
    rows = samples(record, model, max_tokens=4096, tool_syntax=syntax)
    assert len(whole.tokens.input_ids) > 20_000
    assert len(rows) < 2 * len(whole.tokens.input_ids) / 4096
    assert all(len(row.tokens.input_ids) <= 4096 for row in rows)
    assert trained(*(row.tokens for row in rows)) == trained(whole.tokens)
    for row in rows:
        text = text_of(row.tokens, model)
        shown = [i for i in range(120) if f"Step {i}." in text]
        assert shown == list(range(shown[0], shown[-1] + 1))
        assert shown == [i for i in range(120) if f'"i": {i}}}' in text] == [i for i in range(120) if f"result {i} " in text]
        assert text.count(TASK) == 1


@pytest.mark.parametrize("model", ["minicpm_v_2_6", "agentcpm_gui", "minicpm_v_2_5", "minicpm_v_2"])
def test_the_screens_of_an_episode_are_whole_and_numbered_anew_in_each_window(model: str):
    record = gui(60)
    if model in ("minicpm_v_2_5", "minicpm_v_2"):  # they take no system turn
        del record["messages"][0]
    (whole,) = samples(record, model, max_tokens=10**6)
    rows = samples(record, model, max_tokens=4096)
    assert len(rows) > 2
    end = 2 if model == "minicpm_v_2" else None  # </s>, which this model writes at the end of a row only
    assert [id_ for row in rows for id_ in trained(row.tokens) if id_ != end] == [id_ for id_ in trained(whole.tokens) if id_ != end]
    for row in rows:
        turns = [int(span.message) for span in row.tokens.turn_spans if span.role == "user"]
        assert [image.image.uri for image in row.tokens.images] == [f"kit/{(place - len(record['messages']) % 2) // 2 % 4}.png" for place in turns]
        if model in ("minicpm_v_2_6", "agentcpm_gui"):
            text = text_of(row.tokens, model)
            assert [text.count(f"<image_id>{i}</image_id>") for i in range(len(turns) + 1)] == [1] * len(turns) + [0]
        assert "Step 0 " in text_of(row.tokens, model)


@pytest.mark.parametrize("steps", [0, 2, "all"])
def test_a_model_that_takes_one_picture_has_a_window_for_each_screen(steps: int | str):
    rows = samples(gui(5), "glm_4v", history={"steps": steps, "images": 1})
    assert [[image.image.uri for image in row.tokens.images] for row in rows] == [[f"kit/{i % 4}.png"] for i in range(5)]
    for i, row in enumerate(rows):
        ids = [int(label) for label in row.tokens.labels if label != IGNORE_INDEX]
        assert open_case(configuration("glm_4v")).dialects[0].vocabulary.decode(ids).strip("\n") == f"Answer {i}.<|user|>"
    (only,) = samples(gui(1), "glm_4v", history={"images": 1})
    assert not any(finding.code == Reason.TOKENS_WINDOW.code for finding in only.tokens.findings)


def two_in_one_turn() -> dict[str, Any]:
    record = gui(2)
    record["messages"][1]["content"].append(record["messages"][3]["content"][1])
    return record


@pytest.mark.parametrize(
    ("record", "history"),
    [
        (gui(2), {}),
        (gui(2), {"images": 2}),
        (two_in_one_turn(), {"images": 1}),
        ({"messages": gui(2)["messages"][:-1]}, {"images": 1}),  # the second picture comes after the last answer
    ],
)
def test_a_model_that_takes_one_picture_refuses_rows_with_more(record: dict[str, Any], history: dict[str, Any]):
    (finding,) = [one for one in refused(record, "glm_4v", history=history).findings if one.code == "image.too_many"]
    assert finding.detail.endswith(" images; glm_4v takes one; on_overflow: windows with history: {images: 1} makes a row for each turn with one")


def hf_dialect(home: Path, template: str, **given: Any) -> Dialect:
    folder = model_folder(home / "model", template, [*CHATML, *VISION], None, "<|im_end|>", ["<|im_end|>"])
    if template == SCREENS:
        (folder / "preprocessor_config.json").write_text(json.dumps(QWEN_VL))
    data = {"name": "tried", "model": "hf", "tokenizer": str(folder), "max_tokens": 4096, "on_overflow": "windows"} | given
    return open_dialect(DialectSettings.model_validate(data))


def rows_of(dialect: Dialect, conversation: Conversation) -> tuple[Tokens, ...]:
    return dialect.rows(dialect.encode(dialect.lay_out(conversation)))


def test_a_model_with_a_chat_template_gets_the_same_windows(tmp_path: Path):
    first, *_ = run(episode(120))
    assert isinstance(first, Conversation)
    dialect = hf_dialect(tmp_path, CHAT)
    (whole,) = rows_of(hf_dialect(tmp_path, CHAT, max_tokens=10**6), first)
    rows = rows_of(dialect, first)
    assert len(rows) > 5
    assert all(len(row.input_ids) <= 4096 for row in rows)
    assert trained(*rows) == trained(whole)
    assert all(dialect.vocabulary.decode(row.input_ids).count(TASK) == 1 for row in rows)


def test_the_screens_of_a_model_with_a_chat_template_go_with_their_questions(tmp_path: Path):
    first, *_ = run(gui(30), None, {f"{i}.png": (280, 560) for i in range(4)})
    assert isinstance(first, Conversation)
    (whole,) = rows_of(hf_dialect(tmp_path, SCREENS, max_tokens=10**6), first)
    rows = rows_of(hf_dialect(tmp_path, SCREENS, max_tokens=2000), first)
    assert len(rows) > 3
    assert trained(*rows) == trained(whole)
    for row in rows:
        turns = [span.message for span in row.turn_spans if span.role == "user"]
        assert turns[0] == 1
        assert [image.image.uri for image in row.images] == [f"kit/{(place - 1) // 2 % 4}.png" for place in turns]
        assert [sum(span.end - span.start for span in image.token_spans) for image in row.images] == [10 * 20] * len(turns)


def test_answers_that_a_template_writes_without_their_reasoning_are_trained_in_no_window(tmp_path: Path):
    """As in the row of the whole conversation, where only the answers after the last question are trained."""
    turns = [turn for i in range(40) for turn in (Message("user", f"Question {i}"), Message("assistant", f"<think>\nHm {i}.\n</think>\n\nAnswer {i}."))]
    made = conversation(turns)
    (whole,) = rows_of(hf_dialect(tmp_path, THINKING, max_tokens=10**6), made)
    (row,) = rows_of(hf_dialect(tmp_path, THINKING, max_tokens=200), made)
    assert trained_places(whole) == trained_places(row) == [79]
    assert trained(row) == trained(whole)
    assert len(row.input_ids) > 150  # as many earlier rounds as fit
    assert repairs_of(row.findings) == ["repair.turns_dropped"]


def test_a_conversation_that_fits_is_one_row_without_a_note():
    (row,) = samples(episode(3), "glm_4")
    assert (row.window, row.sample_id, row.tokens.findings) == (0, row.conversation.sample_id, ())


def test_windows_have_numbers_and_ids_and_say_what_they_hold():
    rows = samples(episode(12), "glm_4", max_tokens=800)
    record_id = rows[0].conversation.record_id
    assert [(row.window, row.sample_id) for row in rows] == [(k, sample_id_of(record_id, 0, k)) for k in range(3)]
    assert rows[0].sample_id == rows[0].conversation.sample_id
    assert [note(row) for row in rows] == [
        "one of 3 windows: messages 0 to 15 of 38, trained from message 1",
        "one of 3 windows: messages 0 and 16 to 30 of 38, trained from message 16",
        "one of 3 windows: messages 0 and 31 to 37 of 38, trained from message 31",
    ]
    assert [repairs_of(row.tokens.findings) for row in rows] == [[], [], []]


def test_a_step_that_does_not_fit_quarantines_the_conversation_and_is_named():
    record = episode(12)
    record["messages"][12]["content"] = "long " * 600
    row = refused(record, "glm_4", max_tokens=500)
    assert [(finding.code, finding.where) for finding in row.findings] == [("tokens.too_long", "messages[16]")]
    assert row.findings[0].detail == "messages 16 to 18, with the system turns and the task: 627 tokens, max_tokens is 500"


def test_windows_that_would_take_too_much_memory_together_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(windows, "MOST_TOKENS", 1500)
    row = refused(episode(12), "glm_4", max_tokens=800, history={"steps": 2})
    assert [finding.code for finding in row.findings] == ["tokens.too_long"]
    assert row.findings[0].detail == "its first 3 windows have 2,139 tokens; all may have 1,500"


def test_with_loss_last_turn_there_is_one_window_with_as_many_steps_as_fit():
    record = episode(120)
    (dropped,) = samples(record, "glm_4", max_tokens=4096, loss="last_turn", on_overflow="drop_turns")
    (row,) = samples(record, "glm_4", max_tokens=4096, loss="last_turn")
    assert list(row.tokens.input_ids) == list(dropped.tokens.input_ids)
    assert list(row.tokens.labels) == list(dropped.tokens.labels)
    assert repairs_of(row.tokens.findings) == ["repair.turns_dropped"]


def test_a_masked_answer_is_trained_in_no_window_and_stays_in_sight_of_the_next():
    record = gui(40)
    for turn in record["messages"][2:80:2]:
        turn["loss_weight"] = 0
    (row,) = samples(record, "agentcpm_gui", max_tokens=2000)
    assert trained_places(row.tokens) == [80]
    assert messages_of(row.tokens)[-3:] == [78, 79, 80]
    assert len(row.tokens.input_ids) > 1500


def test_history_is_shown_and_not_trained():
    rows = samples(episode(12), "glm_4", max_tokens=800, history={"steps": 2})
    assert [note(row).partition(": ")[2] for row in rows] == [
        "messages 0 to 15 of 38, trained from message 1",
        "messages 0 and 10 to 24 of 38, trained from message 16",
        "messages 0 and 19 to 33 of 38, trained from message 25",
        "messages 0 and 28 to 37 of 38, trained from message 34",
    ]
    (whole,) = samples(episode(12), "glm_4")
    assert trained(*(row.tokens for row in rows)) == trained(whole.tokens)
    assert len({span.weight for row in rows for span in row.tokens.turn_spans}) == 1  # the log's, also of history


def test_with_one_screen_every_answer_has_a_window_that_shows_its_own():
    rows = samples(gui(5), "agentcpm_gui", history={"steps": "all", "images": 1})
    assert [[image.image.uri for image in row.tokens.images] for row in rows] == [[f"kit/{i % 4}.png"] for i in range(5)]
    assert [trained_places(row.tokens) for row in rows] == [[2], [4], [6], [8], [10]]
    assert [messages_of(row.tokens) for row in rows] == [list(range(3 + 2 * i)) for i in range(5)]
    assert note(rows[2]) == "one of 5 windows: messages 0 to 6 of 11, trained from message 6; without 2 images of earlier steps"
    text = text_of(rows[2].tokens, "agentcpm_gui")
    assert text.count("<image_id>") == text.count("<image_id>0</image_id>") == 1
    assert "Step 1 <|im_end|>" in text


def test_older_results_are_replaced_by_the_text_that_the_agent_sees():
    rows = samples(episode(5), "glm_4", history={"steps": "all", "results": 2, "left_out": "(cleared)"})
    # The first three answers see at most two results, whole. Each later one sees the last two.
    assert [trained_places(row.tokens) for row in rows] == [[1, 2, 4, 5, 7, 8], [10, 11], [13, 14, 16]]
    texts = [text_of(row.tokens, "glm_4") for row in rows]
    assert [text.count("(cleared)") for text in texts] == [0, 1, 2]
    assert [[i for i in range(5) if f"result {i} " in text] for text in texts] == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_a_later_question_is_in_every_window_that_answers_it():
    calls = [turn for i in range(6) for turn in (Message("assistant", f'{{"i": {i}}}', "look"), Message("observation", "seen " * 30))]
    made = conversation(
        [Message("system", "Rules."), Message("user", "First?"), Message("assistant", "Yes."), Message("user", "Then?"), *calls, Message("assistant", "Done.")]
    )
    dialect = open_case(configuration("glm_4", options={"max_tokens": 150, "on_overflow": "windows"})).dialects[0]
    assert [messages_of(row) for row in rows_of(dialect, made)] == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 3, 10, 11, 12, 13, 14, 15, 16]]


@pytest.mark.parametrize(
    ("given_", "fault"),
    [
        ({"history": {"steps": 1}}, "history is read with on_overflow: windows, not quarantine"),
        ({"on_overflow": "windows", "history": {"steps": -1}}, "expected a number of steps or all, found -1"),
        ({"on_overflow": "windows", "history": {"steps": "most"}}, "expected a number of steps or all, found 'most'"),
        ({"on_overflow": "windows", "history": {"images": 0}}, "greater than 0"),
    ],
)
def test_settings_that_say_nothing_are_refused(given_: dict[str, Any], fault: str):
    with pytest.raises(ConfigError, match=fault):
        configuration("glm_4", options=given_)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(-5, 70))
def test_the_farthest_is_found_from_any_guess(true: int, most: int, guess: int):
    asked: list[int] = []

    def fits(number: int) -> bool:
        asked.append(number)
        return number <= true

    assert farthest(fits, most, guess) == min(true, most)
    assert all(1 <= number <= most for number in asked)
    assert len(asked) == len(set(asked)) <= 14


def rows_or_codes(dialect: Dialect, conversation: Conversation) -> tuple[Tokens, ...] | list[str]:
    try:
        return rows_of(dialect, conversation)
    except Reject as reject:
        return [finding.code for finding in reject.findings]


def conversation(messages: list[Message], images: int = 0) -> Conversation:
    pictures = tuple(Image(f"kit/{i}.png", "0" * 64, "PNG", 300, 300) for i in range(images))
    return Conversation(
        sample_id=sample_id_of("r"),
        record_id="r",
        episode_id="r",
        step_id=None,
        origin=Origin("kit", "logs.jsonl", 1, "0" * 64),
        format="messages",
        messages=tuple(messages),
        tools=None,
        images=pictures,
        findings=(),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Questions, calls with results, answers and system turns in any order, with images in questions."""
    kinds = draw(st.lists(st.sampled_from(["s", "q", "q", "c", "cr", "cr", "ccrr", "ac", "a", "a"]), min_size=1, max_size=16).map("".join))
    messages: list[Message] = []
    images = 0
    for i, kind in enumerate(kinds):
        words = draw(st.integers(-1, 12))
        text, weight = "" if words < 0 and kind == "a" else f"{kind}{i} " + "word " * words, draw(st.sampled_from([None, None, None, 0.0, 0.5]))
        shown = draw(st.integers(0, 2)) if kind == "q" else 0
        images += shown
        messages.append(
            {
                "s": Message("system", text),
                "q": Message("user", text, "", (len(text),) * shown),
                "c": Message("assistant", f'{{"i": {i}}}', "look", loss_weight=weight),
                "r": Message("observation", text),
                "a": Message("assistant", text, loss_weight=weight),
            }[kind]
        )
    return conversation(messages, images)


HISTORIES = st.fixed_dictionaries(
    {"steps": st.sampled_from([0, 1, 3, "all"]), "results": st.sampled_from([None, None, 1, 2]), "images": st.sampled_from([None, None, 1, 2])}
)


@given(conversations(), st.sampled_from([80, 150, 260, 500]), HISTORIES, st.sampled_from(["all", "all", "last_turn"]), st.sampled_from(["hermes", "json"]))
def test_every_answer_is_trained_exactly_once_and_no_step_is_cut(made: Conversation, most: int, history: dict[str, Any], loss: str, syntax: str):
    options = {"loss": loss, "tool_syntax": syntax}
    (wide,) = open_case(configuration("agentcpm_gui", options=options | {"max_tokens": 10**6})).dialects
    (dialect,) = open_case(configuration("agentcpm_gui", options=options | {"max_tokens": most, "on_overflow": "windows", "history": history})).dialects
    uncut, rows = rows_or_codes(wide, made), rows_or_codes(dialect, made)
    if isinstance(uncut, list) or isinstance(rows, list):
        assert rows == (uncut if isinstance(uncut, list) else ["tokens.too_long"])
        return
    (whole,) = uncut
    assert all(len(row.input_ids) <= most for row in rows)
    assert trained(*rows) == trained(whole)
    if len(rows) == 1 and not rows[0].findings:
        assert list(rows[0].input_ids) == list(whole.input_ids)
        return
    rounds = rounds_of(made.messages)
    task = next((i for i, message in enumerate(made.messages) if message.role == "user"), None)
    starts = [span.message for span in whole.turn_spans]
    for row in rows:
        held = messages_of(row)
        assert held == sorted(set(held))
        for one in rounds:
            own = [place for place in one.places if place in starts]  # a syntax writes several messages as one turn
            assert {place in held for place in own} in ({True}, {False})
            assert own[0] not in held or all(place in held for place in one.question)
        assert task is None or task > held[-1] or task in held
        _check_history(made, row, history)


def _check_history(made: Conversation, row: Tokens, history: dict[str, Any]) -> None:
    """The first answer of each trained step sees the last images of the conversation, as far as its window has their messages."""
    if history["images"] is None:
        return
    shown = [int(image.image.uri[4:-4]) for image in row.images]
    before = [0]
    for message in made.messages:
        before.append(before[-1] + len(message.image_at))
    trained_there, held = trained_places(row), messages_of(row)
    for one in rounds_of(made.messages):
        if set(one.places) & set(trained_there):
            seen = [image for image in shown if image < before[one.places[0]]]
            last = range(max(before[one.places[0]] - history["images"], 0), before[one.places[0]])
            assert seen == [image for image in last if any(before[place] <= image < before[place + 1] for place in held)]
