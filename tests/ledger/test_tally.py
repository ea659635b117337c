"""The counts of staged files equal their contents, however the rows are distributed over files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from pipelines import local
from pipelines.config import Config, Split
from pipelines.console import trial
from pipelines.flow import DraftWithImages
from pipelines.ledger import unread_keys as unread
from pipelines.ledger.books import takers
from pipelines.ledger.filtered import keep_if_facts
from pipelines.ledger.picks import StagedFile, from_different_files, longest_episode, of_few_episodes, pick_cards
from pipelines.ledger.tally import Pick, Tally, groups_of, read_pick, tally_of
from pipelines.ledger.unread_keys import unread_facts
from pipelines.local import list_files, run_listed
from pipelines.reasons import Reason
from pipelines.records import Conversation, Origin, Outcome, Quarantined, Sample
from pipelines.tables.schema import ORIGIN, UNREAD, struct
from pipelines.tables.writing import OUTCOMES, FileSet, FileWriter, placed
from tests.conftest import demo_config
from tests.golden import open_case
from tests.making import asked, configuration, run, run_lines, write_lines


def open_here(path: str) -> BinaryIO:
    return open(path, "rb")


def staged(folder: Path, outcomes: Sequence[Outcome], config: Config, writers: int = 1) -> list[FileSet]:
    """The outcomes as staged files; all rows of a record are written by the same writer."""
    parts = [FileWriter(str(folder), f"run-{number}", OUTCOMES) for number in range(writers)]
    writer = -1
    for outcome in outcomes:
        one = placed(outcome, "batch", "run", config.split)
        writer += not (isinstance(outcome, Sample) or getattr(outcome, "dialect", None))
        parts[writer % writers].add(*one)
    return [FileSet(str(folder), sorted(part for writer in parts for part in writer.close()))]


def tallied(files: Sequence[FileSet], config: Config) -> Tally:
    tally = Tally()
    for group in groups_of(*files):
        tally.add(Tally.from_bytes(tally_of(group, takers(config), open_here).to_bytes()))
    return tally


@pytest.fixture(scope="module")
def demo_kit(demo, demo_outcomes) -> tuple[Config, Sequence[Outcome]]:
    folder, _ = demo
    return demo_config(folder, folder / "out"), demo_outcomes


@pytest.mark.parametrize("writers", [1, 5])
def test_counting_files_gives_the_same_numbers_as_counting_outcomes(demo_kit, tmp_path, writers):
    config, outcomes = demo_kit
    counted = trial.Tally(config)
    for outcome in outcomes:
        counted.count(outcome)
    tally = tallied(staged(tmp_path, outcomes, config, writers), config)
    records = {(book.source, book.path): book.records for book in counted.books().files}
    assert tally.books(config, records) == counted.books()
    assert tally.splits() == counted.splits()
    assert tally.repairs == counted.repairs
    assert tally.without_episode == +counted.without_episode
    assert (tally.judged, tally.absent) == (+counted.judged, counted.absent)
    assert sum(sum(rows.values()) for rows in tally.length_counts().values()) == counted.books().rows()["samples"]


def test_examples_and_cards_are_the_first_rows_for_any_number_of_files(demo_kit, tmp_path):
    config, outcomes = demo_kit
    shown = []
    for writers in (1, 4):
        tally = tallied(staged(tmp_path / str(writers), outcomes, config, writers), config)
        examples = {code: [read_pick(pick, ["origin", "findings"], open_here) for pick in picks] for code, picks in tally.examples.items()}
        cards = {key: [read_pick(pick, ["sample_id", "num_tokens"], open_here) for pick in picks] for key, picks in tally.cards.items()}
        steps = {source: [read_pick(pick, ["episode_id", "step_id"], open_here) for pick in picks] for source, picks in tally.episodes.items()}
        shown.append((examples, cards, steps))
    assert _places(shown[0][0]) == _places(shown[1][0])
    assert shown[0][1] == shown[1][1]
    for code, rows in shown[0][0].items():
        assert all(any(finding["code"] == code for finding in row["findings"]) for row in rows), code
    assert {key: len(rows) for key, rows in shown[0][1].items()} == {f"{one.name}/{split}": 1 for one in config.dialects for split in ("train", "val", "test")}
    assert all(key == f"{row['dialect']}/{row['split']}" for key, (row,) in shown[0][1].items())
    assert shown[0][2] == shown[1][2]
    assert shown[0][2].keys() == {"gui"}  # the other source has no pictures
    episodes = {row["episode_id"]: [one["step_id"] for one in shown[0][2]["gui"] if one["episode_id"] == row["episode_id"]] for row in shown[0][2]["gui"]}
    assert len(episodes) == 3
    assert all(steps == [str(i) for i in range(len(steps))] or len(steps) == 1 for steps in episodes.values())


def _places(examples):
    return {code: [(row["origin"]["path"], row["origin"]["line"]) for row in rows] for code, rows in examples.items()}


def test_a_conversation_that_every_dialect_quarantines_is_counted_once(tmp_path):
    config = configuration("minicpm_v_2_5", "minicpm_v_2_6", options={"max_tokens": 40, "on_overflow": "quarantine"})
    log = write_lines(tmp_path / "logs.jsonl", [asked("word " * 99), asked("Hi.")])
    tally = tallied(staged(tmp_path / "out", run_lines(config, log), config), config)
    assert tally.refused_by_all == 1
    assert tally.reasons == {Reason.TOKENS_TOO_LONG.code: 2}
    assert [pick.table for pick in tally.examples[Reason.TOKENS_TOO_LONG.code]] == ["quarantine"]  # two rows of one record
    assert tally.causes == {("kit", Reason.TOKENS_TOO_LONG.code, "conversation"): 2}


def test_the_blame_says_what_was_lost_and_what_only_some_dialects_refused(tmp_path):
    config = configuration("minicpm_v_2_5", "glm_4", options={"max_tokens": 40})
    config = config.model_copy(update={"dialects": (config.dialects[0], config.dialects[1].model_copy(update={"max_tokens": 8192}))})
    a = write_lines(tmp_path / "a.jsonl", [asked("word " * 99), asked("Hi."), asked("Hi."), b"{broken"])
    b = write_lines(tmp_path / "b.jsonl", [asked("other " * 99), asked(messages=[])])
    outcomes = [*run_lines(config, a), *run_lines(config, b)]
    lost = {("kit", str(a), "line.invalid_json", True): 1, ("kit", str(b), "schema.turns_empty", True): 1}
    some = {("kit", str(a), "tokens.too_long", False): 1, ("kit", str(b), "tokens.too_long", False): 1}
    for writers in (1, 4):
        tally = tallied(staged(tmp_path / str(writers), outcomes, config, writers), config)
        assert (tally.blame, tally.refused) == (lost | some, {})
    one = config.model_copy(update={"dialects": config.dialects[:1]})
    tally = tallied(staged(tmp_path / "one", [*run_lines(one, a), *run_lines(one, b)], one), one)
    assert tally.blame == lost | {(source, path, code, True): count for (source, path, code, _), count in some.items()}
    assert tally.refused == {("kit", str(a)): 1, ("kit", str(b)): 1}
    assert Tally.from_bytes(tally.to_bytes()) == tally


def test_filtered_records_are_counted_apart_with_the_fields_that_they_lack(tmp_path):
    config = configuration("glm_4", source={"keep_if": {"resolved": True, "split": ["train", None]}})
    lines = [asked("A", resolved=True), asked("B", resolved=False), asked("C"), asked("C"), asked("D", split="val"), b"{broken"]
    log = write_lines(tmp_path / "logs.jsonl", lines)
    outcomes = run_lines(config, log)
    tally = tallied(staged(tmp_path / "out", outcomes, config), config)
    books = tally.books(config, {("kit", str(log)): 6})
    assert books.faults() == []
    assert books.states() | {"filtered": 3, "conversations": 1, "duplicates": 1, "quarantined": 1} == books.states()
    assert keep_if_facts(config, books, tally.judged, tally.absent) == [
        {"source": "kit", "field": "resolved", "records": 4, "without_it": 2},
        {"source": "kit", "field": "split", "records": 4, "without_it": 0},
    ]


def test_a_lost_file_is_an_error(demo_kit, tmp_path):
    config, outcomes = demo_kit
    files = staged(tmp_path, outcomes, config)
    Path(files[0].of("samples")[0][0]).unlink()
    with pytest.raises(FileNotFoundError):
        tallied(files, config)


DRAFTS = struct(origin=ORIGIN, unread=UNREAD)


def drafted(folder: Path, *records: tuple[int, dict[str, int]], source: str = "gui", name: str = "run-0") -> FileSet:
    """Drafts as a run stages them. `records` are (line, unread key -> how often the record has it)."""
    writer = FileWriter(str(folder), name, {"drafts": DRAFTS})
    for line, keys in records:
        row = {"origin": Origin(source, "a.jsonl", line, ""), "unread": [{"key": key, "count": count} for key, count in keys.items()]}
        writer.add("drafts", "", row, 0)
    return FileSet(str(folder), writer.close())


def test_unread_keys_are_added_up_by_source_for_any_number_of_files(tmp_path):
    gui = drafted(tmp_path, (1, {"turn.thought": 3, "record.file": 1}), (2, {}), (3, {"turn.thought": 2}))
    more = drafted(tmp_path, (4, {"record.file": 1}), name="run-1")
    chat = drafted(tmp_path, (1, {"record.file": 1}), source="chat", name="run-2")
    tally = tallied([gui, more, chat], configuration())
    assert unread_facts(tally.unread, tally.unread_more) == {
        "unread": [
            {"source": "gui", "key": "turn.thought", "count": 5},
            {"source": "gui", "key": "record.file", "count": 2},
            {"source": "chat", "key": "record.file", "count": 1},
        ],
        "unread_more": {},
    }


def test_the_keys_of_a_duplicate_are_not_counted(tmp_path):
    drafts = drafted(tmp_path / "drafts", (1, {"record.file": 1}), (2, {"record.file": 1}), (3, {}))
    log = write_lines(tmp_path / "a.jsonl", [asked(), asked(), asked("More?")])
    outcomes = [
        Quarantined(msgspec.structs.replace(one.raw, origin=Origin("gui", "a.jsonl", 2, "")), one.findings)
        for one in run_lines(configuration(), log)
        if isinstance(one, Quarantined)
    ]
    made = staged(tmp_path / "out", outcomes, configuration())
    quarantine = [path for files in made for path, _ in files.of("quarantine")]
    (group,) = groups_of(drafts)
    assert tally_of(group, {}, open_here, quarantine).unread == {("gui", "record.file"): 1}


def test_a_log_that_uses_data_as_keys_is_counted_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(unread, "KEPT", 3)
    often = {"turn.thought": 9, "record.file": 8, "turn.time": 7}
    drafts = [drafted(tmp_path, *((line, often | {f"record.{part}-{line}": 1}) for line in range(1, 20)), name=f"run-{part}") for part in "abc"]
    tally = tallied(drafts, configuration())
    assert unread_facts(tally.unread, tally.unread_more) == {
        "unread": [{"source": "gui", "key": key, "count": count * 57} for key, count in often.items()],
        "unread_more": {"gui": 57},
    }


def test_episodes_try_counts_the_unread_keys_of_each_record_once_and_not_those_of_duplicates(tmp_path, monkeypatch):
    """Also if the file is too large to keep between the two passes over it."""
    config = configuration("glm_4", "minicpm_v_2_5")
    log = write_lines(tmp_path / "logs.jsonl", [asked("One?"), asked("One?"), asked("Two?", episode_id="e"), b"{broken"])
    for kept in (1 << 20, 0):
        monkeypatch.setattr(local, "KEPT_BYTES", kept)
        noted, counted = [], trial.Tally(config)
        for outcome in run_listed(open_case(config), list_files(config, [str(log)], None).files, noted.append):
            counted.count(outcome)
        assert [record.raw.origin.line for record in noted] == [1, 2, 3, 4]
        assert +counted.without_episode == {"kit": 1}
    record = next(one for one in noted if isinstance(one, DraftWithImages))
    draft = msgspec.structs.replace(record.draft, unread=(("turn.thought", 2), ("record.file", 1)))
    counted.note(msgspec.structs.replace(record, draft=draft))
    counted.note(noted[1])  # the duplicate
    assert counted.unread == {("kit", "turn.thought"): 2, ("kit", "record.file"): 1}


CONFIG = configuration("glm_4")


def test_a_conversation_may_have_neither_images_nor_an_episode(tmp_path: Path):
    tally = tallied(staged(tmp_path, run(asked(), CONFIG), CONFIG), CONFIG)
    assert (tally.images, tally.refused_by_all, dict(tally.without_episode), dict(tally.repairs), tally.examples) == (0, 0, {"kit": 1}, {}, {})
    assert {state: count for (*_, state), count in tally.states.items()} == {"conversation": 1, "kept": 1}
    assert [(key[-1], count) for key, count in tally.dialects.items()] == [("clean", 1)]
    assert dict(tally.targets) == {("glm_4", "train"): 4}
    assert dict(tally.lengths) == {("glm_4", "train", 11): 1}
    assert [len(picks) for picks in tally.cards.values()] == [1]


def test_a_record_with_several_conversations_is_counted_once_wherever_these_are(tmp_path: Path):
    config = CONFIG.model_copy(update={"split": Split.model_validate({"by": "sample_id", "fractions": {"train": 0.4, "val": 0.3, "test": 0.3}})})
    first, sample = run(asked(), config)
    assert isinstance(first, Conversation)
    assert isinstance(sample, Sample)
    parts = [replace(first, sample_id=f"{i}") for i in range(20)]
    files = staged(tmp_path, [one for part in parts for one in (part, replace(sample, conversation=part))], config)
    assert len({part.partition for part in files[0].files if part.table == "conversations"}) == 3
    books = tallied(files, config).books(config, {("kit", first.origin.path): 1})
    assert (books.total("kept"), books.total("conversations"), books.dialect_totals()["glm_4"]["clean"], books.faults()) == (1, 20, 20, [])


def test_images_are_counted_once_per_conversation(tmp_path: Path):
    record = {
        "messages": [{"role": "user", "content": "<image><image>Q"}, {"role": "assistant", "content": "A"}],
        "images": ["a.png", "b.png"],
        "episode_id": "e",
    }
    tally = tallied(staged(tmp_path, run(record, configuration(), {"a.png": (9, 9), "b.png": (9, 9)}), CONFIG), CONFIG)
    assert (tally.images, dict(tally.without_episode)) == (2, {})


def test_a_reason_has_three_examples_and_each_split_of_a_dialect_a_card(tmp_path: Path):
    refused = run_lines(CONFIG, write_lines(tmp_path / "logs.jsonl", [asked(messages=[], id=number) for number in range(4)]))
    kept = [outcome for number in range(3) for outcome in run(asked(str(number)), CONFIG)]
    tally = tallied(staged(tmp_path / "out", [*refused, *kept], CONFIG), CONFIG)
    assert [pick.row for pick in tally.examples["schema.turns_empty"]] == [0, 1, 2]
    assert {key: len(picks) for key, picks in tally.cards.items()} == {"glm_4/train": 1}


def test_other_batches_show_other_rows(tmp_path: Path):
    rows = pa.table({"sample_id": [f"{number:x}" * 32 for number in range(16)], "row": range(16)})
    shown = set()
    for batch in "abcdef":
        picks: dict[str, list[Pick]] = {}
        pick_cards(picks, rows, StagedFile("samples", f"dialect=glm_4/split=train/batch={batch}", "file"))
        shown.add(picks["glm_4/train"][0].row)
    assert len(shown) > 2


def test_the_longest_of_a_few_episodes_is_shown_up_to_its_twelfth_step():
    picks = [
        Pick((episode, number, ""), "conversations", "", "file", number) for episode in "abcd" for number in range({"a": 2, "b": 20, "c": 3, "d": 30}[episode])
    ]
    kept = of_few_episodes(reversed(picks))
    assert [(pick.order[0], pick.row) for pick in longest_episode(kept)] == [("b", number) for number in range(12)]
    assert {pick.order[0] for pick in kept} == {"a", "b", "c"}
    assert of_few_episodes([*of_few_episodes(picks[::2]), *of_few_episodes(picks[1::2])]) == kept
    assert longest_episode([]) == []


def test_examples_are_from_different_files_in_whatever_order_they_are_found():
    places = [("b", 1), ("a", 9), ("a", 2), ("c", 7), ("a", 1), ("d", 1), ("a", 1)]
    picks = [Pick(place, "quarantine", "", "file", row) for row, place in enumerate(places)]
    assert [pick.order for pick in from_different_files(picks)] == [("a", 1), ("b", 1), ("c", 7)]
    assert [pick.order for pick in from_different_files(pick for pick in picks if pick.order[0] in "ab")] == [("a", 1), ("b", 1), ("a", 2)]
    for cut in range(len(picks)):
        parts = [*from_different_files(picks[:cut]), *from_different_files(picks[cut:])]
        assert from_different_files(parts) == from_different_files(picks)


@pytest.mark.parametrize("row", range(5))
def test_a_picked_row_is_read_from_any_row_group(tmp_path: Path, row: int):
    pq.write_table(pa.table({"x": range(10, 15), "y": range(5)}), tmp_path / "a.parquet", row_group_size=2)
    pick = Pick(("a", 1), "samples", "dialect=glm_4/split=train", str(tmp_path / "a.parquet"), row)
    assert read_pick(pick, ["x"], open_here) == {"x": 10 + row, "dialect": "glm_4", "split": "train"}
