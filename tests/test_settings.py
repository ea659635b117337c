"""Every setting is explained in the docs, and is read: without it, the configuration is another one, or none."""

from __future__ import annotations

import copy
import re
import typing
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from pipelines.config import Config, ConfigError, parse_config
from pipelines.config.options import OPTIONS

DOCS = Path(__file__).parents[1] / "docs"
# The page that explains the settings below this place; configuration.md has the others in its list.
PAGES = {
    "sources.fields": "formats.md",
    "sources.rows": "steps.md",
    "gates": "batches.md",
    "checks": "checks.md",
    "storage": "cluster.md",
    "hooks": "scheduling.md",
    "dialects.options": "models.md",
}
# Each setting with another value than its default; several, because some exclude others.
TRIED = """
sources:
  - name: chat
    path: logs/{batch}/*.jsonl
    image_root: screens
    image_prefix: {/old: .}
    allow_empty: true
    episode_id: {from: id, pattern: "(.+)-x"}
    ignore: [label]
    records: line
    calls_in_text: none
    keep_if: {resolved: true}
    keep: [cost]
  - name: talks
    path: talks
    format: fields
    fields:
      turns: data.turns
      turn: {role: who, content: text, calls: acts, call_id: ref, loss: trained, name: alias, metadata: tag, images: pictures, reasoning: why}
      roles: {customer: user}
      call: {name: fn, arguments: params, id: uid}
      system: policy
      tools: functions
      images: shots
      media: clips
      label: good
      id: key
      episode_id: run
      step_id: number
      image_mark: "[IMG]"
  - {name: pairs, path: pairs, format: fields, fields: {prompt: question, answer: reply, history: past, rejected: worse}}
  - name: trainer
    path: trainer
    format: fields
    fields:
      formatting: sharegpt
      columns: {messages: dialog}
      tags: {role_tag: a, content_tag: b, user_tag: c, assistant_tag: d, observation_tag: e, function_tag: f, system_tag: g}
  - {name: ranked, path: ranked, format: fields, fields: {ranking: true, columns: {prompt: response, response: query}}}
  - name: steps
    path: steps
    rows:
      of: step
      prompt: agentcpm_gui
      history: {steps: 2, images: 2}
      instruction: low
      coordinates: {from: px, order: yx, to: thousand}
      group_by: run
      order_by: number
      finish_row: false
      loss: all
images: {verify: header, max_pixels: 1000, allow_schemes: [s3]}
normalize: {repair: none, reasoning: drop, schema_invalid: quarantine, id_conflict: quarantine, field_unread: warn, media: warn}
limits: {line_bytes: 1000, json_depth: 10, json_values: 1000, images_per_record: 1, image_bytes: 1000, literal_bytes: 10}
dialects:
  - name: mine
    model: agentcpm_gui
    tokenizer: minicpm_v_2_6
    max_tokens: 100
    sources: [talks]
    recipe: upstream
    on_overflow: windows
    history: {steps: 1, results: 1, images: 1, left_out: gone}
    loss: last_turn
    tool_syntax: hermes
    options: {max_slices: 4, scale_resolution: 224, patch_size: 7, query_tokens: 32, max_side: 560}
  - name: template
    model: hf
    tokenizer: folder
    max_tokens: 100
    options: {date: "2026-11-22", end_of_turn: "<end>", history_thinking: train, template_kwargs: {a: 1}, min_pixels: 10, max_pixels: 20}
split: {by: record_id, salt: v2, fractions: {train: 0.9, val: 0.05, test: 0.05}}
output: {root: tables, format: parquet, catalog: hive}
gates:
  max_quarantined: 0.1
  max_internal_errors: 1
  max_ratio_to_median: 2
  min_records: 2
  max_shrink: 0.2
  max_volume_ratio: 3
  sources: {chat: {warn: 0.1, fail: 0.2}}
  reasons: {image.missing: {warn: 0.1, fail: 0.2}}
scrub: {secrets: mask, pii: mask}
checks: {same_failing_call: mask, error_streak: mask, no_change: mask, point_outside: mask, no_end: mask, undeclared_tool: mask, cut_answer: note}
duplicates: root
storage:
  s3: {endpoint: "https://s3.example", region: here, anonymous: true, virtual_hosted: true}
  gs: {endpoint: "https://gs.example", anonymous: true}
  abfss: {endpoint: "https://az.example", account: me, anonymous: true}
hooks: {on_success: {command: [notify]}, on_gate_failed: {url: "https://example.org"}, on_error: {command: [wake]}}
retention: {days: 7}
spark: {spark.executor.memory: 8g}
---
sources: [{name: proxy, path: proxy, fold: prefix}]
output: {root: tables}
"""
GIVEN = list(yaml.safe_load_all(TRIED))
WHOLE = [parse_config(given) for given in GIVEN]
FREE = {"sources.image_prefix", "sources.keep_if", "sources.fields.roles", "sources.fields.columns", "dialects.options.template_kwargs", "spark"}


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for argument in typing.get_args(kind):
        yield from models_in(argument)


def settings_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """The places of all settings: sources.name, sources.rows.history.steps."""
    for name, field in model.model_fields.items():
        place = f"{before}{field.alias or name}"
        yield place
        for inner in OPTIONS.values() if place == "dialects.options" else models_in(field.annotation):
            yield from settings_of(inner, f"{place}.")


ALL = sorted(set(settings_of(Config)))


def given_in(value: Any, place: str = "", at: tuple[str | int, ...] = ()) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """(the place of a setting, where it stands in these data) for everything in them."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from given_in(item, place, (*at, i))
    elif isinstance(value, dict) and place not in FREE:
        for key, inner in value.items():
            if place in ("gates.sources", "gates.reasons") and len(at) == 3:  # the name of a source or a reason
                yield from given_in(inner, place, (*at, key))
            else:
                name = f"{place}.{key}".lstrip(".")
                yield name, (*at, key)
                yield from given_in(inner, name, (*at, key))


WHERE = list(given_in(GIVEN))
ONE_VALUE = "sources.rows.coordinates.to"


def test_every_setting_is_tried():
    assert sorted({place for place, _ in WHERE} | {"hooks.on_success.url", "hooks.on_gate_failed.command", "hooks.on_error.url"}) == ALL


@pytest.mark.parametrize(("place", "at"), [(place, at) for place, at in WHERE if place != ONE_VALUE], ids=lambda value: value if isinstance(value, str) else "")
def test_a_configuration_without_a_setting_is_another_one(place: str, at: tuple[Any, ...]):
    holder = data = copy.deepcopy(GIVEN[at[0]])
    for key in at[1:-1]:
        holder = holder[key]
    del holder[at[-1]]
    with suppress(ConfigError):  # it is required here
        assert parse_config(data) != WHOLE[at[0]], place


def shown_in(value: Any, place: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from shown_in(item, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"{place}.{key}".lstrip(".")
            yield from shown_in(inner, f"{place}.{key}".lstrip("."))


CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
(LIST,) = re.findall(r"```yaml\n(.*?)```", CONFIGURATION, re.S)
LISTED = set(shown_in(yaml.safe_load(LIST)))


@pytest.mark.parametrize("place", [place for place in ALL if place not in LISTED])
def test_a_setting_that_is_not_in_the_list_is_explained_on_its_page(place: str):
    page = next((page for above, page in PAGES.items() if place.startswith(f"{above}.")), "configuration.md")
    name = place.rpartition(".")[2]
    text = (DOCS / page).read_text(encoding="utf-8") + CONFIGURATION
    assert re.search(rf"[`{{,\s]{name}(?::|`)", text), f"{page} does not explain {place}"
