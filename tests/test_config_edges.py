"""The default of every setting, and the smallest and largest value that it may have."""

from typing import Any

import pytest

from pipelines.config import Config, ConfigError, parse_config

LEAST: dict[str, Any] = {"sources": [{"name": "gui", "path": "logs"}], "output": {"root": "out"}}
DIALECT = {"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 1}


def with_setting(place: str, value: Any) -> Config:
    section, _, name = place.partition(".")
    if section in ("source", "dialect", "options"):
        source = LEAST["sources"][0] | ({name: value} if section == "source" else {})
        dialect = DIALECT | ({name: value} if section == "dialect" else {"options": {name: value}} if section == "options" else {})
        return parse_config(LEAST | {"sources": [source], "dialects": [dialect]})
    return parse_config(LEAST | {section: {name: value}})


def test_every_setting_has_its_default():
    config = parse_config(LEAST | {"dialects": [DIALECT]}).model_dump()
    source, dialect = config["sources"][0], config["dialects"][0]
    assert (source["format"], source["image_root"], source["image_prefix"], source["allow_empty"], source["ignore"]) == ("auto", None, {}, False, ())
    assert source["episode_id"] == ("episode_id", "trajectory_id", "traj_id", "session_id", "conversation_id", "thread_id")
    assert config["images"].items() >= {"verify": "decode", "max_pixels": 64000000, "allow_schemes": ()}.items()
    assert (
        config["normalize"].items()
        >= {
            "repair": "safe",
            "reasoning": "keep",
            "schema_invalid": "warn",
            "id_conflict": "keep",
            "field_unread": "quarantine",
            "media": "quarantine",
        }.items()
    )
    assert (
        config["limits"].items() >= {"line_bytes": 33554432, "json_depth": 64, "images_per_record": 64, "image_bytes": 33554432, "literal_bytes": 65536}.items()
    )
    assert (dialect["model"], dialect["recipe"], dialect["sources"]) == ("agentcpm_gui", "sound", None)
    assert (dialect["on_overflow"], dialect["loss"], dialect["tool_syntax"]) == ("quarantine", "all", None)
    assert dialect["options"] == {"max_slices": 9, "scale_resolution": 448, "patch_size": 14, "query_tokens": 64, "max_side": 1120}
    assert config["split"] == {"by": "episode_id", "salt": "v1", "fractions": {"train": 0.98, "val": 0.01, "test": 0.01}}
    assert config["output"] == {"root": "out", "format": "delta", "catalog": None}
    assert (
        config["gates"].items()
        >= {
            "max_quarantined": 0.05,
            "max_internal_errors": 0,
            "max_ratio_to_median": None,
            "min_records": 1,
            "max_shrink": 0.1,
            "max_volume_ratio": None,
        }.items()
    )
    assert config["hooks"] == {"on_success": None, "on_gate_failed": None, "on_error": None}
    assert (config["retention"], config["spark"]) == ({"days": 30}, {})


@pytest.mark.parametrize(
    ("place", "valid", "invalid"),
    [
        ("images.max_pixels", [1], [0, -1, 1.5]),
        *[(f"limits.{name}", [1], [0, -1]) for name in ("line_bytes", "json_depth", "images_per_record", "image_bytes", "literal_bytes")],
        *[(f"options.{name}", [1], [0]) for name in ("max_slices", "scale_resolution", "patch_size", "query_tokens", "max_side")],
        ("dialect.max_tokens", [1], [0]),
        ("gates.max_quarantined", [0, 1], [-0.01, 1.01]),
        ("gates.max_internal_errors", [0], [-1]),
        ("gates.max_ratio_to_median", [0.01, None], [0]),
        ("gates.min_records", [0], [-1]),
        ("gates.max_shrink", [0, 1, None], [-0.01, 1.01]),
        ("gates.max_volume_ratio", [1.01, None], [1]),
        ("retention.days", [1], [0]),
        ("split.fractions", [{"train": 0, "val": 0, "test": 1}, {"train": 1, "val": 0, "test": 0}, {"train": 0, "val": 1, "test": 0}], []),
        ("split.fractions", [], [{"train": 0.9, "val": 0, "test": 0}, {"train": 1.5, "val": -0.5, "test": 0}, {"train": 0.98, "val": 0.02, "test": 0.01}]),
        ("dialect.name", ["a.b+c-d_9"], ["", "a b", "a/b"]),
        ("source.episode_id", ["k", ["k"], {"from": "id", "pattern": "(.+)_1"}], [[], [7], 7, {"from": "id", "pattern": "(", "x": 1}]),
        ("hooks.on_error", [{"url": "http://a"}, {"url": "https://a"}, {"command": ["a"]}], [{}, {"url": "ftp://a"}, {"command": []}]),
        ("hooks.on_success", [], [{"url": "http://a", "command": ["a"]}]),
    ],
)
def test_a_setting_is_valid_within_its_limits_only(place: str, valid: list[Any], invalid: list[Any]):
    if place == "dialect.name":
        valid = [{"name": name, "model": "glm_4"} for name in valid]
    for value in valid:
        settings = DIALECT | value if place == "dialect.name" else None
        assert parse_config(LEAST | {"dialects": [settings]}) if settings else with_setting(place, value)
    for value in invalid:
        with pytest.raises(ConfigError) as caught:
            with_setting(place, value)
        assert all(place.rpartition(".")[2] in fault for fault in caught.value.faults)


@pytest.mark.parametrize(("sources", "takes_gui"), [(None, True), (["gui"], True), (["chat", "gui"], True), (["chat"], False)])
def test_a_dialect_takes_the_sources_that_it_names_or_else_all(sources, takes_gui: bool):
    both = [{"name": "gui", "path": "a"}, {"name": "chat", "path": "b"}]
    config = parse_config(LEAST | {"sources": both, "dialects": [DIALECT | {"sources": sources}]})
    assert config.dialects[0].takes("gui") == takes_gui


def test_spark_settings_become_text_as_spark_expects_it():
    assert parse_config(LEAST | {"spark": {"a": True, "b": False, "c": 4, "d": "4g"}}).spark == {"a": "true", "b": "false", "c": "4", "d": "4g"}
