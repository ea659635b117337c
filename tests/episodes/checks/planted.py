"""Episodes of agents with planted faults: calls of tools, and screens with actions in the forms of several data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from pipelines.records import Conversation, Image, Message, Origin, sample_id_of

TOOLS = ("search", "read_file", "bash", "open_url", "get_weather", "run_python")
GOOD = (
    "3 results found",
    '{"status": "success", "error": null, "rows": [1, 2]}',
    "total 12\ndrwxr-xr-x 2 root root\n[exit code: 0]",
    "No errors found in 12 files",
    "The page speaks of an error in line 4 of the report.",
    '{"temp": 21, "message": "ok"}',
    "def f():\n    raise ValueError('Error: x')\n",
    "0 failed, 12 passed\nProcess exited with code 0",
    "Errors: 0, warnings: 2",
    "=== 12 passed in 0.1s ===",
    "find: '/proc/1': Permission denied\n/home/a/b.txt",
    "",
)
BAD = (
    "Error: no such file or directory: /tmp/a",
    "Traceback (most recent call last):\n  File 'a.py', line 1\nValueError: x",
    '{"error": "rate limit exceeded"}',
    '{"success": false, "message": "not found"}',
    "bash: foo: command not found\n[exit code: 127]",
    "<tool_use_error>File has not been read yet.</tool_use_error>",
    '{"output": "make: *** [all] Error 2", "metadata": {"exit_code": 2}}',
    "ModuleNotFoundError: No module named 'numpy'",
    "Tool execution failed: timeout",
    "Failed to fetch https://example.org: 404",
    "FAILED tests/a.py\nExit code: 1",
    "<returncode>1</returncode>\n<output>ls: cannot access</output>",
    '{"isError": true, "content": "denied"}',
    "[ERROR] connection refused",
    "Unknown tool: lookup",
    '{"status": "error", "detail": "bad request"}',
    '{"status_code": 500, "body": ""}',
    "requests.exceptions.ConnectionError: Max retries exceeded",
    "ls: cannot access 'x': No such file or directory",
    "gcc -c a.c\nmake[1]: *** [Makefile:3: all] Error 1",
    "npm ERR! code E404\nnpm ERR! 404 Not Found",
    "tests/a.py .F\n=== 1 failed, 2 passed in 0.1s ===",
)
SIZES = ((1080, 2400), (1920, 1080), (1280, 800), (720, 1280))
Draw = Callable[[Random, tuple[float, float], bool], Message]  # an action at this point, given as parts of the screen, or the last action


def conversation(messages: list[Message], images: list[Image], tools: str | None = None) -> Conversation:
    return Conversation(
        sample_id=sample_id_of("r"),
        record_id="r",
        episode_id="e",
        step_id=None,
        origin=Origin("kit", "logs.jsonl", 1, "0" * 64),
        format="messages",
        messages=tuple(messages),
        tools=tools,
        images=tuple(images),
        findings=(),
    )


def declared(names: tuple[str, ...] = TOOLS) -> str:
    made = [{"type": "function", "function": {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}}} for name in names]
    return json.dumps(made)


def call(name: str, /, **arguments: object) -> Message:
    return Message("assistant", json.dumps(arguments, ensure_ascii=False), name)


def tool_messages(random: Random, results: list[str], answer: bool = True) -> list[Message]:
    """An episode with a call for each of these results. No call is like the one before it."""
    messages = [Message("system", "Use the tools.")] * random.randint(0, 1) + [Message("user", "Do the task.")]
    for i, result in enumerate(results):
        if random.random() < 0.4:
            messages.append(Message("assistant", f"<think>Now step {i}.</think>" * random.randint(0, 1) + f"I go on with {i}."))
        messages += [call(random.choice(TOOLS), at=i, text=f"part {random.randint(0, 99)}"), Message("observation", result)]
    return [*messages, Message("assistant", "Done: 3 rows.")] if answer else messages


def clean_results(random: Random) -> list[str]:
    """Good results, and errors of which no three follow one another."""
    results = [random.choice(GOOD) for _ in range(random.randint(3, 25))]
    for i in range(0, len(results), 4):
        if random.random() < 0.3:
            results[i : i + 2] = [random.choice(BAD) for _ in results[i : i + 2]]
    return results


def same_failing_call(random: Random) -> Conversation:
    messages = tool_messages(random, clean_results(random))
    again = call(random.choice(TOOLS), text="the same")
    planted = [turn for _ in range(random.randint(3, 8)) for turn in (again, Message("observation", random.choice(BAD)))]
    at = random.choice([i for i, message in enumerate(messages) if i and messages[i - 1].role == "observation"])
    return conversation([*messages[:at], *planted, *messages[at:]], [], declared())


def error_streak(random: Random) -> Conversation:
    results = clean_results(random)
    at = random.randint(0, len(results))
    return conversation(tool_messages(random, [*results[:at], *[random.choice(BAD) for _ in range(random.randint(3, 9))], *results[at:]]), [], declared())


def undeclared_tool(random: Random) -> Conversation:
    messages = tool_messages(random, clean_results(random))
    at = random.choice([i for i, message in enumerate(messages) if message.metadata])
    messages[at] = call("look_" + random.choice(TOOLS), text="x")
    return conversation(messages, [], declared())


def clean_tools(random: Random) -> Conversation:
    return conversation(tool_messages(random, clean_results(random)), [], random.choice([None, declared()]))


def _thousand(at: tuple[float, float]) -> tuple[int, int]:
    return round(at[0] * 1000), round(at[1] * 1000)


def agentcpm(random: Random, at: tuple[float, float], size: tuple[int, int], end: bool) -> Message:
    action = {"STATUS": "finish"} if end else {"POINT": list(_thousand(at))} | ({"to": "up"} if at[0] < 0.2 else {})
    return Message("assistant", json.dumps({"thought": f"I see {random.randint(0, 999)}."} | action, separators=(",", ":"), ensure_ascii=False))


def ui_tars(random: Random, at: tuple[float, float], size: tuple[int, int], end: bool) -> Message:
    x, y = _thousand(at)
    action = "finished(content='ok')" if end else f"click(start_box='<|box_start|>({x},{y})<|box_end|>')"
    return Message("assistant", f"Thought: I see {random.randint(0, 999)}.\nAction: {action}")


def computer(random: Random, at: tuple[float, float], size: tuple[int, int], end: bool) -> Message:
    """Px, as computer use has them."""
    if end:
        return call("computer", action="terminate", status="success")
    return call("computer", action="left_click", coordinate=[round(at[0] * size[0]), round(at[1] * size[1])])


def code(random: Random, at: tuple[float, float], size: tuple[int, int], end: bool) -> Message:
    """Parts of the screen, as AgentNet has them."""
    action = "computer.terminate(status='success')" if end else f"pyautogui.click(x={at[0]:.4f}, y={at[1]:.4f})"
    return Message("assistant", f"<think>\nI see {random.randint(0, 999)}.\n</think>\n\n{action}")


FORMS = (agentcpm, ui_tars, computer, code)


def _inside(random: Random) -> tuple[float, float]:
    return random.random(), random.random()


def gui(
    random: Random, points: list[tuple[float, float]], same: dict[int, str] | None = None, ends: bool = True, repeated: tuple[int, int] = (0, 0)
) -> Conversation:
    """A screen and an action for each point. `same[i]` is the picture of screen i; `repeated` are steps that do what the first of them does."""
    form, size = random.choice(FORMS), random.choice(SIZES)
    messages: list[Message] = []
    images: list[Image] = []
    for i, point in enumerate([*points, (0.0, 0.0)] if ends else points):
        name = (same or {}).get(i, f"{i}-{random.random()}")
        images.append(Image(f"kit/{i}.png", name, "PNG", *size))
        messages.append(Message("user", "Do the task. " if i == 0 else "", image_at=(0,)))
        first, end = repeated
        messages.append(form(random, points[first] if first < i < end else point, size, ends and i == len(points)))
    return conversation(messages, images)


def point_outside(random: Random) -> Conversation:
    points = [_inside(random) for _ in range(random.randint(8, 25))]
    far = random.choice([(1.4, 0.5), (0.5, 1.3), (2.5, 2.5), (-0.1, 0.2), (0.3, -0.4)])
    points[random.randrange(len(points))] = far
    return gui(random, points)


def no_change(random: Random) -> Conversation:
    points = [_inside(random) for _ in range(random.randint(4, 20))]
    first = random.randrange(len(points) - 1)
    end = random.randint(first + 2, min(first + 5, len(points)))
    return gui(random, points, dict.fromkeys(range(first, end), "frozen"), repeated=(first, end))


def no_end(random: Random) -> Conversation:
    if random.random() < 0.5:
        return gui(random, [_inside(random) for _ in range(random.randint(3, 20))], ends=False)
    messages = tool_messages(random, clean_results(random), answer=False)
    return conversation(messages[: len(messages) - random.randint(0, 1)], [], declared())


def clean_gui(random: Random) -> Conversation:
    """Also with an action that is done again on a new screen, and another action on the same screen."""
    points = [_inside(random) for _ in range(random.randint(4, 20))]
    if random.random() < 0.5:
        return gui(random, points, repeated=(1, 3))
    return gui(random, points, {1: "frozen", 2: "frozen"})


PLANTED = (same_failing_call, error_streak, no_change, point_outside, no_end, undeclared_tool)
