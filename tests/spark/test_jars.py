"""Delta's jars: from the cache into Spark's folder, each checked by its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipelines.spark.session import jars

JAR = b"classes"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for jars of Spark, and one jar to install, which the cache has."""
    monkeypatch.setattr(jars, "JARS", {"one.jar": ("a:one:1", hashlib.sha256(JAR).hexdigest())})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jars.cache_folder().mkdir(parents=True)
    (jars.cache_folder() / "one.jar").write_bytes(JAR)
    (tmp_path / "jars").mkdir()
    return tmp_path / "jars"


def test_a_jar_of_the_cache_is_installed_without_a_network(home: Path):
    assert jars.install(home) == []
    assert (home / "one.jar").read_bytes() == JAR


def test_a_damaged_jar_is_replaced(home: Path):
    (home / "one.jar").write_bytes(JAR[:3])
    assert jars.install(home) == []
    assert [(path.name, path.read_bytes()) for path in home.iterdir()] == [("one.jar", JAR)]


def test_where_the_folder_of_spark_cannot_be_written_spark_is_told_of_the_cache(home: Path):
    home.rmdir()
    home.write_text("a file, where the folder should be")
    assert jars.install(home / "jars") == [jars.cache_folder() / "one.jar"]
