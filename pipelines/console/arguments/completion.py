"""Completion of commands and options in a shell, as a script made from the arguments: `source <(episodes completion bash)`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
BASH = """_episodes() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}} $before" in
{values}
    esac
    case "${{COMP_WORDS[1]}}" in
{options}
    esac
    if [ "${{word:0:1}}" = "-" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _episodes episodes"""


def script(shell: str, whole: argparse.ArgumentParser) -> str:
    """The script for this shell."""
    commands = commands_of(whole)
    if shell == "fish":
        return "\n".join(_fish(commands)) + "\n"
    values = [
        f'        "{name} {option}") COMPREPLY=($(compgen -W "{" ".join(map(str, action.choices))}" -- "$word")); return ;;'
        for name, (_, sub) in commands.items()
        for action in sub._actions
        if action.choices
        for option in action.option_strings
    ]
    options = [f'        {name}) words="{" ".join(_options(sub))}" ;;' for name, (_, sub) in commands.items()]
    bash = BASH.format(commands=" ".join(commands), values="\n".join(values), options="\n".join(options))
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash}\n" if shell == "zsh" else f"{bash}\n"


def commands_of(whole: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Command -> (what it does, its parser), in the order of `episodes --help`."""
    (commands,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    words = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    return {name: (words[name], sub) for name, sub in commands.choices.items()}


def _options(sub: argparse.ArgumentParser) -> list[str]:
    return [option for action in sub._actions for option in action.option_strings if option.startswith("--")]


def _fish(commands: dict[str, tuple[str, argparse.ArgumentParser]]) -> Iterator[str]:
    for name, (words, sub) in commands.items():
        yield f"complete -c episodes -n __fish_use_subcommand -a {name} -d {_quoted(words)}"
        for action in sub._actions:
            for option in action.option_strings:
                if option.startswith("--"):
                    value = f" -x -a {_quoted(' '.join(map(str, action.choices)))}" if action.choices else " -r" if action.nargs != 0 else ""
                    where = _quoted(f"__fish_seen_subcommand_from {name}")
                    yield f"complete -c episodes -n {where} -l {option[2:]}{value} -d {_quoted(action.help or '')}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
