"""What a model's file must say, and how a conversation becomes a row with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from pipelines.chat.laws import check_laws
from pipelines.chat.segments import Row, Segment, assemble, joined, texts_of
from pipelines.chat.tool_syntax import SYNTAXES, uses_tools
from pipelines.chat.turns import Turn, make_turns
from pipelines.config import ConfigError, DialectSettings
from pipelines.dialects.overflow import Work, shorten
from pipelines.reasons import Reason, Reject
from pipelines.records import IGNORE_INDEX, Conversation, Image, ImageTokens, Message, Noun, Tokens
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers import RawIds, Vocabulary, open_vocabulary
from pipelines.tokenizers.families import RankFamily
from pipelines.vision.slicing import SlicePlan


class Script(Noun, frozen=True):
    """A conversation as a model's template sees it: `plans[k]` are the views of image k."""

    turns: Sequence[Turn]
    tools: str | None
    plans: Sequence[SlicePlan]
    settings: DialectSettings

    @property
    def is_sound(self) -> bool:
        return self.settings.recipe == "sound"


class Layout(Noun, frozen=True):
    """A conversation as its segments, with the views of its images; the work and the tools that they are of."""

    work: Work
    tools: str | None
    plans: Sequence[SlicePlan]
    segments: Sequence[Segment]


class Encoded(Noun, frozen=True):
    """A layout with the ids of its texts."""

    layout: Layout
    texts: Sequence[RawIds]


@dataclass(frozen=True, slots=True)
class Model:
    """One model, as its file describes it.

    `upstream` names repository, file and commit of the code that is reproduced; `differences` are the rules by which recipe
    `sound` differs. `specials` are the control tokens that are written, with their ids where upstream has them hard-coded.
    `refuse` raises Reject for a script that the model cannot take; `write` gives its segments; `plan` the views of an image
    under the settings, with at most so many slices. `slot` is the placeholder token, `slots` how many of them a view has.
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
    stray: str | None = None  # upstream labels the token after an answer with this one


@dataclass(frozen=True, slots=True)
class Dialect:
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
    def max_slices(self) -> int:
        return getattr(self.settings.options, "max_slices", 0)

    def lay_out(self, conversation: Conversation) -> Layout:
        """What the conversation writes. Raises Reject where the model cannot take it."""
        caps = (self.max_slices,) * len(conversation.images) if conversation.images else ()
        return self._laid_out(Work(conversation.messages, conversation.images, caps), conversation.tools)

    def encode(self, layout: Layout) -> Encoded:
        return Encoded(layout, self.vocabulary.encode(texts_of(layout.segments)))

    def complete(self, encoded: Encoded) -> Tokens:
        """The conversation in the model's tokens, shortened where it is too long. Raises Reject where that is impossible, or nothing is trained."""
        tokens = self._tokens(encoded)
        if len(tokens.input_ids) <= self.settings.max_tokens:
            return tokens
        work, tools = encoded.layout.work, encoded.layout.tools
        work = shorten(work, self.settings, lambda other: len(self._row(other, tools).input_ids), len(tokens.input_ids))
        return replace(self._row(work, tools), findings=work.findings)

    def _turns(self, messages: Sequence[Message], tools: str | None) -> tuple[list[Turn], str | None]:
        """What the model's template is given: without calls and definitions where it has no place for them."""
        loss = self.settings.loss
        if not uses_tools(messages, tools):
            return make_turns(messages, loss), None
        if self.settings.tool_syntax:
            written = SYNTAXES[self.settings.tool_syntax](messages, tools)
            tags = [tuple([tag for tag in one.tags if tag[1] in self.vocabulary.specials]) for one in written]
            return make_turns([one.message for one in written], loss, tags), None
        if not self.model.has_tools:
            raise Reject(Reason.TOKENS_TOOLS_UNSUPPORTED.at("", f"{self.model.name} has no format for tools, and tool_syntax is not set"))
        return make_turns(messages, loss), tools

    def _row(self, work: Work, tools: str | None) -> Tokens:
        return self._tokens(self.encode(self._laid_out(work, tools)))

    def _laid_out(self, work: Work, tools: str | None) -> Layout:
        turns, shown_tools = self._turns(work.messages, tools)
        plans = [self._planned(image, cap) for image, cap in zip(work.images, work.caps, strict=True)]
        script = Script(turns, shown_tools, plans, self.settings)
        self.model.refuse(script)
        segments = self.model.write(script)
        return Layout(work, tools, plans, segments if self.vocabulary.facts.cuts_headings else joined(segments))

    def _tokens(self, encoded: Encoded) -> Tokens:
        layout, is_sound = encoded.layout, self.settings.recipe == "sound"
        row = assemble(layout.segments, encoded.texts, len(layout.plans), self.vocabulary.control, self.vocabulary.shared)
        if self.model.stray and not is_sound:
            _add_stray_labels(row, self.vocabulary.specials[self.model.stray])
        placed = zip(layout.work.images, layout.plans, row.spans, strict=True)
        images = tuple([ImageTokens(image, plan.grid, tuple(spans), plan.views) for image, plan, spans in placed])
        slot = self.vocabulary.specials[self.model.slot] if self.model.slot else -1
        trained = check_laws(row, images, slot, self.model.slots(self.settings), allow_stray=not is_sound)
        return Tokens(row.input_ids, row.labels, trained, images)

    def _planned(self, image: Image, cap: int) -> SlicePlan:
        if self.model.plan is None:
            raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at("", f"{self.model.name} takes no images"))
        return self.model.plan(image, self.settings, cap)


def open_with(model: Model, settings: DialectSettings, stores: Stores = ENVIRONMENT) -> Dialect:
    """The dialect with its tokenizer. Raises ConfigError where that is not there, or lacks a control token."""
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
    return Dialect(model, settings, vocabulary)


def _add_stray_labels(row: Row, end: int) -> None:
    """Upstream's label after an answer: the end token again, where the input goes on. Recipe `upstream` alone keeps it."""
    trained = row.labels != IGNORE_INDEX
    row.labels[1:][trained[:-1] & ~trained[1:]] = end
