"""Any model folder as a dialect: conversations are written by the model's own chat template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from pipelines.chat.laws import check_laws
from pipelines.chat.segments import Row
from pipelines.chat.tool_syntax import SYNTAXES, places_of, uses_tools
from pipelines.chat.turns import Turn, make_turns
from pipelines.config import DialectSettings, TemplateOptions
from pipelines.dialects.hf.card import Card
from pipelines.dialects.hf.chat import Chat, Writer
from pipelines.dialects.hf.encoding import ChatEncoder, Chunk, Placed, WrittenAsToken
from pipelines.dialects.hf.folder import ModelFolder
from pipelines.dialects.hf.order import as_logged
from pipelines.dialects.hf.pictures import Pictures
from pipelines.dialects.hf.rows import make_row
from pipelines.dialects.overflow import Work, shorten
from pipelines.dialects.windows import window_rows
from pipelines.reasons import Reason, Reject
from pipelines.records import IGNORE_INDEX, Conversation, Finding, Image, ImageTokens, Noun, Size, Tokens
from pipelines.tokenizers import RawIds, Vocabulary
from pipelines.visible import counted


class Layout(Noun, frozen=True):
    """A conversation as a chat in chunks. `trained` says for each entry whether it is, `after` is the token that the row gets after the chat, and
    `texts` are what must be encoded."""

    work: Work
    tools: str | None
    chat: Chat
    trained: tuple[bool, ...]
    after: str | None
    chunks: Sequence[Chunk]
    texts: Sequence[str]
    findings: tuple[Finding, ...]


class Encoded(Noun, frozen=True):
    """A layout with the ids of its texts."""

    layout: Layout
    texts: Sequence[RawIds]


@dataclass(frozen=True, slots=True)
class HfDialect:
    """A model folder with its settings, its opened tokenizer, and the writers of its templates by whether a conversation has tools."""

    settings: DialectSettings
    options: TemplateOptions
    vocabulary: Vocabulary
    folder: ModelFolder
    encoder: ChatEncoder
    writers: Mapping[bool, Writer]
    card: Card
    pictures: Pictures | None = None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def fingerprint(self) -> str:
        """The sha256 of the tokenizer and of all files that decide what a chat becomes."""
        return self.folder.fingerprint

    @property
    def standin(self) -> bool:
        return self.vocabulary.standin

    @property
    def takes_images(self) -> bool:
        return self.pictures is not None

    @property
    def written_tokens(self) -> Mapping[str, int]:
        """The tokens that end answers, with their ids."""
        names = [*self.folder.ends, *([self.options.end_of_turn] if self.options.end_of_turn else [])]
        return {name: self.encoder.ids_of[name] for name in names if name in self.encoder.ids_of}

    def lay_out(self, conversation: Conversation) -> Layout:
        """The conversation as a chat, shortened if it is certain to be too long. Raises Reject if that is impossible, or if the template does not
        take the conversation as it is."""
        work = Work(conversation.messages, conversation.images, (0,) * len(conversation.images), tuple(range(len(conversation.messages))))
        layout = self._laid_out(work if self.settings.tool_syntax else as_logged(work), conversation.tools)
        least = self._least_tokens(layout)
        if least <= self.settings.max_tokens or self.settings.on_overflow == "windows":
            return layout
        return self._shortened(layout, f"at least {least}")

    def encode(self, layout: Layout) -> Encoded:
        return Encoded(layout, self.vocabulary.encode(layout.texts))

    def complete(self, encoded: Encoded) -> Tokens:
        """The tokens of the conversation, which is shortened if it is too long. Raises Reject if that is impossible, or if no token is trained."""
        tokens = self._tokens(encoded)
        if len(tokens.input_ids) > self.settings.max_tokens:
            tokens = self._tokens(self.encode(self._shortened(encoded.layout, str(len(tokens.input_ids)))))
        return tokens

    def rows(self, encoded: Encoded) -> tuple[Tokens, ...]:
        """The rows of the conversation: with `on_overflow: windows` perhaps several, else one. Raises Reject as `complete` does."""
        if self.settings.on_overflow != "windows":
            return (self.complete(encoded),)
        layout = encoded.layout
        known = dict(zip(layout.texts, encoded.texts, strict=True))

        def tokenize(work: Work) -> Tokens:
            part = self._laid_out(work, layout.tools)
            unknown = [text for text in dict.fromkeys(part.texts) if text not in known]
            known.update(zip(unknown, self.vocabulary.encode(unknown), strict=True))
            return self._tokens(Encoded(part, [known[text] for text in part.texts]))

        return window_rows(layout.work, self._tokens(encoded), self.settings, tokenize)

    def _laid_out(self, work: Work, tools: str | None) -> Layout:
        turns, shown = self._turns(work, tools)
        writer = self.writers[bool(shown)]
        chat = writer.write(turns, shown)
        trained, findings = self._trained(chat, writer)
        if shown and not writer.writes_tools:
            findings.append(Reason.TOKENS_TOOLS_LEFT_OUT.at("tools", "the template does not write them"))
        missing = [entry for entry, place in zip(chat.entries, chat.places, strict=True) if place.is_left_out]
        findings += [Reason.TOKENS_SYSTEM_LEFT_OUT.at(f"messages[{entry.place}]", "the template does not write it") for entry in missing]
        if chat.dropped:
            findings.append(Reason.REPAIR_MARKS_DROPPED.at("", f"{counted(chat.dropped, 'character')} U+F0000 or U+F0001"))
        try:
            chunks = self._chunks(chat, writer, work.images)
        except WrittenAsToken as error:
            raise Reject(Reason.TOKENS_TEMPLATE_UNDECIDED.at("", f"the tokenizer writes {error} in the data as that token")) from None
        after = self._after(chat, writer)
        if after is not None:
            chat = _up_to_the_end(chat)
        return Layout(work, tools, chat, tuple(trained), after, chunks, self.encoder.texts_of(chunks), (*work.findings, *findings))

    def _chunks(self, chat: Chat, writer: Writer, images: Sequence[Image]) -> list[Chunk]:
        """The chunks of the chat, with the replacements of its pictures. Raises Reject for a picture that the model's processor refuses."""
        pictures = self.pictures.of_all([Size(image.width, image.height) for image in images]) if self.pictures and images else ()
        chunks: list[Chunk] = []
        end = 0
        for at, picture in zip(chat.pictures, pictures, strict=True):
            chunks += self._chunks_of(chat.rendered.text[end:at], chat, writer)
            chunks.append(self.encoder.picture(writer.placeholder or "", picture))
            end = at + len(writer.placeholder or "")
        return chunks + self._chunks_of(chat.rendered.text[end:], chat, writer)

    def _chunks_of(self, text: str, chat: Chat, writer: Writer) -> list[Chunk]:
        return self.encoder.chunks(writer.template.control.pieces(text) if chat.is_marked else [(text, False)])

    def _turns(self, work: Work, tools: str | None) -> tuple[list[Turn], str | None]:
        messages, loss, syntax = work.messages, self.settings.loss, self.settings.tool_syntax
        for message, place in zip(messages, work.places, strict=True):
            if message.image_at and message.role == "assistant":
                raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at(f"messages[{place}]", "an image in an answer"))
        if syntax is None or not uses_tools(messages, tools):
            return make_turns(messages, loss, work.places, (), work.trained_from), tools
        written = SYNTAXES[syntax](messages, tools)
        tags = [tuple([tag for tag in one.tags if tag[1] in self.encoder.ids_of]) for one in written]
        return make_turns([one.message for one in written], loss, places_of(written, work.places), tags, work.trained_from), None

    def _trained(self, chat: Chat, writer: Writer) -> tuple[list[bool], list[Finding]]:
        """Which entries are trained. Where the template leaves out the reasoning of an earlier answer, only those after the last question are."""
        trained = [entry.trained and place.is_learned for entry, place in zip(chat.entries, chat.places, strict=True)]
        lost = [i for i, place in enumerate(chat.places) if place.lost_thought]
        if not lost:
            return trained, []
        question = max((i for i, entry in enumerate(chat.entries) if entry.role == "user"), default=-1)
        where = f"messages[{chat.entries[lost[-1]].place}]"
        if lost[-1] > question:
            raise Reject(Reason.TOKENS_TEMPLATE_LOSES.at(where, "the template leaves out the reasoning of an answer of the last turn"))
        if self.options.history_thinking == "refuse":
            raise Reject(Reason.TOKENS_TEMPLATE_LOSES.at(where, "the template leaves out the reasoning of an earlier answer, and history_thinking is refuse"))
        # A template that says itself what is trained was made to be trained on with such a history.
        if self.options.history_thinking == "as_template" and not writer.template.has_generation:
            trained = [one and i > question for i, one in enumerate(trained)]
        return trained, [Reason.TOKENS_THINKING_LEFT_OUT.at(where, f"the reasoning of {len(lost)} of {len(chat.entries)} messages")]

    def _after(self, chat: Chat, writer: Writer) -> str | None:
        """The token that the model writes after the last answer, where the template leaves it open. A call ends at the token of its result."""
        if self.settings.recipe == "upstream" or not chat.entries or chat.entries[-1].role != "assistant" or not chat.places[-1].is_open:
            return None
        if chat.entries[-1].calls and writer.ends.observation:
            return writer.ends.observation
        return self.options.end_of_turn

    def _shortened(self, layout: Layout, length: str) -> Layout:
        """The layout of the shortened conversation. `length` says how many tokens the row has now."""

        def measure(work: Work) -> int:
            shorter = self._laid_out(work, layout.tools)
            least = self._least_tokens(shorter)
            return least if least > self.settings.max_tokens else len(self._tokens(self.encode(shorter)).input_ids)

        return self._laid_out(shorten(layout.work, self.settings, measure, length), layout.tools)

    def _least_tokens(self, layout: Layout) -> int:
        """A lower bound for the tokens of the row, found without encoding it."""
        return len(layout.chunks) - len(layout.texts) + self.vocabulary.least_tokens(layout.texts)

    def _tokens(self, encoded: Encoded) -> Tokens:
        layout = encoded.layout
        placed = self.encoder.place(layout.chunks, encoded.texts)
        after = None if layout.after is None else self.encoder.ids_of[layout.after]
        row, findings = make_row(layout.chat, layout.trained, after, placed)
        count = check_laws(row, (), -1, 0, allow_stray=False)
        images = self._images(layout, placed, row)
        return Tokens(row.input_ids, row.labels, count, images, tuple(row.turns), layout.findings + findings)

    def _images(self, layout: Layout, placed: Placed, row: Row) -> tuple[ImageTokens, ...]:
        """The images with their tokens. Raises Reject where these are not all placeholders, or are not all the placeholders of the row."""
        pictures = [chunk.picture for chunk in layout.chunks if chunk.picture is not None]
        placed_images = zip(layout.work.images, pictures, placed.views, strict=True)
        images = tuple([ImageTokens(image, picture.grid, views, picture.target_sizes) for image, picture, views in placed_images])
        if images:
            slots = np.zeros(len(row.input_ids), dtype=bool)
            for view in (view for image in images for view in image.token_spans):
                slots[view.start : view.end] = True
            kinds = np.unique(row.input_ids[slots])
            if len(kinds) != 1 or not np.array_equal(row.input_ids == kinds[0], slots) or (row.labels[slots] != IGNORE_INDEX).any():
                raise Reject(Reason.TOKENS_SPAN_MISMATCH.at("", f"{int(slots.sum())} placeholder tokens are of {len(kinds)} kinds, trained, or not all"))
        return images


def _up_to_the_end(chat: Chat) -> Chat:
    """The chat, with the blanks after its last answer as part of it, since a token is to follow. Raises Reject where the template writes more there."""
    last, end = chat.places[-1], len(chat.rendered.text)
    if chat.rendered.text[last.end :].strip():
        raise Reject(
            Reason.TOKENS_TEMPLATE_UNDECIDED.at(f"messages[{chat.entries[-1].place}]", "the template writes more after the answer, which it leaves open")
        )
    return chat if last.end == end else replace(chat, places=(*chat.places[:-1], replace(last, end=end, stop=end)))
