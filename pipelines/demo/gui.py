"""GUI episodes: one record per step, with its screenshot given in the way of each format."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

from pipelines.demo.library import Library

Record = dict[str, Any]

SYSTEM = (
    "# Role\nYou are an agent that works a touch screen.\n\n# Task\nLook at the screenshot and give the next action as compact JSON.\n\n"
    '# Schema\n{"POINT": [x, y], "to": direction, "TYPE": text, "PRESS": key, "STATUS": state}'
)
TASKS = (
    ("Order two cups of tea for Monday", "下单两杯周一送达的茶"),
    ("Find the invoice from the garden shop", "找到园艺店的发票"),
    ("Turn on night mode and lower the sound", "打开夜间模式并调低音量"),
    ("Send Lin the photos of the holiday", "把假期的照片发给小林"),
    ("Show the way to the night train", "查询去夜班火车站的路线"),
    ("Move dinner with Ana to Friday", "把和安娜的晚餐改到星期五"),
    ("Check how much budget is left", "查看还剩多少预算"),
)
THOUGHTS = ("The list is open; the entry is further down.", "先点击搜索框。", "The switch is on the right side.", "内容已经出现，点击确认。")


def gui_steps(library: Library, seed: int, steps: int) -> list[Record]:
    """An episode's steps, each with its screenshot, question, thought and action, independent of the format."""
    random = Random(f"gui:{seed}")
    desktop = seed % 4 == 3
    task = random.choice(TASKS)[seed % 2]
    screens = library.screens(seed, steps, desktop)
    return [
        {
            "id": f"gui-{seed:03d}-{step:02d}",
            "episode_id": f"gui-{seed:03d}",
            "step_id": step,
            "task": task,
            "screen": screens[step],
            "before": screens[step - 1] if step else None,
            "action": _action(random, last=step == steps - 1),
        }
        for step in range(steps)
    ]


def _action(random: Random, last: bool) -> str:
    action: Record = {"thought": random.choice(THOUGHTS)} if random.random() < 0.5 else {}
    if last:
        action["STATUS"] = "finish"
    elif (draw := random.random()) < 0.55:
        action["POINT"] = [random.randrange(1000), random.randrange(1000)]
    elif draw < 0.75:
        action |= {"POINT": [500, 700], "to": random.choice(("up", "down", "left", "right"))}
    elif draw < 0.9:
        action["TYPE"] = random.choice(("tea", "夜班火车", "holiday photos", "50.00"))
    else:
        action["PRESS"] = random.choice(("HOME", "BACK", "ENTER"))
    return json.dumps(action, ensure_ascii=False, separators=(",", ":"))


def agentcpm_record(step: Record) -> Record:
    """As in the README of AgentCPM-GUI: a system turn and a named image; every second step has a plain image path."""
    named = step["step_id"] % 2 == 0
    mark = "<image_00>" if named else "<image>"
    question = f"<Question>{step['task']}</Question>\nCurrent screen: {mark}"
    return _ids(step) | {
        "image": {"<image_00>": step["screen"]} if named else step["screen"],
        "conversations": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": question},
            {"role": "assistant", "content": step["action"]},
        ],
    }


def sharegpt_record(step: Record) -> Record:
    """As LLaMA-Factory reads it; from the second step on it also has the previous screen, so two images."""
    images = [step["before"], step["screen"]] if step["before"] and step["step_id"] % 3 == 1 else [step["screen"]]
    question = "\n".join(["<image>"] * len(images)) + f"\n{step['task']}"
    return _ids(step) | {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": step["action"]}], "images": images, "system": SYSTEM}


def openai_record(step: Record) -> Record:
    """Content in parts; the image is given by its path."""
    parts = [{"type": "text", "text": step["task"]}, {"type": "image_url", "image_url": {"url": step["screen"]}}]
    return _ids(step) | {
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}, {"role": "assistant", "content": step["action"]}]
    }


def inline_record(step: Record, data: bytes, media: str) -> Record:
    """The same, with the image inside the record."""
    record = openai_record(step)
    url = f"data:{media};base64,{base64.b64encode(data).decode()}"
    record["messages"][1]["content"][1] = {"type": "image_url", "image_url": {"url": url}}
    return record


def glm_record(step: Record) -> Record:
    """As for GLM-4V: the image is a field of the message."""
    return _ids(step) | {
        "messages": [{"role": "user", "image": step["screen"], "content": step["task"]}, {"role": "assistant", "metadata": "", "content": step["action"]}]
    }


FORMATS: dict[str, Callable[[Record], Record]] = {
    "agentcpm": agentcpm_record,
    "sharegpt": sharegpt_record,
    "openai": openai_record,
    "glm": glm_record,
}


def _ids(step: Record) -> Record:
    return {"id": step["id"], "episode_id": step["episode_id"], "step_id": step["step_id"]}
