"""What a trainer must know to train on the rows of a run: how each dialect was tokenized, and where the pictures are."""

from __future__ import annotations

import hashlib

import orjson

from pipelines.dialects import Dialect
from pipelines.flow import Flow
from pipelines.images.bytes_of import image_roots
from pipelines.ledger.manifest import Json
from pipelines.tokenizers.fast import PROBES
from pipelines.training.chat_files import chat_parts
from pipelines.training.chat_template import template_digest

SETTINGS = {"model", "recipe", "loss", "tool_syntax", "max_tokens", "on_overflow", "history"}


def reader_settings(flow: Flow) -> str:
    """Column `settings` of table `runs`, as JSON: `dialects` by name, and `image_roots` by source."""
    return orjson.dumps({"dialects": {dialect.name: _dialect(dialect) for dialect in flow.dialects}, "image_roots": image_roots(flow.config)}).decode()


def _dialect(dialect: Dialect) -> Json:
    settings = dialect.settings.model_dump(mode="json", include=SETTINGS)
    options = dialect.settings.options.model_dump(mode="json") if dialect.settings.options else {}
    return settings | {"options": options, "tokenizer": _tokenizer(dialect)} | _chat(dialect)


def _chat(dialect: Dialect) -> Json:
    """What else decides the rows of `hf`: the ends of answers and the image processor, as the model's folder states them."""
    file = dialect.vocabulary.file
    return {"chat": chat_parts(file.parent)} if dialect.settings.model == "hf" and file is not None else {}


def _tokenizer(dialect: Dialect) -> Json:
    """`sha256` is of the file that the tokenizer was made from. `parts` are for a tokenizer.json that was saved again,
    and not noted where it was built here from ranks: the model's own may spell the same ids in another way. `probes` are texts with their ids."""
    vocabulary = dialect.vocabulary
    file = vocabulary.file
    is_json = file is not None and file.suffix == ".json"
    return {
        "name": dialect.settings.tokenizer,
        "fingerprint": dialect.fingerprint,
        "standin": vocabulary.standin,
        "file": file and file.name,
        "sha256": file and (vocabulary.fingerprint if is_json else hashlib.sha256(file.read_bytes()).hexdigest()),
        "parts": vocabulary.parts if is_json else None,
        "chat_template": file and template_digest(file.parent),
        "specials": dict(dialect.written_tokens),
        "probes": [[text, ids.tolist()] for text, ids in zip(PROBES, vocabulary.encode(PROBES), strict=True)],
    }
