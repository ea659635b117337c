"""Secrets have no place in a configuration, which is kept, shown and copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SECRET = re.compile(r"secret|password|token|credential|access[._]?key|account[._]?key|sas|signature", re.IGNORECASE)


def refuse_secrets(given: Any) -> Any:
    """The settings of a store as they are. Raises ValueError, without its value, where a key is a secret's."""
    for key in given if isinstance(given, Mapping) else ():
        if isinstance(key, str) and SECRET.search(key):
            raise ValueError(f"{key} is a secret, which must not stand in a configuration; set it in the environment, or give the cluster a role")
    return given
