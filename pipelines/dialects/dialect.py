"""What the file of a model must define, and how a conversation becomes a row of that model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from pipelines.chat.laws import check_laws
from pipelines.chat.segments import Row, Segment, assemble, cached_texts_of, joined, texts_of
from pipelines.chat.tool_syntax import SYNTAXES, places_of, uses_tools
from pipelines.chat.turns import Turn, make_turns
from pipelines.config import ConfigError, DialectSettings
from pipelines.dialects.overflow import Measure, Work, shorten
from pipelines.dialects.windows import window_rows
from pipelines.reasons import Reason, Reject
from pipelines.records import IGNORE_INDEX, Conversation, Image, ImageTokens, Message, Noun, Tokens
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers import RawIds, Vocabulary, open_vocabulary
from pipelines.tokenizers.families import RankFamily
from pipelines.vision.slicing import SlicePlan


class Script(Noun, frozen=True):
    """A conversation as a model's template sees it: `plans[k]` are the views of image k. One that `is_cut` becomes windows, which are scripts of their
    own, with one image at most that an answer sees."""

    turns: Sequence[Turn]
    tools: str | None
    plans: Sequence[SlicePlan]
    settings: DialectSettings
    is_cut: bool = False

    @property
    def is_sound(self) -> bool:
        return self.settings.recipe == "sound"


class Layout(Noun, frozen=True):
    """A conversation as segments, with the views of its images. `texts` are the texts of the segments that must be encoded."""

    work: Work
    tools: str | None
    plans: Sequence[SlicePlan]
    segments: Sequence[Segment]
    texts: Sequence[str]
    is_cut: bool = False


class Encoded(Noun, frozen=True):
    """A layout with the ids of its texts."""

    layout: Layout
    texts: Sequence[RawIds]


@dataclass(frozen=True, slots=True)
class Model:
    """One model, as its file describes it.

    `upstream` names the repository, file and commit of the code that is reproduced, and `differences` how recipe `sound` differs from it.
    `specials` are the control tokens that the model writes, with their ids where upstream hard-codes them. `refuse` raises Reject for a
    script that the model cannot take, `write` returns the segments of a script, and `plan` returns the views of an image with at most the
    given number of slices. `slot` is the placeholder token, and `slots` the number of them in a view.
    """

    name: str
    upstream: str
    differences: tuple[str, ...]
    specials: Mapping[str, int | None]
    family: RankFamily | None
    has_tools: bool
    refuse: Callable[[Script], None]
    write: Callable[[Script], list[Segment]]
    plan: Callable[[Image, DialectSettings, int], SlicePlan] | None = None
    slot: str = ""
    slots: Callable[[DialectSettings], int] = lambda settings: 0
    stray: str | None = None  # upstream gives this label to the token after an answer


@dataclass(frozen=True, slots=True)
class WrittenDialect:
    """A model with its settings and its opened tokenizer."""

    model: Model
    settings: DialectSettings
    vocabulary: Vocabulary

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def fingerprint(self) -> str:
        return self.vocabulary.fingerprint

    @property
    def standin(self) -> bool:
        return self.vocabulary.standin

    @property
    def takes_images(self) -> bool:
        return self.model.plan is not None

    @property
    def card(self) -> None:
        """Only models of `hf` have one: what this model takes stands in its file."""
        return None

    @property
    def written_tokens(self) -> Mapping[str, int]:
        """The control tokens that the model's text has, with their ids."""
        return {name: self.vocabulary.specials[name] for name in self.model.specials}

    @property
    def max_slices(self) -> int:
        return getattr(self.settings.options, "max_slices", 0)

    def lay_out(self, conversation: Conversation) -> Layout:
        """The segments of the conversation, which is shortened if it is certain to be too long. Raises Reject if that is impossible, or if the
        model cannot take the conversation."""
        caps = (self.max_slices,) * len(conversation.images) if conversation.images else ()
        places = tuple(range(len(conversation.messages)))
        is_cut = self.settings.on_overflow == "windows" and self.settings.history.images == 1
        layout = self._laid_out(Work(conversation.messages, conversation.images, caps, places), conversation.tools, is_cut)
        least = self._least_tokens(layout)
        if least <= self.settings.max_tokens or self.settings.on_overflow == "windows":
            return layout
        return self._shortened(layout, f"at least {least}", {})

    def encode(self, layout: Layout) -> Encoded:
        return Encoded(layout, self.vocabulary.encode(layout.texts))

    def complete(self, encoded: Encoded) -> Tokens:
        """The tokens of the conversation, which is shortened if it is too long. Raises Reject if that is impossible, or if no token is trained."""
        layout, tokens = encoded.layout, self._tokens(encoded)
        if len(tokens.input_ids) > self.settings.max_tokens:
            known = dict(zip(layout.texts, encoded.texts, strict=True))
            layout = self._shortened(layout, str(len(tokens.input_ids)), known)
            tokens = self._tokens(self._encoded(layout, known))
        return replace(tokens, findings=layout.work.findings) if layout.work.findings else tokens

    def rows(self, encoded: Encoded) -> tuple[Tokens, ...]:
        """The rows of the conversation: with `on_overflow: windows` perhaps several, else one. Raises Reject as `complete` does."""
        if self.settings.on_overflow != "windows":
            return (self.complete(encoded),)
        layout = encoded.layout
        known = dict(zip(layout.texts, encoded.texts, strict=True))
        whole = self._tokens(encoded)
        rows = window_rows(layout.work, whole, self.settings, lambda work: self._tokens(self._encoded(self._laid_out(work, layout.tools), known)))
        if layout.is_cut and rows[0] is whole:
            self._laid_out(layout.work, layout.tools)  # as a row of its own, it must be one that the model takes
        return rows

    def _turns(self, work: Work, tools: str | None) -> tuple[list[Turn], str | None]:
        """The turns and tools for the model's template. A template without a place for calls and definitions gets plain turns instead."""
        loss, messages = self.settings.loss, work.messages
        _refuse_blank_answers(work)
        if not uses_tools(messages, tools):
            return make_turns(messages, loss, work.places, (), work.trained_from), None
        if self.settings.tool_syntax:
            written = SYNTAXES[self.settings.tool_syntax](messages, tools)
            tags = [tuple([tag for tag in one.tags if tag[1] in self.vocabulary.specials]) for one in written]
            return make_turns([one.message for one in written], loss, places_of(written, work.places), tags, work.trained_from), None
        if not self.model.has_tools:
            raise Reject(Reason.TOKENS_TOOLS_UNSUPPORTED.at("", f"{self.model.name} has no format for tools, and tool_syntax is not set"))
        return make_turns(messages, loss, work.places, (), work.trained_from), tools

    def _shortened(self, layout: Layout, length: str, known: dict[str, RawIds]) -> Layout:
        """The layout of the shortened conversation. `length` says how many tokens the row has now. `known` maps texts to their ids, and grows by
        the texts that are encoded here."""

        def measure_row(work: Work) -> int:
            shorter = self._laid_out(work, layout.tools)
            least = self._least_tokens(shorter)
            return least if least > self.settings.max_tokens else len(self._tokens(self._encoded(shorter, known)).input_ids)

        measure = self._measure_images(measure_row) if self.settings.on_overflow == "fewer_slices" else measure_row
        return self._laid_out(shorten(layout.work, self.settings, measure, length), layout.tools)

    def _measure_images(self, measure: Measure) -> Measure:
        """The same measure for rows that differ only in their slices. Everything but the images is measured once."""
        others: list[int] = []

        def measure_images(work: Work) -> int:
            turn = make_turns([Message("user", "", image_at=(0,) * len(work.images))], self.settings.loss, (0,))
            segments = self.model.write(Script(turn, None, self._plans(work), self.settings))
            images = len(self._assembled(segments, self.vocabulary.encode(texts_of(segments)), len(work.images)).input_ids)
            if not others:
                others.append(measure(work) - images)
            return others[0] + images

        return measure_images

    def _encoded(self, layout: Layout, known: dict[str, RawIds]) -> Encoded:
        unknown = [text for text in dict.fromkeys(layout.texts) if text not in known]
        known.update(zip(unknown, self.vocabulary.encode(unknown), strict=True))
        return Encoded(layout, [known[text] for text in layout.texts])

    def _least_tokens(self, layout: Layout) -> int:
        """A lower bound for the tokens of the row, found without encoding it."""
        texts = [*layout.texts, *cached_texts_of(layout.segments)] if layout.tools else layout.texts
        # Every other segment is at least one token, but for the two marks of each turn and of the definitions.
        others = len(layout.segments) - len(texts) - 2 * (len(layout.work.messages) + 1)
        return others + self.vocabulary.least_tokens(texts)

    def _laid_out(self, work: Work, tools: str | None, is_cut: bool = False) -> Layout:
        turns, shown_tools = self._turns(work, tools)
        plans = self._plans(work)
        script = Script(turns, shown_tools, plans, self.settings, is_cut)
        self.model.refuse(script)
        segments = self.model.write(script)
        if not self.vocabulary.facts.cuts_headings:
            segments = joined(segments)
        return Layout(work, tools, plans, segments, texts_of(segments), is_cut)

    def _tokens(self, encoded: Encoded) -> Tokens:
        layout, is_sound = encoded.layout, self.settings.recipe == "sound"
        row = self._assembled(layout.segments, encoded.texts, len(layout.plans))
        if self.model.stray and not is_sound:
            _add_stray_labels(row, self.vocabulary.specials[self.model.stray])
        placed = zip(layout.work.images, layout.plans, row.spans, strict=True)
        images = tuple([ImageTokens(image, plan.grid, tuple(spans), plan.views) for image, plan, spans in placed])
        slot = self.vocabulary.specials[self.model.slot] if self.model.slot else -1
        trained = check_laws(row, images, slot, self.model.slots(self.settings), allow_stray=not is_sound)
        return Tokens(row.input_ids, row.labels, trained, images, tuple(row.turns))

    def _assembled(self, segments: Sequence[Segment], texts: Sequence[RawIds], images: int) -> Row:
        return assemble(segments, texts, images, self.vocabulary.control_ids, self.vocabulary.cached_ids)

    def _plans(self, work: Work) -> list[SlicePlan]:
        return [self._planned(image, cap) for image, cap in zip(work.images, work.caps, strict=True)]

    def _planned(self, image: Image, cap: int) -> SlicePlan:
        if self.model.plan is None:
            raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at("", f"{self.model.name} takes no images"))
        return self.model.plan(image, self.settings, cap)


