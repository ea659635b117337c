"""Tests with real trainers. They run in environments of their own, which `make trainers-test` makes; elsewhere they are not collected."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

HAS_TORCH = find_spec("torch") is not None
HAS_LLAMA_FACTORY = find_spec("llamafactory") is not None
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "out" / "demo"
# The first needs no torch, but runs in the environment with the oldest libraries.
collect_ignore_glob = [] if HAS_TORCH else ["*.py"]


@pytest.fixture(scope="session")
def demo() -> Path:
    """The demo's tables, which `make trainers-test` publishes first."""
    return DEMO
