"""The nouns of the pipeline, frozen. Data flows one way:

    RawRecord --parse--> dict --formats--> Logged --normalize--> Draft --images--> Conversation --dialects--> Sample

The images of a Draft are not verified yet; those of a Conversation are. So the type says whether they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.records.noun import Noun as Noun
from pipelines.records.noun import Size as Size
from pipelines.records.steps import Action as Action
from pipelines.records.steps import Episode as Episode
from pipelines.records.steps import ImageRef as ImageRef
from pipelines.records.steps import Point as Point
from pipelines.records.steps import Step as Step
from pipelines.records.steps import StepNumber as StepNumber

Ids = npt.NDArray[np.int32]  # token ids or labels, flat
IGNORE_INDEX = -100  # the label of a token that is not trained, as in torch.nn.CrossEntropyLoss


class Grid(NamedTuple):
    columns: int
    rows: int


class Span(NamedTuple):
    """Token positions [start, end)."""

    start: int
    end: int


class TurnSpan(Noun, frozen=True):
    """The tokens [start, end) of one turn's own text and images: without the header that opens it and the token that ends it.

    `message` is the turn's place in the conversation's messages, the first of them where a tool syntax joins several; -1 is what the template
    adds. `weight` is the log's loss weight, None where it gives none. Whether the turn is trained is said by the labels.
    """

    message: int
    role: str
    start: int
    end: int
    weight: float | None = None


class PatchSize(NamedTuple):
    """Patches of one view, in upstream's order (its `tgt_sizes`)."""

    height: int
    width: int


class Finding(NamedTuple):
    """What was found in a record: `code` is of `reasons.Reason`, `where` a JSON path, `detail` what was found there."""

    code: str
    stage: str
    where: str
    detail: str


class Origin(NamedTuple):
    """Where a record comes from. `line` is the 1-based line, array element or row; 0 means the file itself. `sha256` is of the raw bytes."""

    source: str
    path: str
    line: int
    sha256: str


class RawRecord(Noun, frozen=True):
    """One record as its exact bytes. `findings` are those of reading; a damaged file has line 0 and no bytes."""

    origin: Origin
    record_id: str
    raw: bytes
    findings: tuple[Finding, ...] = ()


def raw_record(source: str, path: str, line: int, raw: bytes, findings: Sequence[Finding] = ()) -> RawRecord:
    """The record of these bytes; record_id is sha256(source + NUL + bytes), so it is the same in every run."""
    record_id = hashlib.sha256(source.encode() + b"\0" + raw).hexdigest()
    return RawRecord(Origin(source, path, line, hashlib.sha256(raw).hexdigest()), record_id, raw, tuple(findings))


class Held(NamedTuple):
    """Another record, which has what a record has: its place, and the batch that published it, where that is another one."""

    path: str
    line: int
    record_id: str
    batch: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f" of batch {self.batch}" if self.batch else "")

    @property
    def named(self) -> str:
        """The place and the record, as the end of a finding has them. ledger/superseded.py reads the record from there."""
        return f"{self}, record {self.record_id}"


class RecordContext(Noun, frozen=True):
    """What a record cannot know by itself, because other records decide it.

    `duplicate_of` is the record with the same bytes that is kept, and `superseded_by` the record that trains its answers. The messages `masked`
    are trained in other records, one of which is `trained_in`. The messages `withheld` are trained nowhere, because the records of their own calls,
    one of which is `withheld_by`, say so. `id_conflict` says that another record of its source has the same id.
    """

    duplicate_of: Held | None = None
    superseded_by: Held | None = None
    masked: tuple[int, ...] = ()
    trained_in: Held | None = None
    withheld: tuple[int, ...] = ()
    withheld_by: Held | None = None
    id_conflict: bool = False


def sample_id_of(record_id: str, index: int = 0, window: int = 0) -> str:
    """The id of conversation `index` of a record, and of the row of its first window; later windows have ids of their own."""
    return hashlib.sha256(f"{record_id}:{index}{f':{window}' if window else ''}".encode()).hexdigest()[:32]


class Answered(NamedTuple):
    """The call that a result answers, and the place of the result in the log: both counted from 0 among the calls and results that follow one another."""

    call: int
    logged: int


class Message(Noun, frozen=True):
    """One turn in GLM form. `metadata` is the tool's name on a call, else "". `content` holds no image marks: `image_at` gives,
    as ascending code point offsets into it, where this message's images belong. `loss_weight` is None if the log does not give one.

    Two facts about the log are for templates that write it as it is, and are in no table. `answered` is set on a result that answers another call, or
    is logged in another place, than its own place says. `reasoning_end` is the offset into `content` up to which the log has reasoning in a field of its
    own, and content has it with its tags; 0 if it has none there.

    `is_withheld`, which is in no table either, is for cumulative logs: the record of this answer's own call says that it is not to be trained.
    """

    role: str  # system | user | assistant | observation
    content: str
    metadata: str = ""
    image_at: tuple[int, ...] = ()
    loss_weight: float | None = None
    answered: Answered | None = None
    reasoning_end: int = 0
    is_withheld: bool = False


