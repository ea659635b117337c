"""Data sets that are no steps with screens and actions as they are: one row each, with what is the matter and what to write instead."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.reasons import Reason


class UnsupportedDataSet(NamedTuple):
    """A record is this if it has all paths of `needs` and none of `lacks`."""

    needs: tuple[str, ...]
    reason: Reason
    why: str
    lacks: tuple[str, ...] = ()


_ACTION = ("action", "action_type", "gt_action", "actions", "steps", "messages", "conversations")
UNSUPPORTED: tuple[UnsupportedDataSet, ...] = (
    UnsupportedDataSet(  # njucckevin/SeeClick agent_tasks/aitw_process.py @ 0ef37ac
        ("general[0][0].ep_id | single[0][0].ep_id | install[0][0].ep_id | webshopping[0][0].ep_id | googleapps[0][0].ep_id",),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "AITW as SeeClick has it is one object with all episodes; write one step per line: jq -c '.[][][]' FILE",
    ),
    UnsupportedDataSet(  # xlang-ai/OSWorld lib_run_single.py
        ("step_num", "screenshot_file", "action_timestamp | done"),
        Reason.STEP_SCREEN_MISSING,
        "this is one line of OSWorld's traj.jsonl, and its screen is the one after its action; set records: file, so that each action gets the screen before it",
    ),
    UnsupportedDataSet(  # njucckevin/SeeClick agent_tasks/mind2web_process.py @ 0ef37ac; showlab/ShowUI prepare/hf_mind2web.py @ 21ed7cb
        ("actions[0].operation", "actions[0].bbox"),
        Reason.STEP_SCREEN_MISSING,
        "Mind2Web as SeeClick has it does not name its screens; use osunlp/Multimodal-Mind2Web, or write the picture's name into each action as screenshot:"
        " annotation_id-action_uid.jpg",
        ("actions[0].screenshot", "actions[0].image"),
    ),
    UnsupportedDataSet(
        ("actions[0].operation", "actions[0].action_uid"),
        Reason.STEP_SCREEN_MISSING,
        "Mind2Web's text form has no screens; use osunlp/Multimodal-Mind2Web, which has one for each action",
        ("actions[0].screenshot", "actions[0].image"),
    ),
    UnsupportedDataSet(  # McGill-NLP/weblinx @ 6943bf1
        ("demo", "turn", "utterances"),
        Reason.STEP_SCREEN_MISSING,
        "this form of WebLINX has no screens, and its actions name elements instead of points",
    ),
    UnsupportedDataSet(
        ("data[0].type", "data[0].speaker | data[0].state | data[1].state"),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "WebLINX is a dialogue whose task changes with its turns; write one record per action, with goal, screenshot and action",
    ),
    UnsupportedDataSet(  # IPADS-SAI/MobiAgent collect/README.md
        ("actions[0].type", "task_description", "app_name"),
        Reason.STEP_SCREEN_MISSING,
        "MobiAgent's actions do not name their screens; write the name of its picture into each action as screenshot",
        ("actions[0].screenshot", "actions[0].image"),
    ),
    UnsupportedDataSet(  # Writer/omniact
        ("task", "box", "image"),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "the task of this record names a file, as in OmniACT's own form; write the text of that file in its place",
        ("Output Script:",),
    ),
    UnsupportedDataSet(  # aburns4/MoTIF task_automation/seq2act/motif_data_generation/README.md @ 08056be
        ("actions", "images", "raw_gestures", "screen_bboxes"),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "MoTIF does not document which image and which gesture belong to an action, because a text that was typed was added without a gesture; write one record per"
        " action, with goal, screenshot and action",
    ),
    UnsupportedDataSet(  # yiye3/GUICourse data_preprocess/convert_parquet_to_png.py @ 1c0de0f
        ("base64",),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "this is a picture without a step, as in the Parquet files of GUIAct; write each picture as a file that is called its image_id with .png, set image_root to their"
        " folder, and read the records of the JSON file beside it",
        (*_ACTION, "actions_label", "question", "instruction", "goal", "task", "image_id"),
    ),
    UnsupportedDataSet(
        ("bbox | elements[0].bbox | element[0].bbox | bbox_mc",),
        Reason.SCHEMA_UNKNOWN_FORMAT,
        "the record names an element with its box, as in ScreenSpot, and no action; write what is done there, for example"
        ' "action": {"action": "click", "point": [x, y]}, or train it as a conversation with format: module:function',
        _ACTION,
    ),
)
