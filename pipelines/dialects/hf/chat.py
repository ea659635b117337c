"""A conversation -> a rendered chat whose parts are known: `Chat`. This is what a template and its laws make of it, before any text is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from pipelines.cache import BoundedCache
from pipelines.chat.turns import Turn
from pipelines.dialects.hf.control import END, START, changed, without_marks
from pipelines.dialects.hf.marking import Rendered
from pipelines.dialects.hf.messages import Entry, Form, data_of, entries_of, messages_of, with_texts
from pipelines.dialects.hf.places import Ends, Place, place_entries
from pipelines.dialects.hf.template import ChatTemplate
from pipelines.reasons import Reason, Reject
from pipelines.records import Noun


class Chat(Noun, frozen=True):
    """`places` are those of the entries in the render's text. If the chat `is_marked`, there are marks around control tokens in data. `dropped` is
    how many characters of the data were deleted, because they are such marks."""

    entries: tuple[Entry, ...]
    rendered: Rendered
    places: tuple[Place, ...]
    is_marked: bool = False
    dropped: int = 0


class Writer:
    """Writes chats with one template, which takes messages of this form. `writes_tools` says whether it writes the definitions of tools."""

    def __init__(self, template: ChatTemplate, form: Form, ends: Ends, writes_tools: bool = True):
        self.template, self.form, self.ends, self.writes_tools = template, form, ends, writes_tools
        self._tools: BoundedCache[str, list[Any]] = BoundedCache(orjson.loads, lambda text, value: 20 * len(text))

    def write(self, turns: Sequence[Turn], tools: str | None) -> Chat:
        """Raises Reject where the template refuses the conversation, leaves something out, or leaves open what belongs to an answer."""
        entries = entries_of(turns, self.form)
        shown = self._tools[tools] if tools else None
        data = [*data_of(entries), *([tools] if tools else ())]
        if not self.template.control.stand_in(data):
            rendered = self._rendered(entries, shown, False)
            return Chat(tuple(entries), rendered, tuple(self._places(entries, rendered)))
        plain = self._rendered([with_texts(entry, cleaned) for entry in entries], cleaned(shown), False)
        mark = self.template.control.marked
        entries = [with_texts(entry, mark) for entry in entries]
        rendered = self._rendered(entries, mark(shown), True)
        if without_marks(rendered.text) != plain.text:
            raise Reject(Reason.TOKENS_TEMPLATE_UNDECIDED.at("", "the template takes a control token in the data for one of its own"))
        dropped = sum([text.count(START) + text.count(END) for text in data])
        return Chat(tuple(entries), rendered, tuple(self._places(entries, rendered)), True, dropped)

    def inputs(self, turns: Sequence[Turn], tools: str | None) -> tuple[list[dict[str, Any]], Any]:
        """The messages and tools of these turns, as the template takes them."""
        return messages_of(entries_of(turns, self.form), self.form), self._tools[tools] if tools else None

    def _rendered(self, entries: Sequence[Entry], tools: Any, is_marked: bool) -> Rendered:
        return self.template.render(self.template.variables(messages_of(entries, self.form), tools, is_marked))

    def _places(self, entries: Sequence[Entry], rendered: Rendered) -> list[Place]:
        return place_entries(entries, rendered, self.ends, self.template.has_generation)


def cleaned(value: Any) -> Any:
    """The value without the characters that are marks."""
    return changed(value, without_marks)
