"""Which record trains which answer: laws that hold for every tree of histories, whatever the order of the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipelines.episodes.answers import Answer, answers_of, with_images
from pipelines.episodes.fold import Cumulative, Folded, fold, folded_context
from pipelines.reasons import Reason
from pipelines.records import Draft, Held, ImageRef, Message, Origin, RecordContext

Turns = tuple[Message, ...]
NOTHING = Folded(0, (), None)
LAW = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def draft(messages: Sequence[Message], line: int = 1, episode: str | None = "e", tools: str | None = None, refs: tuple[ImageRef, ...] = ()) -> Draft:
    record_id = f"record {line}"
    origin = Origin("kit", "a.jsonl", line, "0")
    episode_id = episode or record_id
    return Draft(
        sample_id="s",
        record_id=record_id,
        episode_id=episode_id,
        step_id=None,
        origin=origin,
        format="messages",
        messages=tuple(messages),
        tools=tools,
        refs=refs,
        findings=(),
    )


def cumulative(one: Draft, is_published: bool = False) -> Cumulative:
    return Cumulative(Held(one.origin.path, one.origin.line, one.record_id), len(one.messages), answers_of(one), is_published)


def folded(drafts: Sequence[Draft]) -> list[Folded]:
    found = fold(cumulative(one) for one in drafts)
    return [found.get(cumulative(one).place, NOTHING) for one in drafts]


def asks(text: str) -> Message:
    return Message("user", text)


def says(text: str, thought: str = "", weight: float | None = None) -> Message:
    return Message("assistant", f"<think>{thought}</think>{text}" if thought else text, loss_weight=weight)


def trained(drafts: Sequence[Draft], found: Sequence[Folded]) -> list[Message]:
    return [
        message
        for one, fold in zip(drafts, found, strict=True)
        for i, message in enumerate(() if one.refusals else one.messages)
        if message.role == "assistant" and message.loss_weight != 0 and i not in fold.masked + fold.withheld
    ]


@st.composite
def trees(draw: st.DrawFn) -> list[Draft]:
    """Records of one tree of histories: each is a path from the root, some with the reasoning of their histories, in any order.

    The text of an answer is its path, so answers are the same if and only if their texts are.
    """
    parents = draw(st.lists(st.integers(0, 7), min_size=1, max_size=8))
    paths: list[Turns] = [()]
    for number, parent in enumerate(parents):
        before = paths[min(parent, len(paths) - 1)]
        paths.append((*before, asks(f"q{number}"), says(f"a{number}", draw(st.sampled_from(["", "hm"])))))
    chosen = draw(st.lists(st.sampled_from(paths[1:]), min_size=1, max_size=12))
    lengths = [draw(st.booleans()) for _ in chosen]
    records = [without_thoughts(path) if stripped else path for path, stripped in zip(chosen, lengths, strict=True)]
    distinct = list(dict.fromkeys(records))
    return [draft(turns, line, draw(st.sampled_from(["e", None]))) for line, turns in enumerate(draw(st.permutations(distinct)), 1)]


def without_thoughts(path: Turns) -> Turns:
    return (*(Message(turn.role, turn.content.rpartition("</think>")[2]) for turn in path[:-1]), path[-1])


@LAW
@given(trees())
def test_every_answer_of_a_tree_is_trained_once_and_with_its_reasoning_if_a_record_has_it(drafts: list[Draft]):
    found = folded(drafts)
    every = [message.content for one in drafts for message in one.messages if message.role == "assistant"]
    best = {
        text.rpartition("</think>")[2]: max(other for other in every if other.rpartition("</think>")[2] == text.rpartition("</think>")[2]) for text in every
    }
    fullest = {text: max((one for one in every if one.rpartition("</think>")[2] == text), key=len) for text in best}
    assert Counter(message.content for message in trained(drafts, found)) == Counter(fullest.values())


@st.composite
def with_withheld(draw: st.DrawFn, records: st.SearchStrategy[list[Draft]]) -> list[Draft]:
    """The records, of which some do not train their newest answer, and some are refused for it."""
    marks = {"": lambda one: one, "masked": masked, "refused": refused}
    return [marks[draw(st.sampled_from(["", "", "masked", "refused"]))](one) for one in draw(records)]


def withheld(one: Draft, **more: Any) -> Draft:
    return replace(one, messages=(*one.messages[:-1], replace(one.messages[-1], is_withheld=True, **more)))


def masked(one: Draft) -> Draft:
    return withheld(one, loss_weight=0.0)


def refused(one: Draft) -> Draft:
    return replace(withheld(one), refusals=(Reason.RECORD_LABELLED_BAD.at("label"),))


def plain(message: Message) -> str:
    return message.content.rpartition("</think>")[2]


@LAW
@given(with_withheld(trees()))
def test_an_answer_that_its_own_record_withholds_is_trained_nowhere_and_every_other_one_once(drafts: list[Draft]):
    scopes = {(plain(one.messages[-1]), one.episode_id == "e") for one in drafts if one.messages[-1].is_withheld}
    good = {plain(one.messages[-1]) for one in drafts if (plain(one.messages[-1]), one.episode_id == "e") not in scopes}
    every = {plain(message) for one in drafts if not one.refusals for message in one.messages if message.role == "assistant"}
    assert Counter(map(plain, trained(drafts, folded(drafts)))) == Counter(every - {text for text, _ in scopes} | good)


@st.composite
def rewritten(draw: st.DrawFn) -> list[Draft]:
    """Records of one episode with few texts, so that answers repeat and histories differ."""
    texts = st.sampled_from(["x", "y"])
    turns = st.lists(st.tuples(texts, texts).map(lambda pair: (asks(pair[0]), says(pair[1]))), min_size=1, max_size=5)
    records = draw(st.lists(turns.map(lambda rounds: tuple(turn for each in rounds for turn in each)), min_size=1, max_size=6, unique=True))
    return [draft(one, line) for line, one in enumerate(records, 1)]


@LAW
@given(rewritten())
def test_a_text_is_trained_at_least_as_often_as_any_record_has_it_and_never_twice_in_one_context(drafts: list[Draft]):
    kept = Counter(message.content for message in trained(drafts, folded(drafts)))
    for text in ("x", "y"):
        assert kept[text] >= max(sum(turn.role == "assistant" and turn.content == text for turn in one.messages) for one in drafts)
        contexts = {one.messages[: i + 1] for one in drafts for i, turn in enumerate(one.messages) if turn.role == "assistant" and turn.content == text}
        assert kept[text] <= len(contexts)


@st.composite
def alike(draw: st.DrawFn, are_all_logged: bool, has_repeats: bool = True) -> list[Draft]:
    """Records of up to three episodes that begin alike, one for each call. In each record's history some questions are cleared, and the first rounds may
    be dropped. Without `are_all_logged`, the records of some calls are in another batch. With `has_repeats`, an episode may have a text several times.
    """
    first = draw(st.lists(st.sampled_from("xy"), max_size=3))
    records = []
    for episode in "EFG"[: draw(st.integers(1, 3))]:
        answers = [*first, *draw(st.lists(st.sampled_from("xy"), min_size=1, max_size=3))]
        answers = answers if has_repeats else [f"{text}{call}" for call, text in enumerate(answers)]
        for call, text in enumerate(answers):
            dropped = draw(st.integers(0, call)) if draw(st.booleans()) else 0
            history = [(asks("cleared" if draw(st.booleans()) else f"q{i}"), says(answers[i])) for i in range(dropped, call)]
            if are_all_logged or draw(st.booleans()):
                records.append((episode, (*(turn for each in history for turn in each), asks(f"q{call}"), says(text))))
    return [draft(turns, line, episode) for line, (episode, turns) in enumerate(draw(st.permutations(records)), 1)]


def trained_chains(drafts: Sequence[Draft]) -> Counter[bytes]:
    """How often each answer is trained."""
    return Counter(answer.chain for one, fold in zip(drafts, folded(drafts), strict=True) for answer in answers_of(one) if answer.first not in fold.masked)


@LAW
@given(alike(are_all_logged=True))
def test_if_all_calls_are_logged_each_distinct_newest_answer_is_trained_once_and_nothing_else(drafts: list[Draft]):
    """Whatever their histories have become, and whatever other episodes begin alike."""
    assert trained_chains(drafts) == Counter({answers_of(one)[-1].chain: 1 for one in drafts})


def spare(drafts: Sequence[Draft]) -> dict[bytes, tuple[int, set[bytes]]]:
    """For each text of an episode: how much more often it is trained than the episode has it, and the answers that are it.

    An episode has a text as often as records have given it in distinct contexts, or as often as one record has it, whichever is more.
    """
    trained, given = trained_chains(drafts), {answers_of(one)[-1].chain for one in drafts}
    chains: dict[bytes, set[bytes]] = {}
    most: Counter[bytes] = Counter()
    for one in drafts:
        for own, times in Counter(answer.own for answer in answers_of(one)).items():
            most[own] = max(most[own], times)
        for answer in answers_of(one):
            chains.setdefault(answer.own, set()).add(answer.chain)
    return {own: (len(found & trained.keys()) - max(len(found & given), most[own]), found) for own, found in chains.items()}


@LAW
@given(alike(are_all_logged=False))
def test_no_answer_is_trained_twice_and_no_episode_trains_a_text_less_often_than_it_has_it(drafts: list[Draft]):
    assert set(trained_chains(drafts).values()) <= {1}
    assert min((count for count, _ in spare(drafts).values()), default=0) >= 0


@LAW
@given(alike(are_all_logged=False, has_repeats=False) | rewritten())
def test_no_answer_of_a_history_is_trained_that_all_its_episodes_can_spare(drafts: list[Draft]):
    """For episodes that begin alike and have each text once, and for one episode, however often it has a text."""
    counts = spare(drafts).values()
    for chain in trained_chains(drafts).keys() - {answers_of(one)[-1].chain for one in drafts}:
        assert min(count for count, found in counts if chain in found) == 0


@LAW
@given(with_withheld(rewritten() | trees() | alike(are_all_logged=False)))
def test_a_superseded_record_is_held_by_one_that_is_kept(drafts: list[Draft]):
    found = fold(map(cumulative, drafts))
    for one in found.values():
        assert one.held is not None or one.trains or one.withheld
        assert one.held is None or found[one.held].trains
    assert sum(one.trains for one in found.values()) or not any(one.is_superseded for one in found.values())


@LAW
@given(with_withheld(rewritten() | trees() | alike(are_all_logged=False)), st.randoms())
def test_the_order_of_the_records_changes_nothing(drafts: list[Draft], random):
    shuffled = list(drafts)
    random.shuffle(shuffled)
    assert fold(map(cumulative, shuffled)) == fold(map(cumulative, drafts))


@LAW
@given(with_withheld(rewritten() | trees() | alike(are_all_logged=False)))
def test_an_answer_is_said_to_be_withheld_by_a_record_that_does_not_train_its_own_answer(drafts: list[Draft]):
    by_place = {cumulative(one).place: one for one in drafts}
    for found in fold(map(cumulative, drafts)).values():
        assert bool(found.withheld) == (found.withheld_by is not None)
        assert not set(found.withheld) & set(found.masked)
        if found.withheld_by is not None:
            assert by_place[found.withheld_by].messages[-1].is_withheld


def states(*records: Sequence[Message], episode: str | None = "e") -> list[str]:
    """Per record the texts that it trains, or `line N` of the record that supersedes it."""
    drafts = [draft(turns, line, episode) for line, turns in enumerate(records, 1)]
    found = folded(drafts)
    return [
        " ".join(message.content for message in trained([one], [fold])) if fold.trains else f"line {fold.held and fold.held.line}"
        for one, fold in zip(drafts, found, strict=True)
    ]


Q, A, R, B = asks("q"), says("a"), asks("r"), says("b")


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([[Q, A], [Q, A, R, B]], ["line 2", "a b"]),
        ([[Q, A, R, B], [Q, A]], ["a b", "line 1"]),
        ([[Q, A, R, B], [Q, A, asks("s"), says("c")]], ["a b", "c"]),  # equal lengths: the first
        ([[Q, A, R, B], [Q, A, asks("s"), says("c"), Q, says("d")]], ["b", "a c d"]),  # the longest
        ([[Q, A], [Q, A, R]], ["line 2", "a"]),  # the longest, though it has no other answer
        ([[Q, says("a", "hm")], [Q, A, R, B]], ["<think>hm</think>a", "b"]),
        ([[Q, says("a", "hm")], [Q, says("a", "hm"), R, B]], ["line 2", "<think>hm</think>a b"]),
        ([[Q, says(" a\n")], [Q, A, R, B]], ["line 2", "a b"]),  # white space is no difference
        ([[Q, says("", "hm"), A], [Q, A, R, B]], ["<think>hm</think> a", "b"]),  # reasoning that stands alone
        ([[Q, says("", "hm")], [Q, A]], ["<think>hm</think>", "a"]),  # an answer that was cut off
        ([[asks("p"), A], [Q, A]], ["a", "a"]),  # another question
        ([[Q, says("a", weight=0), R, B], [Q, A]], ["a b", "a"]),  # which the log itself does not train
    ],
)
def test_the_fullest_answer_in_the_longest_record_is_trained(records: list[list[Message]], found: list[str]):
    if records[0][1].loss_weight == 0:
        assert [one.trains for one in folded([draft(turns, line) for line, turns in enumerate(records, 1)])] == [1, 1]
        return
    assert states(*records) == found


def call(arguments: str) -> Message:
    return Message("assistant", arguments, "run")


def test_a_call_goes_with_the_reasoning_before_it():
    assert states([Q, says("Look.", "hm"), call("{}")], [Q, says("Look."), call("{}"), Message("observation", "ok"), B]) == ["<think>hm</think>Look. {}", "b"]


def test_two_rewritten_histories_train_an_answer_that_no_record_gave_once():
    """Their first answers were given in another batch."""
    early, late = [asks("q at 9:01"), A, R, says("b")], [asks("q at 9:02"), A, R, B, R, says("c")]
    assert states(early, late) == ["b", "a c"]
    assert states(early, late, episode=None) == ["a b", "a b c"]


def test_an_answer_that_two_episodes_share_is_not_trained_again_in_a_rewritten_history():
    go, cleared = asks("go"), asks("[cleared]")
    drafts = [draft([go, A], 1, "X"), draft([go, A], 2, "F"), draft([cleared, A, R, B], 3, "F")]
    assert [[message.content for message in trained([one], [fold])] for one, fold in zip(drafts, folded(drafts), strict=True)] == [["a"], [], ["b"]]


def test_a_history_that_two_episodes_share_is_trained_once_for_both():
    """Their first answer was given in another batch. X has it only as it was, F also in a history that was cleared later."""
    go, cleared, s = asks("go"), asks("[cleared]"), asks("s")
    drafts = [draft([cleared, A, R, B, s, says("c")], 1, "F"), draft([go, A, R, B], 2, "F"), draft([go, A, s, says("d")], 3, "X")]
    assert [[message.content for message in trained([one], [fold])] for one, fold in zip(drafts, folded(drafts), strict=True)] == [["c"], ["a", "b"], ["d"]]


def test_a_record_without_answers_to_train_is_left_alone():
    assert fold([cumulative(draft([Q, says("a", weight=0)]))]) == {}


def test_an_answer_whose_history_was_rewritten_is_withheld_with_its_text():
    early, late = masked(draft([Q, A], 1)), draft([asks("[cleared]"), A, R, B], 2)
    assert folded([early, late]) == [NOTHING, Folded(1, (), None, (1,), cumulative(early).place)]


def test_a_text_that_is_withheld_once_is_trained_where_another_call_gave_it():
    drafts = [masked(draft([Q, A], 1)), draft([Q, A, R, says("a")], 2), draft([asks("[cleared]"), A, R, A, R, B], 3)]
    place = cumulative(drafts[1]).place
    assert folded(drafts) == [NOTHING, Folded(1, (), None, (1,), cumulative(drafts[0]).place), Folded(1, (1, 3), place)]


def test_a_record_of_which_every_answer_is_withheld_is_not_superseded():
    drafts = [masked(draft([Q, A], 1)), masked(draft([Q, A, R, B], 2))]
    found = folded(drafts)
    assert (found[1], found[1].is_superseded) == (Folded(0, (), None, (1,), cumulative(drafts[0]).place), False)
    assert folded_context(found[1]) == RecordContext(withheld=(1,), withheld_by=cumulative(drafts[0]).place)


def test_an_answer_that_one_episode_withholds_is_trained_in_another_that_gives_it():
    bad, good, fork = refused(draft([Q, A], 1, "e")), draft([Q, A], 2, "f"), draft([Q, A, R, B], 3, "e")
    assert folded([bad, good, fork]) == [NOTHING, Folded(1, (), None), Folded(1, (), None, (1,), cumulative(bad).place)]
    fork = draft([Q, A, R, B], 3, "g")  # as history alone, it is that of any episode
    assert folded([bad, fork]) == [NOTHING, Folded(1, (), None, (1,), cumulative(bad).place)]


def test_what_is_published_stays_and_is_not_trained_again():
    short, long = draft([Q, A], 1), draft([Q, A, R, B], 2)
    found = fold([cumulative(short, is_published=True), cumulative(long)])
    assert found == {cumulative(long).place: Folded(1, (1,), cumulative(short).place)}


def test_the_published_history_of_an_episode_is_not_trained_again():
    published = draft([asks("q at 9:01"), A, R, B], 1)
    late = draft([asks("q at 9:02"), A, R, B, R, says("c")], 2)
    assert fold([cumulative(published, is_published=True), cumulative(late)]) == {cumulative(late).place: Folded(1, (1, 3), cumulative(published).place)}


def test_images_belong_to_the_context():
    screen = Message("user", "What now?", image_at=(0,))
    answers = answers_of(draft([screen, A, screen, B], refs=(ImageRef("1", "1", ""), ImageRef("2", "2", ""))))
    chains = [[answer.chain for answer in with_images(answers, sha256s)] for sha256s in (["x", "y"], ["x", "z"], ["z", "y"])]
    assert chains[0][0] == chains[1][0] != chains[2][0]
    assert len({chain[1] for chain in chains}) == 3
    assert with_images(answers_of(draft([Q, A])), []) == answers_of(draft([Q, A]))


def test_tools_and_source_belong_to_the_context():
    plain, tools = draft([Q, A]), draft([Q, A], tools="[]")
    other = draft([Q, A]).__class__(**{name: getattr(plain, name) for name in Draft.__struct_fields__} | {"origin": plain.origin._replace(source="b")})
    assert len({answers_of(one)[0].chain for one in (plain, tools, other)}) == 3


def test_an_answer_is_described_by_where_it_is_and_how_much_is_before_it():
    first, second = answers_of(draft([Message("system", "Be brief."), Q, says("a", "h m"), R, says("b")], episode=None))
    assert (first.first, first.last, first.is_newest, first.has_episode, first.images) == (2, 2, False, False, 0)
    assert (first.reasoning, first.size) == (len("<think>hm</think>"), len("q") + len("<think>hm</think>") + len("a"))
    assert (second.reasoning, second.is_newest) == (0, True)
    assert isinstance(first, Answer)


@pytest.mark.parametrize(
    ("found", "context"),
    [
        (Folded(0, (1,), Held("a", 1, "r")), RecordContext(superseded_by=Held("a", 1, "r"))),
        (Folded(2, (1,), Held("a", 1, "r")), RecordContext(masked=(1,), trained_in=Held("a", 1, "r"), id_conflict=True)),
    ],
)
def test_a_record_that_trains_nothing_is_superseded(found: Folded, context: RecordContext):
    assert folded_context(found, id_conflict=True) == context
