"""Refuses secrets in the configuration, because configurations are stored, shown and copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SECRET = re.compile(r"secret|password|token|credential|access[._]?key|account[._]?key|sas|signature", re.IGNORECASE)


def refuse_secrets(given: Any) -> Any:
    """The settings of a store, unchanged. Raises ValueError if a key names a secret; the message does not contain the value."""
    for key in given if isinstance(given, Mapping) else ():
        if isinstance(key, str) and SECRET.search(key):
            raise ValueError(f"{key} is a secret and must not be in a configuration; set it in the environment, or use a role of the cluster")
    return given
