"""The trainers that rows can be exported to: one form each."""

from __future__ import annotations

from pipelines.training.export import columns, glm4, glm4v, json_files, llamafactory, minicpm, swift
from pipelines.training.export.job import Form, Job

MINICPM = ("minicpm_v_2_6", "minicpm_v_2_5", "minicpm_v_2")
TEXT = ("glm_4", "hf")


def _minicpm_notes(job: Job) -> list[str]:
    notes = [
        "The script of OpenBMB/MiniCPM-V finetune/ @ 0dbb566; patch_size, scale_resolution and query_num come from the model's own config.json.",
        "If the script cannot load a row, it takes another row at random instead, without a message. Leave out the rows of inexact.jsonl if that matters.",
        _upstream_note(job),
    ]
    if job.model == "agentcpm_gui":
        notes[0] = "The script of OpenBMB/AgentCPM-GUI sft/ @ acbaf50; patch_size, scale_resolution and query_num come from the model's own config.json."
    if job.model == "minicpm_v_2":
        notes.append("At that commit llm_type minicpm always raises: conversation_to_ids_minicpm must return np.hstack of its two lists.")
    return notes


def _glm4_notes(job: Job) -> list[str]:
    vision = "The script invents a black picture for rows that have none. Leave these out: inexact.jsonl names them, with no_picture."
    tools = (
        "Tool definitions are written as the text that the template makes of them: if they were lists, datasets would give each row the keys of all the others."
    )
    script = "finetune_vision.py" if job.model == "glm_4v" else "finetune.py"
    return [
        f"The script {script} of THUDM/GLM-4 finetune/ @ f27a106, with combine: false.",
        vision if job.model == "glm_4v" else tools,
        _upstream_note(job),
    ]


def _upstream_note(job: Job) -> str:
    """What the loader makes of the rows, beside what table samples has."""
    recipe = job.settings.get("recipe") or "unknown"
    tables = (
        "as table samples has them"
        if recipe == "upstream"
        else f"which differ from those of table samples, of recipe {recipe}, by the rules in docs/dialects.md of agent-episodes"
    )
    return f"The script's own loader makes the ids and labels: those of recipe upstream, {tables}."


def _token_notes(job: Job) -> list[str]:
    return [
        "The rows are tokenized: the tokenizer of MODEL must be the one that is named below.",
        "Labels are aligned with input_ids; the model shifts them.",
    ]


def _llamafactory_notes(job: Job) -> list[str]:
    return [
        *_token_notes(job),
        "image_max_pixels keeps pictures as they are; the image processor's slicing must be that of the dialect.",
        "The split test is a saved data set of its own; LLaMA-Factory does not read it here.",
    ]


def _swift_notes(job: Job) -> list[str]:
    return [
        "ms-swift takes no tokenized rows; its template decides on tokens, tool texts and picture sizes.",
        "It leaves out rows longer than max_length.",
    ]


FORMS = {
    "minicpm_v": Form(MINICPM, True, json_files.one_list(minicpm.entry), json_files.count_list, lambda job: {}, minicpm.command, _minicpm_notes),
    "agentcpm": Form(("agentcpm_gui",), True, json_files.one_list(minicpm.entry), json_files.count_list, lambda job: {}, minicpm.command, _minicpm_notes),
    "glm4": Form(("glm_4",), True, json_files.lines(glm4.entry), json_files.count_lines, glm4.configure, glm4.command, _glm4_notes),
    "glm4v": Form(("glm_4v",), True, json_files.lines(glm4v.entry), json_files.count_lines, glm4.configure, glm4.command, _glm4_notes),
    "llamafactory": Form(
        ("minicpm_v_2_6", "agentcpm_gui", *TEXT),
        False,
        llamafactory.write,
        llamafactory.count,
        llamafactory.configure,
        llamafactory.command,
        _llamafactory_notes,
    ),
    "trl": Form(None, False, columns.write, columns.count, columns.trl_files, columns.python_command, _token_notes, False),
    "axolotl": Form(None, False, columns.write, columns.count, columns.axolotl_files, columns.axolotl_command, _token_notes, False),
    "swift": Form(None, True, json_files.lines(swift.entry), json_files.count_lines, swift.configure, swift.command, _swift_notes, for_all="other_template"),
    "hf": Form(None, False, columns.write, columns.count, columns.hf_files, columns.python_command, _token_notes, False),
}
