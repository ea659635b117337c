"""Logs, pictures and tokenizers in a store give the same rows as the same files on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from deltalake import write_deltalake

from pipelines.config import Config, Limits
from pipelines.containers import read_records, read_split, survey_file
from pipelines.containers.inputs import inputs_of
from pipelines.demo import BATCH
from pipelines.flow import open_flow
from pipelines.images.bytes_of import image_bytes
from pipelines.ledger.reader_settings import reader_settings
from pipelines.local import run_files
from pipelines.records import Outcome
from pipelines.storage.folders import Folders
from pipelines.storage.locations import StoreError
from pipelines.storage.opening import open_file
from pipelines.storage.stores import store_of
from pipelines.tables.schema import row_of
from pipelines.tokenizers import open_vocabulary, tokenizer_file
from pipelines.training.pictures import PictureChanged, PictureMissing, picture_bytes, picture_file
from tests.conftest import demo_config
from tests.golden import TOKENIZERS
from tests.making import asked, configuration
from tests.servers import Server
from tests.servers.fixtures import only_moto, only_objects, upload
from tests.training.publishing import publish


def config_of(server: Server, **source: Any) -> Config:
    return configuration(source={"path": server.uri} | source, storage=server.settings)


def in_bucket(s3_endpoint: str) -> dict[str, Any]:
    """The settings for logs in the bucket `logs`."""
    return {"source": {"path": "s3://logs"}, "storage": {"s3": {"endpoint": s3_endpoint, "region": "us-east-1"}}}


def rows(outcomes: Iterator[Outcome], config: Config, base: str) -> list[str]:
    """All rows as text, without the paths of the logs. The record_id of a damaged file is derived from its path."""
    found = [row_of(outcome, BATCH, "run", config.split) for outcome in outcomes]
    for _, row in found:
        if row["origin"]["line"] == 0:
            row["record_id"] = ""
        if isinstance(row.get("input_ids"), object) and "input_ids" in row:
            row["input_ids"], row["labels"] = list(map(int, row["input_ids"])), list(map(int, row["labels"]))
    return [repr(one).replace(base, "BASE") for one in found]


def test_the_demo_gives_the_same_rows_from_a_store(server: Server, demo: Any, tmp_path: Path):
    folder, _ = demo
    server.upload(folder)
    sources = [f"sources[0].path={server.uri}/gui/{BATCH}", f"sources[0].image_root={server.uri}/screens", f"sources[1].path={server.uri}/tools/{BATCH}"]
    storage = [f"storage.{scheme}.{name}={value}" for scheme, settings in server.settings.items() for name, value in settings.items()]
    there = demo_config(folder, tmp_path, *sources, *storage)
    here = demo_config(folder, tmp_path)
    paths = [f"{kind}/{BATCH}" for kind in ("gui", "tools")]
    from_store = rows(run_files(open_flow(there), [f"{server.uri}/{path}" for path in paths], BATCH), there, server.uri)
    assert from_store == rows(run_files(open_flow(here), [f"{folder}/{path}" for path in paths], BATCH), here, str(folder))
    assert len(from_store) > 100


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    """Files of every kind, complete and damaged."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = b"".join(json.dumps(asked(f"q{i}")).encode() + b"\n" for i in range(50))
    table = pa.Table.from_pylist([asked(f"p{i}") for i in range(300)])
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "lines.jsonl").write_bytes(lines)
    (folder / "array.json").write_text(json.dumps([asked("a1"), asked("a2")], indent=2))
    (folder / "packed.jsonl.zst").write_bytes(zstandard.compress(lines))
    (folder / "cut.jsonl.zst").write_bytes(zstandard.compress(lines)[:-9])
    (folder / "wide.jsonl").write_text(json.dumps(asked("w")), encoding="utf-16")
    pq.write_table(table, folder / "rows.parquet", row_group_size=100)
    (folder / "cut.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-20])
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    write_deltalake(str(folder / "table"), pa.Table.from_pylist([{"step": 1, **asked("old")}]), partition_by=["step"])
    write_deltalake(str(folder / "table"), pa.Table.from_pylist([{"step": 2, **asked("new")}]), partition_by=["step"], mode="overwrite")
    return folder


def test_files_of_every_kind_give_the_same_records_from_a_store(server: Server, odd_files: Path):
    server.upload(odd_files)
    there, here = config_of(server), configuration(source={"path": str(odd_files)})
    found, wanted = inputs_of(there, None), inputs_of(here, None)
    assert [table.version for table in found.tables] == [1]
    assert [file.path.removeprefix(server.uri) for file in found.files] == [file.path.removeprefix(str(odd_files)) for file in wanted.files]
    assert [passed.why.replace(server.uri, "BASE") for passed in found.passed_over] == [
        passed.why.replace(str(odd_files), "BASE") for passed in wanted.passed_over
    ]
    for one, other in zip(found.files, wanted.files, strict=True):
        records, same = list(read_records(one, Limits(), there.stores)), list(read_records(other, Limits()))
        assert [(raw.raw, raw.origin.line) for raw in records] == [(raw.raw, raw.origin.line) for raw in same], one.path
        assert [[(at.code, at.detail) for at in raw.findings] for raw in records] == [[(at.code, at.detail) for at in raw.findings] for raw in same]


def test_a_large_object_is_read_in_ranges(server: Server):
    lines = b"".join(json.dumps(asked(f"q{i}", "x" * 50_000)).encode() + b"\n" for i in range(200))
    server.files.put("big.jsonl", lines)
    config = config_of(server)
    (file,) = inputs_of(config, None).files
    survey = survey_file(file, 3 << 20, config.stores)
    assert len(survey.splits) == 3
    parts = [raw for split, first in survey.splits for raw in read_split(file, split, first, Limits(), config.stores)]
    assert [(raw.raw, raw.origin.line) for raw in parts] == list(zip(lines.splitlines(), range(1, 201), strict=True))


@only_moto
def test_an_object_is_not_read_to_be_known_again(s3: Any, bucket: str, s3_endpoint: str, caplog: pytest.LogCaptureFixture):
    etag = s3.put_object(Bucket=bucket, Key="a.jsonl", Body=b"{}\n")["ETag"].strip('"')
    config = configuration(**in_bucket(s3_endpoint))
    (file,) = inputs_of(config, None).files
    caplog.clear()
    assert survey_file(file, 1 << 20, config.stores).sha256 == f"etag:{etag}"
    assert caplog.messages == []  # the server logs every request


@pytest.mark.parametrize("change", ["replace", "delete"])
def test_an_object_that_changed_since_it_was_listed_is_put_off(server: Server, change: str):
    server.files.put("a.jsonl", b'{"a":1}\n')
    config = config_of(server)
    (file,) = inputs_of(config, None).files
    if change == "replace":
        server.files.put("a.jsonl", b'{"a":2}\n')
    else:
        server.files.delete("a.jsonl")
    assert [(raw.origin.line, raw.findings[0].code) for raw in read_records(file, Limits(), config.stores)] == [(0, "file.changed_while_reading")]


@only_objects
def test_two_versions_of_an_object_are_never_mixed(server: Server):
    server.files.put("a.jsonl", b"a" * 1_000_000)
    with open_file(f"{server.uri}/a.jsonl", config_of(server).stores) as file:
        assert file.read(10) == b"a" * 10
        server.files.put("a.jsonl", b"b" * 1_000_000)
        with pytest.raises(OSError, match="the object has changed"):
            file.read(500_000)


def test_a_table_that_is_replaced_while_it_is_read_has_changed_and_is_not_corrupt(server: Server, tmp_path: Path):
    for name in ("a", "b"):
        pq.write_table(pa.Table.from_pylist([asked(f"{name}{i}", "x" * 2000) for i in range(2000)]), tmp_path / name, row_group_size=100, compression="none")
    server.files.put("a.parquet", (tmp_path / "a").read_bytes())
    config = config_of(server)
    (file,) = inputs_of(config, None).files
    records = read_records(file, Limits(), config.stores)
    next(records)
    server.files.put("a.parquet", (tmp_path / "b").read_bytes())
    *whole, last = records
    assert (last.origin.line, last.findings[0].code) == (0, "file.changed_while_reading")
    assert all(b'"b' not in raw.raw for raw in whole)


@only_moto
def test_the_environment_alone_can_say_where_a_store_is(s3: Any, bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch):
    s3.put_object(Bucket=bucket, Key="a.jsonl", Body=json.dumps(asked("q")).encode())
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    (found,) = run_files(open_flow(configuration(source={"path": "s3://logs"})), ["s3://logs/a.jsonl"])
    assert row_of(found, "", "", configuration().split)[0] == "conversations"


@pytest.mark.parametrize(
    ("ref", "uri", "codes"),
    [
        ("scr/a.png", "kit/scr/a.png", []),
        ("./scr/../scr/a.png", "kit/scr/a.png", []),
        ("screens/scr/a.png", "kit/scr/a.png", ["repair.path_root"]),
        ("SCR/A.png", "kit/scr/a.png", ["repair.path_case"]),
        ("scr\\a.png", "kit/scr/a.png", ["repair.path_separator"]),
        ("scr/none.png", None, ["image.missing"]),
        ("scr", None, ["image.missing"]),
        ("../secret.png", None, ["image.path_escape"]),
        ("scr/../../secret.png", None, ["image.path_escape"]),
        ("/secret.png", None, ["image.path_escape"]),
        ("s3://logs/screens/scr/a.png", None, ["image.remote_disabled"]),
        ("broken.png", None, ["image.not_image"]),
    ],
)
def test_an_image_below_a_root_in_a_store(server: Server, hostile: Path, ref: str, uri: str | None, codes: list[str]):
    if server.name == "azurite" and "\\" in ref:
        pytest.skip("Azurite reads a backslash in a key as a slash")
    picture = (hostile / "images" / "scr" / "dc0c3947.png").read_bytes()
    record = {"messages": [{"role": "user", "content": "Look.", "image": ref}, {"role": "assistant", "content": "Yes."}]}
    for key, body in {"screens/scr/a.png": picture, "secret.png": picture, "screens/broken.png": b"<html>", "in/a.jsonl": json.dumps(record).encode()}.items():
        server.files.put(key, body)
    config = config_of(server, path=f"{server.uri}/in", image_root=f"{server.uri}/screens")
    (found,) = run_files(open_flow(config), [f"{server.uri}/in/a.jsonl"])
    table, row = row_of(found, "", "", config.split)
    assert [finding["code"] for finding in row["findings"]] == codes
    assert [image["uri"] for image in row.get("images", ())] == ([uri] if uri else [])
    assert table == ("conversations" if uri else "quarantine")
    if uri:
        assert image_bytes(row["images"][0], config) == picture
        assert image_bytes(row["images"][0] | {"sha256": "other"}, config) is None


def test_a_tokenizer_is_fetched_once(s3: Any, bucket: str, s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any):
    source = Path(TOKENIZERS["minicpmv25_standin"])
    folder = tmp_path / "model"
    shutil.copytree(source if source.is_dir() else source.parent, folder)
    for name in ("weights.safetensors", "modeling.py", "deep/tokenizer.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    upload(s3, bucket, folder, "model/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stores = configuration(**in_bucket(s3_endpoint)).stores
    first = open_vocabulary("s3://logs/model", None, "here", stores)
    assert first.fingerprint == open_vocabulary(str(folder), None, "here").fingerprint
    fetched = sorted(path.name for path in first.path.parent.iterdir())
    assert "tokenizer.json" in fetched
    assert not {"weights.safetensors", "modeling.py", "deep"} & set(fetched)
    caplog.clear()
    assert open_vocabulary("s3://logs/model", None, "here", stores).path == first.path
    assert not [line for line in caplog.messages if "GET /logs/model/" in line]
    alone = open_vocabulary("s3://logs/model/tokenizer.json", None, "here", stores)
    assert alone.fingerprint == first.fingerprint


def test_a_trainer_reads_the_pictures_of_a_root_in_a_store(s3: Any, bucket: str, s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    for key in ("screens/a.png", "more/b.png", "secret.png"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())

    def image(uri: str, data: bytes) -> dict[str, str]:
        return {"uri": uri, "sha256": hashlib.sha256(data).hexdigest(), "format": "PNG"}

    roots = {"kit": "s3://logs/screens", "two": ["s3://logs/screens", "s3://logs/more"]}
    root = publish(tmp_path / "root", {"samples": []}, {"image_roots": roots})
    assert picture_bytes(root, image("kit/a.png", b"screens/a.png")) == b"screens/a.png"
    assert picture_bytes(root, image("two/1/b.png", b"more/b.png")) == b"more/b.png"
    assert picture_bytes(root, image("two/1/b.png", b"more/b.png"), {"two": ["/nowhere", "s3://logs/more"]}) == b"more/b.png"
    assert picture_file(root, image("kit/a.png", b"screens/a.png")) is None
    with pytest.raises(PictureChanged, match=r"kit/a\.png: the file has changed"):
        picture_bytes(root, image("kit/a.png", b"other"))
    for uri in ("kit/none.png", "kit/../secret.png"):
        with pytest.raises(PictureMissing, match="no such file, or it leads out of its folder: s3://logs/screens/"):
            picture_bytes(root, image(uri, b"secret.png"))


def test_the_run_names_roots_and_tokenizers_in_a_store(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tokenizer_file(TOKENIZERS["minicpmv25_standin"])
    assert file
    server.files.put("model/tokenizer.json", file.read_bytes())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = configuration(
        "minicpm_v_2_5",
        options={"tokenizer": f"{server.uri}/model"},
        source={"path": f"{server.uri}/in", "image_root": [f"{server.uri}/a", "/data/b"]},
        storage=server.settings,
    )
    settings = json.loads(reader_settings(open_flow(config)))
    assert settings["image_roots"] == {"kit": [f"{server.uri}/a", "/data/b"]}
    tokenizer = settings["dialects"]["minicpm_v_2_5"]["tokenizer"]
    assert (tokenizer["name"], tokenizer["file"]) == (f"{server.uri}/model", "tokenizer.json")
    assert tokenizer["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_one_listing_answers_all_questions_about_a_prefix(s3: Any, bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch):
    for i in range(20):
        s3.put_object(Bucket=bucket, Key=f"in/day={i}/a.jsonl", Body=b"{}\n")
    stores, asked_for = configuration(**in_bucket(s3_endpoint)).stores, []
    store, _ = store_of("s3://logs/in", stores)
    for name in ("head", "entries_below", "names_in", "has_below"):
        whole = getattr(store, name)
        monkeypatch.setattr(store, name, lambda key, name=name, whole=whole: asked_for.append(name) or whole(key))
    folders = Folders(stores)
    assert len(list(folders.walk("s3://logs/in", lambda error: None))) == 21
    assert folders.stat("s3://logs/in/day=3/a.jsonl").size == 3
    assert asked_for == ["entries_below"]


@only_moto
def test_an_object_that_may_not_be_read_stops_the_run(s3: Any, bucket: str, s3_endpoint: str):
    s3.put_object(Bucket=bucket, Key="in/a.jsonl", Body=json.dumps(asked("q")).encode())
    s3.put_object(Bucket=bucket, Key="in/b.jsonl", Body=json.dumps(asked("r")).encode(), ACL="public-read")
    config = configuration(source={"path": "s3://logs/in"}, storage={"s3": {"endpoint": s3_endpoint, "region": "us-east-1", "anonymous": True}})
    outcomes = run_files(open_flow(config), ["s3://logs/in"])
    with pytest.raises(StoreError, match=r"s3://logs/in/a\.jsonl cannot be read: permission denied"):
        list(outcomes)
