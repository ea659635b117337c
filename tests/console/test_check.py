"""`episodes check` opens everything that a configuration names. Every fault is one sentence, and no file is left behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.cli import main
from pipelines.config.places import TRIES, failed_tries, output_faults
from pipelines.config.settings import Output
from pipelines.storage.stores import ENVIRONMENT, store_of
from tests.making import asked, write_lines
from tests.storage.places import stores_of

ROOT = Path(__file__).parents[2]
BATCH = "2026-11-22"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the logs of one batch, an image folder, and a file that is not a program."""
    write_lines(tmp_path / "logs" / BATCH / "a.jsonl", [asked("One?"), asked("Two?")])
    (tmp_path / "images").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notify.txt").write_text("no program")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


def settings(**source: Any) -> dict[str, Any]:
    return {"sources": [{"name": "gui", "path": "logs/{batch}/*.jsonl"} | source], "output": {"root": "out"}}


def check(home: Path, data: dict[str, Any], *arguments: str) -> int:
    (home / "mine.yaml").write_text(yaml.safe_dump(data))
    return main(["check", f"{home}/mine.yaml", *arguments])


def faults(home: Path, capsys: pytest.CaptureFixture[str], data: dict[str, Any], *arguments: str) -> list[str]:
    """The reported faults, with HOME for the folder."""
    before = sorted(home.rglob("*"))
    assert check(home, data, *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert sorted(home.rglob("*")) == sorted({*before, home / "mine.yaml"})
    return [line.removeprefix("configuration: ").replace(str(home), "HOME") for line in shown.err.splitlines()]


def test_check_says_that_a_long_record_takes_the_answers_of_cumulative_logs_along(home: Path, capsys: pytest.CaptureFixture[str]):
    dialect = {"name": "glm_4", "tokenizer": "glm_4_standin", "max_tokens": 4096}
    said = []
    for more in ({}, {"on_overflow": "windows"}):
        assert check(home, settings(fold="prefix") | {"dialects": [dialect | more]}, "--batch", BATCH) == 0
        said.append([line for line in capsys.readouterr().out.splitlines() if "fold: prefix" in line])
    assert said == [
        [
            "source gui: fold: prefix: dialect glm_4 may lose the longest record of a conversation, which has the answers of the others, "
            "if it is over max_tokens; on_overflow: windows keeps it"
        ],
        [],
    ]


def test_check_says_what_it_found(home: Path, capsys: pytest.CaptureFixture[str]):
    data = settings(image_root="images") | {"dialects": [{"name": "glm_4", "tokenizer": "glm_4_standin", "max_tokens": 4096}]}
    assert check(home, data, "--batch", BATCH) == 0
    assert capsys.readouterr().out.replace(str(home), "HOME").splitlines() == [
        "dialect glm_4: tokenizer glm_4_standin, a stand-in vocabulary whose ids are not those of the model",
        f"source gui: 1 file, 192 bytes at HOME/logs/{BATCH}/*.jsonl",
        "source gui: images are read from HOME/images",
        "output: HOME/out, delta tables",
        "scrub is off for keys and tokens, and for personal data: they stay in the tables as logged",
        "HOME/mine.yaml: configuration is valid",
    ]
    assert not (home / "out").exists()


def test_a_source_that_no_dialect_takes_and_a_source_without_image_root_get_a_remark(home: Path, capsys: pytest.CaptureFixture[str]):
    sources = [{"name": name, "path": "logs/{batch}"} for name in ("gui", "chat")]
    dialect = {"name": "glm_4v", "tokenizer": "glm_4_standin", "max_tokens": 4096, "sources": ["gui"]}
    assert check(home, settings() | {"sources": sources, "dialects": [dialect]}, "--batch", BATCH) == 0
    out = capsys.readouterr().out
    assert "source gui: has no image_root, so records with image paths will be quarantined\n" in out
    assert "source chat: no dialect takes it, so its records become conversations only\n" in out


def test_without_a_batch_the_fixed_part_of_a_path_must_exist(home: Path, capsys: pytest.CaptureFixture[str]):
    assert check(home, settings()) == 0
    out = capsys.readouterr().out.replace(str(home), "HOME")
    assert "source gui: HOME/logs exists; use --batch to check for files, since the path contains {batch}\n" in out
    assert faults(home, capsys, settings(path="lgos/{batch}")) == ["sources[0].path: no such file or folder: HOME/lgos"]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"path": "logs/2026-11-23"}, "sources[0].path: no such file or folder: HOME/logs/2026-11-23"),
        ({"path": "logs/{batch}/b.jsonl"}, f"sources[0].path: no such file or folder: HOME/logs/{BATCH}/b.jsonl"),
        ({"path": "logs/*/*.parquet"}, "sources[0].path: no log files at HOME/logs/*/*.parquet"),
        ({"path": "empty"}, "sources[0].path: no log files at HOME/empty"),
        ({"path": ["logs/{batch}", "lgos/*"]}, "sources[0].path[1]: no such file or folder: HOME/lgos"),
        ({"path": "logs/{date}/*.jsonl"}, "sources[0].path: {date} is not replaced; did you mean {batch}?"),
        ({"image_root": "images/screens"}, "sources[0].image_root: no such folder: HOME/images/screens"),
        ({"image_root": ["images", "notify.txt"]}, "sources[0].image_root[1]: HOME/notify.txt is a file, not a folder"),
        ({"image_root": "loop"}, "sources[0].image_root: HOME/loop cannot be read: too many levels of symbolic links"),
        ({"image_root": "notify.txt/below"}, "sources[0].image_root: no such folder: HOME/notify.txt/below"),
        (
            {"image_root": "images", "image_prefix": {"/old/": "../other/"}},
            "sources[0].image_prefix: '/old/' becomes '../other/', which is outside every image_root",
        ),
        ({"image_prefix": {"/old/": "new/"}}, "sources[0].image_prefix: needs image_root, where the new paths are looked up"),
    ],
)
def test_a_missing_source_is_a_fault(home: Path, capsys: pytest.CaptureFixture[str], source: dict[str, Any], fault: str):
    assert faults(home, capsys, settings(**source), "--batch", BATCH) == [fault]


