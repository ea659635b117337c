"""Why a trainer would train an exported row otherwise than the tables have it: a closed list of codes.

`WHY` is what `inexact.jsonl` and an export's README say. A row without a code has the ids and labels of recipe `upstream` in the trainer's own
loader; in a tokenized export, those of the table, with pictures that fit them.
"""

from __future__ import annotations

from collections.abc import Iterable

WHY = {
    "blank_answer": "An answer has no text, and the trainer then trains the next turn in its place.",
    "control_token": "A text spells a control token, which the trainer takes for a real one.",
    "empty_turn": "A turn has no text, and the trainer's template leaves it out.",
    "fewer_slices": "A picture was sliced less so that the row fits; the trainer slices it as usual.",
    "history": "The row shows earlier steps without their results or pictures, as the agent sees them; the trainer gets all of them.",
    "mark_newline": "The trainer puts a newline before and after every picture, and the text has none there.",
    "masked_turn": "An answer is masked (a weight of 0, loss: last_turn, or history in a window); the trainer's form has no way to mark it, so it is trained.",
    "no_picture": "The row has no picture, and the trainer invents a black one.",
    "one_turn": "The row has one turn; the trainer refuses it and takes another row at random in its place.",
    "other_template": "The trainer writes the row by a template of its own.",
    "picture_mark": "A text spells a mark such as <image_00>, which the trainer looks up among its pictures.",
    "picture_moved": "The trainer takes a picture at the start of the first turn only, and this one is elsewhere in the row.",
    "picture_resized": "The trainer enlarges the picture, which has few pixels, so that its views may not fit their tokens.",
    "read_as_date": "Every text of the row is a date, and in a file of such rows the trainer's reader turns them into other texts.",
    "role_refused": "The trainer refuses this order of roles and takes another row at random in its place.",
    "system_moved": "The trainer has no place for a system turn, so its text was put before the first question.",
    "think_block": "A text holds an empty block of reasoning, and the trainer then starts the last answer's loss four tokens later.",
    "tool_syntax": "Calls and results are written as text, and the trainer may take their tags for control tokens.",
    "turns_dropped": "The oldest turns were left out so that the row fits; recipe upstream may leave out others, and where the table does not say which, the trainer gets all of them.",
    "weight": "An answer has a loss weight other than 0 and 1. The trainer's form cannot express it, so the answer is trained with weight 1.",
}


def sorted_codes(codes: Iterable[str]) -> list[str]:
    """The codes in order, each once. Raises KeyError for one that is not in the list."""
    found = sorted(set(codes))
    for code in found:
        WHY[code]
    return found


def why(codes: Iterable[str]) -> str:
    """The sentences of these codes."""
    return " ".join(WHY[code] for code in codes)
