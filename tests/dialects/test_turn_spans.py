"""Column `turn_spans`: which tokens are a turn's own text, and of which message."""

from typing import Any

import numpy as np
import pytest

from pipelines.records import IGNORE_INDEX, Sample
from tests.golden import DIALECTS, cases_of, open_case, run_case
from tests.making import configuration, run

RECORD = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Kyiv?"},
        {
            "role": "assistant",
            "content": "I look.",
            "loss_weight": 0.5,
            "tool_calls": [{"id": "a", "function": {"name": "weather", "arguments": '{"city": "Kyiv"}'}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "3 degrees"},
        {"role": "assistant", "content": "It is cold."},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "Bye", "loss_weight": 0},
    ]
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "", "parameters": {"type": "object", "properties": {}}}}]


def spans(record: dict[str, Any], model: str, **options: Any) -> list[tuple[int, str, str, float | None]]:
    """(message, role, text, weight) of each turn."""
    config = configuration(model, options=options)
    row = run(record, config)[1]
    assert isinstance(row, Sample), row
    decode = open_case(config).dialects[0].vocabulary.decode
    return [(turn.message, turn.role, decode(row.tokens.input_ids[turn.start : turn.end]), turn.weight) for turn in row.tokens.turn_spans]


def test_glm_4_has_a_turn_for_each_message():
    assert spans(RECORD, "glm_4") == [
        (0, "system", "\nBe brief.", None),
        (1, "user", "\nWeather in Kyiv?", None),
        (2, "assistant", "\nI look.", 0.5),
        (3, "assistant", 'weather\n{"city": "Kyiv"}', 0.5),
        (4, "observation", "\n3 degrees", None),
        (5, "assistant", "\nIt is cold.", None),
        (6, "user", "\nThanks", None),
        (7, "assistant", "\nBye", 0.0),
    ]


def test_the_definitions_are_a_turn_of_the_template():
    first, second, *_ = spans(RECORD | {"tools": TOOLS}, "glm_4")
    assert (first[0], first[1], second) == (-1, "system", (0, "system", "\nBe brief.", None))
    assert first[2].startswith("\n你是一个名为 ChatGLM")


def test_a_turn_of_several_messages_has_the_place_of_the_first():
    found = spans(RECORD, "minicpm_v_2_6", tool_syntax="hermes")
    assert found[0] == (0, "system", "Be brief.", None)
    assert [(message, role) for message, role, _, _ in found] == [
        (0, "system"),
        (1, "user"),
        (2, "assistant"),
        (4, "user"),
        (5, "assistant"),
        (6, "user"),
        (7, "assistant"),
    ]
    assert found[2][2:] == ('I look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Kyiv"}}\n</tool_call>', 0.5)


def test_the_default_system_turn_is_the_templates():
    talk = {"messages": RECORD["messages"][5:6] + RECORD["messages"][4:5]}
    assert spans(talk, "minicpm_v_2_6") == [
        (-1, "system", "You are a helpful assistant.", None),
        (0, "user", "Thanks", None),
        (1, "assistant", "It is cold.", None),
    ]


def test_dropped_turns_leave_the_places_of_the_others():
    talk = {"messages": [{"role": role, "content": f"{role} {i} {'word ' * 60}"} for i in range(4) for role in ("user", "assistant")]}
    assert [message for message, *_ in spans(talk, "glm_4", max_tokens=300, on_overflow="drop_turns")] == [0, 6, 7]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("recipe", ["sound", "upstream"])
def test_the_trained_tokens_of_every_golden_row_lie_in_answers_and_at_their_ends(dialect: str, recipe: str):
    count = 0
    for case in cases_of(dialect):
        row = run_case(case, recipe)
        if not isinstance(row, Sample):
            continue
        trained = row.tokens.labels != IGNORE_INDEX
        answers = [turn for turn in row.tokens.turn_spans if turn.role == "assistant"]
        for turn in answers:
            trained[turn.start : turn.end] = False
        left = set(np.flatnonzero(trained).tolist())
        # Upstream trains the header of GLM-4V's answers, and labels the token after the end of MiniCPM's once more.
        around = {turn.end for turn in answers} | ({turn.end + 1 for turn in answers} | {turn.start - 1 for turn in answers} if recipe == "upstream" else set())
        assert left <= around, case["id"]
        assert {turn.message for turn in row.tokens.turn_spans} - {-1} <= set(range(len(row.conversation.messages)))
        count += 1
    assert count > 15
