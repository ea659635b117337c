"""The capability card of a model folder: what its template and its processor can do, found out with small conversations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from pipelines.chat.turns import make_turns
from pipelines.config import DialectSettings, TemplateOptions
from pipelines.dialects.hf.chat import Chat, Writer
from pipelines.dialects.hf.probes import ASKS, ASKS_MORE, REPLY, SYSTEM, THINKS, TOLD, TOOLS, USER
from pipelines.dialects.hf.rebuilt import Compared
from pipelines.reasons import Reason, Reject
from pipelines.records import Message

YES, LOSES, REFUSES, UNDECIDED = "yes", "loses", "refuses", "undecided"
OTHER = (Message("user", "And which is deep?"), Message("assistant", "Lake Baikal is."))


class Tried(NamedTuple):
    """A conversation that was tried, and the ability that it shows. `is_noted`: where the template loses it, the row is kept with a note."""

    name: str
    title: str
    messages: Sequence[Message]
    tools: str | None = None
    is_noted: bool = False


TRIED = (
    Tried("system", "system text", (SYSTEM, USER, REPLY), is_noted=True),
    Tried("system_late", "system text after an answer", (USER, REPLY, Message("system", "Answer like a crow."), *OTHER), is_noted=True),
    Tried("two_questions", "two questions in a row", (USER, Message("user", "And how old?"), REPLY)),
    Tried("answer_first", "an answer first", (Message("assistant", "Welcome."), USER, REPLY)),
    Tried("calls", "calls and results", (USER, ASKS, TOLD, REPLY), TOOLS),
    Tried("parallel_calls", "parallel calls", (USER, ASKS, ASKS_MORE, TOLD, Message("observation", "pale blue"), REPLY), TOOLS),
    Tried("text_beside_call", "text beside a call", (USER, Message("assistant", "Let me look."), ASKS, TOLD, REPLY), TOOLS),
    Tried("call_last", "a call last", (USER, ASKS), TOOLS),
    Tried("steps", "calls after results", (USER, ASKS, TOLD, ASKS_MORE, Message("observation", "pale blue"), REPLY), TOOLS),
)


@dataclass(frozen=True, slots=True)
class Card:
    """What a model can be trained on. An ability is "yes"; or what happens to such a conversation: the template "loses" a part of it, "refuses" it, or
    leaves "undecided" what belongs to an answer.

    `reasoning` and `earlier_reasoning` are "field", "text", or "loses": whether the template has a field for it, writes it as text, or leaves it out.
    `ends` are the tokens that end an answer; `open_end` is true where the template writes none after the last one. `images` tells how the tokens of
    pictures are found, or is None.
    """

    abilities: dict[str, str]
    tool_definitions: bool
    reasoning: str
    earlier_reasoning: str
    generation: bool
    date: bool
    ends: tuple[str, ...]
    open_end: bool
    result_token: str | None
    images: dict[str, Any] | None
    compared: Compared | None = None  # None: that was not asked for

    def facts(self) -> dict[str, Any]:
        """For the manifest; without `compared`, which depends on the machine."""
        return {name: value for name, value in asdict(self).items() if name != "compared"}

    def lines(self) -> Iterator[str]:
        """For people."""
        for tried in TRIED:
            yield f"{tried.title}: {self.abilities[tried.name]}"
        yield f"tool definitions: {YES if self.tool_definitions else LOSES}"
        yield f"reasoning of the last answer: {_how(self.reasoning)}"
        yield f"reasoning of earlier answers: {_how(self.earlier_reasoning)}"
        yield f"says itself what is trained ({{% generation %}}): {'yes' if self.generation else 'no'}"
        yield f"writes the date: {'yes, options.date is needed' if self.date else 'no'}"
        yield f"tokens that end an answer: {', '.join(self.ends) or 'none is known'}"
        if self.open_end:
            yield "the last answer: is left open, options.end_of_turn is needed" + (f"; a last call ends with {self.result_token}" if self.result_token else "")
        yield f"images: {_pictures(self.images)}"
        if self.compared is not None and self.compared != Compared():
            yield f"tokenizer: {self.compared.difference or _not_compared(self.compared)}"


def make_card(writer: Writer, for_tools: Writer, pictures: dict[str, Any] | None) -> Card:
    """The card of a model with these writers, for conversations without and with tools. Raises ValueError where nothing tells which part of a plain
    chat is the answer."""
    try:
        plain = _written(writer, (USER, REPLY), None)
    except Reject as reject:
        raise ValueError(f"its chat template cannot be used: {reject.findings[0].detail}") from None
    if writer.template.has_generation and not plain.places[1].is_learned:
        raise ValueError("its chat template cannot be used: what it marks with {% generation %} is no answer, or stands in a macro or a block")
    abilities = {tried.name: _outcome(for_tools if tried.tools else writer, tried) for tried in TRIED}
    last = _reasoning(writer, (USER, THINKS), 1)
    earlier = _reasoning(writer, (USER, THINKS, *OTHER), 1)
    ends = writer.ends
    return Card(
        abilities=abilities,
        tool_definitions=for_tools.writes_tools,
        reasoning=last,
        earlier_reasoning=earlier,
        generation=writer.template.has_generation,
        date=writer.template.sandbox.asked_for_date,
        ends=tuple(sorted(ends.tokens)),
        open_end=plain.places[1].is_open,
        result_token=for_tools.ends.observation,
        images=pictures,
    )


def _not_compared(compared: Compared) -> str:
    return f"tokenizer.json was not compared with the tokenizer that transformers makes of the folder: {compared.not_made}"


def asked_and_missing(settings: DialectSettings, card: Card) -> Iterator[str]:
    """What the configuration asks of the model that it cannot do, and what is therefore quarantined."""
    missing = [tried for tried in TRIED if card.abilities[tried.name] != YES and not (settings.tool_syntax and tried.tools)]
    noted = [tried.title for tried in missing if tried.is_noted and card.abilities[tried.name] == LOSES]
    if len(noted) < len(missing):
        titles = ", ".join(tried.title for tried in missing if tried.title not in noted)
        yield f"the chat template does not take these, so such conversations are quarantined: {titles}"
    if noted:
        yield f"the chat template leaves these out, and the rows are kept: {', '.join(noted)}"
    if not card.tool_definitions and settings.tool_syntax is None:
        yield "the chat template leaves out tool definitions; tool_syntax writes them into the system text"
    if card.earlier_reasoning == LOSES and not card.generation:
        effect = {"refuse": "such rows are quarantined", "train": "earlier answers are trained without it"}
        options = settings.options
        way = effect.get(options.history_thinking if isinstance(options, TemplateOptions) else "", "in such rows only the last turn is trained")
        yield f"the chat template leaves out the reasoning of earlier answers; {way}"
    if settings.on_overflow == "fewer_slices":
        yield "on_overflow: fewer_slices has no effect, because the model's own processor decides about slices"
    if card.images is None:
        yield "the model takes no images, so conversations with images are quarantined"
    if card.compared is not None and card.compared.not_made:
        yield _not_compared(card.compared)


def _written(writer: Writer, messages: Sequence[Message], tools: str | None) -> Chat:
    return writer.write(make_turns(messages, "all", range(len(messages))), tools)


def _outcome(writer: Writer, tried: Tried) -> str:
    words = {Reason.TOKENS_TEMPLATE_LOSES.code: LOSES, Reason.TOKENS_TEMPLATE_REFUSES.code: REFUSES}
    try:
        chat = _written(writer, tried.messages, tried.tools)
    except Reject as reject:
        return words.get(reject.findings[0].code, UNDECIDED)
    return LOSES if any(place.is_left_out for place in chat.places) else YES


def _reasoning(writer: Writer, messages: Sequence[Message], answer: int) -> str:
    try:
        chat = _written(writer, messages, None)
    except Reject:
        return LOSES
    if chat.places[answer].lost_thought:
        return LOSES
    return "field" if writer.form.thoughts else "text"


def _how(reasoning: str) -> str:
    return {"field": "yes, in a field of its own", "text": "as text of the answer"}.get(reasoning, LOSES)


def _pictures(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "no"
    way = f"by the formula of {facts['family']}" if facts["way"] == "formula" else f"by {facts['family']} of transformers, run once per size"
    checked = f", which gave what the processor gives for {facts['checked']} sizes" if facts["checked"] else f", not compared: {facts['unchecked']}"
    return f"yes, {way}" + (checked if facts["way"] == "formula" else "")
