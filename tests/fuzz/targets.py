"""What is fuzzed: lines, literals, paths, images and whole records. A target takes bytes and raises if a property does not hold."""

from __future__ import annotations

import ast
import gzip
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image as Picture

from pipelines.config import Limits, Source
from pipelines.containers import read_records
from pipelines.containers.chunks import Damaged, codec_of
from pipelines.containers.kinds import kind_of
from pipelines.containers.listing import InputFile
from pipelines.containers.pieces import is_blank
from pipelines.containers.whole_files import records_of_file
from pipelines.flow import DraftWithImages, draft_of, is_internal, make_outcomes
from pipelines.images.files.formats import FORMATS, format_of
from pipelines.images.resolve import resolve_path
from pipelines.normalize.in_text.grammars import GRAMMARS
from pipelines.normalize.in_text.results import results_of
from pipelines.normalize.in_text.tools import tools_text_of
from pipelines.normalize.literals import read_literal
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reject, reason_of
from pipelines.records import Conversation, Draft, Image, Quarantined, SeenImage, raw_record
from tests.fuzz import shapes
from tests.golden import open_case
from tests.limits.call_shapes import CALL_SHAPES
from tests.making import configuration
from tests.normalize.in_text.grammars.cases import CASES

Target = Callable[[bytes], None]
LIMITS = Limits(line_bytes=4096)
MOST_PIXELS = 64_000_000  # the default
NAMES = ("a.jsonl", "a.json", "a.parquet", "a.log")


