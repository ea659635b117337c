"""What a manifest says of a run, and what identifies the code and the configuration that made it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import pipelines
from pipelines.config import Config, parse_config
from pipelines.containers.listing import DeltaSource, Listing, PassedOver
from pipelines.ledger.books import Books, FileBook
from pipelines.ledger.manifest import code_fingerprint, config_fingerprint, listed_facts, make_manifest, manifest_bytes, public_settings, tokenizer_facts
from tests.golden import open_case
from tests.making import configuration

BASE: dict[str, Any] = {"sources": [{"name": "kit", "path": "logs"}], "output": {"root": "out"}}


def fingerprint(**more: Any) -> str:
    return config_fingerprint(parse_config(BASE | more))


@pytest.mark.parametrize(
    ("more", "is_same"),
    [
        ({}, True),
        ({"spark": {"spark.executor.memory": "4g"}}, True),
        ({"retention": {"days": 5}}, True),
        ({"hooks": {"on_error": {"command": ["a"]}}}, True),
        ({"gates": {"min_records": 5, "max_shrink": 0.5, "max_volume_ratio": 3}}, True),
        ({"gates": {"max_quarantined": 0.5}}, False),
        ({"normalize": {"repair": "none"}}, False),
        ({"images": {"max_pixels": 5}}, False),
    ],
)
def test_settings_that_change_no_row_are_not_in_the_fingerprint(more: dict[str, Any], is_same: bool):
    assert (fingerprint(**more) == fingerprint()) == is_same


def test_the_fingerprint_of_the_code_covers_its_files_and_their_names():
    home = Path(pipelines.__file__).parent / "storage"
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    assert code_fingerprint("storage") == digest.hexdigest()
    assert code_fingerprint() != code_fingerprint("storage")
    with pytest.raises(FileNotFoundError, match="cannot be listed"):
        code_fingerprint("no_such_room")


def shown(**more: Any) -> dict[str, Any]:
    return public_settings(parse_config(BASE | more))


def test_secrets_are_shown_by_name_and_webhooks_by_host():
    secret = ("spark.ssl.keyPassword", "fs.s3a.access.key", "fs.azure.account.key.x", "fs.azure.sas.token", "my.credential", "a.SECRET")
    assert shown(spark=dict.fromkeys(secret, "hush"))["spark"] == dict.fromkeys(secret, "(not shown)")
    assert shown(spark={"spark.executor.cores": 4})["spark"] == {"spark.executor.cores": "4"}
    hooks = shown(hooks={"on_error": {"url": "https://user:pass@example.org:8443/secret"}, "on_success": {"command": ["mail", "x"]}})["hooks"]
    assert (hooks["on_error"]["url"], hooks["on_success"]["command"], hooks["on_gate_failed"]) == ("https://example.org/…", ["mail", "x"], None)


def test_files_that_were_listed_but_not_read_are_named():
    listing = Listing((), (PassedOver("kit", "a.txt", "a README"),), (DeltaSource("kit", "/t", 3),))
    assert listed_facts(listing) == {
        "passed_over": [{"source": "kit", "path": "a.txt", "why": "a README", "reason": "file.passed_over"}],
        "delta_sources": [{"source": "kit", "path": "/t", "version": 3}],
    }


def made(config: Config, **facts: Any) -> dict[str, Any]:
    book = FileBook("kit", "a.jsonl", 7, 4, 2, 1, 0, 4)
    books = Books((book,), (), 1, 0, {"image.missing": 1, "tokens.too_long": 2, "image.corrupt": 1}, refused={("kit", "a.jsonl"): 1})
    return make_manifest(open_case(config), "mon", "r1", [{"path": "a.jsonl"}], books, facts)


def test_a_manifest_has_the_counts_of_its_books_and_the_facts_of_its_run():
    config = configuration("glm_4")
    manifest = made(config, status="published", extra=5)
    assert manifest["counts"]["records"] == 7
    assert manifest["quarantined_share"] == 0.5
    assert list(manifest["reasons"].items()) == [("tokens.too_long", 2), ("image.corrupt", 1), ("image.missing", 1)]
    assert (manifest["files"][0]["duplicates"], manifest["inputs"], manifest["status"], manifest["extra"]) == (1, [{"path": "a.jsonl"}], "published", 5)
    (facts,) = tokenizer_facts(open_case(config)).values()
    assert (facts["tokenizer"], facts["standin"], manifest["tokenizers"]) == ("glm_4_standin", True, {"glm_4": facts})
    assert (manifest["config"], manifest["code"]) == (config_fingerprint(config), code_fingerprint())


def test_a_share_is_rounded_to_six_digits():
    books = Books((FileBook("kit", "a", 3, 2, 1, 0, 0, 2),), (), 0, 0)
    assert make_manifest(open_case(configuration()), "b", "r", [], books, {})["quarantined_share"] == 0.333333


def test_a_manifest_is_json_that_a_person_can_read():
    data = manifest_bytes({"a": [1], "b": "é"})
    assert json.loads(data) == {"a": [1], "b": "é"}
    assert data.startswith(b'{\n  "a"')
    assert data.endswith(b"}\n")
