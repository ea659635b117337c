"""The configuration: every fault at once, with its place and the nearest name."""

from pathlib import Path

import pytest

from pipelines.config import AgentSlicingOptions, Config, ConfigError, load_config, parse_config

LEAST = {"sources": [{"name": "gui", "path": "logs/*.jsonl"}], "output": {"root": "out"}}


def faults(data: dict) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(data)
    return caught.value.faults


def test_only_sources_and_the_output_root_are_required():
    config = parse_config(LEAST)
    assert (config.images.verify, config.split.fractions.train, config.gates.max_quarantined, config.dialects) == ("decode", 0.98, 0.05, ())


def test_all_five_mistakes_are_named_at_once_with_places_and_nearest_keys():
    data = {
        "sources": [{"name": "gui", "path": "logs", "fromat": "auto"}],
        "images": {"verify": "decoed"},
        "dialects": [{"name": "glm4", "tokenizer": "t", "max_tokens": 0, "sources": ["guy"]}],
        "outptu": {"root": "out"},
        "output": {"root": "out"},
    }
    assert faults(data) == (
        "sources[0].fromat: unknown key; did you mean format?",
        "images.verify: 'decoed' is none of header, structure, decode; did you mean decode?",
        "dialects[0].model: 'glm4' is none of glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui; did you mean glm_4?",
        "dialects[0].max_tokens: Input should be greater than 0 (found 0)",
        "outptu: unknown key; did you mean output?",
        "dialects[0].sources: 'guy' is no source; did you mean gui?",
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sources": []}, "sources: Tuple should have at least 1 item after validation, not 0 (found [])"),
        ({"split": {"fractions": {"train": 1}}}, "split.fractions: the fractions sum to 1.02, not 1 (found {'train': 1})"),
        ({"sources": LEAST["sources"] * 2}, "sources: 'gui' stands twice"),
        ({"hooks": {"on_error": {}}}, "hooks.on_error: give either command or url (found {})"),
        (
            {"dialects": [{"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9, "options": {"max_slice": 9}}]},
            "dialects[0].options.max_slice: unknown key; did you mean max_slices?",
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(change, fault):
    assert faults(LEAST | change) == (fault,)


def test_a_dialects_options_default_to_its_upstreams_own():
    config = parse_config(LEAST | {"dialects": [{"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9, "options": {"max_slices": 4}}]})
    assert config.dialects[0].options == AgentSlicingOptions(max_slices=4, scale_resolution=448, patch_size=14, query_tokens=64, max_side=1120)


def test_a_dialect_has_any_name_and_one_model_may_have_several():
    named = [{"name": name, "model": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9} for name in ("gui-2k", "gui-4k")]
    config = parse_config(LEAST | {"dialects": named})
    assert [(d.name, d.model, type(d.options)) for d in config.dialects] == [(n, "agentcpm_gui", AgentSlicingOptions) for n in ("gui-2k", "gui-4k")]


def test_an_episodes_id_can_be_part_of_a_field():
    source = LEAST["sources"][0] | {"episode_id": {"from": "id", "pattern": r"(.+)_\d+"}}
    config = parse_config(LEAST | {"sources": [source]})
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert faults(LEAST | {"sources": [source | {"episode_id": {"from": "id", "pattern": "("}}]})[0].startswith("sources[0].episode_id")


def test_settings_survive_the_trip_to_a_worker():
    config = parse_config(LEAST | {"dialects": [{"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9}], "spark": {"spark.ui.enabled": False}})
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_relative_paths_resolve_against_the_files_folder_and_set_wins(tmp_path: Path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "tok").mkdir()
    file = tmp_path / "conf" / "c.yaml"
    file.write_text(
        'sources: [{name: gui, path: "../logs/{batch}/*.jsonl", image_root: [a, /b]}]\noutput: {root: ../out}\n'
        "dialects: [{name: glm_4, tokenizer: ../tok, max_tokens: 9}, {name: glm_4v, tokenizer: glm_4_standin, max_tokens: 9}]\n"
    )
    config = load_config(file, ["output.format=parquet", "dialects[0].max_tokens=512"])
    assert config.sources[0].path == (f"{tmp_path}/logs/{{batch}}/*.jsonl",)
    assert config.sources[0].image_root == (f"{tmp_path}/conf/a", "/b")
    assert (config.output.root, config.output.format) == (f"{tmp_path}/out", "parquet")
    assert [(d.tokenizer, d.max_tokens) for d in config.dialects] == [(f"{tmp_path}/tok", 512), ("glm_4_standin", 9)]


@pytest.mark.parametrize("text", ["sources: [", "- a", "\xff"])
def test_a_file_that_is_no_mapping_is_one_clear_fault(tmp_path: Path, text: str):
    (tmp_path / "c.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"c.yaml: (not YAML|a mapping)"):
        load_config(tmp_path / "c.yaml")
