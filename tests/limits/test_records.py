"""No record within the limits holds a worker: the work is linear in its bytes, and bounded by limits.json_values."""

import json
import time

import pytest

from pipelines.config import ConfigError, Limits, parse_config
from pipelines.flow import draft_of, is_internal
from pipelines.parsing.budget import Budget, json_size
from pipelines.parsing.careful import parse_json
from pipelines.reasons import MOST_SHOWN, Reason, Reject
from pipelines.records import Draft, Outcome, Quarantined, Sample, raw_record
from tests.golden import open_case, outcomes
from tests.limits.shapes import SHAPES, record_of
from tests.making import asked, configuration, refusals

CONFIG = configuration()
MIB = 1 << 20


def drafted(data: bytes) -> tuple[Draft | Quarantined, float]:
    """What becomes of the record, and the seconds of processor time that it took."""
    raw = raw_record("kit", "logs.jsonl", 1, data)
    start = time.process_time()
    made = draft_of(raw, CONFIG)
    return made, time.process_time() - start


@pytest.mark.parametrize("shape", SHAPES)
def test_a_small_record_of_every_shape_ends_in_a_known_state(shape: str):
    made, _ = drafted(record_of(shape, 20_000))
    assert not is_internal(made.findings)


# Each way to shorten a row, for a model with tool definitions of its own and for one with slices.
TOKENIZED = {
    "glm_4": {"on_overflow": "drop_turns"},
    "minicpm_v_2_6": {"on_overflow": "fewer_slices", "tool_syntax": "hermes"},
    "minicpm_v_2": {"on_overflow": "drop_turns", "tool_syntax": "json"},
}


