"""Records that are one step each get the earlier steps of their episode, in whatever order and files they are."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pipelines.console.trial import json_row
from pipelines.episodes.steps.groups import Member, without_history
from pipelines.local import record_outcomes, run_files
from pipelines.records import Action, Conversation, Quarantined, Step
from tests.episodes.steps.records import aitz, mind2web, stepwise, write_screens
from tests.golden import open_case
from tests.making import write_lines

TAPS = [aitz(i, 4, (i / 10, 0.5)) for i in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_screens(tmp_path / "screens", 8)
    return tmp_path


def outcomes(folder: Path, *files: list[Any], **rows: Any) -> list[Any]:
    config = stepwise(source={"path": str(folder / "logs"), "image_root": str(folder / "screens")}, **({"prompt": "plain", "history": {"steps": 2}} | rows))
    paths = [str(write_lines(folder / "logs" / f"{i}.jsonl", records)) for i, records in enumerate(files)]
    return list(run_files(open_case(config), paths))


def asked(one: Any) -> tuple[str, list[Any]]:
    """The number of the step, and the actions that its question lists; or why it was refused."""
    if isinstance(one, Quarantined):
        return one.findings[0].code, []
    lines = one.messages[-2].content.split("\n")
    return one.step_id, [json.loads(line.partition(". ")[2])["point"] for line in lines if ". {" in line]


def test_each_step_is_asked_with_the_last_actions_before_it(folder: Path):
    assert [asked(one) for one in outcomes(folder, TAPS)] == [("0", []), ("1", [[500, 0]]), ("2", [[500, 0], [500, 100]]), ("3", [[500, 100], [500, 200]])]


def test_earlier_screens_are_shown_with_their_answers(folder: Path):
    rows = outcomes(folder, TAPS, history={"images": 3})
    assert [[image.uri for image in row.images] for row in rows] == [
        ["kit/s0.png"],
        ["kit/s0.png", "kit/s1.png"],
        ["kit/s0.png", "kit/s1.png", "kit/s2.png"],
        ["kit/s1.png", "kit/s2.png", "kit/s3.png"],
    ]
    assert [message.loss_weight for message in rows[1].messages] == [None, 0.0, None, None]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_records_and_files_does_not_matter(folder: Path, seed: int):
    other = [aitz(i, 4, (i / 20, 0.25), episode_id="8") for i in range(4)]
    records = [*TAPS, *other, aitz(0, 6, episode_id="9"), aitz(2, 6, episode_id="9")]
    rng = random.Random(seed)
    wanted = sorted(map(repr, map(asked, outcomes(folder / "a", records)))) if write_screens(folder / "a" / "screens", 4) else []
    rng.shuffle(records)
    cut = rng.randint(0, len(records))
    write_screens(folder / "b" / "screens", 4)
    made = outcomes(folder / "b", records[:cut], records[cut:])
    assert sorted(map(repr, map(asked, made))) == wanted
    assert len(made) == len(records)


def test_a_gap_refuses_the_steps_whose_history_it_touches(folder: Path):
    steps = [aitz(i, 4, (i / 10, 0.5)) for i in (0, 1, 3, 4, 5, 6)]
    assert [asked(one)[0] for one in outcomes(folder, steps)] == ["0", "1", "step.gap", "step.gap", "5", "6"]
    assert [asked(one)[0] for one in outcomes(folder, TAPS[1:])] == ["step.gap", "step.gap", "3"]


@pytest.mark.parametrize(
    ("numbers", "first", "lacking"),
    [
        ([0, 1, 2], 0, []),
        ([1, 0, 2, 3], None, []),
        ([2], 0, [2]),
        ([0, 3, 4, 5], 0, [3, 4]),
        ([1, 2, 3], None, [1, 2]),  # whether step 0 is in another record is not known
        ([1, 2, 3], 1, []),
    ],
)
def test_steps_whose_history_is_in_other_records_are_found(numbers: list[int], first: int | None, lacking: list[int]):
    step = Step("", 0, "", None, Action(name="home"), "", "", None)
    members = [Member(number, "a.jsonl", number + 1, f"{number}", first, step) for number in numbers]
    assert [member.order for member in without_history(members, 2)] == lacking
    if first is None:
        assert without_history(members, 2, is_whole=True) == []


def test_a_step_that_cannot_be_read_is_a_gap(folder: Path):
    steps = [TAPS[0], aitz(1, 2), TAPS[2], TAPS[3]]
    assert [asked(one)[0] for one in outcomes(folder, steps, history={"steps": 1})] == ["0", "step.action_unknown", "step.gap", "3"]


def test_two_different_records_with_one_number_are_refused_both(folder: Path):
    steps = [TAPS[0], TAPS[1], TAPS[1] | {"result_action_type": 5}, TAPS[2], TAPS[3]]
    made = outcomes(folder, steps, history={"steps": 1})
    assert [asked(one)[0] for one in made] == ["0", "step.number_twice", "step.number_twice", "step.gap", "3"]
    assert made[1].findings[0].detail.endswith("0.jsonl:3 is step 1 of the episode too")
    assert made[3].findings[0].detail.startswith(f"step 1 of the episode is refused ({folder}/logs/0.jsonl:2), and")


def test_a_duplicate_counts_once(folder: Path):
    made = outcomes(folder, TAPS, [TAPS[1]])
    assert [asked(one)[0] for one in made] == ["0", "1", "2", "3", "record.duplicate"]


def test_without_a_history_no_other_record_matters(folder: Path):
    made = outcomes(folder, [TAPS[3], TAPS[1]], history={})
    assert [asked(one) for one in made] == [("3", []), ("1", [])]


def test_a_number_must_be_a_whole_number_and_the_episode_an_id(folder: Path):
    records = [aitz(0, 6, step_id="x"), aitz(0, 6, step_id=None), aitz(0, 6, step_id=1.5), aitz(0, 6, episode_id=[]), aitz(0, 6, step_id=" 2 ")]
    assert [asked(one)[0] for one in outcomes(folder, records, history={})] == ["step.number_bad"] * 4 + [" 2 "]


def test_group_by_and_order_by_name_other_keys(folder: Path):
    steps = [{"session": {"id": "s"}, "n": str(i + 1), "goal": "Go.", "screenshot": f"s{i}.png", "action": f"click(start_box='(1,{i})')"} for i in range(3)]
    rows = outcomes(folder, steps, group_by="session.id", order_by="n", coordinates={"from": "thousand"})
    assert [asked(one)[1] for one in rows] == [[], [[1, 0]], [[1, 0], [1, 1]]]
    assert {row.episode_id for row in rows} == {"s"}


def test_an_earlier_point_in_px_is_measured_on_its_own_screen(folder: Path):
    write_screens(folder / "screens", 1, (40, 80))  # s0; the others are 108x240
    rows = outcomes(folder, [mind2web(i, rect="10,20,0,0") for i in range(3)])
    assert [asked(row)[1] for row in rows] == [[], [[250, 250]], [[250, 250], [93, 83]]]
    assert [len(row.images) for row in rows] == [1, 1, 1]
    (folder / "screens" / "s0.png").unlink()
    made = outcomes(folder, [mind2web(i, rect="10,20,0,0") for i in range(3)], history={"steps": 1})
    assert [one.findings[0].where if isinstance(one, Quarantined) else one.step_id for one in made] == [
        "screenshot",
        f"step 0 of the episode ({folder}/logs/0.jsonl:1): screenshot",
        "2",
    ]


def tap(x: float, y: float, name: str = "s0.png") -> dict[str, Any]:
    return {"goal": f"Go to {x}, {y}.", "steps": [{"screenshot": name, "action": {"type": "tap", "x": x, "y": y}}]}


def test_records_whose_values_allow_several_units_follow_the_others_of_their_source(folder: Path):
    write_screens(folder / "screens", 1, (1200, 1200))
    open_record, decided = tap(600, 300), tap(1100, 7)
    made = outcomes(folder, [open_record], [decided])
    assert [asked(one)[0] for one in made] == ["0", "0"]
    assert json.loads(made[0].messages[-1].content) == {"action": "tap", "point": [500, 250]}
    assert [[finding.code for finding in one.findings] for one in made] == [["step.coordinates_voted"], []]
    assert [asked(one)[0] for one in outcomes(folder, [open_record], [])] == ["step.coordinates_unknown"]
    assert [asked(one)[0] for one in outcomes(folder, [open_record, tap(0.5, 0.5)], [decided])] == ["step.coordinates_unknown", "0", "0"]


def test_one_record_in_px_among_many_that_may_be_in_thousandths_is_not_believed(folder: Path):
    write_screens(folder / "screens", 1, (1200, 1200))
    made = outcomes(folder, [tap(1005, 7), *(tap(10 * i, 600) for i in range(3, 24))])
    assert [asked(one)[0] for one in made] == ["step.coordinates_unknown"] * 22
    assert made[0].findings[0].detail == "the unit of (1005, 7) is not known: few records of the source have values that say one, so they may be faults"
    made = outcomes(folder, [tap(1005, 7), *(tap(10 * i, 600) for i in range(3, 24))], coordinates={"from": "px"})
    assert [asked(one)[0] for one in made] == ["0"] * 22


def test_a_point_that_the_unit_of_the_others_puts_outside_has_an_unknown_unit(folder: Path):
    """The other record is in px for certain. The point may be in thousandths, and is not outside its screen then."""
    write_screens(folder / "screens", 2, (1200, 1200))
    write_screens(folder / "screens", 1, (108, 240))
    (row, other) = outcomes(folder, [tap(600, 7)], [tap(1100, 7, "s1.png")])
    assert asked(other)[0] == "0"
    assert [(finding.code, finding.detail) for finding in row.findings][:1] == [
        ("step.coordinates_unknown", "(600, 7) is outside 108x240 px, so its unit is not px, which those of other records of the source are")
    ]
    (set_by_hand,) = outcomes(folder, [tap(600, 7)], coordinates={"from": "px"})
    assert set_by_hand.findings[0].code == "step.point_outside"


def test_show_finds_the_history_of_a_record_in_its_file(folder: Path):
    config = stepwise(source={"path": str(folder / "logs"), "image_root": str(folder / "screens")}, prompt="plain", history={"steps": 1})
    path = write_lines(folder / "logs" / "a.jsonl", TAPS)
    raw, (row,) = record_outcomes(open_case(config), str(path), 3, None)
    assert raw is not None
    assert isinstance(row, Conversation)
    assert asked(row) == ("2", [[500, 100]])
    assert json_row(row, "b", config)["table"] == "conversations"


@pytest.mark.parametrize(
    ("history", "codes"),
    [
        ({"steps": 1}, ["0", "image.missing", "2", "3"]),
        ({"images": 2}, ["0", "image.missing", "image.missing", "3"]),
    ],
)
def test_a_missing_picture_refuses_the_next_step_only_if_it_is_shown(folder: Path, history: dict[str, int], codes: list[str]):
    (folder / "screens" / "s1.png").unlink()
    assert [asked(one)[0] for one in outcomes(folder, TAPS, history=history)] == codes
