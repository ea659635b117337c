"""How many findings of one reason a record keeps, and what is said about the others."""

from typing import Any

import pytest

from tests.making import asked, configuration, run


def calls_without_result(count: int) -> dict[str, Any]:
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {}}}]}
    return {"messages": [message for _ in range(count + 1) for message in ({"role": "user", "content": "Look."}, call)]}  # a call at the end needs none


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (100, ("messages[199].tool_calls[0]", "the conversation goes on without the result of 'look'")),
        (101, ("", "1 more")),
        (130, ("", "30 more")),
    ],
)
def test_100_findings_of_a_reason_are_listed_and_the_others_are_counted(count: int, last: tuple[str, str]):
    found = [finding for finding in run(calls_without_result(count))[0].findings if finding.code == "tool.result_missing"]
    assert len(found) == min(count, 101)
    assert (found[-1].where, found[-1].detail) == last


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (100, ("rejected_99", "the key 'rejected_99' of a record is not read")),
        (101, ("", "and more; only the first 100 are listed")),
        (130, ("", "and more; only the first 100 are listed")),
    ],
)
def test_100_unread_keys_that_matter_are_listed(count: int, last: tuple[str, str]):
    keys = {f"rejected_{i}": "No." for i in range(count)}
    found = run(asked(**keys), configuration())[0].findings
    assert len(found) == min(count, 101)
    assert (found[-1].where, found[-1].detail) == last
