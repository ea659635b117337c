"""What is said of a hook that fails."""

from pipelines.config import Hook
from pipelines.hooks import call_hook


def test_a_command_that_fails_is_named_with_its_code_and_without_its_arguments():
    said = call_hook(Hook(command=("sh", "-c", "exit 7", "secret")), b"{}") or ""
    assert "sh" in said
    assert "7" in said
    assert "secret" not in said
    assert "no-such-command" in (call_hook(Hook(command=("no-such-command", "secret")), b"{}") or "")
