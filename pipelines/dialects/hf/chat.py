"""A conversation -> a rendered chat whose parts are known: `Chat`. This is what a template and its laws make of it, before any text is encoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from pipelines.chat.turns import Turn
from pipelines.dialects.hf.control import END, START, changed, without_marks
from pipelines.dialects.hf.doubtful import doubtful_entries, find_doubtful
from pipelines.dialects.hf.marking import Rendered
from pipelines.dialects.hf.messages import Entry, Form, data_of, entries_of, messages_of, with_texts, writes_list
from pipelines.dialects.hf.places import Ends, Place, place_entries
from pipelines.dialects.hf.repeated import check_repeated
from pipelines.dialects.hf.template import ChatTemplate, Tools
from pipelines.reasons import Reason, Reject
from pipelines.records import Noun
from pipelines.visible import counted


class Chat(Noun, frozen=True):
    """`places` are those of the entries in the render's text, and `pictures` the characters at which the placeholders of pictures begin. If the chat
    `is_marked`, there are marks around control tokens in data. `dropped` is how many characters of the data were deleted, because they are such
    marks."""

    entries: tuple[Entry, ...]
    rendered: Rendered
    places: tuple[Place, ...]
    pictures: tuple[int, ...] = ()
    is_marked: bool = False
    dropped: int = 0


class Writer:
    """Writes chats with one template, which takes messages of this form. `placeholder` is what it writes for a picture, if the model takes any, and
    `writes_tools` says whether it writes the definitions of tools."""

    def __init__(self, template: ChatTemplate, form: Form, ends: Ends, writes_tools: bool = True, placeholder: str | None = None):
        self.template, self.form, self.ends, self.writes_tools, self.placeholder = template, form, ends, writes_tools, placeholder

    def write(self, turns: Sequence[Turn], tools: str | None) -> Chat:
        """Raises Reject where the template refuses the conversation, leaves something out, or leaves open what belongs to an answer."""
        return self._write(turns, tools, self.form) or self._write(turns, tools, replace(self.form, reads_tags=False)) or _refuse()

    def _write(self, turns: Sequence[Turn], tools: str | None, form: Form) -> Chat | None:
        """The chat; None if marks around the control tokens in data change what the template writes."""
        entries = entries_of(turns, form)
        shown = self.template.tools[tools] if tools else None
        data = [*data_of(entries), *([tools] if tools else ())]
        if not self.template.control.stand_in(data):
            return self._chat(entries, shown, self._rendered(entries, shown, False), False, 0)
        plain = self._rendered([with_texts(entry, cleaned) for entry in entries], _changed(shown, cleaned), False)
        mark = self.template.control.marked
        entries = [with_texts(entry, mark) for entry in entries]
        shown = _changed(shown, mark)
        rendered = self._rendered(entries, shown, True)
        if without_marks(rendered.text) != plain.text:
            return None
        return self._chat(entries, shown, rendered, True, sum([text.count(START) + text.count(END) for text in data]))

    def _chat(self, entries: Sequence[Entry], tools: Tools | None, rendered: Rendered, is_marked: bool, dropped: int) -> Chat:
        places = place_entries(entries, rendered, self.ends, self.template.has_generation)
        if doubtful := doubtful_entries(entries, rendered, places, self.template.literal):
            known = find_doubtful(entries, rendered, doubtful, lambda given: self._rendered(given, tools, is_marked))
            places = [known.get(i, place) for i, place in enumerate(places)]
        check_repeated(entries, rendered.text, places, self.template.literal)
        counts = [sum([isinstance(part, int) for part in entry.parts]) for entry in entries]
        pictures = self._placeholders(rendered.text, sum(counts)) if any(counts) else ()
        if pictures:
            places = _with_pictures(places, counts, pictures, len(self.placeholder or ""))
        return Chat(tuple(entries), rendered, tuple(places), pictures, is_marked, dropped)

    def _placeholders(self, text: str, count: int) -> tuple[int, ...]:
        """Where the template writes a picture; the same text in data has a mark before it. Raises Reject unless these are as many as the pictures."""
        if self.placeholder is None:
            raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at("", "the model has no image processor"))
        found = [match.start() for match in re.finditer(re.escape(self.placeholder), text) if text[match.start() - 1 : match.start()] != START]
        if len(found) != count:
            raise Reject(Reason.TOKENS_TEMPLATE_LOSES.at("", f"the template writes {len(found)} of {counted(count, 'picture')}"))
        return tuple(found)

    def inputs(self, turns: Sequence[Turn], tools: str | None) -> tuple[list[dict[str, Any]], Tools | None]:
        """The messages and tools of these turns, as the template takes them."""
        return messages_of(entries_of(turns, self.form), self.form), self.template.tools[tools] if tools else None

    def _rendered(self, entries: Sequence[Entry], tools: Tools | None, is_marked: bool) -> Rendered:
        rendered = self.template.render(self.template.variables(messages_of(entries, self.form), tools, is_marked))
        if writes_list(rendered.text) and not any(map(writes_list, data_of(entries))):
            raise Reject(Reason.TOKENS_TEMPLATE_REFUSES.at("", "it writes the list of a content's parts as Python shows it"))
        return rendered


def _refuse() -> Chat:
    raise Reject(Reason.TOKENS_TEMPLATE_UNDECIDED.at("", "the template takes a control token in the data for one of its own"))


def _with_pictures(places: Sequence[Place], counts: Sequence[int], pictures: Sequence[int], length: int) -> list[Place]:
    """The places, with a message's pictures as part of its own text."""
    found: list[Place] = []
    at = 0
    for place, count in zip(places, counts, strict=True):
        if count:
            first, last = pictures[at], pictures[at + count - 1] + length
            if place.start < place.end:
                first, last = min(place.start, first), max(place.end, last)
            place = Place(first, last, last)
            at += count
        found.append(place)
    return found


def _changed(tools: Tools | None, change: Callable[[Any], Any]) -> Tools | None:
    return None if tools is None else Tools(change(tools.values), {})


def cleaned(value: Any) -> Any:
    """The value without the characters that are marks."""
    return changed(value, without_marks)
