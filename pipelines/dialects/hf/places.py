"""Where the messages of a conversation stand in a render, and what of an answer the model learns to write.

    <|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHello.<|im_end|>\\n
                      [ )                                  [     )
                      own text          header of an answer own    end        stop

A header is what the generation prompt has too (headers.py). The rest of an answer is trained, up to the token that ends it. Where a template has
`{% generation %}`, that tells where an answer starts, and where it stops unless the token that ends it comes right after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from pipelines.dialects.hf.control import END, START
from pipelines.dialects.hf.found import Range, find_call, find_text
from pipelines.dialects.hf.headers import Header
from pipelines.dialects.hf.marking import TEMPLATE, Piece, Rendered
from pipelines.dialects.hf.messages import Entry, split_thought
from pipelines.reasons import Reason, Reject
from pipelines.records import Noun


class Place(Noun, frozen=True):
    """Characters of a message: its own text is [start, end), and `stop` is where the token that ends it ends, or `end` where the template leaves
    it open. `lost_thought` says that the template leaves out its reasoning, `is_learned` that the template trains it, and `is_left_out` that the
    template leaves out the whole message, a system text."""

    start: int
    end: int
    stop: int
    lost_thought: bool = False
    is_learned: bool = True
    is_left_out: bool = False

    @property
    def is_open(self) -> bool:
        return self.end == self.stop


class Ends(Noun, frozen=True):
    """What is known about the beginning and end of answers. `headers` are those after a result (`tool`) and after anything else (`user`). `tokens` end an
    answer, and `special` are all special tokens. `observation` is the token that begins a result and so ends a call, if there is one."""

    headers: Mapping[str, Header]
    tokens: frozenset[str]
    special: frozenset[str]
    observation: str | None = None


def place_entries(entries: Sequence[Entry], rendered: Rendered, ends: Ends, has_generation: bool) -> list[Place]:
    """The place of each entry. Raises Reject with `tokens.template_loses` where something is missing in the text, or with
    `tokens.template_undecided` where nothing tells what belongs to an answer."""
    own: list[list[int]] = [[] for _ in entries]
    for k, piece in enumerate(rendered.pieces):
        if piece.message != TEMPLATE:
            own[piece.message].append(k)
    # Some templates write the last answer outside of their loop; a header then tells where it begins.
    if len(own) > 1 and entries[-1].role == "assistant" and not own[-1] and own[-2] and ends.headers["user"].units and rendered.pieces[-1].message == TEMPLATE:
        own[-1].append(len(rendered.pieces) - 1)
    others = [k for k, piece in enumerate(rendered.pieces) if piece.message == TEMPLATE or entries[piece.message].role != "assistant"]
    places: list[Place] = []
    for i, entry in enumerate(entries):
        if entry.role == "assistant":
            after_tool = i > 0 and entries[i - 1].role == "tool"
            places.append(_answer(entry, rendered, own[i], ends, "tool" if after_tool else "user", has_generation))
        else:
            places.append(_input(entry, rendered, own[i], others, max([place.end for place in places[-1:]], default=0)))
    return places


def _input(entry: Entry, rendered: Rendered, own: Sequence[int], others: Sequence[int], before: int) -> Place:
    """The place of a message that the model reads, after the text of the message before it. Some templates put a system text before all messages, or
    into the first question: so it is looked for in `others` too, the pieces of everything but answers."""
    pieces = rendered.pieces
    for k in (*own, *(others if entry.role != "tool" else ())):
        start, end = pieces[k].start, pieces[k].end
        after = max(start, min(before, end))
        found = _find_all(rendered.text, entry.texts, (after, end))
        if found is None and after > start:
            found = _find_all(rendered.text, entry.texts, (start, end))
        if found is not None:
            return Place(*found, found[1])
    if not any(text.strip() for text in entry.texts):
        return Place(before, before, before)
    return left_out(entry, before)


def left_out(entry: Entry, at: int) -> Place:
    """The place of a system text that the template leaves out: that of nothing, at this character. Raises Reject for any other message."""
    if entry.role == "system":
        return Place(at, at, at, is_left_out=True)
    raise _lost(entry, f"the text of the {entry.role} message" if entry.role != "tool" else "the result")


def _find_all(text: str, wanted: Sequence[str], within: Range) -> Range | None:
    """The range from the first to the last of these texts, in their order; None if one is missing. Texts without anything are nowhere."""
    first, (at, limit) = None, within
    for one in wanted:
        if one.strip():
            found = find_text(text, one, at, limit)
            if found is None:
                return None
            first, at = found[0] if first is None else first, found[1]
    return (limit, limit) if first is None else (first, at)


def _answer(entry: Entry, rendered: Rendered, own: Sequence[int], ends: Ends, before: str, has_generation: bool) -> Place:
    text, pieces = rendered.text, rendered.pieces
    if not own:
        if _find_all(text, entry.texts, (0, len(text))) is not None:
            raise _undecided(entry, "nothing tells which text is the answer: the template writes it from a block, a macro, a variable or a joined text")
        raise _lost(entry, "the answer")
    piece = pieces[own[0]]
    lost_thought = _check_content(entry, text, piece)
    if has_generation:
        generated = _generated(rendered, piece, ends.tokens | ends.special)
        if generated is None:
            return Place(piece.start, piece.end, piece.end, lost_thought, False)
        return Place(generated[0], *_end_of_generated(text, generated, piece, ends.tokens | ends.special), lost_thought)
    start = _after_header(text, piece, ends.headers, before)
    if start is None:
        why = "it changes, and is not what the generation prompt writes" if ends.headers[before].is_undecided else "it is not what the generation prompt writes"
        raise _undecided(entry, f"nothing tells where the header of the answer ends: {why}")
    found = _end(text, (start, piece.end), ends.tokens) or _first(text, pieces[own[0] + 1 :], ends.tokens)
    if found is None and not (entry.calls and ends.observation):
        found = _end(text, (start, piece.end), ends.special)
    return Place(start, *(found or (piece.end, piece.end)), lost_thought)


def _first(text: str, following: Sequence[Piece], tokens: frozenset[str]) -> Range | None:
    """Where the token that begins the next message starts and ends, if it is one that ends answers: GLM's <|user|>."""
    start = following[0].start if following else len(text)
    token = next((one for one in tokens if text.startswith(one, start)), None)
    return None if token is None else (start, start + len(token))


