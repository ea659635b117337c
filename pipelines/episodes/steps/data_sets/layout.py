"""What a row of the tables of data sets says.

Paths are those of formats/paths.py: `a.b | c` is the first that is there. Those of `StepFields` begin at the step, and with `record:` at the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.episodes.steps.data_sets.words import COMMON, Words

GOAL = "goal | instruction | task | confirmed_task | query | intent | task_description | task_instruction"
SCREEN = (
    "screenshot | screenshot_path | image_path | image | img | img_filename | img_url | screenshot_file | screen | observation.screenshot | observation.image"
    " | observation.screenshot_path | image_url | screenshot_before | before_screenshot | screen_before | image_before"
)
# What the screen of the next step is, where the step's own is there too.
AFTER = ("screenshot_after", "after_screenshot", "screen_after", "image_after", "next_screenshot", "next_image")
STEP_ID = "step_id | step | step_num | step_index | step_idx | index"
THOUGHT = "thought | thoughts | thinking | reasoning | coat_action_think"
LOW = "step_instruction | low_level_instruction | low_instruction | sub_goal | subgoal | step_goal | action_description"


@dataclass(frozen=True, slots=True)
class StepFields:
    """`action` is where the action's name or the object with it is, `details` where the objects are that have what belongs to it. `code` says that
    the action is code, or a call as text. `suffix` is what a screen's name lacks: files of SeeClick have `.png`, its records do not. `chosen`: a list of
    elements, and the key of the one that is meant."""

    screen: str = SCREEN
    action: str = "action"
    details: tuple[str, ...] = ()
    code: bool = False
    step_id: str = ""
    low: str = LOW
    thought: str = THOUGHT
    others: tuple[str, ...] = ()  # paths that are documented and that no row has
    suffix: str = ""
    chosen: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StepLayout:
    """`steps` is the path of the list of steps; "" where a record is one step, whose episode and number are `group` and `order_by`. `parallel`: the
    lists that have a value per step, as field of the step -> path. `unit` and `order` are what the data set documents, "" where it documents none."""

    title: str
    source: str
    needs: tuple[str, ...]
    steps: str = ""
    parallel: Mapping[str, str] | None = None
    goal: str = GOAL
    goal_before: str = ""  # the goal is the text before this mark
    fields: StepFields = StepFields()
    words: Words = COMMON
    unit: str = ""
    order: str = "xy"
    group: str = ""
    order_by: str = ""
    first: int | None = 0
    chat: str | None = None  # the steps are the answers of a chat, one of which has this mark
    screen_is_after: bool = False  # a step's picture shows what its action led to
    others: tuple[str, ...] = ()  # keys that are documented and that no row has, or that repeat what is read
