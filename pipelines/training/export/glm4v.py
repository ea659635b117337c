"""Rows as the jsonl of GLM-4V's finetune_vision.py: as for GLM-4, with the picture's path in `image` of the first message.

Source: THUDM/GLM-4 finetune/finetune_vision.py process_batch @ f27a106; tokenization_chatglm.py of glm-4v-9b.
"""

from __future__ import annotations

from typing import Any

from pipelines.training.export.glm4 import date_codes, plain, runs_of_answers
from pipelines.training.export.job import Codes, Job
from pipelines.training.export.minicpm import with_system_moved
from pipelines.training.export.rows import Row, length_codes, loss_codes
from pipelines.training.export.tool_text import in_words, uses_tools


def entry(row: Row, job: Job) -> tuple[dict[str, Any], Codes]:
    """The row as process_batch takes it, and why its ids or labels there are others than ours under recipe `upstream`.

    A picture that is elsewhere than at the start of the first turn still goes there: upstream takes it from nowhere else, and one on
    a later message stops the training. Their tokenizer makes no control tokens of texts.
    """
    messages, codes = row.messages, length_codes(row, job.settings.get("recipe"))
    if uses_tools(messages, row.tools):
        messages, codes = in_words(messages, row.tools, job.settings.get("tool_syntax")), [*codes, "tool_syntax"]
    codes += loss_codes(row, messages, runs_of_answers(messages))
    if not row.pictures:
        codes.append("no_picture")
    elif not messages[0]["image_at"]:
        messages, moved = with_system_moved(messages)
        codes += moved
    places = [(i, offset) for i, message in enumerate(messages) for offset in message["image_at"] or ()]
    if places and "system_moved" not in codes and places != [(0, 0)]:
        codes.append("picture_moved")
    written: list[dict[str, Any]] = [plain(message) for message in messages]
    if not all(message["content"] for message in written[1:]) or not (written[0]["content"] or places):
        codes.append("empty_turn")
    if row.pictures:
        written[0]["image"] = job.pictures.path_of(row.pictures[0])
    return {"messages": written}, codes + date_codes(written)
