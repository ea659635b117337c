"""docs/steps.md: rows from the steps of GUI episodes, with the tables of data sets, actions and forms."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pipelines.config.rows import PROMPTS
from pipelines.episodes.steps.data_sets.layout import StepLayout
from pipelines.episodes.steps.data_sets.unsupported import UNSUPPORTED
from pipelines.episodes.steps.data_sets.words import ACTIONS, COMMON
from pipelines.episodes.steps.forms import FORMS, can_write
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.episodes.steps.prompts import BUNDLED
from pipelines.records import Action

BEFORE = """\
# Rows from steps

GUI logs are episodes: a goal, and steps with a screen and an action each. With `rows: {of: step}` of a source, each step becomes a conversation: a system message, the
question with the screen, and the action as the model's answer. This page is generated from `pipelines/episodes/steps/`.

```yaml
sources:
  - name: gui
    path: logs/*.jsonl
    image_root: screens
    rows:
      of: step                   # conversation: one conversation per record, the default
      prompt: agentcpm_gui       # agentcpm_gui | plain | a file with a Jinja template
      history: {steps: 0, images: 1}   # the last actions as text; the last screens, with that of the step itself
      instruction: high          # high: the goal is asked | low: the step's own instruction
      coordinates: {from: auto, order: auto, to: thousand}   # from: px | unit (0 to 1) | thousand; order: xy | yx
      group_by: null             # the key of the episode and that of the step's number, where a record is a step;
      order_by: null             # known data sets have theirs
      finish_row: auto           # auto: a row that finishes the episode, where the log has a screen after the last action | true | false
      loss: last                 # last: the step's answer | all: also the answers to the earlier screens
```

- **One record, several conversations**: the sample_id is made of the record_id and the step's index. The books count the records (`kept`) and their conversations apart.
- **Whole episodes**: if a step cannot be read, or a picture is missing or broken, the whole record is quarantined, and every such step is named. A step whose action the
  model cannot express, such as opening an app, becomes no row; it stays in the history of later steps, and the note `step.left_out` names it.
- **What is added**: a row that finishes the episode, if there is a screen after the last action. If that screen is a step without an action, the row has the note `step.finish_added`, because an
  agent that broke off looks the same. `finish_row: false` adds none. A wait or a long press without a duration gets the model's default in the form `agentcpm_gui`: 200 and 1,000 ms. A duration that is no whole
  number of milliseconds, or below 20, is refused (`step.action_bad`), unless its key says the unit, such as `seconds`.
- **Coordinates**: `auto` takes the unit that the data set documents, and refuses a record whose values contradict it. Where nothing is documented, the values of the record
  decide: a fraction up to 1 is a unit, a value over 1000 is in px, one beyond the logged screen is in thousandths. A point beyond these by at most a tenth decides nothing if it is one of ten or more,
  because it may be a fault. If several are possible, the
  other records of the source in the batch decide, where all that are certain agree and are more than a twentieth of the records with points (`step.coordinates_voted`; the manifest names the unit of
  each source under `coordinates`). If they disagree, or if their unit has a point outside its screen, the record is refused (`step.coordinates_unknown`). If they are fewer, none of the source is
  certain: one value of 1005 among many up to 1000 is rather a fault than a sign of px, and all these records are refused. Then set `coordinates: {from: ...}`. Points in px are converted with the logged size of the screen, or else with the size of its picture. A point outside its screen is refused
  (`step.point_outside`); it is never moved, and no other point takes its place. A direction without a starting point begins at the centre of the screen, as in AgentCPM-GUI
  (`repair.swipe_from_center`).
- **Sizes of screens**: two keys such as `screen_width` and `screen_height`, or a list, an object or a text such as `1080x2400` under a name such as `resolution`, `image_size` or `device_info`,
  of the picture, the step (in a chat: the turn or part with the picture), or else the record. A text must be a size as a whole: the one in `Pixel 7, 1080x2400` is not read. Only in the system message of a
  chat, it may stand in a sentence such as `The screen's resolution is 1080x2400`. For points in px, a size that cannot be read (of the record only if the step has none of its own), sizes of one step that differ, and a size of the record
  that is another one than that of the step are refused (`step.size_mismatch`), unless `ignore` names the key. A step may turn the screen, and its own value of a key takes the place of the record's.
