"""What can be read of an object that is damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.config import Limits
from pipelines.parsing.budget import Budget
from pipelines.parsing.damaged import leading_fields
from pipelines.reasons import Reject

RECORD: dict[str, Any] = {"episode_id": 'a "b" {', "step_id": 12, "size": [1, {"w": -2.5}], "goal": "é\\", "last": None}


def fields(data: bytes, **limits: Any) -> dict[str, Any]:
    return leading_fields(data, Budget(Limits(**limits), len(data)))


def test_an_object_that_is_cut_anywhere_has_the_fields_before_the_cut():
    data = json.dumps(RECORD, ensure_ascii=False, indent=1).encode()
    sizes = set()
    for cut in range(len(data) + 1):
        found = fields(data[:cut])
        assert found == dict(list(RECORD.items())[: len(found)])
        sizes.add(len(found))
    assert sizes == set(range(len(RECORD) + 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {}),
        (b"  {", {}),
        (b"[1, 2]", {}),
        (b'{"a": 1', {}),  # it may be the beginning of 12
        (b'{"a": 1 }', {"a": 1}),
        (b'\xef\xbb\xbf {"a": 1, "a": 2, ', {"a": 2}),
        (b'{"a": 1 "b": 2}', {"a": 1}),
        (b'{"a": 1,, "b": 2}', {"a": 1}),
        (b'{"a": 1, b: 2}', {"a": 1}),
        (b'{"a": 1, 2: 3}', {"a": 1}),
        (b'{"a": 1, "b" 2}', {"a": 1}),
        (b'{"a": "\x00\xff", "b": 2, "c": ?}', {"a": "\0\ufffd", "b": 2}),
        (b'{"a": "\\ud800", "b": 1}', {"b": 1}),
        (b'{"a": 1, "b": ' + b"[" * 100_000, {"a": 1}),
        (b'{"a": 1, "b": ' + b"[" * 64 + b"]" * 64 + b', "c": ?}', {"a": 1}),
        (b'{"a": 1, "b": ' + b"[" * 63 + b"]" * 63 + b', "a": 2, "c": ?}', {"a": 2, "b": json.loads("[" * 63 + "]" * 63)}),
        (b'{"a": 1, "b": ' + b"9" * 10_000 + b"}", {"a": 1}),
    ],
)
def test_fields_end_at_the_first_one_that_cannot_be_read(text: bytes, found: dict[str, Any]):
    assert fields(text) == found


def test_too_many_values_are_not_read():
    data = b'{"a": 1, "b": [' + b"0," * 1000
    assert fields(data) == {"a": 1}
    with pytest.raises(Reject):
        fields(data, json_values=100)
