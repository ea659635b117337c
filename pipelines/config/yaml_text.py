"""YAML text -> plain data, strictly: a key that appears twice is a fault, where YAML libraries silently keep the last one."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge"]
        for i, key in enumerate(keys):
            if key.value in [earlier.value for earlier in keys[:i]]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} appears twice", key.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(data: bytes) -> Any:
    """What the text says. Raises ValueError, which says where and what is wrong."""
    try:
        return yaml.load(data.decode(), _Loader)  # which is a SafeLoader
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start + 1})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"not valid YAML{place}: {error.problem}") from None
    except yaml.YAMLError:
        raise ValueError("not valid YAML: it has a control character") from None
