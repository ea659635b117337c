"""Data sets whose records are chats: one row each, and the marks of the task in their questions.

`chat` of a row is what an answer of it has, as a regular expression; the last row takes any chat whose answers say actions.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.episodes.steps.data_sets.layout import StepFields, StepLayout
from pipelines.episodes.steps.data_sets.words import ODYSSEY, OS_ATLAS

# (what the prompt has, where the task begins in it, where it ends), the first that fits. What comes after it is said of earlier steps, or of the screen.
TASKS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("You are a GUI agent", "## User Instruction", ()),  # bytedance/UI-TARS codes/ui_tars/prompt.py
    ("", "<Question>", ("</Question>",)),  # OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50
    ("GUI task expert", "High-level instruction:", ("\nAction history:", "\nAccessibility tree:", "\n\n")),  # OS-Copilot/OS-Genesis
    ("generate the next move", "\nInstruction:", ("\nPrevious actions:",)),  # xlang-ai/aguvis src/aguvis/constants.py @ 178c418
    ("generate the next move", "\nTask:", ("\nPrevious operations:",)),  # OpenGVLab/ScaleCUA agent-sft/internvl_chat/README.md @ 5d92fee
    ("", "The user query:", ("\nTask progress",)),  # Qwen's mobile_use: AgentCPM-GUI eval/utils/qwen_mobile_tool.py @ acbaf50
    ("Executable Language Grounding", "Task instruction:", ("\nHistory:", "\nhistory:")),  # OS-Copilot/OS-Atlas
    ("** Screen Info **", "", ("** Screen Info **",)),  # zai-org/Open-AutoGLM phone_agent/agent.py
    ("Provide the command-style action", "I'm looking for guidance on how to ", ("\nPrevious screenshots:", "\nProvide the command")),  # GUI-Odyssey @ fefcbe9
)
# What a question may say beside a later screen, without signs and spaces.
FILLERS = frozenset(("", "screenshot", "currentscreenshot", "observation", "screen", "nextscreenshot", "当前屏幕截图", "当前截图"))
# Lines after the task that say nothing of earlier steps.
NO_HISTORY = frozenset(
    (
        *FILLERS,
        *("none", "null", "previousactions", "previousoperations", "actionhistory", "history", "taskprogress"),
        *("providethecommandstyleactiondirectly", "pleasegeneratethelowlevelthoughtandactionforthenextstep"),
    )
)
_FIELDS = StepFields(code=True)
_OTHERS = ("width", "height")

CHATS: Mapping[str, StepLayout] = {
    "ui_tars": StepLayout(
        title="UI-TARS: a chat of screens and answers with Thought and Action, with points between box_start and box_end in thousandths",
        source="bytedance/UI-TARS data/training_example.json @ 582f3a7",
        needs=("messages | conversations | output",),
        steps="messages",
        chat=r"<\|box_start\|>",
        fields=_FIELDS,
        unit="thousand",
        others=_OTHERS,
    ),
    "os_atlas": StepLayout(
        title="OS-Atlas: answers such as `CLICK <point>[[1, 2]]</point>`, in thousandths",
        source="OS-Copilot/OS-Atlas README.md @ bad0840; AgentCPM-GUI eval/run_predict_os_atlas.py @ acbaf50",
        needs=("messages | conversations | output",),
        steps="messages",
        chat=r"<point>\s*\[\[",
        fields=_FIELDS,
        words=OS_ATLAS,
        unit="thousand",
        others=_OTHERS,
    ),
    "autoglm": StepLayout(
        title='AutoGLM: answers such as `do(action="Tap", element=[1, 2])`, in thousandths',
        source="zai-org/Open-AutoGLM phone_agent/actions/handler.py",
        needs=("messages | conversations | output",),
        steps="messages",
        chat=r"do\(\s*action=[^\n,]{1,40},\s*(?:element|start)=\[\s*\d+\s*,\s*\d+\s*\]",
        fields=_FIELDS,
        unit="thousand",
        others=_OTHERS,
    ),
    "gui_odyssey_chat": StepLayout(
        title="GUI-Odyssey as its converter writes it: answers such as `CLICK: (1, 2)`, in thousandths",
        source="OpenGVLab/GUI-Odyssey data/format_converter.py @ fefcbe9",
        needs=("messages | conversations | output",),
        steps="messages",
        chat=r"^(?:CLICK|LONG_PRESS): \(|^SCROLL: (?:UP|DOWN|LEFT|RIGHT)$|^TYPE: |^(?:PRESS_HOME|PRESS_BACK|PRESS_RECENT|COMPLETE|IMPOSSIBLE)$",
        fields=_FIELDS,
        words=ODYSSEY,
        unit="thousand",
        others=_OTHERS,
    ),
    "action_chat": StepLayout(
        title="any other chat whose answers say actions: after `Action:`, in `<action>`, `<answer>` or `<tool_call>`, as pyautogui, as a call of a tool, or as an object; also in Alpaca's form",
        source="Aguvis, ScaleCUA, OS-Genesis, Qwen's mobile_use, LLaMA-Factory, ms-swift",
        needs=("messages | conversations | output",),
        steps="messages",
        chat="",
        fields=_FIELDS,
        others=_OTHERS,
    ),
}
