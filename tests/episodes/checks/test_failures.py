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
        "ls: cannot access x: No such file or directory",
        "ls: cannot access x: No such file or directory\nls: cannot access y: No such file or directory\n",
        "bash: foo: command not found",
        "/bin/sh: 1: foo: not found",
        "zsh: command not found: foo",
        "-bash: cd: a: Not a directory",
        "cat: /etc/shadow: Permission denied",
        "cat: d: Is a directory",
        "mkdir: cannot create directory ‘a’: File exists",
        "make: *** [all] Error 2",
        "gcc -c a.c\na.c:1:2: oops\nmake[1]: *** [Makefile:3: all] Error 1\n",
        "make: *** No rule to make target 'x'.  Stop.",
        "npm ERR! code E404",
        "npm error code E404\nnpm error 404 Not Found",
        "x\n=== 1 failed in 0.1s ===",
        "FAILED tests/x.py - AssertionError\n=== 1 failed in 0.1s ===",
        "1 failed, 2 passed in 0.12s",
        "=== 2 passed, 1 error in 0.3s ===",
        "Ran 3 tests in 0.001s\n\nFAILED (failures=1)",
        "Ran\nFAILED (failures=0, errors=2)",
        "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 passed, 3 total\nSnapshots:   0 total\nTime:        1.2 s\nRan all test suites.",
        "--- FAIL: TestX (0.00s)\n    x_test.go:5: bad\nFAIL\nexit status 1\nFAIL\tpkg\t0.1s\nFAIL",
        "ok a\nFAIL\tpkg\t0.1s",
        "test result: FAILED. 3 passed; 1 failed; 0 ignored",
        "5 examples, 1 failure",
        "'foo' is not recognized as an internal or external command,\noperable program or batch file.",
        "Error: no such file",
        "Error: No module named x",
        "Error: None of the files exist",
        "Failed: to open",
        "Failures: 3",
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
        "Errors: 0",
        "error: none",
        "Failed: 0, passed: 12",
        "All errors: fixed. Success.",
        "Errors: 0, warnings: 3",
        "Error: null",
        "Error: []",
        "errors: 0\nall good",
        "**Errors:** 0",
        "0 errors, 0 warnings",
        "No errors.",
        "Error log is empty",
        "Error handling added to main.py",
        "Errors.ts\nindex.ts",
        "Warning: deprecated\nError: 0 tests failed",
        "=== 12 passed in 0.1s ===",
        "=== 0 failed, 12 passed in 0.1s ===",
        "OK (expected failures=1)",
        "find: ‘/proc/1’: Permission denied\n/a/b.txt",
        "/a/b.txt\ngrep: /x: Is a directory",
        "Tests:       3 passed, 3 total",
        "make: *** [x] Error 1 (ignored)\nmake: done\n",
        "ls: cannot access x: No such file or directory\n[exit code: 0]",
        "Failures: 0",
        "failures: none",
        "test result: ok. 3 passed; 0 failed",
        "5 examples, 0 failures",
        "Tests run: 3, Failures: 0, Errors: 0",
        "FAILURE MODES\n1. a",
        "See https://x.org: not found",
        'The page says: "make: *** [all] Error 2" is an error of make.',
    ],
)
def test_these_do_not(result: str):
    assert not says_failure(result)


@given(st.text(max_size=600) | st.lists(st.sampled_from(["error", "exit code ", "{", '"error": ', "1", "failed ", ":", "\n", "}"]), max_size=300).map("".join))
def test_any_text_has_a_verdict(result: str):
    assert says_failure(result) in (True, False)