@pytest.mark.parametrize("path", ["empty", "logs/2026-11-23", "logs/{batch}/*.parquet"])
def test_an_empty_source_is_no_fault_with_allow_empty(home: Path, capsys: pytest.CaptureFixture[str], path: str):
    assert check(home, settings(path=path, allow_empty=True), "--batch", BATCH) == 0
    assert "source gui: has no files now, which allow_empty permits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"output": {"root": "notify.txt/out"}}, "output.root: HOME/notify.txt is a file, not a folder"),
        ({"output": {"root": "loop/out"}}, "output.root: HOME/loop is a broken link"),
        ({"output": {"root": "/proc/out"}}, "output.root: /proc cannot be written: no such file or directory"),
        ({"hooks": {"on_error": {"command": ["no-such-program"]}}}, "hooks.on_error.command: 'no-such-program' is not a program in the PATH"),
        ({"hooks": {"on_success": {"command": ["./notify.sh"]}}}, "hooks.on_success.command: no such file: HOME/notify.sh"),
        ({"hooks": {"on_gate_failed": {"command": ["./notify.txt"]}}}, "hooks.on_gate_failed.command: HOME/notify.txt is not executable"),
        ({"hooks": {"on_error": {"command": ["./images"]}}}, "hooks.on_error.command: HOME/images is a folder, not a program"),
        (
            {"dialects": [{"name": "glm_4", "tokenizer": "./models/glm-4", "max_tokens": 9}]},
            "dialects[0].tokenizer: no such file or folder: HOME/models/glm-4",
        ),
        ({"images": {"allow_schemes": ["s3", "s3a"]}}, "images.allow_schemes[1]: no client for 's3a'; did you mean s3?"),
        ({"images": {"allow_schemes": ["ftp"]}}, "images.allow_schemes[0]: no client for 'ftp'; known: s3, gs, gcs, abfs, abfss, hdfs, viewfs, hf"),
        ({"images": {"allow_schemes": ["file"]}}, "images.allow_schemes[0]: file:// needs no entry: such images are read from image_root"),
    ],
)
def test_any_other_unusable_place_is_a_fault(home: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any], fault: str):
    assert faults(home, capsys, settings() | more) == [fault]


def test_all_faults_are_reported_at_once(home: Path, capsys: pytest.CaptureFixture[str]):
    data = {
        "sources": [{"name": "gui", "path": "lgos/{batch}", "fromat": "auto", "image_root": "screens"}],
        "dialects": [{"name": "glm_4", "tokenizer": "glm_5", "max_tokens": 4096}],
        "output": {"root": "notify.txt/out"},
        "hooks": {"on_error": {"command": ["no-such-program"]}},
        "gates": {"max_quarantined": 5},
    }
    found = faults(home, capsys, data)
    assert [fault.partition(":")[0] for fault in found] == [
        "sources[0].fromat",
        "gates.max_quarantined",
        "dialects",
        "sources[0].path",
        "sources[0].image_root",
        "hooks.on_error.command",
        "output.root",
    ]


