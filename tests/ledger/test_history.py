"""What every published run made of one record, and where its bytes are kept."""

import json
from pathlib import Path

import pytest

from pipelines.ledger.history import Seen, history_of, kept_bytes
from pipelines.records import raw_record
from pipelines.tables.reading import NotPublished
from tests.making import asked, configuration, write_lines
from tests.published import publish

GOOD, REPAIRED, REFUSED, BAD = (
    asked("One?"),
    {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{'a': 1}"}}]}]},
    asked("a " * 9000),
    asked(messages=[]),
)
CONFIG = configuration("glm_4", "minicpm_v_2_6")


def record_id(record: object) -> str:
    return raw_record("kit", "", 1, json.dumps(record, ensure_ascii=False).encode()).record_id


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "logs.jsonl", [GOOD, REPAIRED, REFUSED, BAD, GOOD])


@pytest.fixture
def root(tmp_path: Path, logs: Path) -> Path:
    publish(tmp_path / "root", CONFIG, logs, "r1", 1)
    return tmp_path / "root"


def states(root: Path, record: object) -> list[list[str]]:
    return [seen.states() for seen in history_of(root, record_id(record))]


def test_the_history_of_a_record_has_its_state_in_every_dialect(root: Path):
    assert states(root, GOOD) == [["conversation", "glm_4: clean", "minicpm_v_2_6: clean", "duplicate"]]
    assert states(root, REPAIRED) == [["conversation", "glm_4: repaired", "minicpm_v_2_6: quarantined: tokens.tools_unsupported"]]
    assert states(root, REFUSED) == [["conversation", "glm_4: quarantined: tokens.too_long", "minicpm_v_2_6: quarantined: tokens.too_long"]]
    assert states(root, BAD) == [["quarantined: schema.turns_empty"]]
    assert states(root, asked("Never seen?")) == []


def test_every_run_that_read_the_record_has_an_entry_oldest_first(root: Path, logs: Path, tmp_path: Path):
    publish(root, configuration("glm_4"), logs, "r2", 2)
    publish(root, CONFIG, write_lines(tmp_path / "other.jsonl", [BAD]), "r3", 3)
    publish(root, CONFIG, logs, "r0", 0, batch="sun")  # published last, whatever its clock says
    found = list(history_of(root, record_id(GOOD)))
    assert [(seen.run["run_id"], len(seen.states())) for seen in found] == [("r1", 4), ("r2", 3), ("r0", 4)]


def test_a_run_whose_files_were_deleted_is_marked_as_such(root: Path, logs: Path):
    for name in publish(root, CONFIG, logs, "r2", 2):
        (root / name).unlink()
    assert states(root, BAD) == [["quarantined: schema.turns_empty"], ["the files of this run have been deleted"]]
    gone = list(history_of(root, record_id(BAD)))[1]
    assert (gone.rows, kept_bytes(gone)) == (None, None)


def test_a_root_where_nothing_was_published_has_no_history(tmp_path: Path):
    with pytest.raises(NotPublished, match="nothing is published under"):
        list(history_of(tmp_path, "x"))


def only(root: Path, record: object) -> Seen:
    (seen,) = history_of(root, record_id(record))
    return seen


def test_the_bytes_come_from_quarantine_or_else_from_the_log(root: Path, logs: Path):
    for record in (GOOD, REPAIRED, BAD):
        assert json.loads(kept_bytes(only(root, record)) or b"") == record
    logs.unlink()
    assert json.loads(kept_bytes(only(root, BAD)) or b"") == BAD  # quarantine keeps them


@pytest.mark.parametrize("now", [[], [BAD], [asked("Another question?"), GOOD]])
def test_a_log_that_has_changed_no_longer_has_the_bytes(tmp_path: Path, now: list[object]):
    logs = write_lines(tmp_path / "logs.jsonl", [GOOD])
    publish(tmp_path / "root", CONFIG, logs, "r1", 1)
    assert json.loads(kept_bytes(only(tmp_path / "root", GOOD)) or b"") == GOOD
    write_lines(logs, now)
    assert kept_bytes(only(tmp_path / "root", GOOD)) is None
    logs.unlink()
    assert kept_bytes(only(tmp_path / "root", GOOD)) is None


def test_the_right_line_of_a_log_is_read(tmp_path: Path):
    publish(tmp_path / "root", CONFIG, write_lines(tmp_path / "logs.jsonl", [asked("First?"), GOOD, asked("Last?")]), "r1", 1)
    for record in (asked("First?"), GOOD, asked("Last?")):
        assert json.loads(kept_bytes(only(tmp_path / "root", record)) or b"") == record


def test_a_conversation_in_windows_has_one_state(tmp_path: Path):
    record = {"messages": [turn for i in range(9) for turn in ({"role": "user", "content": f"Q{i}"}, {"role": "assistant", "content": "word " * 20})]}
    config = configuration("glm_4", options={"on_overflow": "windows", "max_tokens": 120})
    publish(tmp_path / "root", config, write_lines(tmp_path / "logs.jsonl", [record]), "r1", 1)
    assert states(tmp_path / "root", record) == [["conversation", "glm_4: clean, in 3 windows"]]
