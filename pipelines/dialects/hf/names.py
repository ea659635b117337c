"""A regular expression that finds any of many names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_END = ""  # the key of a tree's node where a name ends


def any_of(names: Iterable[str]) -> str:
    """A pattern that finds any of these names; of several that begin at the same place, the longest, as tokenizers do.

    Names with the same beginning are written as a tree, so that each character of a text is looked at about once: a vocabulary can have 6,000 tokens
    that begin with `<unused`, and a text as many `<`.

    >>> any_of(["<a>", "<ab>", "[x]"]), any_of([])
    ('(?:<a(?:>|b>)|\\\\[x\\\\])', '(?!)')
    """
    tree: dict[str, Any] = {}
    for name in names:
        node = tree
        for character in name:
            node = node.setdefault(character, {})
        node[_END] = {}
    tree.pop(_END, None)
    return _pattern(tree) if tree else "(?!)"


def _pattern(node: dict[str, Any]) -> str:
    """The pattern of what may follow here. A name that ends here is found only if no longer one is."""
    branches = [_chain(character, below) for character, below in sorted(node.items()) if character != _END]
    joined = branches[0] if len(branches) == 1 and _END not in node else f"(?:{'|'.join(branches)})"
    return joined + "?" if _END in node else joined


def _chain(character: str, node: dict[str, Any]) -> str:
    """A character and what may follow it. Chains without branches are written in a loop, because a name can be long."""
    text = re.escape(character)
    while len(node) == 1 and _END not in node:
        ((character, node),) = node.items()
        text += re.escape(character)
    return text + _pattern(node) if node.keys() != {_END} else text
