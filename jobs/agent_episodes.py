"""Starts `episodes`, after a look at whether `pipelines` is this package.

Another folder or another package of that name would otherwise end the command with a traceback, or with code that only looks like ours.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

USAGE = 2
HERE = Path(__file__).resolve().parent
# Installed, this module lies beside the package; in a checkout, in the folder beside it.
OURS = (HERE.parent if HERE.name == "jobs" else HERE) / "pipelines" / "__init__.py"
FIRST_LINE = '"""Raw agent episode logs to verified, tokenized training tables.'


def main() -> int:
    if fault := collision(find_spec("pipelines")):
        print(f"episodes: {fault}", file=sys.stderr)
        return USAGE
    from pipelines.cli import main

    return main()


def collision(found: ModuleSpec | None, ours: Path = OURS) -> str:
    """One sentence where `pipelines` is found elsewhere, or where another package has written over it; else ""."""
    if found is not None and found.origin is not None and Path(found.origin).resolve() == ours:
        if ours.read_text(encoding="utf-8").startswith(FIRST_LINE):
            return ""
        return f"another package has replaced {ours}; install agent-episodes again, in an environment without that package"
    places = [] if found is None else [found.origin] if found.origin else list(found.submodule_search_locations or ())
    if not places or str(ours.parent) in places:  # as `pip uninstall` of another package of that name leaves it
        return f"{ours} is missing; install agent-episodes again"
    return f"the name `pipelines` belongs to this package, but Python finds {places[0]} first; take its folder out of PYTHONPATH, or rename it"


if __name__ == "__main__":
    sys.exit(main())