def test_settings_from_the_command_line_are_checked_too(home: Path, capsys: pytest.CaptureFixture[str]):
    assert faults(home, capsys, settings(), "--set", "sources[0].path=lgos/*") == ["sources[0].path: no such file or folder: HOME/lgos"]


def _refuse(folder: Path) -> None:
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def test_everything_that_a_file_system_cannot_do_is_reported(tmp_path: Path):
    assert list(failed_tries(tmp_path, TRIES, tmp_path)) == []
    assert list(failed_tries(tmp_path, dict.fromkeys(TRIES, _refuse), Path("/mnt"))) == [
        "the file system of /mnt cannot write files: operation not supported",
        "the file system of /mnt cannot lock files (flock): operation not supported",
        "the file system of /mnt cannot make hard links, which Delta tables need: operation not supported",
        "the file system of /mnt cannot rename files: operation not supported",
    ]


def test_an_existing_output_root_is_tried_and_left_unchanged(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    assert list(output_faults(Output(root=str(tmp_path)), ENVIRONMENT)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_parquet_form_of_the_tables_is_refused(tmp_path: Path):
    (fault,) = output_faults(Output(root=str(tmp_path), format="parquet"), ENVIRONMENT)
    assert fault == "output.format: tables are Delta tables now, and their data files are Parquet: episodes snapshot ROOT --sql names them"


def test_an_output_root_in_a_store_is_tried_and_left_unchanged(s3: Any, bucket: str, s3_endpoint: str):
    stores = stores_of(s3_endpoint)
    assert list(output_faults(Output(root=f"s3://{bucket}/out"), stores)) == []
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    (fault,) = output_faults(Output(root="s3://nowhere/out"), stores)
    assert fault == "output.root: s3://nowhere/out cannot be written: no such bucket: s3://nowhere"


def test_a_store_that_creates_what_exists_already_is_refused(bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch):
    stores = stores_of(s3_endpoint)
    store, _ = store_of(f"s3://{bucket}/out", stores)
    write = store.write
    monkeypatch.setattr(store, "write", lambda key, data, expected=None: write(key, data))
    (fault,) = output_faults(Output(root=f"s3://{bucket}/out"), stores)
    assert fault.endswith("the store does not refuse to create an object that exists, so two runs could publish at once")


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ({"path": "ftp://bucket/logs"}, "sources[0].path: ftp:// is not supported"),
        ({"path": "logs/{date}"}, "sources[0].path: {date} is not replaced; did you mean {batch}?"),
        ({"image_root": "screens"}, "sources[0].image_root: no such folder: HOME/screens"),
    ],
)
def test_a_run_ends_with_the_same_fault_before_anything_is_created(home: Path, source: dict[str, Any], word: str):
    (home / "mine.yaml").write_text(yaml.safe_dump(settings(**source)))
    command = [sys.executable, str(ROOT / "jobs" / "run.py"), "--config", f"{home}/mine.yaml", "--batch", BATCH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    line = json.loads(done.stdout)
    assert (done.returncode, line["status"], len(line["words"])) == (2, "configuration", 1)
    assert line["words"][0].replace(str(home), "HOME").startswith(word)
    assert not (home / "out").exists()


def test_check_says_how_many_of_the_first_records_keep_if_keeps_and_which_field_none_has(home: Path, capsys: pytest.CaptureFixture[str]):
    records = [asked(resolved=True), asked(resolved=False), b"{broken", {"messages": 7, "resolved": True}, asked(resolved=True)]
    write_lines(home / "logs" / "mon" / "b.jsonl", records)  # the last is a duplicate, which does not count
    data = settings(name="kit", path="logs/mon/b.jsonl", keep_if={"resolved": True})
    assert check(home, data) == 0
    assert "source kit: keep_if keeps 2 of the first 3 records" in capsys.readouterr().out.splitlines()
    assert check(home, settings(name="kit", path="logs/mon/b.jsonl", keep_if={"resolvd": True})) == 0
    said = capsys.readouterr().out.splitlines()
    assert "source kit: keep_if keeps 0 of the first 3 records" in said
    assert "source kit: keep_if: none of the first 3 records has the field resolvd" in said
    assert check(home, settings(name="kit", path="logs/mon/b.jsonl", keep=["resolved", "cots | price"])) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if "keep" in line] == ["source kit: keep: none of the first 2 records has the field cots | price"]
