"""Where GUI data sets have their steps: one row a data set, in the order in which they are tried. To add a data set, add a row.

Paths are those of formats/paths.py: `a.b | c` is the first that is there. Those of `StepFields` begin at the step, and with `record:` at the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.episodes.steps.actions import AITW, COMMON, ODYSSEY, Words

SIZES = ("image_width | screenshot_width | screen_width | width", "image_height | screenshot_height | screen_height | height")
GOAL = "goal | instruction | task | confirmed_task | query | intent | task_description | task_instruction"
SCREEN = (
    "screenshot | screenshot_path | image_path | image | img | img_filename | screenshot_file | screen | observation.screenshot | observation.image | image_url"
)
STEP_ID = "step_id | step | step_num | step_index | step_idx | index"
THOUGHT = "thought | thoughts | thinking | reasoning | coat_action_think"
LOW = "step_instruction | low_level_instruction | low_instruction | sub_goal | subgoal | step_goal | action_description"


@dataclass(frozen=True, slots=True)
class StepFields:
    """`action` is where the action's name or the object with it is, `details` where the objects are that have what belongs to it. `code` says that
    the action is code, or a call as text."""

    screen: str = SCREEN
    action: str = "action"
    details: tuple[str, ...] = ()
    code: bool = False
    step_id: str = ""
    low: str = LOW
    thought: str = THOUGHT
    sizes: tuple[str, str] = SIZES
    others: tuple[str, ...] = ()  # paths that are documented and that no row has


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
    is_chat: bool = False  # the steps are the answers of a chat
    screen_is_after: bool = False  # a step's picture shows what its action led to
    others: tuple[str, ...] = ()  # keys that are documented and that no row has, or that repeat what is read


_AITW_FIELDS = StepFields(
    screen="image_path | img_filename | image | image_full_path",
    action="result_action_type | action_type_id | results/action_type",
    details=(".",),
    step_id="step_id | step",
    sizes=("image_width | image/width", "image_height | image/height"),
)
_OF_AGENTNET = ("value.observation", "value.reflection", "value.last_step_correct", "value.last_step_redundant")
_OF_AITZ = (
    *("image_full_path", "episode_length", "ui_positions", "ui_text", "ui_types", "image_channels", "subset", "category"),
    *("coat_screen_desc", "coat_action_desc", "coat_action_result", "low_instruction"),
)

LAYOUTS: dict[str, StepLayout] = {
    "android_control": StepLayout(
        title="AndroidControl: screenshots, actions and step_instructions as lists, with one screenshot more than actions",
        source="google-research android_control; neulab/agent-data-protocol datasets/androidcontrol @ df5b5ad; AgentCPM-GUI eval/eval_data/process_ac.py @ acbaf50",
        needs=("actions", "screenshots | screenshot_path"),
        others=("accessibility_trees", "accessibility_tree", "node_info"),
        parallel={
            "action": "actions",
            "screenshot": "screenshots | screenshot_path",
            "step_instruction": "step_instructions",
            "width": "screenshot_widths",
            "height": "screenshot_heights",
        },
        fields=StepFields(screen="screenshot", details=("action",), low="step_instruction", sizes=("width", "height")),
        unit="px",
    ),
    "gui_odyssey": StepLayout(
        title="GUI-Odyssey: steps with screenshot, action and info, in thousandths; task_info, device_info",
        source="OpenGVLab/GUI-Odyssey introduction.md @ fefcbe9",
        needs=("steps[0].info | steps[0].ps", "steps[0].action", "task_info"),
        steps="steps",
        goal="task_info.instruction | task_info.task",
        fields=StepFields(
            details=("info",),
            step_id="step",
            low="low_level_instruction",
            sizes=("record:device_info.w", "record:device_info.h"),
            others=("ps", "description", "intention", "context", "sam2_bbox"),
        ),
        words=ODYSSEY,
        unit="thousand",
    ),
    "agentnet": StepLayout(
        title="AgentNet: traj of steps with image and value.code, pyautogui from 0 to 1",
        source="xlangai/AgentNet; xlang-ai/OpenCUA README.md @ f9f965b",
        needs=("traj[0].value.code",),
        steps="traj",
        goal="instruction | natural_language_task | actual_task",
        fields=StepFields(action="value.code", code=True, step_id="index", low="value.action", thought="value.thought", others=_OF_AGENTNET),
        unit="unit",
        others=("task_completed", "alignment_score", "efficiency_score", "task_difficulty", "reason", "natural_language_task", "actual_task", "domain"),
    ),
    "osworld": StepLayout(
        title="OSWorld: a file of steps with action and the screenshot after it, pyautogui",
        source="xlang-ai/OSWorld lib_run_single.py, traj.jsonl",
        needs=("lines[0].step_num", "lines[0].action"),
        steps="lines",
        goal="lines[0].instruction | lines[0].task | lines[0].goal | instruction",
        fields=StepFields(
            screen="screenshot_file", code=True, step_id="step_num", thought="", others=("instruction", "task", "goal", "response", "reward", "done", "info")
        ),
        unit="px",
        screen_is_after=True,
    ),
    "ui_tars": StepLayout(
        title="UI-TARS: a chat of screens and answers with Thought and Action, in thousandths",
        source="bytedance/UI-TARS data/training_example.json @ 582f3a7",
        needs=("messages | conversations",),
        steps="messages",
        is_chat=True,
        fields=StepFields(code=True),
        unit="thousand",
        others=("images",),
    ),
    "aitz": StepLayout(
        title="AITZ, CAGUI, AITW: one step per record, with result_action_type and result_touch_yx from 0 to 1",
        source="IMNearth/CoAT data-example @ 9ab1a9f; openbmb/CAGUI; AgentCPM-GUI eval/eval_data/process_aitz.py @ acbaf50; android_in_the_wild",
        needs=("result_action_type | results/action_type", "result_touch_yx | results/yx_touch"),
        goal="instruction | goal_info | goal",
        fields=_AITW_FIELDS,
        words=AITW,
        unit="unit",
        order="yx",
        group="episode_id | ep_id",
        order_by="step_id | step",
        others=_OF_AITZ,
    ),
    "aitw_steps": StepLayout(
        title="AITW as SeeClick has it: one step per record, with action_type_id, touch and lift from 0 to 1",
        source="njucckevin/SeeClick agent_tasks/readme_agent.md",
        needs=("action_type_id", "touch", "lift"),
        fields=_AITW_FIELDS,
        words=AITW,
        unit="unit",
        group="ep_id | episode_id",
        order_by="step | step_id",
    ),
    "mind2web": StepLayout(
        title="Multimodal-Mind2Web: one step per record, with operation and the boxes of pos_candidates",
        source="osunlp/Multimodal-Mind2Web README.md",
        needs=("operation", "pos_candidates"),
        goal="confirmed_task",
        fields=StepFields(
            action="operation.op", details=("operation", "pos_candidates[0].attributes"), step_id="target_action_index", low="target_action_reprs"
        ),
        unit="px",
        group="annotation_id",
        order_by="target_action_index",
        others=("action_reprs", "neg_candidates", "raw_html", "cleaned_html", "action_uid", "website", "domain", "subdomain"),
    ),
    "omniact": StepLayout(
        title="OmniACT: a task with its script, pyautogui in px",
        source="Writer/omniact; neulab/agent-data-protocol datasets/omniact @ df5b5ad",
        needs=("task", "image"),
        goal="task",
        goal_before="Output Script:",
        fields=StepFields(screen="image", action="task", code=True),
        unit="px",
        others=("box",),
    ),
    "step_records": StepLayout(
        title="any other record of one step, with a screen, an action and a goal under their usual names",
        source="logs of GUI agents",
        needs=("action | action_type", SCREEN, GOAL),
        fields=StepFields(action="action | action_type", details=("action", "."), step_id=STEP_ID),
        group="episode_id | trajectory_id | traj_id | task_id | session_id",
        order_by=STEP_ID,
        first=None,
    ),
    "steps": StepLayout(
        title="any other list of steps, each with a screen and an action, under their usual names",
        source="logs of GUI agents",
        needs=("steps[0] | trajectory[0] | traj[0] | actions[0]", GOAL),
        steps="steps | trajectory | traj | actions",
        fields=StepFields(
            action="action | action_type | operation | code",
            details=("action", "operation", "."),
            step_id=STEP_ID,
        ),
    ),
}
