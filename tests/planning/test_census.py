"""Which records are chosen: by the seed alone, each as likely as any other of its source, and no duplicate."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, parse_config
from pipelines.containers.inputs import inputs_of
from pipelines.planning.census import Census, chosen_records, distinct, take_census
from tests.making import asked, write_lines


def two_sources(folder: Path, **more: Any) -> Config:
    sources = [{"name": name, "path": f"{folder}/{name}"} for name in ("a", "b")]
    return parse_config({"sources": sources, "output": {"root": "out"}} | more)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Source a with 200 records in two files, b with 50, and three duplicates of a."""
    write_lines(tmp_path / "a" / "1.jsonl", [asked(f"{i}?") for i in range(120)])
    write_lines(tmp_path / "a" / "2.jsonl", [*(asked(f"{i}?") for i in range(117, 200)), b"", b"{bad"])
    write_lines(tmp_path / "b" / "1.jsonl", [asked(f"{i}?") for i in range(50)])
    return two_sources(tmp_path)


def census_of(config: Config, sample: int | None, seed: int = 0) -> tuple[Census, list[tuple[str, str, int]]]:
    files = distinct(inputs_of(config, None).files)
    census = take_census(config, files, sample, seed, lambda raw: None)
    places = [(raw.origin.source, Path(raw.origin.path).name, raw.origin.line) for raw in chosen_records(config, files, census)]
    return census, places


def test_all_records_are_read_once_without_duplicates(config: Config):
    census, places = census_of(config, None)
    assert (dict(census.records), census.duplicates, census.damaged, census.chosen) == ({"a": 201, "b": 50}, 3, [], None)
    assert len(places) == len(set(places)) == 251
    assert next(place for place in places if place[1] == "2.jsonl") == ("a", "2.jsonl", 4)  # the three before are in the first file


@pytest.mark.parametrize("sample", [251, 1000])
def test_a_sample_that_is_as_large_as_all_is_all(config: Config, sample: int):
    assert census_of(config, sample)[0].chosen is None


def test_each_source_gives_its_share_and_at_least_a_few(config: Config):
    count = {sample: Counter(place[0] for place in census_of(config, sample)[1]) for sample in (2, 20, 100, 200)}
    assert count == {2: {"a": 2, "b": 2}, 20: {"a": 16, "b": 10}, 100: {"a": 80, "b": 30}, 200: {"a": 160, "b": 40}}


def test_the_seed_decides_which_records_are_chosen(config: Config):
    assert census_of(config, 40, 7)[1] == census_of(config, 40, 7)[1]
    assert census_of(config, 40, 7)[1] != census_of(config, 40, 8)[1]


def test_each_record_is_chosen_about_as_often_as_any_other(config: Config):
    times = Counter(place for seed in range(200) for place in census_of(config, 126, seed)[1] if place[0] == "a")
    assert len(times) == 201
    assert all(60 < count < 145 for count in times.values())  # 101 of 200 are expected, with a deviation of 7


def test_a_damaged_file_is_counted_and_its_whole_records_too(tmp_path: Path):
    write_lines(tmp_path / "b" / "1.jsonl", [asked("One?")])
    (tmp_path / "a").mkdir()
    whole = b"".join((tmp_path / "b" / "1.jsonl").read_bytes().replace(b"One", b"%d" % i) for i in range(500))
    (tmp_path / "a" / "1.jsonl.gz").write_bytes(gzip.compress(whole)[:-9])
    census, places = census_of(two_sources(tmp_path), None)
    assert [raw.findings[0].code for raw in census.damaged] == ["file.gzip_truncated"]
    assert len(places) == census.records.total() > 1


def test_a_file_of_two_sources_is_read_for_both(tmp_path: Path):
    log = write_lines(tmp_path / "a.jsonl", [asked("One?")])
    config = parse_config({"sources": [{"name": name, "path": str(log)} for name in ("a", "b")], "output": {"root": "out"}})
    assert dict(census_of(config, None)[0].records) == {"a": 1, "b": 1}


def test_chosen_records_are_scrubbed_and_keep_their_id(tmp_path: Path):
    for name in ("a", "b"):
        write_lines(tmp_path / name / "1.jsonl", [asked("My key is sk-ant-api03-" + "aB3dE5fG7h" * 9)])
    config = two_sources(tmp_path, scrub={"secrets": "mask"})
    files = distinct(inputs_of(config, None).files)
    census = take_census(config, files, None, 0, lambda raw: None)
    records = list(chosen_records(config, files, census))
    assert [b"sk-ant" in raw.raw for raw in records] == [False, False]
    assert {raw.record_id for raw in records} == set(census.first)
