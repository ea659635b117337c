"""Which results say that their call failed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.episodes.checks.failures import says_failure
from tests.episodes.checks.planted import BAD, GOOD


@pytest.mark.parametrize(
    "result",
    [
        *BAD,
        "error: x",
        "### Error\nno page",
        "Error while executing the tool",
        "Execution error: division by zero",
        "Exception: boom",
        "java.lang.NullPointerException: x",
        "[exit code 1]",
        "x" * 1000 + "\nProcess finished with exit code 3",
        '{"ok": false}',
        '{"result": {"error": "x"}}',
        '{"exit_code": -1, "output": ""}',
        "Command timed out",
        "The command failed: command 'x' timed out after 30 s exit code: 124",
    ],
)
def test_these_say_that_the_call_failed(result: str):
    assert says_failure(result)


@pytest.mark.parametrize(
    "result",
    [
        *GOOD,
        "No error: all good",
        "0 errors: done",
        '{"error": null, "success": true}',
        '{"error": "none"}',
        '{"errors": []}',
        '{"status": 200}',
        '{"status_code": 404.5}',
        "Errors are listed in the log file",
        "An error message was shown to the user",
        "exit code 0",
        "I failed the exam",
        "x" * 500 + "Error: y" + "z" * 500,
        "{not json, error}",
        "exits: 3 doors",
    ],
)
def test_these_do_not(result: str):
    assert not says_failure(result)


@given(st.text(max_size=600) | st.lists(st.sampled_from(["error", "exit code ", "{", '"error": ', "1", "failed ", ":", "\n", "}"]), max_size=300).map("".join))
def test_any_text_has_a_verdict(result: str):
    assert says_failure(result) in (True, False)
