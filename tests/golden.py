"""Golden cases: raw records and the tokens that the upstream training code made of them (tests/data/README.md)."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.config import Config, parse_config
from pipelines.dialects import Dialect, open_dialect
from pipelines.flow import DraftWithImages, Flow, draft_of, make_outcomes
from pipelines.reasons import Reason, repairs_of
from pipelines.records import Conversation, Draft, Image, Outcome, Quarantined, Sample, SeenImage, raw_record

DATA = Path(__file__).parent / "data"
TOKENIZERS = {
    "minicpmv26": "minicpm_v_2_6",
    "glm4_standin": "glm_4_standin",
    "minicpmv25_standin": str(DATA / "tokenizers" / "minicpmv25_standin"),
    "minicpmv20_standin": str(DATA / "tokenizers" / "minicpmv20_standin"),
}
DIALECTS = ("minicpm_v_2_6", "minicpm_v_2_5", "minicpm_v_2", "agentcpm_gui", "glm_4", "glm_4v")
Case = dict[str, Any]


@cache
def cases_of(dialect: str) -> tuple[Case, ...]:
    lines = gzip.decompress((DATA / "golden" / f"{dialect}.jsonl.gz").read_bytes()).split(b"\n")
    return tuple(json.loads(line) for line in lines if line)


def config_for(case: Case, recipe: str) -> Config:
    options = {key: value for key, value in case["options"].items() if key != "max_tokens"}
    dialect = {"name": case["dialect"], "tokenizer": TOKENIZERS[case["tokenizer"]], "recipe": recipe, "max_tokens": case["options"]["max_tokens"]}
    return parse_config(
        {
            "sources": [{"name": "kit", "path": "logs.jsonl", "format": case["format"]}],
            "dialects": [dialect | ({"options": options} if options else {})],
            "output": {"root": "out"},
        }
    )


@cache
def _opened(model: str, tokenizer: str) -> Dialect:
    config = parse_config(
        {
            "sources": [{"name": "kit", "path": "logs.jsonl"}],
            "dialects": [{"name": model, "tokenizer": tokenizer, "max_tokens": 1}],
            "output": {"root": "out"},
        }
    )
    return open_dialect(config.dialects[0])


def open_case(config: Config) -> Flow:
    """The flow of this configuration; each tokenizer is opened once."""
    return Flow(config, tuple(replace(_opened(settings.model, settings.tokenizer), settings=settings) for settings in config.dialects))


def outcomes(record: Any, sizes: dict[str, tuple[int, int]], flow: Flow) -> list[Outcome]:
    """What becomes of a record. `sizes` are the (width, height) of its images; an image that is not in it is missing."""
    data = record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()
    raw = raw_record("kit", "logs.jsonl", 1, data)
    draft = draft_of(raw, flow.config)
    if not isinstance(draft, Draft):
        return [draft]
    return list(make_outcomes([DraftWithImages(raw, draft, {ref.key: _seen(ref.key, sizes) for ref in draft.refs})], flow))


def _seen(name: str, sizes: dict[str, tuple[int, int]]) -> SeenImage:
    if name not in sizes:
        return SeenImage(None, (Reason.IMAGE_MISSING.at("", name),))
    return SeenImage(Image(f"kit/{name}", "0" * 64, "PNG", *sizes[name]))


def run_case(case: Case, recipe: str) -> Sample | Quarantined:
    """The one row of the case's record: its sample, or its row in quarantine."""
    sizes = {name: (spec["width"], spec["height"]) for name, spec in case["images"].items()}
    rows = [row for row in outcomes(case["record"], sizes, open_case(config_for(case, recipe))) if not isinstance(row, Conversation)]
    assert len(rows) == 1, f"{len(rows)} rows for one record"
    return rows[0]


