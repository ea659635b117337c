"""The code of a command, imported when it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

USAGE = 2
Command = Callable[[argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def command(place: str) -> Command:
    """The command `folder.module.function` of pipelines/console, or of `pipelines.room...`, imported when it runs. Where a library is missing it
    says what to install."""

    def call(options: argparse.Namespace) -> int:
        file, _, function = (place if place.startswith("pipelines.") else f"pipelines.console.{place}").rpartition(".")
        try:
            found: Command = getattr(import_module(file), function)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("pipelines"):
                raise
            missing = error.name.partition(".")[0]
            print(f"episodes: this command needs {missing}, which is not installed; install the package again with [pipeline] after its name", file=sys.stderr)
            return USAGE
        return found(options)

    return call
