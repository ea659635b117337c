"""What is asked at a step: bundled templates, or one of the user. A template is Jinja, in the sandbox of chat templates.

It is rendered once for each screen that a conversation shows and gives the text of that question. Its variables:

    question       the goal, or the step's own instruction where `instruction: low` is set
    goal           the goal of the episode
    current        whether this is the step that is asked for; the earlier screens come before it, each with its answer
    history        earlier steps whose screens are not shown, the oldest first; each has `action`, `instruction` and `thought`
    screen         the mark of the picture; it must stand exactly once in what is rendered

`{% set system %}...{% endset %}` is the system message, which is the same for all steps, and `{% set form = "agentcpm_gui" %}` the form of the answers (plain without it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError

from pipelines.config.rows import PROMPTS, is_template, prompt_fault
from pipelines.dialects.hf.sandbox import Sandbox
from pipelines.episodes.steps.forms import FORMS, Form
from pipelines.reasons import Reason, Reject

_LOCATION = {
    "type": "array",
    "description": "坐标为相对于屏幕左上角位原点的相对位置，并且按照宽高比例缩放到0～1000，数组第一个元素为横坐标x，第二个元素为纵坐标y",
    "items": {"type": "integer", "minimum": 0, "maximum": 1000},
    "minItems": 2,
    "maxItems": 2,
}
# The schema and the words of the system message that AgentCPM-GUI was trained with: OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50, Apache-2.0. They are data.
AGENTCPM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "执行操作并决定当前任务状态",
    "additionalProperties": False,
    "optional": ["thought"],
    "properties": {
        "thought": {"type": "string", "description": "智能体的思维过程"},
        "POINT": {"$ref": "#/$defs/Location", "description": "点击屏幕上的指定位置"},
        "to": {
            "description": "移动，组合手势参数",
            "oneOf": [
                {"enum": ["up", "down", "left", "right"], "description": "从当前点（POINT）出发，执行滑动手势操作，方向包括向上、向下、向左、向右"},
                {"$ref": "#/$defs/Location", "description": "移动到某个位置"},
            ],
        },
        "duration": {"type": "integer", "description": "动作执行的时间或等待时间，毫秒", "minimum": 0, "default": 200},
        "PRESS": {"type": "string", "description": "触发特殊按键，HOME为回到主页按钮，BACK为返回按钮，ENTER为回车按钮", "enum": ["HOME", "BACK", "ENTER"]},
        "TYPE": {"type": "string", "description": "输入文本"},
        "STATUS": {
            "type": "string",
            "description": "当前任务的状态。特殊情况：satisfied，无需操作；impossible，任务无法完成；interrupt，任务中断；need_feedback，需要用户反馈；",
            "enum": ["continue", "finish", "satisfied", "impossible", "interrupt", "need_feedback"],
            "default": "continue",
        },
    },
    "$defs": {"Location": _LOCATION},
}
_AGENTCPM_SYSTEM = (
    "# Role\n你是一名熟悉安卓系统触屏GUI操作的智能体，将根据用户的问题，分析当前界面的GUI元素和布局，生成相应的操作。\n\n"
    "# Task\n针对用户问题，根据输入的当前屏幕截图，输出下一步的操作。\n\n"
    "# Rule\n- 以紧凑JSON格式输出\n- 输出操作必须遵循Schema约束\n\n# Schema\n" + json.dumps(AGENTCPM_SCHEMA, ensure_ascii=False, separators=(",", ":"))
)
# The newlines round the picture are those of upstream's dict form, sft/dataset.py @ acbaf50. Upstream has no list of earlier actions.
BUNDLED: Mapping[str, str] = {
    "agentcpm_gui": "{% set form = 'agentcpm_gui' %}{% set system %}{% raw %}" + _AGENTCPM_SYSTEM + "{% endraw %}{% endset %}"
    "{% if current %}<Question>{{ question }}</Question>\n"
    "{% for step in history %}{% if loop.first %}历史操作：\n{% endif %}{{ loop.index }}. {{ step.action }}\n{% endfor %}{% endif %}"
    "当前屏幕截图：\n{{ screen }}{{ '\\n' }}",
    "plain": "{% if current %}Task: {{ question }}\n"
    "{% for step in history %}{% if loop.first %}Previous actions:\n{% endif %}{{ loop.index }}. {{ step.action }}\n{% endfor %}{% endif %}"
    "Screen:\n{{ screen }}",
}


class PromptFault(Exception):
    """The template of a prompt cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """An opened template. `system` is None where it has none."""

    template: Template
    system: str | None
    form: Form

    def question(self, values: Mapping[str, Any], texts: Sequence[str]) -> tuple[str, int]:
        """(the text of a question, the offset of its picture). No mark is among `texts`, which are those of the record. Raises Reject."""
        mark = _mark_beside(texts)
        try:
            rendered = self.template.render(**values, screen=mark)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise Reject(Reason.STEP_PROMPT_FAILED.at("", f"{type(error).__name__}: {error}")) from None
        before, sign, after = rendered.partition(mark)
        if not sign or mark in after:
            raise Reject(Reason.STEP_PROMPT_FAILED.at("", f"the screen stands {rendered.count(mark)} times in the question; expected once"))
        return before + after, len(before)


def _mark_beside(texts: Sequence[str]) -> str:
    """A mark that is not among these texts: it is made of their hash, which no text can have in itself."""
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"[screen {digest[:32]}]"


_TRIAL: Mapping[str, Any] = {"question": "Q", "goal": "G", "current": True, "history": [{"action": "A", "instruction": "I", "thought": "T"}]}
_OTHER: Mapping[str, Any] = {"question": "R", "goal": "H", "current": True, "history": [{"action": "B", "instruction": "J", "thought": "U"}] * 2}


@lru_cache(maxsize=32)
def open_prompt(prompt: str) -> Prompt:
    """The prompt of a bundled name, or of the text of a template. Raises PromptFault with why it cannot be used."""
    if prompt not in PROMPTS and not is_template(prompt):
        raise PromptFault(prompt_fault(prompt))
    try:
        template = Sandbox().from_string(BUNDLED.get(prompt, prompt))
        module, *others = (template.make_module({**trial, "screen": screen}) for trial, screen in ((_TRIAL, "[screen]"), (_OTHER, "[other]")))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise PromptFault(f"the template fails: {type(error).__name__}: {error}") from None
    form = getattr(module, "form", "plain")
    if form not in FORMS:
        raise PromptFault(f"the template sets form to {form!r}; expected one of {', '.join(FORMS)}")
    if (count := str(module).count("[screen]")) != 1:
        raise PromptFault(f"the template writes the screen {count} times; expected once, as in {{{{ screen }}}}")
    system = getattr(module, "system", None)
    if any(str(getattr(one, name, None)) != str(getattr(module, name, None)) for one in others for name in ("system", "form")):
        raise PromptFault("the system text or the form differs from step to step; both are those of the model, so write goal, history and the like elsewhere")
    return Prompt(template, None if system is None else str(system), FORMS[form])
