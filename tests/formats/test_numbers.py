"""Numbers keep their spelling wherever a record has them, and no reader loses the way to a value."""

import copy
import json
from typing import Any

import pytest

from pipelines.flow import draft_of, is_internal
from pipelines.formats.examples import EXAMPLES
from pipelines.records import raw_record
from tests.making import configuration
from tests.properties.damage import places

CONFIG = configuration()
VALUES: list[Any] = [
    2.5,
    [2.5],
    {"x": 2.5},
    [{"x": 2.5}],
    {"output": 2.5},
    {"value": {"x": 2.5}, "type": "json"},
    {"results": [2.5]},
    [{"type": "text", "text": "a"}, {"x": 2.5}],
]


def put(record: Any, path: tuple[str | int, ...], value: Any) -> Any:
    made = copy.deepcopy(record)
    box = made
    for step in path[:-1]:
        box = box[step]
    box[path[-1]] = value
    return made


@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if "}\n{" not in text])
def test_a_number_at_any_place_of_a_record_ends_in_a_known_state(name: str):
    record = json.loads(EXAMPLES[name])
    for path in filter(None, places(record)):
        for value in VALUES:
            data = json.dumps(put(record, path, value)).replace("2.5", "2.50").encode()
            draft = draft_of(raw_record("kit", "logs.jsonl", 1, data), CONFIG)
            assert not is_internal(draft.findings), (path, value, draft.findings[0].detail)
            for message in getattr(draft, "messages", ()):
                assert "2.5" not in message.content or "2.50" in message.content, (path, value, message.content)