def expectation(case: Case, recipe: str) -> Case:
    """What must hold with this recipe: `expect`, changed by `sound` if the recipe differs by rule."""
    sound = case.get("sound") if recipe == "sound" else None
    if sound is None:
        return case["expect"]
    if "verdict" in sound:
        return sound
    alternatives = ("accept_input_ids", "accept_labels", "accept_token_spans") if {"input_ids", "labels"} & set(sound) else ()
    return {key: value for key, value in case["expect"].items() if key not in alternatives} | sound


def fault_of(row: Sample | Quarantined, want: Case) -> str | None:
    """What is wrong with the row, or None."""
    state = state_of(row)
    if state not in want["accept"]:
        return f"{state} {codes_of(row)}; expected {' or '.join(want['accept'])}"
    return _token_fault(row, want) if isinstance(row, Sample) else None


def state_of(row: Sample | Quarantined) -> str:
    if isinstance(row, Quarantined):
        return "quarantined"
    return "repaired" if repairs_of((*row.conversation.findings, *row.tokens.findings)) else "clean"


def codes_of(row: Sample | Quarantined) -> list[str]:
    findings = row.findings if isinstance(row, Quarantined) else (*row.conversation.findings, *row.tokens.findings)
    return [finding.code for finding in findings if not finding.code.startswith("check.")]


def _token_fault(row: Sample, want: Case) -> str | None:
    ids, labels, images = list(row.tokens.input_ids), list(row.tokens.labels), row.tokens.images
    spans = [list(span) for image in images for span in image.token_spans]
    if artefact := _artefact(ids, labels, want):
        return artefact
    if "input_ids" in want:
        right = [(right_labels, right_spans) for right_ids, right_labels, right_spans in _answers(want) if right_ids == ids]
        if not right:
            return f"wrong ids, the first at {_difference(ids, want['input_ids'])}"
        right = [(right_labels, right_spans) for right_labels, right_spans in right if right_labels in (None, labels)]
        if not right:
            return f"wrong labels, the first at {_difference(labels, want['labels'])}"
        allowed = [right_spans for _, right_spans in right if right_spans is not None]
        if allowed and spans not in [*allowed, want.get("also_token_spans")]:
            return f"wrong spans {spans[:3]}, expected {allowed[0][:3]}"
        grids = [list(image.grid) if image.grid else None for image in images]
        if want.get("grids") is not None and grids != want["grids"]:
            return f"wrong grids {grids}, expected {want['grids']}"
        views = [list(view) for image in images for view in image.target_sizes]
        if want.get("target_sizes") and views != want["target_sizes"]:
            return f"wrong target sizes {views[:3]}, expected {want['target_sizes'][:3]}"
    return _call_fault(row, want["call"]) if "call" in want else None


def _answers(want: Case) -> list[tuple[list[int], list[int] | None, list[list[int]] | None]]:
    more = want.get("accept_input_ids", [])
    labels = want.get("accept_labels") or [None] * len(more)
    same_length = [want.get("token_spans") if len(ids) == len(want["input_ids"]) else None for ids in more]
    spans = want.get("accept_token_spans") or same_length
    return [(want["input_ids"], want.get("labels"), want.get("token_spans")), *zip(more, labels, spans, strict=True)]


def _artefact(ids: list[int], labels: list[int], want: Case) -> str | None:
    fault = want.get("must_not", "an artefact of the upstream code")
    if ids in want.get("forbid_ids", []) or any(ids.count(int(token)) > most for token, most in want.get("at_most", {}).items()):
        return fault
    known = ids in want.get("if_ids", [])
    if known and any(labels[i] == ids[i] for start, end in want.get("forbid_trained", []) for i in range(start, min(end, len(ids)))):
        return fault
    return None


def _call_fault(row: Sample, call: Case) -> str | None:
    answer = next(message for message in row.conversation.messages if message.role == "assistant")
    if call.get("only_if_metadata") and not answer.metadata:
        return None
    if answer.metadata != call["metadata"] or answer.content not in call["content"]:
        return f"metadata {answer.metadata!r}, content {answer.content!r}; expected {call}"
    return None


def _difference(got: list[int], want: list[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), min(len(got), len(want)))
