"""YAML text -> plain data. A key that appears twice is a fault; YAML libraries would silently keep the last one."""

from __future__ import annotations

from typing import Any

import yaml

# What PyYAML calls the parts of a document -> what they are for a reader.
_NAMES = {"the node content": "a value", "'<stream end>'": "the end of the file", "'<block end>'": "the end of the block", "'<document start>'": "---"}


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge"]
        for i, key in enumerate(keys):
            if key.value in [earlier.value for earlier in keys[:i]]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} appears twice", key.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(data: bytes) -> Any:
    """The data. Raises ValueError with the place and the fault."""
    try:
        return yaml.load(data.decode(), _Loader)  # which is a SafeLoader
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start + 1})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = str(error.problem)
        for name, meaning in _NAMES.items():
            problem = problem.replace(name, meaning)
        raise ValueError(f"not valid YAML{place}: {problem}") from None
    except yaml.YAMLError:
        raise ValueError("not valid YAML: it contains a control character") from None
