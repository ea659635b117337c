"""Fuzzing of the readers of formats: one record, read under `auto` and under the name of its format."""

from __future__ import annotations

import json
from collections.abc import Callable

from pipelines.flow import draft_of, is_internal
from pipelines.formats.examples import EXAMPLES
from pipelines.formats.sessions import SESSIONS
from pipelines.records import Draft, Quarantined, raw_record
from tests.making import configuration

# A mapping has turns, or a question and an answer.
MAPPINGS = (
    {
        "turns": "data.dialog | turns",
        "turn": {"role": "speaker", "content": "body.text", "calls": "acts", "loss": "w", "images": "pics"},
        "roles": {"customer": "user", "bot": "assistant"},
        "call": {"name": "fn", "arguments": "params"},
        "image_mark": "[IMG]",
    },
    {"prompt": ["q", "more"], "answer": "a", "history": "past", "rejected": "bad"},
)
MAPPED = """{"data": {"dialog": [{"speaker": "customer", "body": {"text": "Q [IMG]"}, "pics": ["a.png"]},
    {"speaker": "bot", "acts": [{"fn": "f", "params": {"x": 2.50}}], "w": 1}]}, "q": "Q", "more": "M", "a": "A", "past": [["x", "y"]], "bad": "B"}"""
UNHEARD = "reasoning_unheard_of"  # a key whose name means something and that nothing reads
NAMES = (*(name for name in EXAMPLES if name not in SESSIONS), "fields")  # sessions have a target of their own


def reader(name: str) -> Callable[[], Callable[[bytes], None]]:
    """The target for one format."""

    def make() -> Callable[[bytes], None]:
        if name == "fields":
            configs = [configuration(source={"format": name, "fields": mapping}) for mapping in MAPPINGS]
        else:
            configs = [configuration(source={"format": name}), configuration()]

        def run(data: bytes) -> None:
            for config in configs:
                made = draft_of(raw_record("kit", "logs.jsonl", 1, data), config)
                if isinstance(made, Quarantined):
                    assert not is_internal(made.findings), made.findings[0].detail
                    continue
                assert made.messages, "a conversation without turns"
                try:
                    record = json.loads(data)
                except ValueError:  # a session of several lines
                    continue
                if not isinstance(record, dict):
                    continue
                more = json.dumps(record | {UNHEARD: "a thought that no turn has: 7f3a"}, ensure_ascii=False).encode("utf-8", "surrogatepass")
                again = draft_of(raw_record("kit", "logs.jsonl", 1, more), config)
                assert not isinstance(again, Draft), "a key that nothing reads was passed over"

        return run

    return make


def seeds(name: str) -> list[bytes]:
    """A record of this format, which comes first, and the records of all others."""
    return [(MAPPED if name == "fields" else EXAMPLES[name]).strip().encode(), *every_seed()]


def every_seed() -> list[bytes]:
    """A record in each format, and the turns of each API."""
    from tests.formats.test_layouts import SHAPES
    from tests.formats.test_turns import APIS

    records = [record for _, record, _ in SHAPES] + [{"messages": turns} for turns in APIS.values()]
    return [text.strip().encode() for text in EXAMPLES.values()] + [json.dumps(record, ensure_ascii=False).encode() for record in records]
