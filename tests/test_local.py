"""Local files without Spark: which source a file belongs to, what is read twice or not at all, and one record alone."""

from pathlib import Path
from typing import Any

import pytest

from pipelines import local
from pipelines.config import Config, parse_config
from pipelines.local import files_of_no_source, input_file, list_files, record_outcomes, run_files, with_folders
from pipelines.records import Conversation, Quarantined, origin_of
from tests.golden import open_case
from tests.making import asked, configuration, write_lines


def two_sources(folder: Path) -> Config:
    sources = [{"name": "chat", "path": f"{folder}/chat/{{batch}}/*.jsonl"}, {"name": "gui", "path": [f"{folder}/gui/{{batch}}", f"{folder}/one.jsonl"]}]
    return parse_config({"sources": sources, "output": {"root": "out"}})


@pytest.mark.parametrize(
    ("name", "batch", "source"),
    [
        ("chat/mon/a.jsonl", "mon", "chat"),
        ("gui/mon/a.jsonl", "mon", "gui"),
        ("gui/mon/below/a.jsonl", "mon", "gui"),
        ("gui/tue/a.jsonl", "mon", "gui"),  # of another batch
        ("gui/tue/a.jsonl", None, "gui"),  # of any batch
        ("one.jsonl", "mon", "gui"),
        ("other.jsonl", "mon", "chat"),
    ],
)
def test_a_file_belongs_to_the_source_whose_path_matches_or_to_the_first(tmp_path: Path, name: str, batch: str | None, source: str):
    path = write_lines(tmp_path / name, [asked()])
    assert input_file(two_sources(tmp_path), str(path), batch).source == source
    assert [file.source for file in list_files(two_sources(tmp_path), [str(path)], batch).files] == [source]


def test_a_star_in_a_path_is_part_of_one_name(tmp_path: Path):
    sources = [{"name": "rest", "path": f"{tmp_path}/*.jsonl"}, {"name": "gui", "path": f"{tmp_path}/g*"}, {"name": "deep", "path": f"{tmp_path}/**/d.jsonl"}]
    config = parse_config({"sources": sources, "output": {"root": "out"}})
    names = {"a.jsonl": "rest", "gui/a.jsonl": "gui", "gui/below/a.jsonl": "gui", "other/below/d.jsonl": "deep"}
    for name, source in names.items():
        assert input_file(config, str(write_lines(tmp_path / name, [asked()])), None).source == source


def test_a_folder_of_no_source_is_added_to_the_first_one(tmp_path: Path):
    config = two_sources(tmp_path)
    for folder in ("other", "gui/mon"):
        write_lines(tmp_path / folder / "a.jsonl", [asked()])
    added = with_folders(config, [f"{tmp_path}/other", f"{tmp_path}/gui/mon", f"{tmp_path}/one.jsonl"], "mon")
    assert [source.path for source in added.sources] == [(*config.sources[0].path, f"{tmp_path}/other"), config.sources[1].path]
    assert with_folders(config, [f"{tmp_path}/gui/mon"], "mon") is config


def test_each_file_of_a_folder_above_several_sources_belongs_to_its_own(tmp_path: Path):
    for name in ("chat/mon/a.jsonl", "gui/mon/b.jsonl", "gui/tue/c.jsonl", "other/d.jsonl"):
        write_lines(tmp_path / name, [asked()])
    written = two_sources(tmp_path)
    config = with_folders(written, [str(tmp_path)], "mon")
    files = list_files(config, [str(tmp_path)], "mon").files
    assert [(Path(file.path).stem, file.source) for file in files] == [("a", "chat"), ("b", "gui"), ("c", "gui"), ("d", "chat")]
    assert files_of_no_source(written, files, "mon") == 1
    assert files_of_no_source(config, files, "mon") == 0


def test_a_folder_or_a_missing_file_cannot_be_read_as_a_log(tmp_path: Path):
    with pytest.raises(IsADirectoryError):
        input_file(two_sources(tmp_path), str(tmp_path), None)
    with pytest.raises(FileNotFoundError):
        input_file(two_sources(tmp_path), f"{tmp_path}/a.jsonl", None)


def outcomes(config: Config, *files: Path) -> list[tuple[str, int, str]]:
    """(file, line, state) of every outcome."""
    made = run_files(open_case(config), [str(file) for file in files])
    return [(Path(origin_of(one).path).name, origin_of(one).line, one.findings[0].code if isinstance(one, Quarantined) else type(one).__name__) for one in made]


@pytest.mark.parametrize("kept_bytes", [0, 1, 150, 300, 1 << 20])
def test_the_outcomes_are_the_same_whatever_is_kept_between_the_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int):
    monkeypatch.setattr(local, "KEPT_BYTES", kept_bytes)
    first = write_lines(tmp_path / "b.jsonl", [asked("One?"), asked("Two?"), asked("One?")])
    second = write_lines(tmp_path / "a.jsonl", [asked("Two?"), asked("Three?")])
    assert outcomes(configuration(), first, second, first) == [
        ("b.jsonl", 1, "Conversation"),
        ("b.jsonl", 2, "record.duplicate"),  # a.jsonl comes first by its path
        ("b.jsonl", 3, "record.duplicate"),
        ("a.jsonl", 1, "Conversation"),
        ("a.jsonl", 2, "Conversation"),
    ]


@pytest.mark.parametrize(
    ("ids", "clashing"),
    [(["1", "2"], []), (["1", "1"], [1, 2]), (["1", "2", "1"], [1, 3]), ([None, None], []), (["1", "1", "1"], [1, 2, 3])],
)
def test_an_id_of_several_records_of_a_source_is_a_conflict(tmp_path: Path, ids: list[str | None], clashing: list[int]):
    records: list[Any] = [asked(f"{number}?", **({} if own is None else {"id": own})) for number, own in enumerate(ids)]
    made = run_files(open_case(configuration()), [str(write_lines(tmp_path / "a.jsonl", records))])
    assert [one.origin.line for one in made if isinstance(one, Conversation) and "record.id_conflict" in [f.code for f in one.findings]] == clashing


def test_a_record_can_be_read_by_its_line_alone(tmp_path: Path):
    log = write_lines(tmp_path / "a.jsonl", [asked("One?"), asked("Two?"), asked("Two?")])
    raw, found = record_outcomes(open_case(configuration("glm_4")), str(log), 3, None)
    assert raw is not None
    assert (raw.origin.line, [type(one).__name__ for one in found]) == (3, ["Conversation", "Sample"])
    assert record_outcomes(open_case(configuration()), str(log), 4, None) == (None, [])


@pytest.mark.parametrize(
    ("name", "source"), [("logs/top.jsonl", "gui"), ("logs/a/b/one.jsonl", "gui"), ("tools/one.jsonl", "tools"), ("logsa/one.jsonl", "tools")]
)
def test_a_pattern_over_all_depths_has_the_files_of_its_own_folder_too(tmp_path: Path, name: str, source: str):
    log = tmp_path / name
    log.parent.mkdir(parents=True)
    write_lines(log, [asked()])
    tools, gui = ({"name": own, "path": f"{tmp_path}/{pattern}"} for own, pattern in (("tools", "tools/*.jsonl"), ("gui", "logs/**/*.jsonl")))
    config = Config.model_validate({"sources": [tools, gui], "output": {"root": str(tmp_path / "out")}})
    assert input_file(config, str(log), None).source == source
