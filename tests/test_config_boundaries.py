"""The least and the most of each setting, and how a fault names what it found."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, ConfigError, EpisodeKey, load_config, parse_config
from pipelines.config.faults import kind_of
from pipelines.config.loading import load_parts

LEAST: dict[str, Any] = {"sources": [{"name": "gui", "path": "logs"}], "output": {"root": "out"}}


def source(**more: Any) -> dict[str, Any]:
    return LEAST | {"sources": [LEAST["sources"][0] | more]}


def dialect(**more: Any) -> dict[str, Any]:
    return LEAST | {"dialects": [{"name": "glm_4", "tokenizer": "t", "max_tokens": 9} | more]}


def faults(data: dict[str, Any]) -> list[str]:
    """None of a valid configuration."""
    try:
        parse_config(data)
    except ConfigError as error:
        return list(error.faults)
    return []


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (source(name=""), ["sources[0].name: must not be empty"]),
        (source(name="g"), []),
        (source(path=""), ["sources[0].path: must not be empty"]),
        (source(path="p"), []),
        (source(path=[]), ["sources[0].path: must have at least one entry"]),
        (source(path=["p", ""]), ["sources[0].path[1]: must not be empty"]),
        (source(episode_id={"from": "", "pattern": "(.)"}), ["sources[0].episode_id.from: must not be empty"]),
        (source(episode_id={"from": "i", "pattern": "(.)(.)"}), []),
        (source(episode_id={"from": "i", "pattern": "a("}), ["sources[0].episode_id.pattern: is not a valid regular expression (at character 2)"]),
        (source(image_root=""), ["sources[0].image_root: expected a folder or a list of folders"]),
        (source(image_root=["a", ""]), ["sources[0].image_root: expected a folder or a list of folders"]),
        (dialect(sources=["gui"]), []),
        (dialect(tokenizer=""), ["dialects[0].tokenizer: must not be empty"]),
        (LEAST | {"limits": {"json_depth": 200}}, []),
        (LEAST | {"limits": {"json_depth": 201}}, ["limits.json_depth: expected a number of at most 200, found 201"]),
        (LEAST | {"limits": {"json_values": 1}}, []),
        (LEAST | {"limits": {"json_values": 0}}, ["limits.json_values: expected a number greater than 0, found 0"]),
        *[
            (LEAST | {"split": {"fractions": fractions}}, [f"split.fractions.{name}: expected a number of at {bound}, found {value}"])
            for name, bound, value, fractions in (
                ("train", "least 0", -0.5, {"train": -0.5, "val": 0.75, "test": 0.75}),
                ("val", "least 0", -0.5, {"train": 0.75, "val": -0.5, "test": 0.75}),
                ("test", "least 0", -0.5, {"train": 0.75, "val": 0.75, "test": -0.5}),
                ("train", "most 1", 1.5, {"train": 1.5, "val": 0, "test": 0}),
                ("val", "most 1", 1.5, {"train": 0, "val": 1.5, "test": 0}),
                ("test", "most 1", 1.5, {"train": 0, "val": 0, "test": 1.5}),
            )
        ],
        (LEAST | {"split": {"fractions": {"train": 0.9, "val": 0.1, "test": 0.0000000001}}}, []),  # sums that only rounding makes unequal to 1
        (LEAST | {"gates": {"max_ratio_to_median": 0}}, ["gates.max_ratio_to_median: expected a number greater than 0, found 0"]),
        (LEAST | {"gates": {"max_volume_ratio": 1}}, ["gates.max_volume_ratio: expected a number greater than 1, found 1"]),
        (LEAST | {"hooks": {"on_error": {"command": []}}}, ["hooks.on_error.command: must have at least one entry"]),
        (LEAST | {"spark": {"a": None}}, ["spark.a: expected text, found nothing"]),
        (LEAST | {"spark": 5}, ["spark: expected a mapping, found 5"]),
        (LEAST | {"spark": {"a": 0.5}}, []),
    ],
)
def test_a_setting_at_its_bound_is_valid_and_one_beyond_is_a_fault(data: dict[str, Any], found: list[str]):
    assert faults(data) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (
            LEAST | {"xyz": 1},
            [
                "xyz: unknown key; known: sources, images, normalize, limits, dialects, split, output, gates, scrub, duplicates, checks, storage, hooks, retention, spark"
            ],
        ),
        (LEAST | {"images": {"xyz": 1}}, ["images.xyz: unknown key; known: verify, max_pixels, allow_schemes"]),
        (LEAST | {"split": {"fractions": {"xyz": 0}}}, ["split.fractions.xyz: unknown key; known: train, val, test"]),
        (LEAST | {"hooks": {"on_error": {"command": ["a"], "xyz": 1}}}, ["hooks.on_error.xyz: unknown key; known: command, url"]),
        (source(episode_id={"from": "i", "pattern": "(.)", "form": "i"}), ["sources[0].episode_id.form: unknown key; did you mean from?"]),
        (dialect(options={"xyz": 1}), ["dialects[0].options.xyz: unknown key"]),  # glm_4 has no options
        (dialect(name="own", model="glm_4v", options={"xyz": 1}), ["dialects[0].options.xyz: unknown key"]),
        (dialect(name="minicpm_v_2", options={"max_slice": 1}), ["dialects[0].options.max_slice: unknown key; did you mean max_slices?"]),
        (source(format="xyz"), ["sources[0].format: 'xyz' is not auto, fields, module:function or one of `episodes formats`"]),
        (source(**{"format": 1}), ["sources[0].format: expected the name of a format or module:function, found 1"]),
        (source(name=date(2026, 11, 22)), ["sources[0].name: expected text, found 2026-11-22 (put it in quotes)"]),
        (source(name=None), ["sources[0].name: expected text, found nothing"]),
        (source(image_prefix={5: "a"}), ["sources[0].image_prefix[5]: expected text, found 5 (put it in quotes)"]),
    ],
)
def test_a_fault_names_the_nearest_or_all_valid_values(data: dict[str, Any], found: list[str]):
    assert faults(data) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        # A faulty element does not also make the list too short, and a faulty name does not also make the model missing.
        (LEAST | {"sources": [5]}, ["sources[0]: expected a mapping of settings, found 5"]),
        (source(path=[5]), ["sources[0].path[0]: expected text, found 5 (put it in quotes)"]),
        (dialect(name=5), ["dialects[0].name: expected text, found 5 (put it in quotes)"]),
        (
            dialect(name=5, model="xyz"),
            [
                "dialects[0].name: expected text, found 5 (put it in quotes)",
                "dialects[0].model: 'xyz' is not one of glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui, hf",
            ],
        ),
    ],
)
def test_the_consequences_of_a_fault_are_not_reported(data: dict[str, Any], found: list[str]):
    assert faults(data) == found


@pytest.mark.parametrize(
    ("sources", "dialects", "found"),
    [
        (["a", "b"], [], []),
        (["a", "b", "a", "b"], [], ["sources: 'a' appears twice", "sources: 'b' appears twice"]),
        (["a"], [("x", None), ("x", None)], ["dialects: 'x' appears twice"]),
        (["a"], [("x", ["a"]), ("y", "a")], []),
        (
            ["chat"],
            [("x", ["a", "chat"]), ("y", "chta")],
            ["dialects[0].sources: unknown source 'a'; known: chat", "dialects[1].sources: unknown source 'chta'; did you mean chat?"],
        ),
    ],
)
def test_names_are_unique_and_dialects_name_known_sources(sources: list[str], dialects: list[tuple[str, Any]], found: list[str]):
    made = [{"name": name, "model": "glm_4", "tokenizer": "t", "max_tokens": 9, "sources": taken} for name, taken in dialects]
    assert faults(LEAST | {"sources": [{"name": name, "path": name} for name in sources], "dialects": made}) == found


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (None, "nothing"),
        ({}, "a mapping"),
        ([], "a list"),
        ((), "a list"),
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        ("a", "'a'"),
        (date(2026, 11, 22), "2026-11-22"),
        ("x" * 58, "'" + "x" * 58 + "'"),
        ("x" * 59, "'" + "x" * 56 + "..."),
    ],
)
def test_a_value_is_described_in_a_few_words(value: object, described: str):
    assert kind_of(value) == described


def loaded(folder: Path, *overrides: str) -> Config:
    (folder / "c.yaml").write_text("sources: [{name: gui, path: logs}]\noutput: {root: out}\n")
    return load_config(folder / "c.yaml", overrides)


def test_an_override_sets_one_value_and_creates_missing_sections(tmp_path: Path):
    assert loaded(tmp_path, "split.fractions={train: 1, val: 0, test: 0}").split.fractions.train == 1
    assert loaded(tmp_path, "images.verify=header", "images.verify=structure").images.verify == "structure"
    assert loaded(tmp_path, "sources.0.name=chat").sources[0].name == "chat"
    assert loaded(tmp_path, "sources[0].path=[a, b]").sources[0].path == (f"{tmp_path}/a", f"{tmp_path}/b")
    assert loaded(tmp_path, "split.salt=a=b").split.salt == "a=b"
    assert loaded(tmp_path, "hooks.on_error={command: [a/b, a/b]}").hooks.on_error.command == (f"{tmp_path}/a/b", "a/b")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("override", "fault"), [("=x", "expected key=value"), ("sources[1].name=x", "no such setting"), ("output.root.x=1", "no such setting")]
)
def test_an_override_of_an_unknown_setting_is_a_fault(tmp_path: Path, override: str, fault: str):
    with pytest.raises(ConfigError, match=fault):
        loaded(tmp_path, override)


def test_the_valid_parts_of_a_faulty_configuration_are_kept(tmp_path: Path):
    (tmp_path / "c.yaml").write_text(
        "sources: [{name: gui, path: logs, fromat: auto}, {path: logs}, 5]\n"
        "dialects: [{name: glm_4, tokenizer: t, max_tokens: 9}, {name: glm_4, max_tokens: 9}]\n"
        "images: {verify: header, xyz: 1}\nhooks: {on_error: {command: [./x]}, xyz: 1}\noutput: {root: out, xyz: 1}\n"
    )
    parts, told = load_parts(tmp_path / "c.yaml")
    assert len(told) == 8
    assert {i: (one.name, one.path) for i, one in parts.sources.items()} == {0: ("gui", (f"{tmp_path}/logs",))}
    assert list(parts.dialects) == [0]
    assert parts.images.verify == "header"
    assert parts.hooks.on_error is not None
    assert parts.hooks.on_error.command == (f"{tmp_path}/x",)
    assert parts.output is not None
    assert parts.output.root == f"{tmp_path}/out"


def test_the_parts_of_an_invalid_configuration_are_the_defaults(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("sources: 5\nimages: 5\nhooks: 5\n")
    parts, _ = load_parts(tmp_path / "c.yaml")
    assert (parts.sources, parts.dialects, parts.output, parts.images.verify, parts.hooks.on_error) == ({}, {}, None, "decode", None)


def test_a_source_lists_its_image_roots_if_the_file_does():
    for given, roots, are_listed in ((None, (), False), ("a", ("a",), False), (["a"], ("a",), True), (["a", "b"], ("a", "b"), True)):
        (made,) = parse_config(source(image_root=given)).sources
        assert (made.image_roots, made.roots_are_listed) == (roots, are_listed)


@pytest.mark.parametrize(
    ("given", "kept"), [("k", ("k",)), (["k", "l"], ("k", "l")), ({"from": "k", "pattern": "(.)"}, EpisodeKey.model_validate({"from": "k", "pattern": "(.)"}))]
)
def test_an_episode_id_is_a_field_a_list_of_fields_or_a_part_of_one(given: Any, kept: Any):
    assert parse_config(source(episode_id=given)).sources[0].episode_id == kept
    assert faults(source(episode_id=[1])) == ["sources[0].episode_id: expected a field, a list of fields, or {from: FIELD, pattern: REGULAR EXPRESSION}"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: 1\n  b: 2", "line 2, column 4"), ("a: {b: 1, b: 2}", "line 1, column 11"), ("<<: {a: 1}\n<<: {b: 1}\na: 2\na: 3", "line 4, column 1")],
)
def test_a_fault_of_yaml_has_its_line_and_column(tmp_path: Path, text: str, place: str):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"not valid YAML at {place}: "):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("fold", "loss", "taken", "is_refused"),
    [
        ("prefix", "last_turn", None, True),
        ("prefix", "last_turn", ["a"], True),
        ("prefix", "last_turn", "a", True),
        ("prefix", "last_turn", ["b"], False),
        ("prefix", "all", None, False),
        ("none", "last_turn", None, False),
    ],
)
def test_a_folded_source_needs_a_dialect_that_trains_all_turns(fold: str, loss: str, taken: Any, is_refused: bool):
    sources = [{"name": "a", "path": "a", "fold": fold}, {"name": "b", "path": "b"}]
    dialect = {"name": "glm_4", "tokenizer": "t", "max_tokens": 9, "loss": loss} | ({} if taken is None else {"sources": taken})
    data = {"sources": sources, "dialects": [dialect], "output": {"root": "out"}}
    if not is_refused:
        parse_config(data)
        return
    with pytest.raises(ConfigError) as raised:
        parse_config(data)
    assert list(raised.value.faults) == [
        "dialects[0].loss: last_turn leaves answers of source a untrained: with fold: prefix, one record trains the answers of several"
    ]


def test_a_folded_source_keeps_records_with_one_id():
    data = {"sources": [{"name": "a", "path": "a", "fold": "prefix"}], "output": {"root": "out"}, "normalize": {"id_conflict": "quarantine"}}
    with pytest.raises(
        ConfigError, match=r"normalize\.id_conflict: quarantine would lose answers: with fold: prefix of source a, a record that is quarantined"
    ):
        parse_config(data)
    data["sources"] = [{"name": "a", "path": "a"}]
    parse_config(data)
