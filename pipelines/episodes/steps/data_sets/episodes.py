"""Data sets whose records are episodes: one row each. To add a data set, add a row."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.episodes.steps.data_sets.layout import AFTER, GOAL, LOW, STEP_ID, StepFields, StepLayout
from pipelines.episodes.steps.data_sets.words import AMEX, ODYSSEY

_SCREENS = "screenshots | screenshot_path | screenshot_paths | episode.screenshots | episode.screenshot_paths"
_OF_AGENTNET = ("value.observation", "value.reflection", "value.last_step_correct", "value.last_step_redundant")

EPISODES: Mapping[str, StepLayout] = {
    "android_control": StepLayout(
        title="AndroidControl: screenshots, actions and step_instructions as lists, with one screenshot more than actions; also below `episode`",
        source="google-research android_control; neulab/agent-data-protocol datasets/androidcontrol @ df5b5ad; AgentCPM-GUI eval/eval_data/process_ac.py @ acbaf50",
        needs=("actions | episode.actions", _SCREENS),
        goal="goal | episode.goal",
        others=("accessibility_trees", "accessibility_tree", "node_info", "step_pams", "step_check_pams"),
        parallel={
            "action": "actions | episode.actions",
            "screenshot": _SCREENS,
            "step_instruction": "step_instructions | episode.step_instructions",
            "width": "screenshot_widths",
            "height": "screenshot_heights",
        },
        fields=StepFields(screen="screenshot", details=("action",), low="step_instruction"),
        unit="px",
        group="episode_id | episode.episode_id",
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
            others=("ps", "description", "intention", "context", "sam2_bbox"),
        ),
        words=ODYSSEY,
        unit="thousand",
    ),
    "amex": StepLayout(
        title="AMEX: steps with image_path, action, touch_coord and lift_coord in px of device_dim",
        source="YuxiangChai/AMEX; ZJULiHongxin/UIPro utils/data_utils/make_amex_data @ 8ea2b23",
        needs=("steps[0].action", "steps[0].touch_coord", "steps[0].image_path"),
        steps="steps",
        goal="instruction",
        fields=StepFields(
            details=(".",),
            step_id="step_id",
            others=("package_name", "annot_id"),
        ),
        words=AMEX,
        unit="px",
    ),
    "mobiagent": StepLayout(
        title="MobiAgent: actions with type and position_x, to which the names of their screens were added",
        source="Samuel-nothing/MobiAgent collect/README_en.md",
        needs=("actions[0].type", "task_description", "app_name", "actions[0].screenshot | actions[0].image"),
        steps="actions",
        goal="task_description[0] | task_description",
        fields=StepFields(action="type", details=(".",), step_id="action_index", others=("bounds",)),
    ),
    "mind2web_actions": StepLayout(
        title="Mind2Web: a list of actions with operation and bbox or pos_candidates, to which the names of their screens were added",
        source="osunlp/Mind2Web; njucckevin/SeeClick agent_tasks/mind2web_process.py @ 0ef37ac",
        needs=("actions[0].operation", "actions[0].action_uid", "actions[0].screenshot | actions[0].image", "confirmed_task"),
        steps="actions",
        goal="confirmed_task",
        fields=StepFields(
            action="operation.op",
            details=("operation", "."),
            chosen=("pos_candidates", "is_original_target"),
            others=("raw_html", "cleaned_html", "neg_candidates", "action_uid"),
        ),
        unit="px",
        others=("action_reprs", "website", "domain", "subdomain"),
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
    "agentnet_bench": StepLayout(
        title="AgentNetBench: steps with image, action as pyautogui from 0 to 1, and inner_monologue",
        source="xlang-ai/OpenCUA evaluation/agentnetbench/ @ 1d70f20",
        needs=("high_level_task_description", "steps[0].action", "steps[0].inner_monologue"),
        steps="steps",
        goal="high_level_task_description",
        fields=StepFields(
            code=True,
            step_id="step_num",
            low="inner_monologue.low_level_instruction",
            thought="inner_monologue.thought",
            others=("inner_monologue.observation", "milestone", "ground_truth_actions", "alternative_options"),
        ),
        unit="unit",
        others=("user_task_description", "meta_info"),
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
}
# For lists of steps that no row above takes.
ANY_EPISODE: Mapping[str, StepLayout] = {
    "steps": StepLayout(
        title="any other list of steps, each with a screen and an action, under their usual names",
        source="logs of GUI agents",
        needs=("steps[0] | trajectory[0] | traj[0] | actions[0]", GOAL),
        steps="steps | trajectory | traj | actions",
        fields=StepFields(
            action="action | action_type | action_content | operation | code | actions",
            details=("action", "action_content", "operation", "actions", "."),
            step_id=STEP_ID,
            low=f"{LOW} | instruction",
            others=AFTER,
        ),
    ),
}
