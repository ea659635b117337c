"""Episodes as the data sets log them, for tests; and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.config import Config
from pipelines.records import Conversation
from tests.making import configuration, run, run_lines, write_lines

SIZE = (108, 240)


def stepwise(prompt: str = "agentcpm_gui", source: dict[str, Any] | None = None, normalize: dict[str, Any] | None = None, **rows: Any) -> Config:
    """A configuration without dialects that makes rows of steps."""
    return configuration(source={"rows": {"of": "step", "prompt": prompt, **rows}} | (source or {}), normalize=normalize or {})


def android(actions: Sequence[Any], screens: int | None = None, **more: Any) -> dict[str, Any]:
    """An episode of AndroidControl with one screen more than actions."""
    count = len(actions) + 1 if screens is None else screens
    return {
        "episode_id": 20,
        "goal": "Go.",
        "screenshots": [f"s{i}.png" for i in range(count)],
        "screenshot_widths": [SIZE[0]] * count,
        "screenshot_heights": [SIZE[1]] * count,
        "actions": list(actions),
        "step_instructions": [f"Do {i}" for i in range(len(actions))],
    } | more


def odyssey(*steps: tuple[str, Any], **more: Any) -> dict[str, Any]:
    made = [{"step": i, "screenshot": f"s{i}.png", "action": action, "info": info, "ps": ""} for i, (action, info) in enumerate(steps)]
    device = {"h": 2400, "w": 1080}
    return {"episode_id": "e1", "device_info": device, "task_info": {"instruction": "Find it."}, "step_length": len(steps), "steps": made} | more


def aitz(step: int, kind: int, touch: tuple[float, float] = (-1, -1), lift: tuple[float, float] | None = None, **more: Any) -> dict[str, Any]:
    """A step of AITZ; points are (y, x)."""
    return {
        "episode_id": "7",
        "episode_length": 4,
        "step_id": step,
        "instruction": "Open it.",
        "result_action_type": kind,
        "result_action_text": "",
        "result_touch_yx": json.dumps(touch),
        "result_lift_yx": json.dumps(lift or touch),
        "image_path": f"s{step}.png",
    } | more


def agentnet(*codes: str, **more: Any) -> dict[str, Any]:
    steps = [{"index": i, "image": f"s{i}.png", "value": {"code": code, "thought": "", "action": f"Do {i}"}} for i, code in enumerate(codes)]
    return {"task_id": "t", "instruction": "Do it.", "task_completed": True, "traj": steps} | more


def mind2web(step: int, op: str = "CLICK", value: str = "", rect: str = "10,20,30,40", **more: Any) -> dict[str, Any]:
    return {
        "action_uid": f"u{step}",
        "annotation_id": "a",
        "confirmed_task": "Book.",
        "operation": json.dumps({"original_op": op, "value": value, "op": op}),
        "pos_candidates": [json.dumps({"tag": "a", "attributes": json.dumps({"bounding_box_rect": rect})})],
        "target_action_index": str(step),
        "screenshot": {"bytes": None, "path": f"s{step}.png"},
    } | more


def sizes_of(count: int, size: tuple[int, int] = SIZE) -> dict[str, tuple[int, int]]:
    return {f"s{i}.png": size for i in range(count)}


def rows_of(record: Any, config: Config, size: tuple[int, int] = SIZE) -> list[Conversation]:
    made = run(record, config, sizes_of(99, size))
    assert all(isinstance(one, Conversation) for one in made), [one.findings for one in made if not isinstance(one, Conversation)]
    return [one for one in made if isinstance(one, Conversation)]


def answers(rows: Sequence[Conversation]) -> list[Any]:
    return [json.loads(row.messages[-1].content) for row in rows]


def first_answer(record: Any, config: Config | None = None, size: tuple[int, int] = SIZE) -> Any:
    return answers(rows_of(record, config or stepwise(), size))[0]


def write_screens(folder: Path, count: int, size: tuple[int, int] = SIZE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", size, (i * 7 % 256, 0, 0)).save(folder / f"s{i}.png")
    return folder


def run_records(records: Sequence[Any], folder: Path, config: Config) -> list[Any]:
    """The outcomes of these records, which are in one file, in the order of their lines."""
    return run_lines(config, write_lines(folder / "logs.jsonl", list(records)))