def lines() -> Target:
    """The first byte chooses the name of the file, and whether the rest is compressed with gzip and then cut."""
    folder = Path(tempfile.mkdtemp())

    def run(data: bytes) -> None:
        choice, data = data[0] if data else 0, data[1:]
        path = folder / NAMES[choice % 4]
        packed = gzip.compress(data, 1) if choice & 4 else data
        path.write_bytes(packed[: len(packed) * 2 // 3] if choice & 8 else packed)
        stat = path.stat()
        records = list(read_records(InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns), LIMITS))
        numbers = [record.origin.line for record in records]
        assert sorted(set(numbers)) == sorted(numbers), "a line appears twice"
        for record in records:
            assert all(reason_of(finding.code) for finding in record.findings)
            assert len(record.raw) <= LIMITS.line_bytes or record.findings or path.suffix == ".parquet"
        if path.name == "a.jsonl" and choice % 16 == 0 and codec_of(data) is None and _is_of_lines(path):
            kept = [line for line in data.split(b"\n") if not is_blank(line) and len(line) <= LIMITS.line_bytes]
            assert [record.raw for record in records if not record.findings] == kept, "a line is lost or added"

    return run


def _is_of_lines(path: Path) -> bool:
    try:
        return kind_of(str(path)) == "lines"
    except Damaged:
        return False


def literals() -> Target:
    def run(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        try:
            value = read_literal(text, "", Budget(Limits(), len(text)))
        except Reject:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stripped = text.strip(" \t\n\r\f")
            assert repr(value) == repr(_listed(ast.literal_eval(f"({stripped})"))), "Python gives another value"

    return run


def _listed(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    return {key: _listed(item) for key, item in value.items()} if isinstance(value, dict) else value


def paths() -> Target:
    root = Path(tempfile.mkdtemp()).resolve() / "images"
    (root / "scr").mkdir(parents=True)
    for name in ("a.png", "scr/B.png", "cafe\u0301.png", "Twin.png", "twin.png", "50%.png", "../secret.png"):
        (root / name).write_bytes(b"x")
    for link, target in {"out.png": "../secret.png", "outdir": "..", "loop.png": "loop.png", "in.png": "a.png"}.items():
        (root / link).symlink_to(target)
    source = Source(name="gui", path=("x",), image_root=str(root))

    def run(data: bytes) -> None:
        ref = data.decode("utf-8", "surrogateescape")
        with suppress(Reject):
            located = resolve_path(ref, source, repair=True)
            assert located.path, "resolved to no path"
            real = Path(os.path.realpath(located.path))
            assert real.is_file(), "not a file"
            assert real.is_relative_to(root), "outside the root"

    return run


def images() -> Target:
    """All three levels of checks in this process, so that exceptions of a decoder are seen."""

    def run(data: bytes) -> None:
        with suppress(Reject):
            module = FORMATS[format_of(data)]
            size = module.read_size(data, MOST_PIXELS)
            assert 0 < size.width * size.height <= MOST_PIXELS, "an impossible size"
            module.check_structure(data)
            module.check_pixels(data)

    return run


def records() -> Target:
    """One record through every stage and two dialects. All of its images exist."""
    flow = open_case(configuration("glm_4", "minicpm_v_2_6", options={"tool_syntax": "json"}))

    def run(data: bytes) -> None:
        raw = raw_record("kit", "logs.jsonl", 1, data)
        draft = draft_of(raw, flow.config)
        outcomes = [draft] if isinstance(draft, Quarantined) else list(make_outcomes([DraftWithImages(raw, draft, _all_there(draft))], flow))
        assert len(outcomes) == (3 if isinstance(outcomes[0], Conversation) else 1), "an outcome is lost or duplicated"
        for outcome in outcomes:
            if isinstance(outcome, Quarantined):
                assert not is_internal(outcome.findings), outcome.findings[0].detail
                assert outcome.raw.raw == data, "other bytes"

    # The first text that needs them opens the tokenizers of Hugging Face; that must not count as the time of a record.
    run(b'{"messages": [{"role": "user", "content": "<|endoftext|>"}, {"role": "assistant", "content": "a"}]}')
    return run


def _all_there(draft: Draft) -> dict[str, SeenImage]:
    return {ref.key: SeenImage(Image(f"kit/{ref.key}", "0" * 64, "PNG", 1080, 2400)) for ref in draft.refs}


def calls() -> Target:
    """Every grammar of calls in text, and the readers of results and tools in text; then the whole record."""
    flow = open_case(configuration())
    tools = [{"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "at": {"type": "integer"}}}} for name in ("w", "t")]

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for grammar in GRAMMARS:
            found = grammar.find(text) if any(hint in text for hint in grammar.hints) else []
            ends = [0, *(place for call in found for place in (call.start, call.end)), len(text)]
            assert ends == sorted(ends), "calls overlap"
            assert all(text[call.start : call.end].count(call.text) or grammar.name in ("glaive", "pythonic", "tool_code", "lfm2") for call in found), (
                "another text"
            )
        results, end = results_of(text)
        assert all(0 <= result.start <= result.end <= end for result in results)
        block = tools_text_of(text)
        assert block is None or 0 <= block.start < block.end <= len(text)
        said = [("system", text), ("user", text), ("assistant", text), ("user", text), ("assistant", text), ("tool", text), ("assistant", "a")]
        for more in ({}, {"tools": tools}):
            record = {"messages": [{"role": role, "content": content} for role, content in said]} | more
            draft = draft_of(raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode()), flow.config)
            assert not is_internal(draft.findings), draft.findings[0].detail

    return run


def sessions() -> Target:
    """The bytes as a file whose records are whole files: every line is in one record, and each record ends in a known state."""
    flow = open_case(configuration())

    def run(data: bytes) -> None:
        records = [raw for _, (raw, _) in records_of_file(iter([data]), 1 << 20)]
        lines = sorted(line for line in data.split(b"\n") if not is_blank(line))
        assert sorted(line for raw in records for line in raw.split(b"\n") if not is_blank(line)) == lines, "a line is lost or added"
        for i, raw in enumerate(records):
            draft = draft_of(raw_record("kit", "logs.jsonl", i + 1, raw), flow.config)
            assert not is_internal(draft.findings), draft.findings[0].detail

    return run


TARGETS: dict[str, Callable[[], Target]] = {
    "lines": lines,
    "literals": literals,
    "paths": paths,
    "images": images,
    "records": records,
    "calls": calls,
    "sessions": sessions,
    "shapes": records,
    **{f"format-{name}": shapes.reader(name) for name in shapes.NAMES},
}


def seeds(name: str, hostile: Path) -> list[bytes]:
    """The first inputs of a target, taken from the hostile corpus."""
    logged = [line for file in ("records.jsonl", "policy.jsonl") for line in (hostile / file).read_bytes().split(b"\n") if line]
    if name == "lines":
        # Not the line bomb, which has a test of its own: every input derived from it would unpack 128 MB.
        files = [path for path in (hostile / "raw").rglob("*") if path.is_file() and path.stat().st_size < 100_000]
        return [bytes([choice]) + path.read_bytes() for path in files for choice in _choices(path.name)]
    if name == "images":
        found = [path.read_bytes() for path in (hostile / "images").rglob("*") if path.is_file() and path.suffix != ".jsonl"]
        return found + [_drawn(kind) for kind in FORMATS]
    if name == "records":
        return logged
    if name == "shapes":
        return shapes.every_seed()
    if name.startswith("format-"):
        return shapes.seeds(name.removeprefix("format-"))
    if name == "calls":
        return [case.text.encode() for cases in CASES.values() for case in cases]
    if name == "sessions":
        names = [shape for shape in CALL_SHAPES if shape.startswith(("a session", "messages", "a list"))]
        return [CALL_SHAPES[shape](count) for shape in names for count in (1, 3, 8)]
    texts = [text for line in logged for text in _texts_of(line)]
    return [text.encode("utf-8", "replace") for text in dict.fromkeys(texts) if (text.lstrip()[:1] in "{[('" if name == "literals" else len(text) < 200)]


def _choices(name: str) -> tuple[int, ...]:
    kind = 2 if ".parquet" in name else 1 if ".json" in name and ".jsonl" not in name else 0
    return (kind,) if name.endswith((".gz", ".parquet")) else (kind, kind + 4, kind + 12)


def _texts_of(line: bytes) -> list[str]:
    found: list[str] = []

    def collect(value: object) -> None:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(item)
        if isinstance(value, str):
            found.append(value)

    with suppress(ValueError, RecursionError):
        collect(json.loads(line))
    return found


def _drawn(kind: str) -> bytes:
    file = io.BytesIO()
    Picture.linear_gradient("L").resize((24, 16)).convert("P" if kind == "GIF" else "RGB").save(file, kind)
    return file.getvalue()
