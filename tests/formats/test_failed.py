"""A request that failed has no answer: its record is refused for that, with the type of the error and none of its text."""

from typing import Any

import pytest

from pipelines.records import Quarantined
from tests.making import configuration, conversation, refusals, run

REQUEST = {"messages": [{"role": "user", "content": "Q"}]}
ANSWER = {"role": "assistant", "content": "A"}
ERROR = {"type": "rate_limit_error", "message": "Slow down, Ann", "code": 429}


@pytest.mark.parametrize(
    ("record", "place", "name"),
    [
        ({"request": REQUEST, "response": {"error": ERROR}}, "response.error", "rate_limit_error"),
        ({"request": REQUEST, "response": {"error": "timeout"}}, "response.error", "timeout"),
        ({"request": REQUEST, "response": {"error": {"message": "Ann", "code": 404}, "choices": []}}, "response.error", "404"),
        ({"request": REQUEST, "response": {"type": "error", "error": ERROR}}, "response.error", "rate_limit_error"),
        ({"request": REQUEST, "response": {"object": "error", "message": "Ann", "type": "BadRequestError"}}, "response", "BadRequestError"),
        ({"request": REQUEST, "response": {"status_code": 502, "body": {"error": ERROR}}}, "response.body.error", "rate_limit_error"),
        ({"request": REQUEST, "response": None, "error": ERROR}, "error", "rate_limit_error"),
        (REQUEST | {"response": {"error": ERROR}}, "response.error", "rate_limit_error"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"normalize": {"field_unread": "warn"}}, {"source": {"ignore": ["error"]}}])
def test_a_failed_request_has_no_answer(record: dict[str, Any], place: str, name: str, settings: dict[str, Any]):
    if place == "error" and "source" in settings:  # the key is not looked at then
        return
    (row,) = run(record, configuration(**settings))
    assert isinstance(row, Quarantined)
    assert [(one.code, one.where, one.detail) for one in row.findings] == [
        ("schema.no_target", place, f"the request failed ({name}), so there is no answer"),
    ]


def test_an_error_without_a_type_is_not_quoted():
    for error in ({"message": "Ann has no quota"}, "Ann has no quota"):
        (row,) = run({"request": REQUEST, "response": {"error": error}})
        assert isinstance(row, Quarantined)
        assert row.findings[0].detail == "the request failed, so there is no answer"


def test_an_error_beside_an_answer_is_unread_and_not_quoted_either():
    record = {"request": REQUEST, "response": {"choices": [{"message": ANSWER}], "error": ERROR}}
    assert refusals(record) == [("schema.field_unread", "response.error")]
    (row,) = run(record)
    assert isinstance(row, Quarantined)
    assert row.findings[0].detail == "the request failed (rate_limit_error), so its answer is none, or may be cut"


def test_turns_with_an_answer_need_no_response():
    record = {"messages": [*REQUEST["messages"], ANSWER], "response": {"error": ERROR}}
    assert conversation(record).messages[-1].content == "A"
