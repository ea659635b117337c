"""Whatever the steps of an episode are: every step is a row, or is named; and the same record gives the same rows."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from pipelines.flow import draft_of, is_internal
from pipelines.records import Conversation, Quarantined, raw_record, sample_id_of
from tests.episodes.steps.records import agentnet, aitz, android, mind2web, odyssey, sizes_of, stepwise
from tests.making import run

ACTIONS: list[Any] = [
    {"action_type": "click", "x": 54, "y": 120},
    {"action_type": "scroll", "direction": "up"},
    {"action_type": "input_text", "text": "a"},
    {"action_type": "navigate_back"},
    {"action_type": "wait"},
]
LEFT_OUT: list[Any] = [{"action_type": "open_app", "app_name": "Maps"}, {"action_type": "double_tap", "x": 1, "y": 1}]
BAD: list[Any] = [{"action_type": "fly"}, {"action_type": "click", "x": 999, "y": 1}, {"action_type": "click"}, None, 7]


@pytest.mark.parametrize("seed", range(60))
def test_every_step_is_a_row_or_is_named(seed: int):
    rng = random.Random(seed)
    kinds = [rng.choice("aaaal" if seed % 3 else "aaaalb") for _ in range(rng.randint(1, 12))]
    record = android([rng.choice({"a": ACTIONS, "l": LEFT_OUT, "b": BAD}[kind]) for kind in kinds])
    config = stepwise(history={"steps": rng.randint(0, 3), "images": rng.randint(1, 3)}, loss=rng.choice(["last", "all"]))
    made = run(record, config, sizes_of(20))
    if "b" in kinds:
        (row,) = made
        assert isinstance(row, Quarantined)
        named = {finding.where.partition("]")[0] for finding in row.findings if finding.code != "step.left_out"}
        assert named == {f"actions[{i}" for i, kind in enumerate(kinds) if kind == "b"}
        return
    rows = [one for one in made if isinstance(one, Conversation)]
    left = [finding.where for one in rows for finding in one.findings if finding.code == "step.left_out"]
    assert left == [f"actions[{i}]" for i, kind in enumerate(kinds) if kind == "l"]
    assert [row.step_id for row in rows] == [str(i) for i, kind in enumerate([*kinds, "finish"]) if kind != "l"]
    assert [row.sample_id for row in rows] == [sample_id_of(row.record_id, int(row.step_id or 0)) for row in rows]
    assert rows == [one for one in run(record, config, sizes_of(20)) if isinstance(one, Conversation)]
    for row in rows:
        assert len(row.images) == sum(len(message.image_at) for message in row.messages) <= config.sources[0].rows.history.images
        assert [message.role for message in row.messages] == ["system", *["user", "assistant"] * len(row.images)]
        assert row.messages[-1].loss_weight is None
        json.loads(row.messages[-1].content)


RECORDS = [
    android(ACTIONS),
    odyssey(("CLICK", [[1, 2]]), ("SCROLL", [[1, 2], [3, 4]]), ("TEXT", "a"), ("COMPLETE", "")),
    agentnet("pyautogui.click(x=0.1, y=0.2)", "pyautogui.hotkey(['ctrl', 'c'])", "computer.terminate(status='success')"),
    aitz(1, 4, (0.5, 0.5)),
    mind2web(2),
    {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": "click(start_box='(1,2)')"}]},
    {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Go."}, {"type": "image_url", "image_url": {"url": "s0.png"}}]},
            {"role": "assistant", "content": "Thought: a\nAction: wait()", "loss_mask": 1},
        ],
        "images": ["s1.png"],
    },
    {"lines": [{"step_num": 1, "action": "DONE", "screenshot_file": "s1.png", "instruction": "Go."}]},
    {"output": "Action: click(x=54, y=60)", "instruction": "<image>Go.", "input": "", "images": ["s0.png"], "history": [], "image_size": [108, 240]},
    {
        "device_info": {"width": 108, "height": 240},
        "goal": "Go.",
        "steps": [{"screenshot": {"path": "s0.png", "size": "108x240"}, "action": {"type": "tap", "x": 5, "y": 6, "bbox": {"x": 0, "y": 0, "w": 9, "h": 9}}}],
    },
]
VALUES: list[Any] = [None, True, -1, 0, 1.5, 1e308, "", "x", "[", '{"a": 1}', [], [[]], [1], {}, {"x": None}, {"bytes": "x"}, "pyautogui.click(", "😀"]


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in _places(one, (*at, key)))]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: next(iter(record)))
def test_no_value_anywhere_is_an_internal_error(record: Any):
    config = stepwise(history={"steps": 2, "images": 2})
    for place in _places(record)[1:]:
        for value in VALUES:
            changed = json.loads(json.dumps(record))
            holder = changed
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = value
            made = run(changed, config, sizes_of(9))
            assert made
            assert not any(isinstance(one, Quarantined) and is_internal(one.findings) for one in made), (place, value, made)


def _seconds(record: Any) -> float:
    raw = raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode())
    config = stepwise("plain")
    start = time.process_time()
    draft_of(raw, config)
    return time.process_time() - start


@pytest.mark.parametrize(
    "code",
    ['"' + '\\"' * 1, "import " + "a ", "pyautogui.click(" + "(", "a." * 2, "click(x=1)\n", "# a\n", "'\"", "click(x='" + "a',"],
)
def test_code_of_any_length_takes_linear_time(code: str):
    """Ten times the code takes at most some thirty times as long; a quadratic reader would take a hundred."""
    short, long = (_seconds(agentnet(code * count)) for count in (3_000, 30_000))
    assert long < 30 * max(short, 0.02)


ASKED: list[Any] = [
    "{}",
    {"type": "text", "text": "{}"},
    {"type": "tool_result", "content": "{}"},
    {"type": "tool_result", "content": [{"type": "text", "text": "{}"}]},
    {"type": "thinking", "thinking": "{}"},
    {"type": "document", "text": "{}"},
    {"type": "text", "text": "Hi", "value": "{}"},
]
SAID: list[Any] = [
    "{}\nAction: wait()",
    "<answer>wait()</answer>\n{}",
    "{}\npyautogui.sleep(1)",
    "pyautogui.sleep(1)\n{}",
    "<think>{}</think><action>wait()</action>",
]
SAID += [{"type": "thinking", "thinking": "{}"}, {"type": "summary", "text": "{}"}, {"type": "text", "text": "Action: wait()", "content": "{}"}]
SAID += [
    {"type": "tool_use", "name": "computer", "input": {"action": "wait"}},
    {"type": "text", "text": "Thought: {}"},
    {"type": "tool_result", "content": "{}"},
]


@pytest.mark.parametrize("seed", range(120))
def test_every_word_of_a_chat_is_in_a_row_or_its_record_is_refused(seed: int):
    rng = random.Random(seed)
    turns: list[Any] = []
    for i in range(rng.randint(1, 2)):
        asked = [{"type": "text", "text": "Open it."}, *rng.choices(ASKED, k=i == 0 and rng.randint(0, 1)), {"type": "image", "image": "s0.png"}]
        said = [*rng.choices(SAID, k=rng.randint(0, 1)), rng.choice(SAID)]
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    text, *rest = json.dumps(turns).split("{}")
    words = [f"word{i}." for i in range(len(rest))]
    made = run({"messages": json.loads(text + "".join(map("".join, zip(words, rest, strict=True))))}, stepwise("plain"), sizes_of(1))
    rows = [one for one in made if isinstance(one, Conversation)]
    kept = " ".join(message.content for row in rows for message in row.messages)
    assert not rows or [word for word in words if word not in kept] == []