def _check_content(entry: Entry, text: str, piece: Piece) -> bool:
    """Whether the template leaves out the answer's reasoning. Raises Reject where it leaves out anything else."""
    thought, texts, within = entry.thought or "", entry.texts, (piece.start, piece.end)
    if _find_all(text, texts, within) is None:
        inside, rest = split_thought(_with_plain_tags(texts[0]))
        thought, texts = inside or "", [rest, *texts[1:]]
        if inside is None or _find_all(text, texts, within) is None:
            raise _lost(entry, "the text of the answer")
    lost_thought = bool(thought.strip()) and _find_all(text, [thought, *texts], within) is None
    at = piece.start
    for k, call in enumerate(entry.calls):
        found = find_call(text, call, at, piece.end)
        if found is None:
            raise _lost(entry, f"call {k + 1} of {len(entry.calls)}")
        at = found
    return lost_thought


def _with_plain_tags(text: str) -> str:
    """The text with tags of reasoning that are not marked."""
    for tag in ("<think>", "</think>"):
        text = text.replace(f"{START}{tag}{END}", tag)
    return text


def _after_header(text: str, piece: Piece, headers: Mapping[str, Header], before: str) -> int | None:
    """Where the header of an answer ends: the longest that it begins with. Some templates write a first token or a system text of their own before
    the first message; there the header is looked for. None if the answer should have a header and has none."""
    own = headers[before]
    starts = [] if own.units or own.is_undecided else [piece.start]
    for header in (own, *headers.values()):
        count, end = header.shared(text, piece.start, piece.end)
        if count and count >= header.least:
            starts.append(end)
    if not starts and own.has_token:
        at = text.find("".join(own.units[: own.least]), piece.start, piece.end)
        if at >= 0:
            starts.append(own.shared(text, at, piece.end)[1])
    return max(starts, default=None)


def _generated(rendered: Rendered, piece: Piece, tokens: frozenset[str]) -> Range | None:
    """What `{% generation %}` marks in this piece, and what it marks right after that: more of the piece, or the token that begins the next message."""
    found: Range | None = None
    for start, end in rendered.generated:
        if found is None and piece.start <= start < piece.end and start < end:
            found = (start, end)
        elif found is not None and start == found[1] and (start < piece.end or rendered.text[start:end].strip() in tokens):
            found = (found[0], end)
    return found


def _end_of_generated(text: str, generated: Range, piece: Piece, tokens: frozenset[str]) -> Range:
    """Where the token that ends an answer starts and ends: it is the last of what is marked, or comes right after that. (end, end) if there is none."""
    start, end = generated
    bare = start + len(text[start:end].rstrip())
    if found := _end(text, generated, tokens):
        return found
    after = text[end : piece.end]
    first = end + len(after) - len(after.lstrip())
    token = next((one for one in tokens if text.startswith(one, first, piece.end)), None)
    return (bare, bare) if token is None else (first, first + len(token))


def _end(text: str, within: Range, tokens: frozenset[str]) -> Range | None:
    """Where the token that ends this text starts and ends; None if it ends with none of these tokens. Blanks after it do not count.

    A token that data writes cannot be the last: a mark follows it.
    """
    start, limit = within
    tail = text[start:limit].rstrip()
    for length in _lengths(tokens):
        if length <= len(tail) and tail[-length:] in tokens:
            return start + len(tail) - length, start + len(tail)
    return None


@lru_cache(maxsize=16)
def _lengths(tokens: frozenset[str]) -> list[int]:
    """The lengths of these tokens, longest first: hundreds of tokens have few."""
    return sorted({len(token) for token in tokens}, reverse=True)


def _lost(entry: Entry, what: str) -> Reject:
    return Reject(Reason.TOKENS_TEMPLATE_LOSES.at(f"messages[{entry.place}]", f"the template leaves out {what}"))


def _undecided(entry: Entry, why: str) -> Reject:
    return Reject(Reason.TOKENS_TEMPLATE_UNDECIDED.at(f"messages[{entry.place}]", why))
