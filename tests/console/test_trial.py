"""`episodes try`: what it counts, the rows that it writes, and what it shows."""

import gzip
import json
import shlex
from argparse import Namespace
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.config import Config
from pipelines.console.trial import Tally, json_row, verdict
from pipelines.console.trial.command import _writer
from pipelines.ledger.books import make_books
from pipelines.local import list_files, run_listed
from pipelines.records import Outcome
from tests.console.init.test_init import picture
from tests.golden import open_case
from tests.making import asked, configuration, write_lines

CALL = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{'a': 1}"}}]}
CONF = """
sources: [{name: chat, path: "logs/*.jsonl"}]
gates: {max_quarantined: 1}
output: {root: out}
"""


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    """A file with a record of each kind, and a damaged one."""
    records = [
        asked("One?", episode_id="e"),
        asked("Two?", note=5),
        asked("Two?", note=5),  # a duplicate
        b"{not json",
        {"messages": [{"role": "user", "content": "Q"}, CALL]},  # minicpm_v_2_6 takes no tools
        asked("Three?", messages=[], episode_id="e"),
    ]
    whole = write_lines(tmp_path / "logs" / "a.jsonl", records)
    broken = tmp_path / "logs" / "b.jsonl.gz"
    broken.write_bytes(gzip.compress(json.dumps(asked("Four?")).encode() + b"\n")[:-9])
    return [str(whole), str(broken)]


def tried(config: Config, files: list[str]) -> tuple[Tally, list[Outcome]]:
    tally = Tally(config)
    outcomes = list(run_listed(open_case(config), list_files(config, files, None).files, tally.note))
    for outcome in outcomes:
        tally.count(outcome)
    return tally, outcomes


def test_every_record_is_counted_in_its_state(logs: list[str]):
    tally, _ = tried(configuration("glm_4", "minicpm_v_2_6"), logs)
    books = tally.books()
    assert books.faults() == []
    assert books.states() == {
        "records": 7,
        "conversations": 4,
        "quarantined": 2,
        "duplicates": 1,
        "filtered": 0,
        "superseded": 0,
        "damaged": 1,
        "kept": 4,
        "refused_by_all": 0,
        "internal_errors": 0,
    }
    assert [(book.dialect, book.path, book.clean, book.repaired, book.quarantined) for book in books.dialects] == [
        ("glm_4", logs[0], 2, 1, 0),
        ("minicpm_v_2_6", logs[0], 2, 0, 1),
        ("glm_4", logs[1], 1, 0, 0),
        ("minicpm_v_2_6", logs[1], 1, 0, 0),
    ]
    assert books.reasons == {
        "record.duplicate": 1,
        "line.invalid_json": 1,
        "tokens.tools_unsupported": 1,
        "schema.turns_empty": 1,
        "file.gzip_truncated": 1,
    }


# By code the first place.
FIRST = {
    "record.duplicate": "a.jsonl:3",
    "line.invalid_json": "a.jsonl:4",
    "repair.python_literal": "a.jsonl:5",
    "tokens.tools_unsupported": "a.jsonl:5",
    "schema.turns_empty": "a.jsonl:6",
    "file.gzip_truncated": "b.jsonl.gz:0",
}


def test_the_facts_are_those_of_a_manifest(logs: list[str]):
    tally, _ = tried(configuration("glm_4", "minicpm_v_2_6", split={"fractions": {"train": 1, "val": 0, "test": 0}}), logs)
    facts = tally.facts(tally.books(), {"kit": 2})
    assert {code: f"{Path(path).name}:{line}" for code, (path, line) in facts.pop("first").items()} == FIRST
    assert facts == {
        "sources": [{"source": "kit", "files": 2, "records": 7}],
        "splits": [
            {"dialect": "glm_4", "split": "train", "rows": 4, "tokens": 48, "target_tokens": 21},
            {"dialect": "minicpm_v_2_6", "split": "train", "rows": 3, "tokens": 75, "target_tokens": 9},
        ],
        "repairs": {"repair.python_literal": 1},
        "without_episode": {"kit": 3},
        "keep_if": [],
        "unread": [{"source": "kit", "key": "record.note", "count": 1}],
        "unread_more": {},
    }


def test_a_conversation_that_every_dialect_refuses_is_counted_once(logs: list[str]):
    tally, _ = tried(configuration("minicpm_v_2_5", "minicpm_v_2_6"), logs)
    assert tally.books().refused_by_all == 1
    tally, _ = tried(configuration(), logs)
    assert tally.books().refused_by_all == 0


def test_a_row_as_json_has_its_columns_and_the_text_of_its_raw_record(logs: list[str]):
    config = configuration("glm_4")
    _, outcomes = tried(config, logs)
    rows = [json_row(outcome, "mon", config) for outcome in outcomes]
    assert {row["batch"] for row in rows} == {"mon"}
    sample = rows[1]
    assert (sample["attention_mask"][:3], sample["position_ids"][:3]) == ([1, 1, 1], [0, 1, 2])
    assert [row["raw"] for row in rows if row.get("reason") in ("line.invalid_json", "file.gzip_truncated")] == ["{not json", None]
    assert "raw" not in sample