- **History**: `history: {steps: 3, images: 2}` shows the screen of the step before with its answer as a turn, and lists the two actions before that as text. With `loss: last` the
  earlier answers are not trained (`loss_weight` 0).
- **One step per record** (AITZ, CAGUI, AITW, Mind2Web): each record becomes one conversation. If a prompt shows earlier steps, the records of an episode in the batch are put together by their
  number, whatever file they are in. A number, and the id of an episode, may also be text, or a float such as 1.0. If a record that the history needs is missing or refused, the later one is refused too (`step.gap`), and the detail names the refused
  one. This also holds for records of which only the episode and the number can be read, in a damaged line before the damage. Two faults of the earlier record do not count: a gap in its own
  history, and a picture that cannot be read (`image.missing`, for example), unless the later record shows that picture or needs its size. A record that `keep_if` leaves out is no step of its episode. With
  `keep_if` you can thus take out a first record that has no action; if you take out a later one, its number is missing. The usual names do not say
  whether an episode begins with 0 or 1: it is 1 if the lowest number in the batch is 1, unless the number of a refused record of the episode cannot be read. Two different records with one number are
  both refused (`step.number_twice`); if one of them is refused for another reason, the other counts. A fault of an earlier screen or point that the prompt shows refuses the later record as well: its place then names the step
  and its record, which is the one to mend.
- **Redriving steps**: a redrive sees only the records that it runs again. It runs an episode whose records are all among them, and is refused with exit code 2 if the history of a step needs a record that is
  missing or not among them: to use all records of the batch, run it again with `--replace`. A step that is refused again is known, and those that need it are refused too, as in a run of the whole batch.
- **Finding out**: `episodes check` and `try` say if rows of steps would read records that are refused as conversations: most records of a source, or a few that belong in a source of their own; `episodes init` writes them into the configuration.
- **Seeing an episode**: `episodes show` lists its steps in order; with `--html` it draws the point of each action on its screen.
- **Chat logs**: a chat whose answers say actions is read too. Its question has the task, and each answer has one screen before it. A later question with a text of its own, two screens before an
  answer, a picture without a mark, a tool's result with a text, or a part of another type refuses the record; so does text in an answer after its action. Reasoning beside or among the parts of an answer is its thought.
  Imports and comments before the calls of an answer belong to its code, and are no thought. Answers without a question between them are one. A `loss_weight` other than 0 and 1 is refused. The row's own prompt
  takes the place of a system message, and of what a question says of earlier steps (`step.question_replaced`). A text that is typed is exact: that of `TYPE: a ` ends with a space. Chats whose answers are in the form of the model already need no rows of steps: leave `rows: {of: conversation}`.
- **No part of an action is lost**: a right click is no click, and a double click is no click. An action that does more than any form has words for, such as a click with a key held, a text with Enter
  after it, or several actions of one step, becomes no row (`step.left_out`). An action whose parts contradict each other, or whose meaning the data set does not document, refuses the record (`step.action_bad`).
  Several keys with a place or a text must say the same; of a box and a point in it, the point counts. A value that is no place, such as `field 2` under `element` or a time
  under `start`, is refused only if the action needs a place and no other key has one. A key that `ignore` names does not
  count. The name of an end and its status must agree: `impossible` with `status: success` is refused.
- **Direction**: of a scroll, it is that of what is shown: to scroll down, the finger moves up. Of a swipe, it is that of the finger. If the log has two points, the way between them counts.

## Your own prompt

A template is Jinja, in a sandbox. It is rendered once for each screen of a conversation and gives the text of that question:

