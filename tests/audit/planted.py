"""A root with many episodes of four kinds, and with near copies planted on two sides of the split.

    python -m tests.audit.planted --episodes 100000 --copies 500     # publishes it in a temporary folder, audits it, and says what was found

Tasks of one kind share a prompt; many differ by a name, a number or a time only. That is what makes most tools report pairs that are none.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from pipelines.audit.leaks import Audit
from pipelines.console.root.audit import audit_root
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from tests.published import publish_rows

GUI = """You are a GUI agent. You are given a task and a screenshot of a phone, and you must say what to do next. Actions are CLICK, TYPE, SCROLL, PRESS and STOP.
A point is given in thousandths of the screen, from the upper left. Answer with one JSON object that has a thought and an action, and with nothing else.
<Question>{goal}</Question>
The current screenshot:"""
SWE = """<uploaded_files>
/workspace/{project}
</uploaded_files>
I've uploaded a repository. Consider the following description of an issue:

<issue_description>
{goal}
</issue_description>

Can you help me implement the changes so that the requirements of the description are met? I've already taken care of all changes to the tests, so you don't have to modify
them. Make the minimal changes to the other files, explore the repository first, reproduce the error, and think about edge cases."""
DO = [
    "open",
    "close",
    "start",
    "stop",
    "share",
    "delete",
    "rename",
    "move",
    "copy",
    "save",
    "print",
    "send",
    "check",
    "find",
    "play",
    "record",
    "mute",
    "pin",
    "archive",
    "restore",
]
WHAT = [
    "note",
    "photo",
    "message",
    "contact",
    "alarm",
    "timer",
    "playlist",
    "file",
    "folder",
    "invoice",
    "calendar",
    "reminder",
    "recipe",
    "ticket",
    "order",
    "address",
    "password",
    "profile",
    "draft",
    "screenshot",
]
APPS = [
    "Gmail",
    "Maps",
    "Files",
    "Clock",
    "Music",
    "Photos",
    "Notes",
    "Calendar",
    "Drive",
    "Chrome",
    "Settings",
    "Amazon",
    "eBay",
    "Spotify",
    "Telegram",
    "Signal",
    "Zoom",
    "Slack",
    "Trello",
    "Uber",
]
HOW = [
    "before lunch",
    "after work",
    "with a short title",
    "in dark mode",
    "without sound",
    "for the whole family",
    "and confirm it",
    "as a draft",
    "in the second tab",
    "on the main screen",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ZH = "打开关闭查找删除分享设置播放下载邮件地图相册日历闹钟音乐视频微信支付宝淘宝航班酒店天气提醒联系人文件名称时间北京上海广州深圳明天下午今晚会议"


class Planted(NamedTuple):
    """`pairs` are the sample ids of an original and its copy; `copied` says how."""

    rows: list[dict[str, Any]]
    pairs: dict[frozenset[str], str]


def name(random: Random) -> str:
    return "".join(random.choice("bdfgklmnprstvz") + random.choice("aeiou") for _ in range(random.randint(2, 4)))


def gui(random: Random) -> str:
    return f"{random.choice(DO).title()} the {random.choice(WHAT)} {name(random)} in {random.choice(APPS)} {random.choice(HOW)}."


def alarm(random: Random) -> str:
    """Every word is common; only the combination is not."""
    return f"{random.choice(DO).title()} {random.choice(WHAT)} number {random.randrange(100_000)} at {random.randrange(24)}:{random.randrange(60):02} on {random.choice(DAYS)}"


def issue(random: Random) -> str:
    words = [*DO, *WHAT, *(word for how in HOW for word in how.split()), "the", "a", "is", "not", "when", "raises", "returns"]
    said = (name(random) if random.random() < 0.08 else random.choice(words) for _ in range(random.randint(40, 160)))
    return " ".join(said)


def chinese(random: Random) -> str:
    return "".join(random.choice(ZH) for _ in range(random.randint(10, 24)))


KINDS: dict[str, tuple[Callable[[Random], str], str]] = {
    "gui": (gui, GUI),
    "assistant": (alarm, "{goal}"),
    "swe": (issue, SWE),
    "zh": (chinese, "请完成任务：{goal}"),
}


def replace_word(goal: str, random: Random) -> str:
    words = goal.split(" ")
    if len(words) < 8:
        return goal + "。"
    words[random.randrange(2)] = random.choice(("please", "now", "quickly"))
    return " ".join(words)


EDITS: dict[str, Callable[[str, Random], str]] = {
    "the same": lambda goal, random: goal,
    "case and marks": lambda goal, random: goal.upper().replace(".", " !").replace(":", " : "),
    "blanks": lambda goal, random: "\n  ".join(goal.split(" ")),
    "prefix": lambda goal, random: f"Please {goal[0].lower()}{goal[1:]}",
    "suffix": lambda goal, random: f"{goal} Thank you!",
    "a word": replace_word,
}


def message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "metadata": "", "content": content, "image_at": []}


def row(number: int, source: str, split: str, text: str) -> dict[str, Any]:
    named = f"{number:032x}"
    return {
        "sample_id": named,
        "record_id": named,
        "episode_id": f"e{number}",
        "step_id": None,
        "origin": {"source": source, "path": f"{source}.jsonl", "line": number + 1, "sha256": ""},
        "format": "openai",
        "messages": [message("system", "You are a helpful agent."), message("user", text), message("assistant", "Done."), message("user", "Thanks.")],
        "images": [],
        "repairs": [],
        "findings": [],
        "split": split,
    }


def planted(episodes: int, copies: int, seed: int = 0) -> Planted:
    """`episodes` rows, of which so many are copies that lie on another side than their original."""
    random = Random(seed)
    rows: list[dict[str, Any]] = []
    goals: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    while len(rows) < episodes - copies:
        source = random.choice(list(KINDS))
        make, prompt = KINDS[source]
        if (goal := make(random)) in seen:
            continue
        seen.add(goal)
        split = random.choices(("train", "val", "test"), (96, 2, 2))[0]
        goals.append((source, split, goal))
        rows.append(row(len(rows), source, split, prompt.format(goal=goal, project=random.choice(APPS))))
    pairs: dict[frozenset[str], str] = {}
    for original in random.sample(range(len(rows)), copies):
        source, split, goal = goals[original]
        how = random.choice(list(EDITS))
        if random.random() < 0.2:  # the same goal in another prompt
            source = random.choice([other for other in KINDS if other != source])
        side = random.choice([other for other in ("train", "val", "test") if other != split])
        copy = row(len(rows), source, side, KINDS[source][1].format(goal=EDITS[how](goal, random), project=random.choice(APPS)))
        pairs[frozenset((rows[original]["sample_id"], copy["sample_id"]))] = f"{how}, {goals[original][0]} in {source}"
        rows.append(copy)
    random.shuffle(rows)
    return Planted(rows, pairs)


def found_and_false(made: Audit, known: Planted) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """(how the copies were made that were found, those that were not, the texts of pairs that are none)."""
    pairs = [(frozenset((leak.one.sample_id, leak.other.sample_id)), leak) for leak in made.leaks]
    named = {pair for pair, _ in pairs}
    wrong = [(made.text_of(leak.one), made.text_of(leak.other)) for pair, leak in pairs if pair not in known.pairs]
    return [how for pair, how in known.pairs.items() if pair in named], [how for pair, how in known.pairs.items() if pair not in named], wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--copies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = planted(options.episodes, options.copies, options.seed)
        publish_rows(OutputRoot(str(Path(folder) / "out")), "run", "mon", {"conversations": known.rows})
        wall, before = time.monotonic(), time.process_time()
        made, _ = audit_root(str(Path(folder) / "out"), ENVIRONMENT, None)
        took = {"seconds": round(time.monotonic() - wall, 1), "cpu_seconds": round(time.process_time() - before, 1)}
    found, missed, wrong = found_and_false(made, known)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # with the rows that were planted
    print(json.dumps({"episodes": options.episodes, "copies": options.copies, "found": len(found), "false": len(wrong)} | took | {"peak_mb": peak}))
    for how in missed[:20]:
        print("missed:", how)
    for one, other in wrong[:20]:
        print("false:", one[-200:], "|", other[-200:])


if __name__ == "__main__":
    main()
