"""The configuration: all mistakes are reported at once, each with its place and the nearest valid name."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import AgentSlicingOptions, Config, ConfigError, DialectSettings, Fractions, Hook, Source, load_config, parse_config
from pipelines.config.rows import History, Rows

LEAST = {"sources": [{"name": "gui", "path": "logs/*.jsonl"}], "output": {"root": "out"}}


def faults(data: dict) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(data)
    return caught.value.faults


def test_only_sources_and_the_output_root_are_required():
    config = parse_config(LEAST)
    assert (config.images.verify, config.split.fractions.train, config.gates.max_quarantined, config.dialects) == ("decode", 0.98, 0.05, ())


def test_all_mistakes_are_reported_at_once_with_places_and_nearest_keys():
    data = {
        "sources": [{"name": "gui", "path": "logs", "fromat": "auto"}],
        "images": {"verify": "decoed"},
        "dialects": [{"name": "glm4", "tokenizer": "t", "max_tokens": 0, "sources": ["guy"]}],
        "outptu": {"root": "out"},
        "output": {"root": "out"},
    }
    assert faults(data) == (
        "sources[0].fromat: unknown key; did you mean format?",
        "images.verify: 'decoed' is not one of header, structure, decode; did you mean decode?",
        "dialects[0].model: is missing, and the name 'glm4' is not one of glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui, hf; did you mean glm_4?",
        "dialects[0].max_tokens: expected a number greater than 0, found 0",
        "outptu: unknown key; did you mean output?",
        "dialects[0].sources: unknown source 'guy'; did you mean gui?",
    )


def gui(**more: object) -> dict:
    """A minimal configuration, with more settings for its source."""
    return LEAST | {"sources": [LEAST["sources"][0] | more]}


def glm_4(**more: object) -> dict:
    return LEAST | {"dialects": [{"name": "glm_4", "tokenizer": "t", "max_tokens": 9} | more]}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (LEAST | {"sources": []}, "sources: must have at least one entry"),
        (LEAST | {"sources": {"gui": "logs"}}, "sources: expected a list, found a mapping"),
        (LEAST | {"sources": ["logs"]}, "sources[0]: expected a mapping of settings, found 'logs'"),
        (LEAST | {"sources": LEAST["sources"] * 2}, "sources: 'gui' appears twice"),
        (LEAST | {"output": None}, "output: expected a mapping of settings, found nothing"),
        (LEAST | {"output": {}}, "output.root: required, but missing"),
        (LEAST | {"output": {"root": ""}}, "output.root: must not be empty"),
        (gui(name="a/b"), "sources[0].name: must not contain a slash or a control character"),
        (gui(name=2026), "sources[0].name: expected text, found 2026 (put it in quotes)"),
        (gui(path=5), "sources[0].path: expected a list, found 5"),
        (gui(path=["a", {}]), "sources[0].path[1]: expected text, found a mapping"),
        (gui(image_root=["a", 1]), "sources[0].image_root: expected a folder or a list of folders"),
        (gui(allow_empty="maybe"), "sources[0].allow_empty: expected true or false, found 'maybe'"),
        (gui(episode_id={"from": "id", "pattern": "id"}), "sources[0].episode_id.pattern: needs a group, as in (.+)_\\d+"),
        (glm_4(name="glm 4", model="glm_4"), "dialects[0].name: may contain only letters, digits and _ . + -"),
        (glm_4(max_tokens=None), "dialects[0].max_tokens: expected a whole number, found nothing"),
        (glm_4(max_tokens=1.5), "dialects[0].max_tokens: expected a whole number, found 1.5"),
        (glm_4(max_tokens="many"), "dialects[0].max_tokens: expected a whole number, found 'many'"),
        (glm_4(sources=[]), "dialects[0].sources: must have at least one entry"),
        (glm_4(tool_syntax=5), "dialects[0].tool_syntax: expected one of hermes, json, found 5"),
        (glm_4(model="agentcpm_gui", options={"max_slice": 9}), "dialects[0].options.max_slice: unknown key; did you mean max_slices?"),
        (LEAST | {"split": {"fractions": {"train": 1}}}, "split.fractions: the fractions sum to 1.02, not 1"),
        (LEAST | {"gates": {"max_quarantined": 5}}, "gates.max_quarantined: expected a number of at most 1, found 5"),
        (LEAST | {"gates": {"min_records": -1}}, "gates.min_records: expected a number of at least 0, found -1"),
        (LEAST | {"hooks": {"on_error": {}}}, "hooks.on_error: needs either command or url"),
        (LEAST | {"hooks": {"on_error": {"url": "htps://example.org/secret"}}}, "hooks.on_error.url: must begin with http:// or https://"),
        (LEAST | {"spark": {"spark.jars": ["a"]}}, "spark.spark.jars: expected text, found a list"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(data, fault):
    assert faults(data) == (fault,)


@pytest.mark.parametrize("value", [None, True, -1, 1.5, float("nan"), "x", [], ["x"], [{}], {}, {"x": 1}, {1: 2}], ids=repr)
def test_no_message_of_a_library_reaches_the_user(value):
    base = glm_4() | {
        "images": {},
        "normalize": {},
        "limits": {},
        "split": {"fractions": {}},
        "gates": {},
        "checks": {},
        "hooks": {"on_error": {}},
        "retention": {},
        "storage": {},
        "scrub": {},
    }
    base["sources"][0] |= {"rows": {"of": "step", "history": {}, "coordinates": {}}}
    reported = []
    for place in _places(base):
        data = copy.deepcopy(base)
        _put(data, place, value)
        try:
            parse_config(data)
        except ConfigError as error:
            reported += error.faults
    assert reported
    assert not [fault for fault in reported if re.search(r"Input|Value|Tuple|String|should|valid value|NoneType|dict|pydantic", fault)]


def _places(data: dict) -> list[tuple]:
    """Every setting, with or without a value in `data`."""
    found = [("sources", 0, key) for key in Source.model_fields] + [("dialects", 0, key) for key in DialectSettings.model_fields]
    for key, field in Config.model_fields.items():
        found += [(key,), *((key, name) for name in getattr(field.annotation, "model_fields", ()))]
    rows = ("sources", 0, "rows")
    found += [(*rows, name) for name in Rows.model_fields] + [(*rows, "history", name) for name in History.model_fields]
    found += [(*rows, "coordinates", name) for name in ("from", "order", "to")]
    return [*found, *(("split", "fractions", name) for name in Fractions.model_fields), *(("hooks", "on_error", name) for name in Hook.model_fields)]


def _put(data: Any, place: tuple, value: object) -> None:
    for part in place[:-1]:
        data = data[part]
    data[place[-1]] = value


FORM = "s3:// must be of the form s3://bucket/key, without a user or password, or a port"
NO_SECRETS = "and must not be in a configuration; set it in the environment, or use a role of the cluster"
ADDRESS = "expected http://host:port or https://host, without a user, a password or a query"
KNOWN = "s3://, gs://, abfss://, hdfs:// and file:///..."


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (gui(path="ftp://bucket/logs/*.jsonl"), f"sources[0].path: ftp:// is not supported; known: {KNOWN}"),
        (gui(path=["logs", "wasb://bucket/logs"]), f"sources[0].path[1]: wasb:// is not supported; known: {KNOWN}"),
        (gui(image_root=["a", "dbfs:/images"]), f"sources[0].image_root: dbfs:// is not supported; known: {KNOWN}"),
        (glm_4(tokenizer="https://example.org/t"), f"dialects[0].tokenizer: https:// is not supported; known: {KNOWN}"),
        (LEAST | {"output": {"root": "wasb://box@account/out"}}, f"output.root: wasb:// is not supported; known: {KNOWN}"),
        (gui(path="s3://key:hush@bucket/logs"), f"sources[0].path: {FORM}"),
        (gui(path="s3://127.0.0.1:9000/logs"), f"sources[0].path: {FORM}"),
        (gui(path="s3:///logs"), f"sources[0].path: {FORM}"),
        (gui(image_root="gs://bucket/a/../b"), "sources[0].image_root: gs:// must not contain //, /./ or /../ in its path"),
        (gui(path="s3://bucket/{date}"), "sources[0].path: {date} is not replaced; did you mean {batch}?"),
        (LEAST | {"storage": {"s3": {"secret_access_key": "hush"}}}, f"storage.s3: secret_access_key is a secret {NO_SECRETS}"),
        (LEAST | {"storage": {"abfss": {"sas_token": "hush"}}}, f"storage.abfss: sas_token is a secret {NO_SECRETS}"),
        (LEAST | {"storage": {"s3": {"endpoint": "https://key:hush@host"}}}, f"storage.s3.endpoint: {ADDRESS}"),
        (LEAST | {"storage": {"s3": {"endpont": "https://host"}}}, "storage.s3.endpont: unknown key; did you mean endpoint?"),
        (LEAST | {"storage": {"s4": {}}}, "storage.s4: unknown key; did you mean s3?"),
        (gui(path="file://data/logs"), "sources[0].path: file://data names another machine; write a local path as file:///..."),
        (gui(path="logs/{date}/*.jsonl"), "sources[0].path: {date} is not replaced; did you mean {batch}?"),
        (gui(path=["a", "{Batch}"]), "sources[0].path[1]: {Batch} is not replaced; did you mean {batch}?"),
        (gui(path="logs/{batch}/*.{jsonl,parquet}"), "sources[0].path: {jsonl,parquet} is not expanded; give a list of paths"),
        (gui(image_root="images/{batch}"), "sources[0].image_root: {batch} is not replaced here; only sources[].path may contain {batch}"),
        (LEAST | {"output": {"root": "out/{batch}"}}, "output.root: {batch} is not replaced here; only sources[].path may contain {batch}"),
    ],
)
def test_an_unsupported_path_is_a_fault(data, fault):
    assert faults(data) == (fault,)


def test_a_file_uri_becomes_a_local_path(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text("sources: [{name: gui, path: 'file:///data/{batch}', image_root: ['file:/a%20b']}]\noutput: {root: 'file://localhost/out'}\n")
    config = load_config(file)
    assert (config.sources[0].path, config.sources[0].image_root, config.output.root) == (("/data/{batch}",), ("/a b",), "/out")


def test_braces_in_the_name_of_an_existing_folder_are_no_fault(tmp_path: Path):
    (tmp_path / "{raw}").mkdir()
    (tmp_path / "c.yaml").write_text("sources: [{name: gui, path: '{raw}/{batch}/*.jsonl'}]\noutput: {root: out}\n")
    assert load_config(tmp_path / "c.yaml").sources[0].path == (f"{tmp_path}/{{raw}}/{{batch}}/*.jsonl",)


def test_the_options_of_a_dialect_default_to_those_of_its_upstream():
    config = parse_config(LEAST | {"dialects": [{"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9, "options": {"max_slices": 4}}]})
    assert config.dialects[0].options == AgentSlicingOptions(max_slices=4, scale_resolution=448, patch_size=14, query_tokens=64, max_side=1120)


def test_a_dialect_may_have_any_name_and_a_model_several_dialects():
    named = [{"name": name, "model": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9} for name in ("gui-2k", "gui-4k")]
    config = parse_config(LEAST | {"dialects": named})
    assert [(d.name, d.model, type(d.options)) for d in config.dialects] == [(n, "agentcpm_gui", AgentSlicingOptions) for n in ("gui-2k", "gui-4k")]


def test_an_episode_id_can_be_part_of_a_field():
    source = LEAST["sources"][0] | {"episode_id": {"from": "id", "pattern": r"(.+)_\d+"}}
    config = parse_config(LEAST | {"sources": [source]})
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert faults(LEAST | {"sources": [source | {"episode_id": {"from": "id", "pattern": "("}}]})[0].startswith("sources[0].episode_id")


def test_settings_are_the_same_after_a_round_trip_through_json():
    config = parse_config(LEAST | {"dialects": [{"name": "agentcpm_gui", "tokenizer": "t", "max_tokens": 9}], "spark": {"spark.ui.enabled": False}})
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_relative_paths_resolve_against_the_folder_of_the_file_and_overrides_win(tmp_path: Path):
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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file is empty"),
        ("- a", "expected a mapping of settings, found a list"),
        ("sources: [", "not valid YAML at line 1, column 11: expected a value, but found the end of the file"),
        ("split: {}\noutput: {}\nsplit: {}", "not valid YAML at line 3, column 1: 'split' appears twice"),
        ("\x00", "not valid YAML: it contains a control character"),
        ("\xff", "not UTF-8 text (byte 1)"),
    ],
)
def test_a_file_that_is_not_a_mapping_is_one_fault(tmp_path: Path, text: str, fault: str):
    (tmp_path / "c.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yaml")
    assert caught.value.faults == (f"{tmp_path}/c.yaml: {fault}",)


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("output.root", "--set output.root: expected key=value"),
        ("sources.first.name=a", "--set sources.first.name=a: no such setting"),
        ("output.root=[", "--set output.root=[: the value is not valid YAML"),
    ],
)
def test_an_invalid_override_is_a_fault(tmp_path: Path, override: str, fault: str):
    (tmp_path / "c.yaml").write_text("sources: [{name: gui, path: logs}]\noutput: {root: out}\n")
    with pytest.raises(ConfigError, match=f"^{re.escape(fault)}$"):
        load_config(tmp_path / "c.yaml", [override])


def test_a_missing_file_and_a_folder_are_faults(tmp_path: Path):
    for path, fault in [(tmp_path / "c.yaml", f"no such file: {tmp_path}/c.yaml"), (tmp_path, f"{tmp_path} is a folder, not a file")]:
        with pytest.raises(ConfigError, match=f"^{fault}$"):
            load_config(path)


def test_the_command_of_a_hook_with_a_slash_resolves_against_the_folder_of_the_file(tmp_path: Path):
    hooks = "{on_success: {command: [./notify.sh, a/b]}, on_error: {command: [mail]}}"
    (tmp_path / "c.yaml").write_text(f"sources: [{{name: gui, path: logs}}]\noutput: {{root: out}}\nhooks: {hooks}\n")
    found = load_config(tmp_path / "c.yaml").hooks
    assert (found.on_success.command, found.on_error.command) == ((f"{tmp_path}/notify.sh", "a/b"), ("mail",))


@pytest.mark.parametrize("path", ["logs", "logs/**/*.parquet", "logs/out"])
def test_tables_inside_the_folder_of_a_source_are_a_fault(tmp_path: Path, path: str):
    (tmp_path / "logs" / "out").mkdir(parents=True)
    (tmp_path / "c.yaml").write_text(f"sources: [{{name: a, path: {path}}}]\noutput: {{root: logs/out}}\n")
    with pytest.raises(ConfigError, match=r"output.root: .*logs/out is inside sources\[0\].path"):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("path", "is_fault"), [("s3://b/logs", True), ("s3://b/logs/**", True), ("s3://b/log", False), ("s3://c/logs", False), ("/logs", False)]
)
def test_tables_in_a_store_may_not_be_among_the_files_of_a_source(tmp_path: Path, path: str, is_fault: bool):
    (tmp_path / "c.yaml").write_text(f"sources: [{{name: a, path: '{path}'}}]\noutput: {{root: s3://b/logs/out}}\n")
    if is_fault:
        with pytest.raises(ConfigError, match=r"output.root: s3://b/logs/out is inside sources\[0\].path"):
            load_config(tmp_path / "c.yaml")
    else:
        assert load_config(tmp_path / "c.yaml").output.root == "s3://b/logs/out"


def test_tables_beside_the_files_of_a_source_are_no_fault(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("sources: [{name: a, path: logs/*.jsonl}]\noutput: {root: logs/out}\n")
    assert load_config(tmp_path / "c.yaml").output.root == str(tmp_path / "logs" / "out")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("hermes", ("hermes",)),
        (["hermes", "glm_4"], ("hermes", "glm_4")),
        ("hermess", "'hermess' is not auto, none, or one of xml, "),
        (["hermes", "glm-4"], "'glm-4' is not auto, none, or one of xml, "),
        ([], "expected auto, none, or a list of: xml, "),
        (7, "expected auto, none, or a list of: xml, "),
        (["hermes", 7], "expected auto, none, or a list of: xml, "),
    ],
)
def test_calls_in_text_takes_auto_none_or_names_of_syntaxes(given: Any, found: Any):
    data = LEAST | {"sources": [LEAST["sources"][0] | {"calls_in_text": given}]}
    if not isinstance(found, str) or found in ("auto", "none"):
        assert parse_config(data).sources[0].calls_in_text == found
        return
    (fault,) = faults(data)
    assert fault.startswith("sources[0].calls_in_text: ")
    assert found in fault
    if isinstance(given, str):
        assert fault.endswith("did you mean hermes?")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"resolved": True}, {"resolved": (True,)}),
        ({"info.reward | reward": [1, 0.5, "1", None]}, {"info.reward | reward": (1, 0.5, "1", None)}),
        ({}, {}),
        ("resolved", "expected fields with their values, as in {resolved: true, quality: [good, great]}"),
        ({"a..b": 1, "c": []}, "'a..b' is not a path such as data.turns or a[0].b, or alternatives of it such as data.turns | turns; c: no value is listed"),
        ({"a": {"b": 1}}, "a: {'b': 1} is not a text, a number, true, false or null"),
        ({"a": [[1]]}, "a: [1] is not a text, a number, true, false or null"),
        ({"a": float("nan")}, "a: nan is not a text, a number, true, false or null"),
        ({True: 1}, "True is not text; write the field in quotes"),
    ],
)
def test_keep_if_takes_fields_with_their_values(given: Any, found: Any):
    data = LEAST | {"sources": [LEAST["sources"][0] | {"keep_if": given}]}
    if isinstance(found, dict):
        made = parse_config(data)
        assert made.sources[0].keep_if == found
        assert Config.model_validate_json(made.model_dump_json()) == made  # as workers receive it
        return
    (fault,) = faults(data)
    assert fault.startswith(f"sources[0].keep_if: {found}")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("reward", ("reward",)),
        (["reward", "info.eval[0]"], ("reward", "info.eval[0]")),
        ({"reward": 1}, "expected a list of fields, as in [reward, info.exit_status]"),
        ([7], "7 is not text; write the field in quotes"),
        (["a[x]"], "'a[x]' is not a path such as"),
    ],
)
def test_keep_takes_fields(given: Any, found: Any):
    data = LEAST | {"sources": [LEAST["sources"][0] | {"keep": given}]}
    if isinstance(found, tuple):
        assert parse_config(data).sources[0].keep == found
        return
    (fault,) = faults(data)
    assert fault.startswith(f"sources[0].keep: {found}")


def test_records_takes_auto_line_or_file():
    assert faults(LEAST | {"sources": [LEAST["sources"][0] | {"records": "files"}]}) == (
        "sources[0].records: 'files' is not one of auto, line, file; did you mean file?",
    )
