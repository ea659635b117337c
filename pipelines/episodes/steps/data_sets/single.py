"""Data sets whose records are one step each: one row each. To add a data set, add a row."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.episodes.steps.data_sets.layout import GOAL, SCREEN, STEP_ID, StepFields, StepLayout
from pipelines.episodes.steps.data_sets.words import AITW

_AITW_FIELDS = StepFields(
    screen="image_path | img_filename | image | image_full_path",
    action="result_action_type | action_type_id | results/action_type",
    details=(".",),
    step_id="step_id | step",
    sizes=("image_width | image/width", "image_height | image/height"),
)
_OF_AITZ = (
    *("image_full_path", "episode_length", "ui_positions", "ui_text", "ui_types", "image_channels", "subset", "category"),
    *("coat_screen_desc", "coat_action_desc", "coat_action_result", "low_instruction"),
)

SINGLE_STEPS: Mapping[str, StepLayout] = {
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
}
# For records of one step that no row above takes.
ANY_STEP: Mapping[str, StepLayout] = {
    "step_records": StepLayout(
        title="any other record of one step, with a screen, an action and a goal under their usual names",
        source="logs of GUI agents",
        needs=("action | action_type", SCREEN, GOAL),
        fields=StepFields(action="action | action_type", details=("action", "."), step_id=STEP_ID),
        group="episode_id | trajectory_id | traj_id | task_id | session_id",
        order_by=STEP_ID,
        first=None,
    ),
}
