"""A folder as a source: every file in it is read, or named with the reason why not."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.config import ConfigError, Source
from pipelines.containers.listing import Listing, list_inputs
from pipelines.local import list_files, run_files
from pipelines.records import Conversation
from tests.golden import open_case
from tests.making import asked, configuration, write_lines

RECORD = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}\n'


def make(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def listing(folder: Path, *patterns: str) -> Listing:
    return list_inputs(Source(name="s", path=tuple(str(folder / pattern) for pattern in patterns)), None)


def names(folder: Path, found: Listing) -> tuple[list[str], dict[str, str]]:
    """The files that are read, and those that are passed over with the first words of why; nothing is both, and nothing is neither."""
    passed = {os.path.relpath(file.path, folder): file.why.partition(":")[0] for file in found.passed_over}
    return [os.path.relpath(file.path, folder) for file in found.files], passed


@pytest.mark.parametrize(
    "name",
    [
        *("a.jsonl", "a.json", "a.ndjson", "a.jl", "a.jsonlines", "a.JSONL", "a.jsonl.zst", "a.json.bz2", "a.jsonl.XZ", "a.parquet"),
        *("a.arrow", "part-00000", "a.txt", "a.log", "a.json.zip", "a.jsonl.bak", "a.gz", "day=1/_x=2/a.jsonl"),
    ],
)
def test_a_log_is_read_whatever_its_name(tmp_path: Path, name: str):
    make(tmp_path, {name: RECORD})
    assert names(tmp_path, listing(tmp_path, "")) == ([name], {})


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("dataset_info.json", b'{"features": {}}', "it describes a data set and contains no rows"),
        ("_SUCCESS", b"", "hidden"),
        (".a.jsonl.swp", RECORD, "hidden"),
        (".part-0.parquet.crc", b"crc\0", "hidden"),
        ("a.crc", RECORD, "a checksum"),
        ("screen.PNG", b"\x89PNG", "a picture"),
        ("README.md", RECORD, "a README or licence"),
        ("a.jsonl.gz.tmp", RECORD, "incomplete"),
        ("a.jsonl._COPYING_", RECORD, "incomplete"),
        ("notes.txt", b"Dear diary,\n{}\n", "its content is not a log"),
        ("a.log", b"[2026-11-22 10:00:00] INFO {}\n[2026-11-22 10:00:01] INFO\n", "its content is not a log"),
        ("a.csv", b"id,messages\n1,hi\n", "its content is not a log"),
        ("a.bin", bytes(100), "its content is not a log"),
        ("a.gz", gzip.compress(b"hello"), "its content is not a log"),
        ("a.lz4", b"\x04\x22\x4d\x18", "an lz4 file, which cannot be read"),
        ("a.tar.gz", gzip.compress(b"a".ljust(257, b"\0") + b"ustar"), "a tar archive inside a compressed file, which cannot be read"),
    ],
)
def test_a_file_that_is_not_a_log_is_passed_over_with_a_reason(tmp_path: Path, name: str, data: bytes, why: str):
    make(tmp_path, {name: data, "a/log.jsonl": RECORD})
    assert names(tmp_path, listing(tmp_path, "")) == (["a/log.jsonl"], {name: why})


def test_an_archive_is_passed_over(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", RECORD)
    assert names(tmp_path, listing(tmp_path, "")) == ([], {"a.zip": "a zip archive, which cannot be read"})


def test_folders_that_are_not_searched_are_named_once(tmp_path: Path):
    make(tmp_path, {"a/log.jsonl": RECORD, "_temporary/0/x.jsonl": RECORD, ".git/config": b"", "elsewhere/log.jsonl": RECORD})
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path, listing(tmp_path, "a", "_*")) == (["a/log.jsonl"], {"_temporary": "hidden", "a/link": "a link to a folder"})
    assert names(tmp_path, listing(tmp_path, ""))[1] == {"_temporary": "hidden", ".git": "hidden", "a/link": "a link to a folder"}


def test_a_pipe_is_not_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path, listing(tmp_path, "")) == ([], {"pipe": "not a regular file"})


def test_state_json_belongs_to_a_data_set_only_next_to_its_description(tmp_path: Path):
    make(tmp_path, {"ds/dataset_info.json": b"{}", "ds/state.json": b"{}", "logs/state.json": RECORD})
    assert names(tmp_path, listing(tmp_path, ""))[0] == ["logs/state.json"]


def test_an_empty_file_and_one_whose_first_line_is_damaged_are_read(tmp_path: Path):
    make(
        tmp_path, {"part-0": b"", "part-1": b'"messages": []}\n' + RECORD * 2, "part-2": RECORD.decode().encode("utf-16"), "part-3": gzip.compress(RECORD)[:9]}
    )
    assert names(tmp_path, listing(tmp_path, "")) == (["part-0", "part-1", "part-2", "part-3"], {})


def test_a_path_or_a_glob_that_names_files_reads_them_whatever_their_names(tmp_path: Path):
    make(tmp_path, {"a.tmp": RECORD, "_b.tmp": b"no log", "ds/dataset_info.json": b"{}", "ds/a.json": RECORD})
    assert names(tmp_path, listing(tmp_path, "*.tmp", "ds/*.json")) == (
        ["_b.tmp", "a.tmp", "ds/a.json"],
        {"ds/dataset_info.json": "it describes a data set and contains no rows"},
    )
    assert names(tmp_path, listing(tmp_path, "ds/dataset_info.json")) == (["ds/dataset_info.json"], {})


def test_a_glob_of_stars_leads_to_files_as_a_folder_does(tmp_path: Path):
    make(tmp_path, {"a.jsonl": RECORD, "b/c.jsonl": RECORD, "_SUCCESS": b"", "_tmp/d.jsonl": RECORD, "x.png": b""})
    expected = ["a.jsonl", "b/c.jsonl"], {"_SUCCESS": "hidden", "_tmp": "hidden", "x.png": "a picture"}
    assert names(tmp_path, listing(tmp_path, "*")) == expected
    assert names(tmp_path, listing(tmp_path, ""))[0] == expected[0]


@pytest.mark.parametrize(
    ("files", "what"), [({"t/metadata/v1.metadata.json": b"{}"}, "an Iceberg table"), ({"t/.hoodie/hoodie.properties": b""}, "a Hudi table")]
)
def test_iceberg_and_hudi_tables_are_refused(tmp_path: Path, files: dict[str, bytes], what: str):
    make(tmp_path, files)
    with pytest.raises(ConfigError, match=f"source s: {tmp_path}/t is {what}, which cannot be read"):
        listing(tmp_path, "")


def test_episodes_try_reads_a_folder_as_a_source_would(tmp_path: Path):
    write_lines(tmp_path / "day=1" / "part-0", [asked("a")])
    write_lines(tmp_path / "day=2" / "part-0", [asked("b")])
    make(tmp_path, {"_SUCCESS": b""})
    config = configuration(source={"path": "elsewhere", "episode_id": "day"})
    outcomes = list(run_files(open_case(config), [str(tmp_path)]))
    assert [outcome.episode_id for outcome in outcomes if isinstance(outcome, Conversation)] == ["1", "2"]
    passed_over = list_files(config, [str(tmp_path)], None).passed_over
    assert [(passed.path, passed.why) for passed in passed_over] == [(f"{tmp_path}/_SUCCESS", "hidden: its name begins with . or _")]


def test_episodes_try_takes_a_folder_and_says_what_it_passes_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make(tmp_path, {"in/a": RECORD, "in/b.tmp": RECORD})
    (tmp_path / "c.yaml").write_text("sources: [{name: s, path: in}]\noutput: {root: out}\n")
    assert main(["try", "--config", str(tmp_path / "c.yaml"), "--json", str(tmp_path / "x.jsonl"), str(tmp_path / "in")]) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("passed over")]
    assert "incomplete" in told
    assert f"{tmp_path}/in/b.tmp" in told
    assert (tmp_path / "x.jsonl").read_text().count('"table":"conversations"') == 1


def test_a_folder_inside_a_source_is_listed_as_that_source(tmp_path: Path):
    make(tmp_path, {"logs/day=1/a.parquet": b"", "other/a.jsonl": RECORD})
    config = configuration(source={"path": f"{tmp_path}/logs", "name": "kit"})
    assert [(file.source, file.columns) for file in list_files(config, [f"{tmp_path}/logs/day=1", f"{tmp_path}/other"], None).files] == [
        ("kit", '{"day":"1"}'),
        ("kit", "{}"),
    ]
