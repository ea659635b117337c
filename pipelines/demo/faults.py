"""Faults that occur in real logs, one record each, with the state and the reason code that the pipeline must give."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pipelines.demo import gui, tools
from pipelines.demo.library import Library
from pipelines.reasons import Reason

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A faulty record. `state` is quarantined, repaired, noted or duplicate; with `dialect` it is quarantined for that dialect only."""

    line: bytes
    state: str
    reason: Reason
    what: str
    dialect: str | None = None


def line_of(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def gui_faults(library: Library) -> list[Fault]:
    steps = iter(gui.gui_steps(library, 900, 60))
    faults: list[Fault] = []

    def plant(reason: Reason, what: str, change: Callable[[Record], Any], state: str = "quarantined", dialect: str | None = None) -> None:
        """`change` makes a good AgentCPM record with a plain image path faulty, in place, or returns the bytes of the faulty line."""
        step = next(steps) | {"step_id": 1, "episode_id": f"fault-{len(faults):02d}", "id": f"fault-{len(faults):02d}"}
        record = gui.agentcpm_record(step)
        made = change(record)
        faults.append(Fault(made if isinstance(made, bytes) else line_of(record), state, reason, what, dialect))

    def image(path: str) -> Callable[[Record], None]:
        return lambda record: record.update(image=path)

    def question(text: str) -> Callable[[Record], None]:
        return lambda record: record["conversations"][1].update(content=text)

    whole = library.bytes_of(library.screens(901, 1, desktop=False)[0])
    flat = _flat_png(600, 2)
    damaged = flat[:60] + bytes([flat[60] ^ 0xFF]) + flat[61:]
    library.write("odd/cut.png", whole[: len(whole) // 2])
    library.write("odd/damaged.png", damaged)
    library.write("odd/error_page.png", b"<html><body>404 Not Found</body></html>")
    library.write("odd/empty.jpg", b"")
    library.write("odd/bomb.png", _png_header(30_000, 30_000))
    library.write("odd/ribbon.png", flat)
    library.write("odd/Home Screen.PNG", _flat_png(360, 640))
    library.write("odd/sheet.pdf", b"%PDF-1.7 not a screenshot")

    plant(Reason.IMAGE_MISSING, "the screenshot was never copied", image("mail/not_there.png"))
    plant(Reason.IMAGE_TRUNCATED, "the upload stopped half way", image("odd/cut.png"))
    plant(Reason.IMAGE_CORRUPT, "a flipped byte, which the checksum shows", image("odd/damaged.png"))
    plant(Reason.IMAGE_NOT_IMAGE, "an error page saved as an image", image("odd/error_page.png"))
    plant(Reason.IMAGE_FORMAT_NOT_ALLOWED, "a PDF", image("odd/sheet.pdf"))
    plant(Reason.IMAGE_EMPTY, "an empty file", image("odd/empty.jpg"))
    plant(Reason.IMAGE_PIXEL_LIMIT, "a header that promises 900 million pixels", image("odd/bomb.png"))
    plant(Reason.IMAGE_PATH_ESCAPE, "a path that leads out of the image root", image("../../../../etc/hostname"))
    plant(Reason.IMAGE_REMOTE_DISABLED, "a web address", image("https://example.invalid/screen.png"))
    plant(Reason.IMAGE_COUNT_MISMATCH, "two image marks and one screenshot", question("<image><image>\nWhat is on the screen?"))
    plant(Reason.IMAGE_COUNT_MISMATCH, "two screenshots and no image mark", _two_images_no_mark)
    plant(Reason.IMAGE_REF_TYPE, "a number where a path should be", lambda record: record.update(image=17))
    plant(Reason.LINE_TRUNCATED_JSON, "a line that ends in the middle", lambda record: line_of(record).partition(b'"assistant"')[0])
    plant(Reason.LINE_INVALID_UTF8, "bytes that are not UTF-8", lambda record: line_of(record).replace(b"Current", b"Curr\xe9nt"))
    plant(Reason.LINE_INVALID_JSON, "a Python dictionary", lambda record: repr(record).encode())
    plant(Reason.LINE_NOT_OBJECT, "a list of texts", lambda record: b'["tap", "swipe"]')
    plant(Reason.JSON_DUPLICATE_KEY, "one key with two values", lambda record: line_of(record)[:-1] + b', "id": "another"}')
    plant(Reason.JSON_NONFINITE, "NaN, which is not JSON", lambda record: line_of(record | {"step_id": float("nan")}))
    plant(Reason.SCHEMA_ROLE_UNKNOWN, "an unknown role", lambda record: record["conversations"][1].update(role="narrator"))
    plant(Reason.SCHEMA_TURNS_EMPTY, "no turns", lambda record: record.update(conversations=[]))
    plant(Reason.SCHEMA_NO_TARGET, "a question without an answer", lambda record: record["conversations"].pop())
    plant(Reason.REPAIR_PLACEHOLDER_ADDED, "one screenshot and no image mark", question("What is on the screen?"), state="repaired")
    plant(Reason.REPAIR_PATH_CASE, "a file name in a different case", image("odd/home screen.png"), state="repaired")
    plant(Reason.REPAIR_PATH_PERCENT, "a percent-encoded file name", image("odd/Home%20Screen.PNG"), state="repaired")
    for dialect in ("minicpm_v_2_6", "agentcpm_gui"):
        plant(Reason.IMAGE_EXTREME_ASPECT, "a ribbon of 600x2 px", image("odd/ribbon.png"), dialect=dialect)
    plant(Reason.TOKENS_TOO_LONG, "a page of text pasted into the question", _long_question, dialect="agentcpm_gui")
    faults.append(Fault(faults[-6].line, "duplicate", Reason.RECORD_DUPLICATE, "the same line again"))
    return faults


def tool_faults() -> list[Fault]:
    """In format openai, except for faults that only another format can have."""
    seeds = iter(range(800, 900))
    faults: list[Fault] = []

    def plant(reason: Reason, what: str, change: Callable[[Record], Any], state: str = "quarantined", form: str = "openai") -> None:
        record = deepcopy(tools.TALKS[form](tools.talk(next(seeds))))
        record["id"] = f"odd-{len(faults):02d}"
        made = change(record)
        faults.append(Fault(made if isinstance(made, bytes) else line_of(record), state, reason, what))

    def arguments(text: str) -> Callable[[Record], None]:
        return lambda record: record["messages"][2]["tool_calls"][0]["function"].update(arguments=text)

    plant(Reason.TOOL_ARGS_UNPARSEABLE, "arguments that end in the middle", arguments('{"city": "Oslo", '))
    plant(Reason.TOOL_CODE_EXPRESSION, "code where data should be; it is never run", arguments("{'city': open('/etc/hostname').read()}"))
    plant(Reason.TOOL_ARGS_NOT_OBJECT, "a list of arguments", arguments('["Oslo", 2]'))
    plant(Reason.TOOL_RESULT_ORPHAN, "a result without a call", _orphan)
    plant(Reason.TOOL_NAME_MISSING, "a call without a name", lambda record: record["messages"][2]["tool_calls"][0]["function"].pop("name"))
    plant(Reason.SCHEMA_CONTENT_MISSING, "an answer without content", lambda record: record["messages"][-1].pop("content"))
    plant(Reason.SCHEMA_UNKNOWN_FORMAT, "an event of another system", lambda record: line_of({"event": "heartbeat", "at": "2026-11-22T03:04:05Z"}))
    plant(Reason.JSON_TOO_DEEP, "a value nested 200 deep", lambda record: line_of(record)[:-1] + b', "extra": ' + b"[" * 200 + b"]" * 200 + b"}")
    plant(Reason.REPAIR_PYTHON_LITERAL, "arguments printed by Python", arguments("{'city': 'Oslo', 'days': 2}"), state="repaired")
    plant(Reason.REPAIR_NULL_DROPPED, "a definition with nulls, as Arrow writes them", _null_in_schema, state="repaired")
    plant(Reason.REPAIR_TOOL_CALL_EXTRACTED, "a call logged as the text of an answer", _call_as_text, state="repaired", form="glm")
    plant(Reason.TOOL_UNKNOWN_TOOL, "a call of an undeclared function", _undeclared, state="noted")
    return faults


def _two_images_no_mark(record: Record) -> None:
    record["image"] = {"<image_00>": record["image"], "<image_01>": record["image"]}
    record["conversations"][1]["content"] = "What changed?"


def _long_question(record: Record) -> None:
    record["conversations"][1]["content"] += "\n" + "All of the terms and conditions of the shop, word by word. " * 400


def _orphan(record: Record) -> None:
    record["messages"].insert(2, {"role": "tool", "tool_call_id": "call_of_another_day", "content": "{}"})


def _null_in_schema(record: Record) -> None:
    record["tools"] = deepcopy(record["tools"])
    record["tools"][0]["function"]["parameters"]["properties"]["unit"] = None


def _call_as_text(record: Record) -> None:
    call = next(message for message in record["messages"] if message.get("metadata"))
    call["content"] = f'{{"name": "{call["metadata"]}", "arguments": {call["content"]}}}'
    call["metadata"] = ""


def _undeclared(record: Record) -> None:
    record["messages"][2]["tool_calls"][0]["function"]["name"] = "send_mail"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)) + _chunk(b"IEND", b"")


def _flat_png(width: int, height: int) -> bytes:
    """A grey image with a pattern, so that a flipped byte changes its pixels."""
    rows = b"".join(b"\0" + bytes((7 * x + 13 * y) % 256 for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
