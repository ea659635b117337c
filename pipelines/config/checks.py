"""What becomes of a step in which a check finds a fault."""

from __future__ import annotations

from typing import Literal

from pipelines.config.base import Settings

What = Literal["note", "mask", "quarantine"]


class Checks(Settings):
    """By check. `note`: a finding; `mask`: also, the step's answer is not trained; `quarantine`: the conversation is refused."""

    same_failing_call: What = "note"
    error_streak: What = "note"
    no_change: What = "note"
    point_outside: What = "note"
    no_end: What = "note"
    undeclared_tool: What = "note"
    cut_answer: What = "mask"
