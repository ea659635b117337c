"""Columns that public data sets have beside their turns, and that say nothing which the turns do not say: none refuses a record."""

from typing import Any

import pytest

from tests.making import asked, conversation, turns

MAGPIE = {
    "uuid": "1b", "model": "m", "gen_input_configs": {"temperature": 1.0, "input_generator": "m", "pre_query_template": "<|user|>"}, "instruction": "Hello?",
    "response": "Hello.", "task_category": "Math", "difficulty": "easy", "intent": "The user wants to greet.", "knowledge": "One needs to know greetings.",
    "input_quality": "good", "quality_explanation": "It is clear.", "llama_guard_2": "safe", "reward_model": "r", "instruct_reward": 2.5, "instruction_length": 6,
    "response_length": 6, "min_similar_conversation_id": "x",
}  # fmt: skip
COLUMNS: list[dict[str, Any]] = [
    MAGPIE,
    {"prompt": "Hello?", "prompt_id": "7c", "category": "Chat"},
    {"system_prompt": None, "skip_prompt_formatting": False, "title": "T", "topic": None, "views": 3, "custom_instruction": None, "avatarUrl": None},
    {"source": "s", "problem": "Hello?", "solution": "Hello."},
    {"instance_id": "a__b-1", "resolved": True, "traj_id": "t", "patch": "diff --git a b", "exit_status": "submitted", "generated_patch": "diff"},
    {"category": "Weather", "subcategory": "Rain", "task": "Get the weather of a city"},
    {"chosen_rating": 4.5, "chosen_model": "m", "rejected_rating": 1.0, "rejected_model": "n"},
    {"generator": "m", "license": "cc-by-4.0", "used_in_training": "no", "reasoning": "on"},
    {"conversation_hash": "ab", "turn": 1, "language": "English", "openai_moderation": [{"flagged": False}], "toxic": False, "redacted": False},
    {"data_source": "s", "ability": "math", "extra_info": {"split": "train", "index": 7}},
    {"request_id": "r", "response_id": "s", "prompt_tokens": 7, "completion_tokens": 3, "response_time_ms": 12, "finish_reason": "stop"},
    {"image_width": 64, "image_height": 64, "image_id": "7", "num_images": 0, "image_caption": "none"},
    {"question_type": "open", "answer_type": "text", "question_id": "q7", "answer_confidence_score": 0.5, "context_length": 512},
    {"action_type": "click", "action_space": "web", "steps": 3, "trajectory_length": 3, "history_turns": 2},
]


@pytest.mark.parametrize("columns", COLUMNS, ids=[next(iter(columns)) for columns in COLUMNS])
def test_the_metadata_of_public_sets_refuses_nothing(columns: dict[str, Any]):
    made = conversation(asked() | columns)
    assert (turns(made), made.findings) == ([("user", "", "Hello?"), ("assistant", "", "Hello.")], ())


def test_the_metadata_of_turns_refuses_nothing():
    more = {"country": "UA", "hashed_ip": "0", "header": {"user-agent": "x"}, "toxic": False, "turn_identifier": 7, "feedback": None, "tokens_in": 3}
    record = {
        "messages": [{"role": "user", "content": "Q"} | more, {"role": "assistant", "content": "A", "response_metadata": {"id": "r"}, "latency": 3} | more]
    }
    assert turns(conversation(record)) == [("user", "", "Q"), ("assistant", "", "A")]
