"""Data sets whose records are one step each: one row each. To add a data set, add a row."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.episodes.steps.data_sets.layout import AFTER, GOAL, SCREEN, STEP_ID, StepFields, StepLayout
from pipelines.episodes.steps.data_sets.words import AITW, ANDROID_LAB, GUI_R1, SCREEN_AGENT

_AITW_FIELDS = StepFields(
    screen="image_path | img_filename | img_url | image | image_full_path | image/encoded",
    action="result_action_type | action_type_id | results/action_type",
    details=(".",),
    step_id="step_id | step",
    suffix=".png",
)
_OF_AITZ = (
    *("image_full_path", "episode_length", "ui_positions", "ui_text", "ui_types", "image_channels", "subset", "category"),
    *("coat_screen_desc", "coat_action_desc", "coat_action_result", "low_instruction"),
)

_OF_AITW = ("image/ui_annotations_positions", "image/ui_annotations_text", "image/ui_annotations_ui_types", "image/channels", "current_activity", "device_type")

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
        others=(*_OF_AITZ, *_OF_AITW),
    ),
    "aitw_steps": StepLayout(
        title="AITW as SeeClick and ShowUI have it: one step per record, with action_type_id, touch and lift from 0 to 1",
        source="njucckevin/SeeClick agent_tasks/aitw_process.py @ 0ef37ac; showlab/ShowUI prepare/hf_aitw.py @ 21ed7cb",
        needs=("action_type_id", "touch", "lift"),
        fields=_AITW_FIELDS,
        words=AITW,
        unit="unit",
        group="ep_id | episode_id",
        order_by="step_id | step",
        others=("step", "step_history", "action_type_text", "annot_position", "domain", "split"),
    ),
    "mind2web": StepLayout(
        title="Multimodal-Mind2Web: one step per record, with operation and the boxes of pos_candidates",
        source="osunlp/Multimodal-Mind2Web README.md",
        needs=("operation", "pos_candidates"),
        goal="confirmed_task",
        fields=StepFields(
            action="operation.op",
            details=("operation",),
            step_id="target_action_index",
            low="target_action_reprs",
            chosen=("pos_candidates", "is_original_target"),
        ),
        unit="px",
        group="annotation_id",
        order_by="target_action_index",
        others=("action_reprs", "neg_candidates", "raw_html", "cleaned_html", "action_uid", "website", "domain", "subdomain"),
    ),
    "showui_mind2web": StepLayout(
        title="Mind2Web as ShowUI has it: one step per record, with step.operation and step.bbox in px",
        source="showlab/ShowUI prepare/hf_mind2web.py @ 21ed7cb; njucckevin/SeeClick agent_tasks/mind2web_process.py @ 0ef37ac",
        needs=("step.operation", "step.bbox", "img_url"),
        goal="task",
        fields=StepFields(screen="img_url", action="step.operation.op", details=("step.operation", "step"), step_id="step_id", low="step_repr"),
        unit="px",
        group="annot_id",
        order_by="step_id",
        others=("step_history", "repr_history", "action_uid", "website", "domain", "subdomain", "split"),
    ),
    "android_lab": StepLayout(
        title="AndroidLab: a line of trace.jsonl, with parsed_action, in px of window",
        source="THUDM/Android-Lab recorder/json_recoder.py, page_executor/ @ 373fc1d",
        needs=("parsed_action.action", "trace_id", "image"),
        goal="target",
        fields=StepFields(screen="image", action="parsed_action", details=("parsed_action",), step_id="index"),
        words=ANDROID_LAB,
        unit="px",
        group="trace_id",
        order_by="index",
        others=("prompt", "response", "current_response", "xml", "ac_xml", "labeled_image", "current_activity", "command"),
    ),
    "gui_r1": StepLayout(
        title="GUI-R1: one step per record, with gt_action, gt_bbox and gt_input_text",
        source="icey-zhang/GUI-R1 verl/utils/dataset.py @ 2e63f5c; ritzzai/GUI-R1",
        needs=("gt_action", "gt_bbox", "instruction"),
        fields=StepFields(action="gt_action", details=(".",)),
        words=GUI_R1,
        others=("history", "task_type"),
    ),
    "guiact": StepLayout(
        title="GUIAct: one step per record, with actions_label, from 0 to 1; its pictures as files named by image_id",
        source="yiye3/GUICourse data_preprocess/ @ ecda29e",
        needs=("actions_label", "image_id", "question"),
        goal="question",
        fields=StepFields(
            screen="image_id",
            action="actions_label",
            details=("actions_label[0]", "actions_label[0].dual_point.related", "actions_label[0].scroll.related"),
            thought="thoughts",
            suffix=".png",
        ),
        unit="unit",
        others=("actions_history", "logs", "image_size", "uid"),
    ),
    "showui_steps": StepLayout(
        title="GUIAct as ShowUI has it: one step per record, with step.action_type, action_value and point from 0 to 1",
        source="showlab/ShowUI data/dset_shared_navigation.py @ 21ed7cb",
        needs=("step.action_type | step[0].action_type", "img_url", "task"),
        goal="task",
        fields=StepFields(screen="img_url", action="step", details=("step", "step[0]"), step_id="step_id", suffix=".png"),
        unit="unit",
        others=("step_history", "uid", "split", "domain"),
    ),
    "screen_agent": StepLayout(
        title="ScreenAgent: one step per record, with actions in px of video_width and video_height; keep_if: {status: [acting]} leaves plans and judgements out",
        source="niuzaisheng/ScreenAgent client/action.py @ 298e335, data/ScreenAgent @ 2ebe97d",
        needs=("saved_image_name", "actions", "task_prompt"),
        goal="task_prompt_en | task_prompt",
        fields=StepFields(screen="saved_image_name", action="actions", details=("actions",), low="current_task_en | current_task"),
        words=SCREEN_AGENT,
        unit="px",
        others=(
            *("task_prompt", "task_prompt_zh", "send_prompt", "send_prompt_en", "send_prompt_zh", "current_task", "current_task_zh", "status"),
            *("LLM_response", "LLM_response_editer", "LLM_response_editer_en", "LLM_response_editer_zh"),
        ),
    ),
    "omniact": StepLayout(
        title="OmniACT: a task with its script, pyautogui in px",
        source="Writer/omniact; neulab/agent-data-protocol datasets/omniact @ df5b5ad",
        needs=("task", "image"),
        goal="task",
        goal_before="Output Script:",
        fields=StepFields(screen="image", action="task", code=True),
        unit="px",
        others=("box", "ocr", "color", "icon"),
    ),
}
# For records of one step that no row above takes.
ANY_STEP: Mapping[str, StepLayout] = {
    "step_records": StepLayout(
        title="any other record of one step, with a screen, an action and a goal under their usual names",
        source="logs of GUI agents",
        needs=("action | action_type", SCREEN, GOAL),
        fields=StepFields(action="action | action_type", details=("action", "."), step_id=STEP_ID, others=AFTER),
        group="episode_id | trajectory_id | traj_id | task_id | session_id",
        order_by=STEP_ID,
        first=None,
    ),
}
