"""What went into a run and what came out: manifest.json, and the fingerprints of code, configuration and tokenizers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic.main import IncEx

from pipelines.config import Config
from pipelines.config.formats import is_plugin
from pipelines.config.secrets import SECRET
from pipelines.containers.listing import Listing
from pipelines.flow import Flow
from pipelines.formats.plugin import plugin_fingerprint
from pipelines.ledger.books import Books
from pipelines.reasons import Reason

Json = dict[str, Any]
MOST_FILES = 200


def code_fingerprint(part: str = "") -> str:
    """sha256 over the names and contents of the package's files, or of those in one folder of it, as they were when this process first asked.

    Raises FileNotFoundError inside a zip.
    """
    return _fingerprint_of(Path(__file__).parents[1] / part)


@cache
def _fingerprint_of(home: Path) -> str:
    files = sorted(path for path in home.rglob("*") if path.suffix in (".py", ".html", ".css", ".json", ".txt", ".j2"))
    if not files:  # without the code in its key, a batch that other code made would count as unchanged
        raise FileNotFoundError(f"the driver runs from {home}, whose files cannot be listed; run it from a checkout or an installed wheel")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(home).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


# Settings that affect no row are not part of a batch's key. That includes the gates on the size of the input, so that an operator can
# open one of them for a single run.
OPERATIONAL: Mapping[str, IncEx | bool] = {
    "hooks": True,
    "retention": True,
    "spark": True,
    "storage": True,
    "gates": {"min_records", "max_shrink", "max_volume_ratio", "sources", "reasons"},
}


def config_fingerprint(config: Config) -> str:
    plugins = "".join(plugin_fingerprint(source.format) for source in config.sources if is_plugin(source.format))
    return hashlib.sha256((config.model_dump_json(exclude=OPERATIONAL) + plugins).encode()).hexdigest()


def public_settings(config: Config) -> Json:
    """The resolved configuration without secrets: the values of secret Spark settings are hidden, and of a webhook only the host is shown."""
    settings: Json = config.model_dump(mode="json")
    settings["spark"] = {key: "(not shown)" if SECRET.search(key) else value for key, value in settings["spark"].items()}
    for hook in settings["hooks"].values():
        if hook and hook["url"]:
            hook["url"] = f"{urlsplit(hook['url']).scheme}://{urlsplit(hook['url']).hostname}/…"
    return settings


def tokenizer_facts(flow: Flow) -> Json:
    """Dialect -> its tokenizer, the fingerprint, and whether it is a stand-in, whose ids are not those of the model."""
    return {
        dialect.name: {"tokenizer": dialect.settings.tokenizer, "fingerprint": dialect.fingerprint, "standin": dialect.standin} for dialect in flow.dialects
    }


def listed_facts(listing: Listing) -> Json:
    """What the manifest says about the input beyond the files that were read: files passed over, with the reason, and Delta tables."""
    return {
        "passed_over": [asdict(passed) | {"reason": Reason.FILE_PASSED_OVER.code} for passed in listing.passed_over],
        "delta_sources": [asdict(table) for table in listing.tables],
    }


def make_manifest(flow: Flow, batch: str, run_id: str, inputs: Sequence[Mapping[str, Any]], books: Books, facts: Mapping[str, Any]) -> Json:
    """Everything about a run except its rows; `facts` are what only the run knows: times, versions, steps, rows per split.

    Lists of files have the MOST_FILES with the most records that were not kept. `_runs/<run_id>/` has all files, in inputs.parquet and dialects.parquet.
    """
    shown = sorted(books.files, key=lambda book: (-book.quarantined - book.damaged, -book.duplicates, book.source, book.path))[:MOST_FILES]
    places = {(book.source, book.path) for book in shown}
    paths = {book.path for book in shown}
    return {
        "run_id": run_id,
        "batch": batch,
        "code": code_fingerprint(),
        "config": config_fingerprint(flow.config),
        "tokenizers": tokenizer_facts(flow),
        "number_of_inputs": len(inputs),
        "inputs": [row for row in inputs if len(inputs) <= MOST_FILES or (row["source"], row["path"]) in places],
        "cards": {dialect.name: dialect.card.facts() for dialect in flow.dialects if dialect.card},
        "counts": books.states(),
        "quarantined_share": round(books.quarantined_share(), 6),
        "reasons": dict(sorted(books.reasons.items(), key=lambda item: (-item[1], item[0]))),
        "files": [asdict(book) for book in books.files if (book.source, book.path) in places],
        "dialects": [asdict(book) for book in books.dialects if book.path in paths],
        "dialect_totals": books.dialect_totals(),
        **facts,
        "settings": public_settings(flow.config),
    }


def manifest_bytes(manifest: Json) -> bytes:
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"