def open_with(model: Model, settings: DialectSettings, stores: Stores = ENVIRONMENT) -> WrittenDialect:
    """The dialect with its tokenizer. Raises ConfigError if the tokenizer is missing or lacks a control token."""
    place = f"dialects: {settings.name}.tokenizer"
    vocabulary = open_vocabulary(settings.tokenizer, model.family, place, stores)
    faults = []
    for name, wanted in model.specials.items():
        found = vocabulary.specials.get(name)
        if found is None:
            faults.append(f"{place}: {settings.tokenizer} has no special token {name}, which {model.name} writes")
        elif wanted is not None and found != wanted:
            faults.append(f"{place}: {name} has id {found} in {settings.tokenizer}; {model.name} is trained with {wanted}")
    if faults:
        raise ConfigError(faults)
    return WrittenDialect(model, settings, vocabulary)


def _refuse_blank_answers(work: Work) -> None:
    """GLM-4's template leaves out a blank answer with its header; MiniCPM's code then trains the next question."""
    for message, place in zip(work.messages, work.places, strict=True):
        if message.role == "assistant" and not message.image_at and (not message.content or message.content.isspace()):
            raise Reject(Reason.TOKENS_ANSWER_BLANK.at(f"messages[{place}]", "the answer is blank"))


def _add_stray_labels(row: Row, end: int) -> None:
    """Adds upstream's label after an answer: the end token a second time, whatever the input is there. Only recipe `upstream` keeps it."""
    trained = row.labels != IGNORE_INDEX
    row.labels[1:][trained[:-1] & ~trained[1:]] = end
