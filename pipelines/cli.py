"""The console script `episodes`. Data goes to stdout, messages and progress to stderr; the exit codes are those of jobs/run.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pipelines.console.arguments import TRAINERS, Command, parser
from pipelines.visible import visible

__all__ = ["TRAINERS", "main"]

OK, USAGE = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except _config_error() as error:
        for fault in error.faults:
            print(visible(f"configuration: {fault}"), file=sys.stderr)
        return USAGE
    except _store_error() as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        print(visible(f"episodes: {_what_failed(error)}"), file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        sys.stdout = None
        return OK


def _config_error() -> Any:
    """The type of error that a wrong configuration raises; () if the room that raises it has not been imported."""
    config = sys.modules.get("pipelines.config")
    return config.ConfigError if config else ()


def _store_error() -> Any:
    """The type of error that an object store raises; () if the file that raises it has not been imported."""
    locations = sys.modules.get("pipelines.storage.locations")
    return locations.StoreError if locations else ()


def _what_failed(error: OSError) -> str:
    """
    >>> _what_failed(FileNotFoundError(2, "No such file or directory", "a.jsonl"))
    'no such file or folder: a.jsonl'
    """
    if isinstance(error, FileNotFoundError):
        return f"no such file or folder: {error.filename}"
    return f"{error.filename} is a folder, not a file" if isinstance(error, IsADirectoryError) else f"{error.filename}: permission denied"


if __name__ == "__main__":
    sys.exit(main())
