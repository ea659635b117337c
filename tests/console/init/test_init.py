"""`episodes init`: the configuration that it writes passes `check` and reads the logs."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from pipelines.cli import main
from pipelines.console.init.parts import parts_of
from pipelines.containers.listing import InputFile, Listing
from tests.making import asked, called, write_lines


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48)).save(path)


def with_image(path: str, number: int, **more: Any) -> dict[str, Any]:
    return asked(f"<image>Q{number}", images=[path], **more)


def made(tmp_path: Path, capsys: pytest.CaptureFixture[str], *logs: Path) -> tuple[dict[str, Any], list[str]]:
    """The configuration that was written, which is valid, and what was said."""
    conf = tmp_path / "mine.yaml"
    assert main(["init", *map(str, logs), "--out", str(conf)]) == 0
    said = capsys.readouterr().err.splitlines()
    given = ["--batch", said[-1].split()[-1]]
    assert main(["check", str(conf), *given]) == 0
    capsys.readouterr()
    return yaml.safe_load(conf.read_text()), said


def test_a_folder_of_logs_with_pictures_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(3):
        picture(tmp_path / "shots" / "a" / f"{number}.png")
    write_lines(tmp_path / "logs" / "one.jsonl", [with_image(f"a/{number}.png", number, episode_id="e") for number in range(3)])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert conf["sources"] == [{"name": "logs", "path": "logs", "format": "auto", "image_root": "shots"}]
    assert [dialect["name"] for dialect in conf["dialects"]] == ["minicpm_v_2_6"]
    assert conf["dialects"][0]["max_tokens"] == 2048
    assert said[:3] == [
        "source logs: 1 file; looked at up to 50 records of each file, 3 in all; recognised as sharegpt: 3 records",
        "with this configuration, 3 of 3 records become rows",
        f"wrote {tmp_path}/mine.yaml",
    ]
    assert said[-1] == f"  episodes run --config {tmp_path}/mine.yaml --batch first"
    assert main(["try", "--config", f"{tmp_path}/mine.yaml", f"{tmp_path}/logs/one.jsonl"]) == 0


def test_pictures_that_were_logged_on_another_machine_are_found_by_the_end_of_their_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(3):
        picture(tmp_path / "shots" / f"{number}.png")
    write_lines(tmp_path / "logs" / "one.jsonl", [with_image(f"/mnt/old/run/{number}.png", number) for number in range(3)])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert (conf["sources"][0]["image_root"], conf["sources"][0]["image_prefix"]) == ("shots", {"/mnt/old/run": "."})
    assert "with this configuration, 3 of 3 records become rows" in said


def test_pictures_that_are_nowhere_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(tmp_path / "logs" / "one.jsonl", [with_image("gone/0.png", 0), with_image("../../../etc/hostname", 1)])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert "image_root" not in conf["sources"][0]
    assert "# 2 of 2 pictures were not found, for example 'gone/0.png'. Records that name them are quarantined." in (tmp_path / "mine.yaml").read_text()
    assert any(line.startswith("more than 5 % would be refused") for line in said)


def test_dates_among_the_folders_become_the_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for day in ("2026-11-21", "2026-11-22"):
        write_lines(tmp_path / "logs" / day / "one.jsonl", [asked(day)])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert conf["sources"][0]["path"] == "logs/{batch}/*.jsonl"
    assert said[1:3] == [
        "the logs are named by date (2 dates, 2026-11-21 to 2026-11-22): {batch} in the paths stands for the date, and a run reads the logs of one date, "
        "with --batch 2026-11-22",
        "to run all dates: --backfill 2026-11-21..2026-11-22 instead of --batch",
    ]
    assert said[-1].endswith("--batch 2026-11-22")


def shared(name: str, **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": "human", "value": f"Q{name}"}, {"from": "gpt", "value": "A"}], **more}


def own(name: str) -> dict[str, Any]:
    return {"dialogue_lines": [{"who_speaks": "user", "utterance": f"Q{name}"}, {"who_speaks": "bot", "utterance": "A"}]}


def test_sub_folders_with_records_of_different_formats_become_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for day in ("2026-11-01", "2026-11-02"):
        write_lines(tmp_path / "logs" / day / "chat" / "one.jsonl", [asked(day)])
        write_lines(tmp_path / "logs" / day / "share" / "one.jsonl", [shared(day)])
    write_lines(tmp_path / "logs" / "2026-11-01" / "mine" / "one.jsonl", [own(str(number)) for number in range(4)])
    write_lines(tmp_path / "logs" / "2026-11-02" / "beside.jsonl", [asked("beside")])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert [(source["name"], source["path"], source["format"], source.get("allow_empty")) for source in conf["sources"]] == [
        ("chat", "logs/{batch}/chat", "auto", None),
        ("mine", "logs/{batch}/mine", "fields", True),
        ("share", "logs/{batch}/share", "auto", None),
        ("logs", "logs/{batch}/*.jsonl", "auto", None),
    ]
    assert said[0] == f"{tmp_path}/logs: its sub-folders have records of different formats, so there are 4 sources: chat, mine, share, logs"
    assert said[-1].endswith("--batch 2026-11-02")
    assert main(["try", "--config", f"{tmp_path}/mine.yaml", "--batch", "2026-11-02", f"{tmp_path}/logs"]) == 0  # all dates
    assert "= 9 conversations + 0 quarantined" in capsys.readouterr().err


def test_sub_folders_of_one_format_and_very_many_stay_one_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(13):
        write_lines(tmp_path / "many" / f"user{number}" / "one.jsonl", [shared("x") if number else asked("y")])
    for name in ("a", "b"):
        write_lines(tmp_path / "same" / name / "one.jsonl", [asked(name)])
    conf, _ = made(tmp_path, capsys, tmp_path / "many", tmp_path / "same")
    assert [source["path"] for source in conf["sources"]] == ["many", "same"]


@pytest.mark.parametrize(
    ("given", "files", "paths", "dates"),
    [
        ("l", ["l/2026-11-01/x.jsonl", "l/2026-11-02/y.jsonl"], [["l/{batch}/*.jsonl"]], [("2026-11-01", "2026-11-02")]),
        ("l", ["l/2026-11-01/x.jsonl", "l/2026-11-01/y.json"], [["l/{batch}"]], [("2026-11-01",)]),
        ("l", ["l/2026-11-01/a/x.jsonl", "l/2026-11-01/y.json"], [["l/{batch}"]], [("2026-11-01",)]),
        ("l", ["l/a/20261101/x.jsonl", "l/b/20261102/y.jsonl"], [["l/*/{batch}/*.jsonl"]], [("20261101", "20261102")]),
        ("l", ["l/p-2026-11-01-0.jsonl.gz", "l/p-2026-11-02-1.jsonl.gz"], [["l/p-{batch}-*.jsonl.gz"]], [("2026-11-01", "2026-11-02")]),
        ("l", ["l/chat-2026-11-01.jsonl", "l/more-2026-11-01.jsonl"], [["l/*-{batch}.jsonl"]], [("2026-11-01",)]),
        ("l/2026-11-01", ["l/2026-11-01/x.jsonl"], [["l/{batch}/*.jsonl"]], [("2026-11-01",)]),
        ("l/2026-11-01/x.jsonl", ["l/2026-11-01/x.jsonl"], [["l/{batch}/*.jsonl"]], [("2026-11-01",)]),
        ("l/chat-2026-11-01.jsonl", ["l/chat-2026-11-01.jsonl"], [["l/chat-{batch}.jsonl"]], [("2026-11-01",)]),
        (
            "l",
            ["l/gui/2026-11-01.jsonl", "l/chat/y.jsonl", "l/z.jsonl", "l/z.json"],
            [["l/chat"], ["l/gui/{batch}.jsonl"], ["l/*.json", "l/*.jsonl"]],
            [(), ("2026-11-01",), ()],
        ),
        ("l", ["l/gui/x.jsonl", "l/beside"], [["l"]], [()]),
        ("l", ["l/2026-11-01/x.jsonl", "l/gui/y.jsonl", "l/z.jsonl"], [["l"]], [()]),
        ("l", ["l/team/gui/x.jsonl", "l/team/chat/z.jsonl"], [["l/team/chat"], ["l/team/gui"]], [(), ()]),
        # no batch: only some names are dates, or none is; a month 13; dates that are columns, and in different forms
        ("l", ["l/2026-11-01/x.jsonl", "l/y.jsonl"], [["l"]], [()]),
        ("l", ["l/x.jsonl"], [["l"]], [()]),
        ("l", ["l/2026-13-01/x.jsonl"], [["l"]], [()]),
        ("l", ["l/day=2026-11-01/x.jsonl"], [["l"]], [()]),
        ("l", ["l/2026-11-01/x.jsonl", "l/20261102/y.jsonl"], [["l"]], [()]),
        ("l", ["l/a/2026-11-01.jsonl", "l/b/2026-11-02.jsonl"], [["l"]], [()]),
        ("l", ["l/[1]/2026-11-01/x.jsonl"], [["l"]], [()]),
    ],
)
def test_the_paths_of_a_part_have_its_files_and_name_the_date(given: str, files: list[str], paths: list[list[str]], dates: list[tuple[str, ...]]):
    listing = Listing(tuple(InputFile("logs", f"/{file}", 1, 0) for file in sorted(files)))
    parts = parts_of(f"/{given}", listing, lambda some: any("gui" in file.path for file in some))
    assert [[path.removeprefix("/") for path in part.paths] for part in parts] == paths
    assert [part.dates for part in parts] == dates


@pytest.mark.parametrize(
    ("ids", "setting"),
    [
        ([{"episode_id": "a"}, {"episode_id": "a"}, {"episode_id": "b"}], None),
        ([{"task_uid": "a"}, {"task_uid": "a"}, {"task_uid": "b"}], ["task_uid"]),
        ([{"id": "a_0"}, {"id": "a_1"}, {"id": "b_0"}], {"from": "id", "pattern": "(.+)[-_/.:](?:step[-_]?)?\\d+"}),
        ([{"id": "a"}, {"id": "b"}, {"id": "c"}], None),
    ],
)
def test_the_field_with_the_episode_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: list[dict[str, str]], setting: Any):
    write_lines(tmp_path / "logs" / "one.jsonl", [asked(f"{number}", **fields) for number, fields in enumerate(ids)])
    assert made(tmp_path, capsys, tmp_path / "logs")[0]["sources"][0].get("episode_id") == setting


def test_tool_calls_get_a_syntax_and_records_without_a_format_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    calls = write_lines(tmp_path / "calls.jsonl", [called({"a": 1})])
    own = write_lines(
        tmp_path / "own.jsonl", [{"dialogue_lines": [{"who_speaks": "user", "utterance": f"Q{i}"}, {"who_speaks": "bot", "utterance": "A"}]} for i in range(4)]
    )
    conf, said = made(tmp_path, capsys, calls, own)
    assert conf["dialects"][0]["tool_syntax"] == "hermes"
    assert [source["name"] for source in conf["sources"]] == ["calls", "own"]
    assert conf["sources"][1]["format"] == "fields"
    assert "with this configuration, 5 of 5 records become rows" in said


def test_duplicates_do_not_count_as_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = made(tmp_path, capsys, write_lines(tmp_path / "calls.jsonl", [*[asked("Why?")] * 3, asked("Where?")]))[1]
    assert "with this configuration, 2 of 2 records become rows, beside 2 duplicates" in said
    assert "would be refused" not in said


def test_episodes_of_a_gui_agent_become_rows_of_their_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    actions = [{"action_type": "click", "x": 2, "y": 3}, {"action_type": "navigate_back"}]
    screens = [f"{number}.png" for number in range(3)]
    for screen in screens:
        picture(tmp_path / "screens" / screen)
    write_lines(tmp_path / "logs" / "one.jsonl", [{"episode_id": 7, "goal": "Open it", "screenshots": screens, "actions": actions}])
    conf, said = made(tmp_path, capsys, tmp_path / "logs")
    assert conf["sources"][0]["rows"] == {"of": "step", "prompt": "agentcpm_gui"}
    assert "format" not in conf["sources"][0]
    assert "with this configuration, 1 of 1 record become rows" in said


def test_a_file_that_exists_is_not_overwritten_and_logs_that_do_not_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = write_lines(tmp_path / "one.jsonl", [asked()])
    (tmp_path / "mine.yaml").write_text("mine")
    assert main(["init", str(log), "--out", f"{tmp_path}/mine.yaml"]) == 2
    assert capsys.readouterr().err == f"configuration: {tmp_path}/mine.yaml exists already; name another file with --out\n"
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    assert main(["init", f"{tmp_path}/none", "--out", f"{tmp_path}/new.yaml"]) == 2
    (tmp_path / "empty.jsonl").write_text("")
    assert main(["init", f"{tmp_path}/empty.jsonl", "--out", f"{tmp_path}/new.yaml"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"configuration: no records in {tmp_path}/empty.jsonl"
    assert not (tmp_path / "new.yaml").exists()
