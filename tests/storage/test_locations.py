"""Paths, URIs, and the clients behind them."""

from __future__ import annotations

import pytest

from pipelines.storage.locations import canonical_uri, is_below, join, location_of, parent_of
from pipelines.storage.stores import MAX_CLIENTS, Stores, _open_store, store_of


@pytest.mark.parametrize(
    ("text", "uri", "parts"),
    [
        ("s3a://logs/day one/", "s3://logs/day one", ("s3", "logs", "day one")),
        ("gs://logs", "gs://logs", ("gs", "logs", "")),
        ("abfs://c@a.dfs.core.windows.net/x", "abfss://c@a.dfs.core.windows.net/x", ("abfss", "c@a.dfs.core.windows.net", "x")),
        ("hdfs://node:8020/logs", "hdfs://node:8020/logs", ("hdfs", "node:8020", "logs")),
        ("hdfs:///logs/a", "hdfs:///logs/a", ("hdfs", "", "logs/a")),
        ("hdfs:///", "hdfs://", ("hdfs", "", "")),
    ],
)
def test_a_uri_and_its_parts(text: str, uri: str, parts: tuple[str, str, str]):
    assert (canonical_uri(text), tuple(location_of(uri))) == (uri, parts)


@pytest.mark.parametrize("text", ["s3://", "s3://key:secret@logs/a", "s3://logs/a/../b", "s3://logs/a//b", "gs://host:80/a", "http://host/a", "logs/a"])
def test_what_is_no_uri_of_a_store(text: str):
    with pytest.raises(ValueError, match=r"must|is not the URI") as caught:
        canonical_uri(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("path", "above"), [("hdfs:///a/b", "hdfs:///a"), ("hdfs:///a", "hdfs://"), ("hdfs://", "hdfs://"), ("hdfs://n:1/a", "hdfs://n:1")])
def test_the_folder_above_a_path_of_hdfs(path: str, above: str):
    assert parent_of(path) == above


def test_join_and_below():
    assert [join(folder, "a") for folder in ("s3://b", "s3://b/c", "hdfs://", "hdfs://n:1", "/", "/x")] == [
        "s3://b/a",
        "s3://b/c/a",
        "hdfs:///a",
        "hdfs://n:1/a",
        "/a",
        "/x/a",
    ]
    assert [is_below(path, "s3://b/c") for path in ("s3://b/c", "s3://b/c/d", "s3://b/cd", "s3://b")] == [True, True, False, False]


def test_few_clients_are_kept_and_each_bucket_has_one():
    for i in range(MAX_CLIENTS + 8):
        store_of(f"s3://bucket-{i}/a", Stores())
    assert _open_store.cache_info().currsize == MAX_CLIENTS
    assert store_of("s3://bucket-39/a", Stores())[0] is store_of("s3://bucket-39/b", Stores())[0]
