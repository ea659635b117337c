"""The limit: the bare steps by the fastest libraries, with nothing around them. Nothing is checked, and one shape of log is known.

Text: parse (orjson), render, encode whole conversations (gigatoken), labels from the places of the control tokens (numpy), write (Parquet).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from gigatoken import gigatoken_rs

from pipelines.chat.glm_tools import _LEAD, _TRAIL

BATCH = 1000  # conversations that are encoded and written together
OPENERS = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>", "tool": "<|observation|>", "observation": "<|observation|>"}
NAMES = {"human": "user", "gpt": "assistant", "function_call": "assistant"}
SEPARATOR = "[gMASK]<sop>"


def text(paths: Sequence[Path], encoder: Any, out: Path) -> int:
    """Encodes and writes these logs, and returns their number of tokens."""
    ids_of = {name: int(encoder.encode(name)[0]) for name in ("<|assistant|>", "<|user|>", "<|observation|>", "<|system|>")}
    schema = pa.schema([("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))])
    tokens = 0
    with pq.ParquetWriter(out, schema, compression="zstd", compression_level=1, use_dictionary=False, use_byte_stream_split=BSS) as writer:
        for batch in _batches(paths):
            rendered = [render(orjson.loads(line)) for line in batch]
            rows = [encoder.encode(one).view(np.int32) for one in rendered]
            flat = np.concatenate(rows)
            offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
            writer.write_batch(list_batch(flat, labels_of(flat, ids_of), offsets, schema))
            tokens += len(flat)
    return tokens


BSS = ["input_ids.list.element", "labels.list.element"]


def list_batch(ids: Any, labels: Any, offsets: Any, schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)) for values in (ids, labels)], schema=schema)


def _batches(paths: Sequence[Path]) -> Iterator[list[bytes]]:
    pending: list[bytes] = []
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                pending.append(line)
                if len(pending) == BATCH:
                    yield pending
                    pending = []
    if pending:
        yield pending


def labels_of(ids: Any, openers: dict[str, int]) -> Any:
    """Labels. Answers are trained, each up to and including the header that ends it."""
    is_opener = np.isin(ids, list(openers.values()))
    starts = np.flatnonzero(is_opener)
    state = np.zeros(len(ids), dtype=np.int32)
    state[starts] = np.diff(ids[starts] == openers["<|assistant|>"], prepend=0)
    trained = np.cumsum(state) > 0
    trained[1:], trained[0] = trained[:-1].copy(), False
    return np.where(trained, ids, np.int32(-100))


def render(record: dict[str, Any]) -> str:
    """The conversation as GLM-4's template writes it."""
    turns = record.get("messages") or record["conversations"]
    tools = record.get("tools") or turns[0].get("tools")
    functions = orjson.loads(tools) if isinstance(tools, str) else tools
    parts = [SEPARATOR, "<|system|>\n", _LEAD]
    for tool in functions:
        function = tool.get("function", tool)
        parts.append(f"\n## {function['name']}\n\n{orjson.dumps(function, option=orjson.OPT_INDENT_2).decode()}{_TRAIL}")
    if "system" in record:
        parts.append(f"<|system|>\n{record['system']}")
    for turn in turns:
        role = turn.get("role") or NAMES.get(turn["from"], turn["from"])
        content = turn.get("content", turn.get("value"))
        if calls := turn.get("tool_calls"):
            parts += [f"<|assistant|>{call['function']['name']}\n{call['function']['arguments']}" for call in calls]
        elif turn.get("from") == "function_call":
            call = orjson.loads(content)
            parts.append(f"<|assistant|>{call['name']}\n{orjson.dumps(call['arguments']).decode()}")
        else:
            parts.append(f"{OPENERS[role]}{turn.get('metadata') or ''}\n{content}")
    parts.append("<|user|>")
    return "".join(parts)


def seconds(vocabulary: Path, paths: Sequence[Path]) -> float:
    """CPU seconds with a newly opened tokenizer, without the time to open it."""
    encoder = gigatoken_rs.load_hf_json(vocabulary.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        text(paths, encoder, Path(folder) / "limit.parquet")
        return time.process_time() - started


if __name__ == "__main__":
    print(seconds(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
