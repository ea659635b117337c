"""`episodes check` and `episodes try` with URIs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.cli import main
from tests.making import asked


@pytest.fixture
def conf(tmp_path: Path, s3_endpoint: str) -> Path:
    settings = {
        "sources": [{"name": "kit", "path": "s3://logs/in/{batch}", "image_root": "s3://logs/screens"}],
        "storage": {"s3": {"endpoint": s3_endpoint, "region": "us-east-1"}},
        "output": {"root": "out"},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def filled(s3: Any, bucket: str) -> None:
    for key in ("in/n1/a.jsonl", "in/n1/b.jsonl"):
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(asked(key)).encode())
    s3.put_object(Bucket=bucket, Key="screens/a.png", Body=b"a picture")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str]]:
    code = main(list(map(str, arguments)))
    printed = capsys.readouterr()
    return code, (printed.err if code == 2 else printed.out).splitlines()


def test_check_counts_the_objects_of_a_batch(filled: None, conf: Path, capsys: pytest.CaptureFixture[str]):
    code, lines = said(capsys, "check", conf, "--batch", "n1")
    assert (code, lines[0]) == (0, "source kit: 2 files, 208 bytes at s3://logs/in/n1")
    assert "source kit: images are read from s3://logs/screens" in lines


@pytest.mark.parametrize(
    ("setting", "batch", "fault"),
    [
        ("sources[0].path=s3://logs/in/{batch}", "n2", "sources[0].path: no such file or folder: s3://logs/in/n2"),
        ("sources[0].path=s3://logs/in/{batch}/*.parquet", "n1", "sources[0].path: no log files at s3://logs/in/n1/*.parquet"),
        ("sources[0].path=s3://nowhere/in", "n1", "sources[0].path: no such bucket: s3://nowhere"),
        ("sources[0].image_root=s3://logs/none", "n1", "sources[0].image_root: no object has a key that begins with s3://logs/none/"),
        ("dialects=[{name: glm_4, tokenizer: s3://logs/none, max_tokens: 9}]", "n1", "dialects: glm_4.tokenizer: no such file or folder: s3://logs/none"),
    ],
)
def test_check_says_what_is_missing_in_one_sentence(filled: None, conf: Path, capsys: Any, setting: str, batch: str, fault: str):
    assert said(capsys, "check", conf, "--batch", batch, "--set", setting) == (2, [f"configuration: {fault}"])


@pytest.mark.parametrize("wrong", ["endpoint=127.0.0.1:9", "secret_key=x"])
def test_check_asks_no_store_where_the_settings_of_stores_are_wrong(
    filled: None, conf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wrong: str
):
    monkeypatch.setattr("pipelines.storage.folders.Folders.exists", lambda *_: pytest.fail("a store was asked"))
    code, lines = said(capsys, "check", conf, "--batch", "n1", "--set", f"storage.s3.{wrong}")
    assert (code, len(lines)) == (2, 1)
    assert wrong.partition("=")[0] in lines[0]


def test_check_says_that_a_server_does_not_answer(filled: None, conf: Path, capsys: pytest.CaptureFixture[str]):
    code, lines = said(capsys, "check", conf, "--batch", "n1", "--set", "storage.s3.endpoint=http://127.0.0.1:9")
    sentence = "s3://logs cannot be reached: no answer from http://127.0.0.1:9"
    assert (code, lines) == (2, [f"configuration: sources[0].{key}: {sentence}" for key in ("path", "image_root")])


@pytest.mark.parametrize("paths", [["s3://logs/in/n1"], ["s3a://logs/in/n1/a.jsonl", "s3://logs/in/n1/b.jsonl"]])
def test_try_reads_objects_and_prefixes(filled: None, conf: Path, capsys: pytest.CaptureFixture[str], paths: list[str]):
    code, lines = said(capsys, "try", "--config", conf, "--json", "-", *paths)
    assert (code, [json.loads(line)["origin"]["path"] for line in lines]) == (0, ["s3://logs/in/n1/a.jsonl", "s3://logs/in/n1/b.jsonl"])


def test_show_reads_one_record_of_an_object(filled: None, conf: Path, capsys: pytest.CaptureFixture[str]):
    code, lines = said(capsys, "show", "--config", conf, "s3://logs/in/n1/a.jsonl", "--line", 1)
    assert (code, "s3://logs/in/n1/a.jsonl:1" in "\n".join(lines)) == (0, True)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("s3://logs/in/none.jsonl", "no such file or folder: s3://logs/in/none.jsonl"),
        ("s3://nowhere/a.jsonl", "no such bucket: s3://nowhere"),
        ("s3://logs/../a", "s3:// must not contain //, /./ or /../ in its path"),
    ],
)
def test_try_says_what_is_missing_in_one_sentence(filled: None, conf: Path, capsys: pytest.CaptureFixture[str], path: str, fault: str):
    assert said(capsys, "try", "--config", conf, path) == (2, [f"episodes: {fault}"])