| variable | what |
|---|---|
| `question` | the goal, or the step's own instruction with `instruction: low` |
| `goal` | the goal of the episode |
| `current` | true for the step that is asked for, false for an earlier screen |
| `history` | earlier steps whose screens are not shown; each has `action`, `instruction`, `thought` |
| `screen` | the mark of the picture, which must stand exactly once |

`{% set system %}...{% endset %}` is the system message, which is the same for all steps, `{% set form = "agentcpm_gui" %}` the form of the answers. For example:

```jinja
{% set system %}You operate a phone.{% endset %}
{% set form = "agentcpm_gui" %}
{% if current %}{{ question }}
{% endif %}{{ screen }}
```

The text of the file becomes part of the configuration, and so of the batch's key. `episodes check` renders it once and reports its faults.
"""


def steps_page() -> str:
    return "\n".join([BEFORE, *_data_sets(), *_others(), *_actions(), *_prompts()]) + "\n"


def _data_sets() -> Iterator[str]:
    yield from (
        "## Data sets",
        "",
        "A record is read as the first of these that it fits.",
        "",
        "| name | what | unit | a record is | source |",
        "|---|---|---|---|---|",
    )
    for name, layout in LAYOUTS.items():
        unit = f"{layout.unit}{', y before x' if layout.order == 'yx' else ''}" if layout.unit else "not documented"
        yield f"| `{name}` | {layout.title} | {unit} | {_record_of(layout)} | {layout.source} |"


def _others() -> Iterator[str]:
    yield from (
        "",
        "These are no steps with screens and actions as they are, and are refused:",
        "",
        "| a record with | reason | what is the matter |",
        "|---|---|---|",
    )
    for other in UNSUPPORTED:
        needs = ", ".join(f"`{_first(need)}`" for need in other.needs)
        yield f"| {needs} | `{other.reason.code}` | {other.why} |"


def _record_of(layout: StepLayout) -> str:
    if layout.steps or layout.parallel:
        return "an episode"
    return f"a step; by `{_first(layout.group)}`, `{_first(layout.order_by)}`" if layout.group else "a task of one step"


def _first(paths: str) -> str:
    return paths.partition(" | ")[0]


def _actions() -> Iterator[str]:
    yield from (
        "",
        "## Actions",
        "",
        "The names of actions are compared in lower case and without signs. Names such as scroll_down say the direction too.",
        "",
        f"| action | names | {' | '.join(FORMS)} |",
    )
    yield "|---|---|" + "---|" * len(FORMS)
    for action in ACTIONS:
        names = [word for word, name in COMMON.names.items() if name == action]
        forms = [_form(form, action) for form in FORMS]
        yield f"| {action} | {', '.join(names)} | {' | '.join(forms)} |"
    yield ""
    yield "Code is read as calls with literals, and never run: pyautogui (AgentNet, OSWorld, OmniACT), `click(start_box=...)` (UI-TARS), `do(action=...)` (AutoGLM)."
    yield "Commands are read too: `CLICK <point>[[1, 2]]</point>` (OS-Atlas), `CLICK: (1, 2)` (GUI-Odyssey)."
    yield "A step with several actions is not written for any model. Pauses beside an action are left out with a note (`step.text_left_out`). Imports are read too: after"
    yield "`from pyautogui import move`, `move(10, 20)` is that of pyautogui, which moves from where the pointer is. A number in quotes is a text where a text is expected: `input_text('13')`."


def _form(form: str, action: str) -> str:
    if not can_write(Action(name=action), FORMS[form]):
        return ""
    words = json.dumps(FORMS[form].rows[action], ensure_ascii=False, separators=(",", ":"))
    return f"`{words}`"


def _prompts() -> Iterator[str]:
    yield from ("", "## Bundled prompts", "")
    yield "`agentcpm_gui` has the system message that AgentCPM-GUI was trained with (OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50). Upstream has no list of earlier actions;"
    yield "with `history: {steps: ...}` it stands between the question and the screen."
    for name in PROMPTS:
        question = BUNDLED[name].partition("{% endset %}")[2] or BUNDLED[name]
        yield from ("", f"The questions of `{name}`:", "", "```jinja", question, "```")
