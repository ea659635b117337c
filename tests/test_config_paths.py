"""Paths of a configuration: local ones, file: URIs, globs, placeholders in braces, and tables among the logs."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import ConfigError, load_config, parse_config
from pipelines.config.paths import fixed_part, local_path


def faults(folder: Path, **source: Any) -> tuple[str, ...]:
    """None where such a source is valid."""
    try:
        parse_config({"sources": [{"name": "gui"} | source], "output": {"root": "out"}}, folder)
    except ConfigError as error:
        return error.faults
    return ()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("logs/a b", "logs/a b"),
        ("logs:/x", "logs:/x"),  # a folder may have such a name
        ("file:", "file:"),
        ("file:///a%20b", "/a b"),
        ("file:/a", "/a"),
        ("FILE://localhost/a", "/a"),
        (" file:///a ", "/a"),
        ("file:////a", "/a"),
    ],
)
def test_a_path_is_local_or_a_file_uri(text: str, path: str):
    assert local_path(text) == path


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("file://host/a", "file://host names another machine"),
        ("file://", "file:// names another machine"),
        ("file://localhost", "file://localhost names another machine"),
        ("s3:/a", "s3:// is not supported"),
        ("x9://a", "x9:// is not supported"),
        ("a\0", "must not contain a NUL character"),
    ],
)
def test_any_other_path_is_a_fault(text: str, fault: str):
    with pytest.raises(ValueError, match=f"^{fault}"):
        local_path(text)


@pytest.mark.parametrize(
    ("pattern", "fixed"), [("/a/b?/c", "/a"), ("/*", "/"), ("/{batch}", "/"), ("/a/x{batch}/*", "/a"), ("a/b", "a/b"), ("*/a", "/"), ("/a/[x]/b", "/a")]
)
def test_the_fixed_part_of_a_path_ends_before_its_first_glob(pattern: str, fixed: str):
    assert fixed_part(pattern) == fixed


def test_a_name_with_glob_characters_is_literal_if_it_exists(tmp_path: Path):
    assert fixed_part(f"{tmp_path}/[x]") == str(tmp_path)
    (tmp_path / "[x]").mkdir()
    assert fixed_part(f"{tmp_path}/[x]") == f"{tmp_path}/[x]"


@pytest.mark.parametrize(
    ("setting", "made", "found"),
    [
        ({"path": "{raw}/{batch}"}, [], ["sources[0].path: {raw} is not replaced; did you mean {batch}?"]),
        ({"path": "{raw}/{batch}"}, ["{raw}"], []),
        ({"path": "{raw}x/a"}, ["{raw}"], ["sources[0].path: {raw} is not replaced; did you mean {batch}?"]),
        ({"path": "{batch}/{raw}"}, ["mon/{raw}"], []),
        ({"path": "{batch}/{raw}"}, ["mon"], ["sources[0].path: {raw} is not replaced; did you mean {batch}?"]),
        (
            {"path": "a", "image_root": ["{batch}/{raw}"]},
            ["mon/{raw}"],
            ["sources[0].image_root[0]: {raw} is not replaced here; only sources[].path may contain {batch}"],
        ),
        ({"path": "a", "image_root": "{raw}"}, ["{raw}"], []),
        ({"path": ["a", "s3://{raw}"]}, [], []),
    ],
)
def test_braces_are_a_placeholder_or_the_name_of_what_exists(tmp_path: Path, setting: dict[str, Any], made: list[str], found: list[str]):
    for name in made:
        (tmp_path / name).mkdir(parents=True)
    told = faults(tmp_path, **setting)
    assert [fault for fault in told if "replaced" in fault and "{batch} is not" not in fault] == found


@pytest.mark.parametrize(
    ("path", "is_fault"),
    [
        ("out", True),
        ("out/tables", False),  # which the folder of the source does not hold
        (".", True),
        ("*", False),
        ("**", True),
        ("ou", False),
        ("x/**", False),
    ],
)
def test_tables_may_not_be_among_the_files_of_a_source(tmp_path: Path, path: str, is_fault: bool):
    (tmp_path / "out" / "tables").mkdir(parents=True)
    (tmp_path / "c.yaml").write_text(f"sources: [{{name: gui, path: '{path}'}}]\noutput: {{root: out}}\n")
    try:
        load_config(tmp_path / "c.yaml")
        told = ()
    except ConfigError as error:
        told = error.faults
    assert [fault.partition(":")[0] for fault in told] == (["output.root"] if is_fault else [])
