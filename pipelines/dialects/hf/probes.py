"""What a template can do, found out with small conversations when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pipelines.chat.turns import make_turns
from pipelines.dialects.hf.chat import Writer
from pipelines.dialects.hf.headers import Header, decide_header
from pipelines.dialects.hf.limits import LimitExceeded
from pipelines.dialects.hf.marking import TEMPLATE
from pipelines.dialects.hf.messages import Form, writes_list
from pipelines.dialects.hf.places import Ends
from pipelines.dialects.hf.template import ChatTemplate, Json
from pipelines.reasons import Reject
from pipelines.records import Message

QUESTION, ANSWER, RULE, RESULT, THOUGHT = "Which lake is old?", "Lake Ohrid is.", "Answer like a kestrel.", "deep blue", "Old lakes are few."
TOOLS = (
    '[{"type": "function", "function": {"name": "find_lake", "description": "Finds a lake.", "parameters": {"type": "object", "properties":'
    ' {"country": {"type": "string", "description": "Where."}}, "required": ["country"]}}}]'
)
CALL, OTHER = '{"country": "Albania"}', '{"country": "Malawi"}'
USER, SYSTEM, REPLY = Message("user", QUESTION), Message("system", RULE), Message("assistant", ANSWER)
ASKS, ASKS_MORE, TOLD = Message("assistant", CALL, "find_lake"), Message("assistant", OTHER, "find_lake"), Message("observation", RESULT)
THINKS = Message("assistant", f"<think>{THOUGHT}</think>{ANSWER}")
AGAIN = (Message("user", "And which is deep?"), Message("assistant", "Lake Baikal is."))
PLAIN = (USER, REPLY, *AGAIN)
WITH_TOOL = (USER, ASKS, TOLD, REPLY)
# The names under which templates know whether the model thinks.
_MODES = ("enable_thinking", "thinking")


def learned(template: ChatTemplate, tokens: Sequence[str], special: frozenset[str], kwargs: Mapping[str, Any], placeholder: str | None = None) -> Writer:
    """The writer of this template: with marks where messages are, the form of messages that it takes, and the headers of its answers.

    `tokens` end answers, and `kwargs` are variables that the operator sets. Raises ValueError where it cannot write a plain conversation.
    """
    nothing = Ends({"user": Header(), "tool": Header()}, frozenset(tokens), special)
    forms = [Form(lists, thoughts, texts) for lists in (False, True) for texts in (False, True) for thoughts in (True, False)]
    try:
        template.marker.learn([variables for form in forms[:1] + forms[4:5] for variables in _all_probes(Writer(template, form, nothing))])
    except LimitExceeded as error:
        raise ValueError(f"its chat template cannot be used: {error}") from None
    lists = next((lists for lists in (False, True) if _writes(template, (USER, REPLY), None, Form(lists), [QUESTION, ANSWER])), None)
    if lists is None:
        raise ValueError(f"its chat template does not write a question and its answer: {_why_not(template)}")
    as_objects = _writes(template, WITH_TOOL, TOOLS, Form(lists), ["Albania"])
    texts = not as_objects and _writes(template, WITH_TOOL, TOOLS, Form(lists, argument_texts=True), ["Albania"])
    thoughts = _writes(template, (USER, THINKS), None, Form(lists, thoughts=True), [THOUGHT])
    with_field, in_text = (_text(template, (USER, THINKS), None, Form(lists, thoughts=thoughts)) for thoughts in (True, False))
    form = Form(lists, thoughts, texts, thoughts and with_field == in_text)
    known = _headers(template, form, kwargs)
    ends = Ends(known, frozenset(tokens), special)
    writes_tools = _writes(template, (USER, REPLY), TOOLS, form, ["find_lake"])
    return Writer(template, form, Ends(known, ends.tokens, special, _observation(Writer(template, form, ends))), writes_tools, placeholder)


def _all_probes(writer: Writer) -> list[Json]:
    """The variables of conversations of every kind."""
    found: list[Json] = []
    for messages, tools in (
        (PLAIN, None),
        ((SYSTEM, *PLAIN), None),
        (WITH_TOOL, TOOLS),
        ((SYSTEM, USER, ASKS, ASKS_MORE, TOLD, TOLD, REPLY, *AGAIN), TOOLS),
        ((USER, THINKS, *AGAIN), None),
        ((USER, ASKS), TOOLS),
    ):
        found.append(_variables(writer, messages, tools))
    return found


def _variables(writer: Writer, messages: Sequence[Message], tools: str | None, more: Mapping[str, Any] | None = None) -> Json:
    return writer.template.variables(*writer.inputs(make_turns(messages, "all", range(len(messages))), tools), more=more)


def _text(template: ChatTemplate, messages: Sequence[Message], tools: str | None, form: Form) -> str:
    """The render; "" where the template refuses, or writes a list of parts as it is."""
    try:
        text = template.render(_variables(Writer(template, form, Ends({}, frozenset(), frozenset())), messages, tools)).text
    except Reject:
        return ""
    return "" if writes_list(text) else text


def _why_not(template: ChatTemplate) -> str:
    """Why the template does not write a question and its answer, which it is given as texts."""
    try:
        text = template.render(_variables(Writer(template, Form(), Ends({}, frozenset(), frozenset())), (USER, REPLY), None)).text
    except Reject as reject:
        return reject.findings[0].detail
    lost = [name for name, wanted in (("the question", QUESTION), ("the answer", ANSWER)) if wanted not in text]
    return f"it leaves out, cuts or changes {' and '.join(lost)}"


def _writes(template: ChatTemplate, messages: Sequence[Message], tools: str | None, form: Form, wanted: Sequence[str]) -> bool:
    """Whether the render has all of these texts."""
    text = _text(template, messages, tools, form)
    return all(one in text for one in wanted)


def _headers(template: ChatTemplate, form: Form, kwargs: Mapping[str, Any]) -> dict[str, Header]:
    """The headers of answers after a result (`tool`) and after anything else (`user`)."""
    split, is_token = template.control.units, template.control.is_token
    asked = _prompts(template, (USER,), None, form, kwargs)
    plain = _written(template, form, ((PLAIN, None, 1), (PLAIN, None, 3)))
    others = _written(template, form, (((USER, THINKS), None, 1), (WITH_TOOL, TOOLS, 1)))
    user = decide_header(asked, plain, [text for text, _ in others], split, is_token)
    told = _prompts(template, (USER, ASKS, TOLD), TOOLS, form, kwargs)
    after_result = _written(template, form, ((WITH_TOOL, TOOLS, 3), ((*WITH_TOOL, *AGAIN), TOOLS, 3), ((*WITH_TOOL[:3], AGAIN[1]), TOOLS, 3)))
    if not told or user.is_undecided or (user.units and all(user.shared(text, 0, at) == (len(user.units), at) for text, at in after_result)):
        return {"user": user, "tool": user}
    return {"user": user, "tool": decide_header(told, after_result, (), split, is_token)}


def _prompts(template: ChatTemplate, messages: Sequence[Message], tools: str | None, form: Form, kwargs: Mapping[str, Any]) -> list[str]:
    """The generation prompts of all modes; none where the template refuses these messages."""
    modes: list[dict[str, Any]] = [{}]
    modes += [{name: value} for name in _MODES if name in template.source and name not in kwargs for value in (True, False)]
    return [prompt for mode in modes if (prompt := _prompt(template, messages, tools, form, mode)) is not None]


def _written(template: ChatTemplate, form: Form, answers: Sequence[tuple[Sequence[Message], str | None, int]]) -> list[tuple[str, int]]:
    """What the template writes for each of these answers, and the character at which the answer's text begins. An answer is a conversation and a place
    in it; those that the template refuses or leaves out are left out here."""
    found: list[tuple[str, int]] = []
    for messages, tools, place in answers:
        with suppress(Reject):
            rendered = template.render(_variables(Writer(template, form, Ends({}, frozenset(), frozenset())), messages, tools))
            piece = next((piece for piece in rendered.pieces if piece.message == place), None)
            if piece is not None:
                text = rendered.text[piece.start : piece.end]
                found.append((text, max(text.find(ANSWER if messages[place].content != AGAIN[1].content else AGAIN[1].content), 0)))
    return found


def _prompt(template: ChatTemplate, messages: Sequence[Message], tools: str | None, form: Form, mode: Mapping[str, Any]) -> str | None:
    """What the template writes after the last message when the model is to answer."""
    writer = Writer(template, form, Ends({}, frozenset(), frozenset()))
    try:
        prompted = template.render(_variables(writer, messages, tools, {**mode, "add_generation_prompt": True}))
        plain = template.render(_variables(writer, messages, tools, mode))
    except Reject:
        return None
    last = prompted.pieces[-1] if prompted.pieces else None
    if last is not None and last.message == TEMPLATE and len(prompted.pieces) > 1:
        return prompted.text[last.start : last.end]
    return prompted.text[len(plain.text) :] if prompted.text.startswith(plain.text) else ""


def _observation(writer: Writer) -> str | None:
    """The token that begins a result and so ends the call before it."""
    try:
        chat = writer.write(make_turns(WITH_TOOL, "all", range(len(WITH_TOOL))), TOOLS)
    except Reject:
        return None
    call = chat.places[1]
    own = [piece for piece in chat.rendered.pieces if piece.message == 1]
    return chat.rendered.text[call.end : call.stop] if own and call.end == own[0].end < call.stop else None