def test_a_trial_without_a_batch_writes_an_empty_one(tmp_path: Path):
    (tmp_path / "conf.yaml").write_text(CONF)
    log = write_lines(tmp_path / "logs" / "a.jsonl", [asked()])
    for options, batch in (([], ""), (["--batch", "mon"], "mon")):
        assert main(["try", "--config", f"{tmp_path}/conf.yaml", "--json", f"{tmp_path}/rows.jsonl", *options, str(log)]) == 0
        assert json.loads((tmp_path / "rows.jsonl").read_bytes())["batch"] == batch


@pytest.mark.parametrize(
    ("states", "internal_errors", "gates", "code"),
    [
        ({"kept": 2, "conversation": 2}, 0, {}, 0),
        ({"kept": 1, "conversation": 1}, 0, {}, 1),  # a record is lost
        ({"kept": 2, "conversation": 2}, 1, {}, 1),
        ({"kept": 2, "conversation": 2}, 1, {"max_internal_errors": 1}, 0),
        ({"kept": 1, "conversation": 1, "quarantined": 1}, 0, {}, 3),
        ({"kept": 1, "conversation": 1, "quarantined": 1}, 0, {"max_quarantined": 0.5}, 0),
        ({"kept": 2, "conversation": 2}, 0, {"min_records": 3}, 3),
    ],
)
def test_the_exit_code_says_whether_such_a_run_would_be_published(states: dict[str, int], internal_errors: int, gates: dict[str, float], code: int):
    config = configuration(gates=gates)
    place = ("kit", "a.jsonl")
    books = make_books(config, {place: 2}, {(*place, state): count for state, count in states.items()}, {}, 0, internal_errors, {})
    assert verdict(books, config)[0] == code


def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a person sees of a trial over a folder with a log and a file that is none."""
    (tmp_path / "conf.yaml").write_text(CONF)
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("One?"), asked("Two?")])
    (tmp_path / "logs" / "[bold]notes.txt").write_text("no log")
    main(["try", "--config", f"{tmp_path}/conf.yaml", f"{tmp_path}/logs"])
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_without_a_terminal_only_the_plain_summary_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(tmp_path, capsys).splitlines()
    assert lines[0].split() == ["source", "chat", "1", "file", "2", "records"]
    assert lines[-1].endswith("/logs/[bold]notes.txt)")  # neither wrapped nor read as a style
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_bars_count_the_records_and_disappear_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    watched, erased, summary = shown(tmp_path, capsys).rpartition("\x1b[2K")
    assert "2 of 2 records" in watched
    assert erased
    assert summary.startswith("source chat")
    assert "\x1b" not in summary


def test_the_next_command_shows_the_first_record_with_the_most_frequent_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "my conf.yaml").write_text(CONF)
    log = write_lines(tmp_path / "logs" / "a.jsonl", [asked(), b"{not json", asked(messages=[], id="1"), asked(), asked(messages=[], id="2"), asked()])
    assert main(["try", "--config", f"{tmp_path}/my conf.yaml", "--set", "gates.max_quarantined=1", str(log)]) == 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"next: episodes show --config '{tmp_path}/my conf.yaml' --set gates.max_quarantined=1 {log} --line 3"
    assert main(shlex.split(said)[2:]) == 0
    assert "quarantined · schema.turns_empty" in capsys.readouterr().out


def test_nothing_is_written_without_json_and_stdout_stays_open(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]):
    target = tmp_path / "rows.jsonl"
    for json_option, is_written in ((None, False), (target, True), (Path("-"), True)):
        with _writer(Namespace(json=json_option)) as file:
            assert (file is not None) == is_written
            if file:
                file.write(b"{}\n")
    assert (capsysbinary.readouterr().out, target.read_bytes()) == (b"{}\n", b"{}\n")


@pytest.mark.parametrize(
    ("logged", "prefix"),
    [
        ("/mnt/old/run/{}.png", "/mnt/old/run"),
        ("D:\\run\\shots\\{}.png", "D:/run/shots"),
        ("file:///mnt/old/{}.png", "/mnt/old"),
        ("old/run/{}.png", "old/run"),
        ("gone/x{}.png", None),
    ],
)
def test_a_prefix_that_would_find_the_pictures_is_named_and_finds_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], logged: str, prefix: str | None):
    for number in range(3):
        picture(tmp_path / "shots" / f"{number}.png")
    logs = write_lines(tmp_path / "a.jsonl", [asked(f"<image>Q{number}", images=[logged.format(number)]) for number in range(4)])
    (tmp_path / "conf.yaml").write_text(CONF.replace("logs/*.jsonl", "a.jsonl").replace("}]", ", image_root: shots}]"))
    assert main(["try", "--config", f"{tmp_path}/conf.yaml", str(logs)]) == 0
    hints = [line for line in capsys.readouterr().err.splitlines() if "image_prefix" in line]
    if prefix is None:
        assert hints == []
        return
    assert hints == [f'source chat: 3 of the 4 pictures that were not found would be found with image_prefix: {{"{prefix}": .}}']
    assert main(["try", "--config", f"{tmp_path}/conf.yaml", "--set", f'sources[0].image_prefix={{"{prefix}": .}}', str(logs)]) == 0
    after = capsys.readouterr().err
    assert "3 conversations + 1 quarantined" in after
    assert "would be found" not in after
