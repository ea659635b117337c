"""python -m tests.scrub.night: 1,000 planted secrets through a whole run with `scrub: {secrets: mask}`; JSON on stdout says which are still in a file.

Each kind has fresh random values, in questions, reasoning, arguments and results, in many surroundings. Some records are good, others are refused by the
parser, by a format, or by a dialect, so that their bytes are kept in `quarantine`. With folders as arguments it also counts the records of their
.jsonl files in which a secret is found, and shows each one: in real records, a false find or a real secret.
"""

from __future__ import annotations

import html
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from pipelines.config import Config, Scrub
from pipelines.dialects import open_dialect
from pipelines.records import raw_record
from pipelines.scrub import scrub
from tests.making import configuration
from tests.scrub.planted import FORMS, plant

PLANTED = 1000
PLACES = ("question", "reasoning", "arguments", "result")
SURROUNDINGS = (
    "{}",
    "`{}`",
    "\n{}\n",
    "'{}'",
    "({})",
    "<b>{}</b>",
    "{}, then",
    "{}.",
    '"{}"',
    "\t{}\r\n",
    "key={}",
    "key: {};",
    "\u5bc6\u94a5{}\u3002",
    "[{}]",
    "?q=%22{}%22",
    "=3D{}=20",
    "\x1b[1;32m{}\x1b[0m",
    "\\x1b[32m{}\\x1b[0m",
)


class Secret(NamedTuple):
    kind: str
    place: str
    surrounding: str
    state: str
    value: str

    def parts(self) -> set[bytes]:
        """What must be in no file: the value, and the longest run of letters and digits in it, which no way of writing text changes."""
        return {self.value.encode(), max(re.findall(r"[A-Za-z0-9]+", self.value), key=len).encode()}


def planted_lines(count: int, rng: random.Random) -> tuple[list[bytes], list[Secret]]:
    """Records as lines, with this many secrets in them: one in each place."""
    lines, found = [], []
    kinds = [kind for kind, _ in zip(_again(list(FORMS), rng), range(count), strict=False)]
    for first in range(0, count, len(PLACES)):
        state = rng.choice(STATES)
        texts = {}
        for place, kind in zip(PLACES, kinds[first : first + len(PLACES)], strict=False):
            surrounding = rng.choice(SURROUNDINGS)
            text, value = plant(FORMS[kind], rng)
            texts[place] = surrounding.format(text)
            found.append(Secret(kind, place, surrounding, state, value))
        lines.append(_line(first, texts, state))
    return lines, found


STATES = ("kept", "kept", "kept", "kept", "cut", "no_role", "duplicate_key")


def _again(kinds: list[str], rng: random.Random) -> Iterator[str]:
    while True:
        rng.shuffle(kinds)
        yield from kinds


def _line(number: int, texts: dict[str, str], state: str) -> bytes:
    call = {"id": "c", "type": "function", "function": {"name": "run", "arguments": json.dumps({"command": texts.get("arguments", "ls")}, ensure_ascii=False)}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": f"{number}: use {texts.get('question', '')}"},
        {"role": "assistant", "content": None, "reasoning_content": f"I know {texts.get('reasoning', '')}", "tool_calls": [call]},
        {"role": "narrator" if state == "no_role" else "tool", "tool_call_id": "c", "content": f"out: {texts.get('result', '')}"},
        {"role": "assistant", "content": "Done."},
    ]
    line = json.dumps({"messages": turns}, ensure_ascii=number % 3 == 0).encode()
    return {"cut": line[:-3], "duplicate_key": line[:-1] + b', "messages": []}'}.get(state, line)


def night_config(log: Path, root: Path) -> Config:
    """One dialect takes tools and the other does not, so that each record with calls is kept for one and refused by the other."""
    return configuration(
        "glm_4", "minicpm_v_2_6", source={"path": str(log)}, scrub={"secrets": "mask"}, output={"root": str(root)}, gates={"max_quarantined": 1}
    )


def left(root: Path, planted: Sequence[Secret], config: Config) -> list[Secret]:
    """The secrets of which something is in a file under the root: in its bytes, in what its columns hold, or in its tokens as text."""
    contents = b"\0".join(content for path in sorted(root.rglob("*")) if path.is_file() for content in _contents(path, config))
    return [secret for secret in planted if any(part in contents for part in secret.parts())]


def _contents(path: Path, config: Config) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if path.suffix == ".html":
        yield html.unescape(data.decode()).encode()
    if path.suffix == ".parquet":
        vocabularies = {settings.name: open_dialect(settings).vocabulary.tokenizer for settings in config.dialects}
        for row in pq.ParquetFile(path).read().to_pylist():
            yield from _texts(row)
            if row.get("input_ids"):
                dialect = next(name for name in vocabularies if f"dialect={name}/" in str(path) or row.get("dialect") == name)
                yield vocabularies[dialect].decode(row["input_ids"]).encode()


def _texts(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value if not value or isinstance(value[0], (dict, str, bytes, list, tuple)) else ():
            yield from _texts(item)
    elif isinstance(value, (str, bytes)):
        yield value.encode() if isinstance(value, str) else value


def found_in(folders: Sequence[str]) -> dict[str, Any]:
    """The records of these folders in which a secret is found, with what stands before each placeholder."""
    records, hits = 0, []
    for path in (path for folder in folders for path in sorted(Path(folder).rglob("*.jsonl"))):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            records += 1
            done = scrub(raw_record("s", str(path), number, line), Scrub(secrets="mask"), "v1")
            if done.findings:
                shown = [done.raw[max(0, match.start() - 60) : match.end()].decode(errors="replace") for match in re.finditer(rb"\[masked:[^\]]*\]", done.raw)]
                hits.append({"place": f"{path.name}:{number}", "finding": done.findings[0].detail, "shown": shown[:3]})
    return {"records": records, "found_in": hits}


def main() -> None:
    from pipelines.spark.run.batch import RunOptions, run_batch
    from pipelines.spark.session.session import open_session

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lines, planted = planted_lines(PLANTED, random.Random(28))
        (folder / "a.jsonl").write_bytes(b"\n".join(lines))
        config = night_config(folder / "a.jsonl", folder / "out")
        session = open_session({"spark.master": "local[2]"})
        result = run_batch(session, config, "n1", "n1.1", datetime.now(UTC), RunOptions())
        session.stop()
        still = left(folder / "out", planted, config)
        files = sum(path.is_file() for path in (folder / "out").rglob("*"))
    figures = {"exit_code": result.exit_code, "planted": len(planted), "kinds": len(FORMS), "files": files, "states": Counter(one.state for one in planted)}
    figures |= {"left": [one._asdict() for one in still]} | ({"real": found_in(sys.argv[1:])} if sys.argv[1:] else {})
    print(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
