"""How many random examples a property is tested with: few in `make test`, ten times as many in `make test-long`, or as many as you like."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture)


def deep(few: int) -> Callable[[Any], Any]:
    """Settings of a property test: `few` examples, the same ones every time. With EXAMPLES=n there are n times as many, new ones in every run,
    and a failure prints its seed."""
    times = int(os.environ.get("EXAMPLES", "1"))
    return settings(max_examples=few * times, derandomize=times == 1, deadline=None, print_blob=True, suppress_health_check=SLOW)
