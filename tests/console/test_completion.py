"""`episodes completion`: the scripts complete commands, options and choices in their shells."""

import shutil
import subprocess

import pytest

from pipelines.cli import main
from pipelines.console.arguments import TRAINERS, parser
from pipelines.console.arguments.completion import commands_of, script

COMMANDS = list(commands_of(parser()))


def completed(*words: str) -> list[str]:
    """What bash offers after these words, the last of which is not finished."""
    line = f"COMP_WORDS=({' '.join(repr(word) for word in ('episodes', *words))}); COMP_CWORD={len(words)}; _episodes; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", f"{script('bash', parser())}\n{line}"], capture_output=True, text=True, check=True, cwd="/")
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_options_and_choices_are_completed():
    assert completed("") == COMMANDS
    assert completed("qu") == ["quarantine"]
    assert completed("quarantine", "--re") == ["--reason"]
    assert completed("export", "--to", "") == list(TRAINERS)
    assert completed("export", "--split", "t") == ["train", "test"]
    assert "tmp" in completed("check", "t")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_accepts_its_script(shell: str, capsys: pytest.CaptureFixture[str]):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_an_unknown_shell_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["completion", "csh"])
    assert "invalid choice: 'csh'" in capsys.readouterr().err
