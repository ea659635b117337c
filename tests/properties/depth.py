"""How many examples a law is tried on: few in `make test`, many in `make test-long`; EXAMPLES overrides both for a campaign by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture)


def deep(few: int) -> Callable[[Any], Any]:
    """Settings for a law. Few examples are the same ones every time; EXAMPLES=n runs n times as many, random ones, and a failure prints its seed."""
    times = int(os.environ.get("EXAMPLES", "1"))
    return settings(max_examples=few * times, derandomize=times == 1, deadline=None, print_blob=True, suppress_health_check=SLOW)
