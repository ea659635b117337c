"""What a run was made of and what came out: manifest.json, and the fingerprints that tell two runs apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic.main import IncEx

from pipelines.config import Config
from pipelines.containers.listing import Listing
from pipelines.flow import Flow
from pipelines.ledger.books import Books
from pipelines.reasons import Reason

Json = dict[str, Any]


def code_fingerprint(part: str = "") -> str:
    """sha256 over the package's own files, or those of one folder of it, by name and content. Raises FileNotFoundError inside a zip."""
    home = Path(__file__).parents[1] / part
    files = sorted(path for path in home.rglob("*") if path.suffix in (".py", ".html", ".css", ".json", ".txt", ".j2"))
    if not files:  # a key that is blind to the code would call a night of other code the same
        raise FileNotFoundError(f"the driver runs from {home}, whose files cannot be listed; run it from a checkout or an installed wheel")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(home).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


# What decides no row: changing it makes no other night. The gates are those that ask whether the input is whole: an operator who looked opens one for a run.
OPERATIONAL: Mapping[str, IncEx | bool] = {"hooks": True, "retention": True, "spark": True, "gates": {"min_records", "max_shrink", "max_volume_ratio"}}
SECRET = re.compile(r"secret|password|token|credential|access\.?key|account\.?key|sas", re.IGNORECASE)


def config_fingerprint(config: Config) -> str:
    return hashlib.sha256(config.model_dump_json(exclude=OPERATIONAL).encode()).hexdigest()


def public_settings(config: Config) -> Json:
    """The resolved configuration without what should stand in no file: Spark's secrets, and a webhook's address but for its host."""
    settings: Json = config.model_dump(mode="json")
    settings["spark"] = {key: "(not shown)" if SECRET.search(key) else value for key, value in settings["spark"].items()}
    for hook in settings["hooks"].values():
        if hook and hook["url"]:
            hook["url"] = f"{urlsplit(hook['url']).scheme}://{urlsplit(hook['url']).hostname}/…"
    return settings


def tokenizer_facts(flow: Flow) -> Json:
    """Dialect -> its tokenizer, the fingerprint, and whether it is a stand-in whose ids are not the model's own."""
    return {
        dialect.name: {"tokenizer": dialect.settings.tokenizer, "fingerprint": dialect.fingerprint, "standin": dialect.standin} for dialect in flow.dialects
    }


def listed_facts(listing: Listing) -> Json:
    """What the manifest says of a run's input beside the files that were read: what was passed over and why, and which Delta tables were read."""
    return {
        "passed_over": [asdict(passed) | {"reason": Reason.FILE_PASSED_OVER.code} for passed in listing.passed_over],
        "delta_sources": [asdict(table) for table in listing.tables],
    }


def make_manifest(flow: Flow, batch: str, run_id: str, inputs: Sequence[Mapping[str, Any]], books: Books, facts: Mapping[str, Any]) -> Json:
    """Everything about a run that is not a row; `facts` are what only the run knows: times, versions, steps, split rows."""
    return {
        "run_id": run_id,
        "batch": batch,
        "code": code_fingerprint(),
        "config": config_fingerprint(flow.config),
        "tokenizers": tokenizer_facts(flow),
        "inputs": list(inputs),
        "counts": books.states(),
        "quarantined_share": round(books.quarantined_share(), 6),
        "reasons": dict(sorted(books.reasons.items(), key=lambda item: (-item[1], item[0]))),
        "files": [asdict(book) for book in books.files],
        "dialects": [asdict(book) for book in books.dialects],
        **facts,
        "settings": public_settings(flow.config),
    }


def manifest_bytes(manifest: Json) -> bytes:
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"
