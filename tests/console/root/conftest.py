"""A command, run as a user would run it."""

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.cli import main

Printed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """(exit code, stdout, stderr) of `episodes` with these arguments."""

    def run(*arguments: Any) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run