class EverySize(dict[str, tuple[int, int]]):
    """Every picture is there. Hardly two have the same size."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> tuple[int, int]:
        return 900 + len(name), 700 + sum(name.encode()) % 1000


def tokenized(data: bytes, dialect: str) -> tuple[Outcome, float]:
    """What becomes of the record in this dialect, and the seconds of processor time that it took."""
    flow = open_case(configuration(dialect, options=TOKENIZED[dialect]))
    outcomes(asked("<|user|>"), {}, flow)  # loads the tokenizers
    start = time.process_time()
    return outcomes(data, EverySize(), flow)[-1], time.process_time() - start


@pytest.mark.parametrize("dialect", TOKENIZED)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_small_record_of_every_shape_is_tokenized_or_refused(shape: str, dialect: str):
    made, _ = tokenized(record_of(shape, 20_000), dialect)
    assert isinstance(made, Sample) or (isinstance(made, Quarantined) and not is_internal(made.findings))


@pytest.mark.long
@pytest.mark.parametrize("dialect", TOKENIZED)
@pytest.mark.parametrize("shape", SHAPES)
def test_time_with_the_tokenizers_is_not_quadratic_in_the_bytes(shape: str, dialect: str):
    small = tokenized(record_of(shape, MIB), dialect)[1]
    large = tokenized(record_of(shape, 4 * MIB), dialect)[1]
    assert large <= max(10 * small, 0.5), f"{small:.2f} s, then {large:.2f} s"


@pytest.mark.parametrize(
    ("shape", "size", "dialect"),
    [
        ("one word", 4 * MIB, "minicpm_v_2_6"),
        ("control tokens", 4 * MIB, "glm_4"),
        ("rare characters", 4 * MIB, "minicpm_v_2"),
        ("tools and calls", MIB, "glm_4"),
        ("deep tools", 900_000, "glm_4"),
        ("turns after a long question", 2 * MIB, "minicpm_v_2"),
        ("images and a long text", 4 * MIB, "minicpm_v_2_6"),
    ],
)
def test_a_record_that_cannot_fit_is_refused_before_it_is_encoded(shape: str, size: int, dialect: str):
    made, _ = tokenized(record_of(shape, size), dialect)
    assert isinstance(made, Quarantined)
    assert made.findings[0].code == "tokens.too_long"
    assert made.findings[0].detail.startswith(("at least ", "a tool definition of "))


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_time_is_not_quadratic_in_the_bytes(shape: str):
    """Four times the bytes may take ten times as long, for caches and garbage collection: in quadratic time it would be sixteen times."""
    small = drafted(record_of(shape, MIB))[1]
    large = drafted(record_of(shape, 4 * MIB))[1]
    assert large <= max(10 * small, 0.5), f"{small:.2f} s, then {large:.2f} s"


def test_a_record_of_too_many_values_is_refused_before_it_is_read():
    config = configuration(limits={"json_values": 1000})
    assert refusals(asked(x=[0] * 2000), config) == [("json.too_many_values", "")]


def test_values_of_texts_in_a_record_count_too():
    budget = Budget(Limits(json_values=1000), 10_000)
    text = json.dumps([0] * 600)
    parse_json(text, budget, [])
    with pytest.raises(Reject) as caught:
        parse_json(text, budget, [])
    assert caught.value.findings[0].code == "json.too_many_values"


@pytest.mark.parametrize(
    ("text", "depth", "values"),
    [
        ("{}", 1, 1),
        ('{"a": [1, {"b": []}]}', 4, 5),
        ('{"a,[": "]},{\\\\\\"[,"}', 1, 1),
        ("[[", 2, 2),
        ("", 0, 0),
        ('"', 0, 0),
    ],
)
def test_the_size_of_a_json_text_does_not_count_its_strings(text: str, depth: int, values: int):
    assert json_size(text.encode()) == (depth, values)


def test_a_depth_that_python_could_not_follow_is_refused_in_the_settings():
    with pytest.raises(ConfigError, match="200"):
        configuration(limits={"json_depth": 201})


def _deep(levels: int) -> str:
    return "[" * levels + "1.50" + "]" * levels


@pytest.mark.parametrize("text", [_deep(197), '{"a":' * 197 + "2.50" + "}" * 197], ids=["lists", "objects"])
@pytest.mark.parametrize("field", ["arguments", "text arguments", "literal", "schema", "result", "unread", "doubled"])
def test_every_reader_and_writer_handles_the_deepest_setting(text: str, field: str):
    config = configuration(limits={"json_depth": 200})

    def called(arguments: str) -> str:
        return '{"role":"assistant","tool_calls":[{"name":"f","arguments":' + arguments + "}]}"

    shallow = text.replace("[" * 9, "", 1).replace("]" * 9, "", 1).replace('{"a":' * 9, "", 1).replace("}" * 9, "", 1)
    quoted = json.dumps(f'{{"a":{text}}}')
    literal = json.dumps(f"{{'a':{text}}}")
    turns = {
        "arguments": called(f'{{"a":{shallow}}}'),
        "text arguments": called(quoted),
        "literal": called(literal),
        "result": called("{}") + ',{"role":"tool","content":' + shallow + "}",
    }.get(field, '{"role":"assistant","content":"a"}')
    more = {
        "schema": ',"tools":[{"name":"f","parameters":{"properties":' + shallow + "}}]",
        "unread": f',"x":{shallow}',
        "doubled": f',"x":{{"b":{shallow},"b":{shallow}}}',
    }.get(field, "")
    data = f'{{"messages":[{{"role":"user","content":"q"}},{turns}]{more}}}'.encode()
    made = draft_of(raw_record("kit", "logs.jsonl", 1, data), config)
    assert not is_internal(made.findings), made.findings
    assert isinstance(made, Draft), made.findings


@pytest.mark.parametrize("bad", ["\x1b[31m", "\u202e", "\n", "k" * MIB])
@pytest.mark.parametrize("place", ["key", "name", "image", "role"])
def test_what_a_log_says_is_shown_short_and_visible(bad: str, place: str):
    record = {
        "key": asked(**{f"loss{bad}": 0.5}),
        "name": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [{"name": f"f{bad}", "arguments": "["}]}]},
        "image": {"image": {f"<image_00>{bad}": 1}, "conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        "role": {"messages": [{"role": f"r{bad}", "content": "q"}, {"role": "assistant", "content": "a"}]},
    }[place]
    made, _ = drafted(json.dumps(record).encode())
    shown = [text for finding in made.findings for text in finding] + [name for name, _ in made.unread]
    assert shown
    for text in shown:
        assert text.isprintable()
        assert len(text) <= MOST_SHOWN + 1


def test_a_finding_is_safe_to_show_wherever_it_is_made():
    finding = Reason.LINE_INVALID_JSON.at("a\x1b[31m", "b\u202e\n")
    assert (finding.where, finding.detail) == ("a␛[31m", "b⟨U+202E⟩␊")


def test_a_configuration_with_the_deepest_setting_is_valid():
    assert parse_config({"sources": [{"name": "s", "path": "x"}], "output": {"root": "o"}, "limits": {"json_depth": 200}}).limits.json_depth == 200