class Box(NamedTuple):
    """A box of an object in a picture, at [start, end) of a message's content until the picture's size is known: x and y in px, in turn. `image` is
    the number of the picture in text order."""

    message: int
    start: int
    end: int
    image: int
    numbers: tuple[float, ...]


class Draft(Noun, frozen=True, kw_only=True):
    """A conversation whose images are not verified yet: `refs` in text order, one per `image_at` of its messages. A draft with an `episode` has no
    messages yet, and becomes several conversations; its `refs` are the screens of the steps, each once.

    `unread` counts the keys of the record that nothing reads, by place: (("turn.timestamp", 12), ("record.source_file", 1)). `refusals` quarantine a
    record of a cumulative log whose answer is withheld; its draft tells `fold` which answer that is.
    """

    sample_id: str
    record_id: str
    episode_id: str
    step_id: str | None
    origin: Origin
    format: str
    messages: tuple[Message, ...]
    tools: str | None
    refs: tuple[ImageRef, ...]
    findings: tuple[Finding, ...]
    refusals: tuple[Finding, ...] = ()
    logged_id: str | None = None
    extra: str | None = None  # JSON text of the fields that are kept aside
    unread: tuple[tuple[str, int], ...] = ()
    episode: Episode | None = None
    boxes: tuple[Box, ...] = ()


class Image(NamedTuple):
    """A verified image; width and height in px after EXIF turning, format as Pillow names it (PNG, JPEG, WEBP, GIF, BMP)."""

    uri: str
    sha256: str
    format: str
    width: int
    height: int


class SeenImage(Noun, frozen=True):
    """What resolving and verifying a reference gave: an image, perhaps with repairs; or the findings that refuse it."""

    image: Image | None
    findings: tuple[Finding, ...] = ()


class Conversation(Noun, frozen=True, kw_only=True):
    """A Draft whose images are verified: `images` in text order. A row of table `conversations`. `index` is its number in its record."""

    sample_id: str
    record_id: str
    episode_id: str
    step_id: str | None
    origin: Origin
    format: str
    messages: tuple[Message, ...]
    tools: str | None
    images: tuple[Image, ...]
    findings: tuple[Finding, ...]
    extra: str | None = None
    index: int = 0


class ImageTokens(Noun, frozen=True):
    """Where an image is in a tokenized row: spans cover placeholder tokens, source view first, then slices row by row."""

    image: Image
    grid: Grid | None
    token_spans: tuple[Span, ...]
    target_sizes: tuple[PatchSize, ...]


class Tokens(Noun, frozen=True):
    """What a dialect makes of a conversation. `labels` are aligned with `input_ids`, `num_target_tokens` of them are trained;
    `findings` are repairs such as dropped turns."""

    input_ids: Ids
    labels: Ids
    num_target_tokens: int
    images: tuple[ImageTokens, ...] = ()
    turn_spans: tuple[TurnSpan, ...] = ()
    findings: tuple[Finding, ...] = ()


class Sample(Noun, frozen=True):
    """A row of table `samples`: a conversation, or a window of one, in the tokens of one dialect."""

    conversation: Conversation
    dialect: str
    tokens: Tokens
    window: int = 0

    @property
    def sample_id(self) -> str:
        """That of the conversation, but for later windows."""
        return sample_id_of(self.conversation.record_id, self.conversation.index, self.window) if self.window else self.conversation.sample_id


class Quarantined(Noun, frozen=True):
    """A row of table `quarantine`: a record, or (with `dialect`) a conversation that this dialect cannot take."""

    raw: RawRecord
    findings: tuple[Finding, ...]  # the first that refuses gives stage and reason
    sample_id: str | None = None
    dialect: str | None = None
    episode_id: str | None = None
    unread: tuple[tuple[str, int], ...] = ()  # of a record without a draft
    step: StepNumber | None = None  # of a record without a draft that is one step of an episode


Outcome = Conversation | Sample | Quarantined
SeenImages = Mapping[str, SeenImage]


def origin_of(outcome: Outcome) -> Origin:
    """Where the record of this outcome comes from."""
    return (outcome.conversation if isinstance(outcome, Sample) else outcome.raw if isinstance(outcome, Quarantined) else outcome).origin
