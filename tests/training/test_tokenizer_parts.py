"""Whether the tokenizer.json of a model has the parts that rows were tokenized with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pipelines.ledger.reader_settings import reader_settings
from pipelines.training import CertificateError, certify
from pipelines.training.tokenizer_parts import tokenizer_parts
from tests.golden import TOKENIZERS, open_case
from tests.making import MODELS, configuration
from tests.training.publishing import publish
from tests.training.rows import row
from tests.training.scene import dialect_note

DIALECT = "minicpm_v_2_5"
FILE = Path(TOKENIZERS[MODELS[DIALECT]]) / "tokenizer.json"
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> bytes:
    whole = json.loads(FILE.read_bytes())
    change(whole)
    return json.dumps(whole).encode()


def certified(tmp_path: Path, content: bytes) -> tuple[str, ...]:
    """What was compared of rows of the stand-in of MiniCPM-V 2.5 and a model with this tokenizer.json."""
    noted = json.loads(reader_settings(open_case(configuration(DIALECT))))["dialects"].popitem()[1]
    one = row([1, 2], {1}, dialect=DIALECT, split="train")
    root = publish(tmp_path / "root", {"samples": [one]}, {"dialects": {DIALECT: dialect_note(DIALECT, tokenizer=noted["tokenizer"])}})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "tokenizer.json").write_bytes(content)
    return certify(root, DIALECT, tmp_path / "model", allow_standin=True).checked


def swap_ids(whole: dict[str, Any]) -> None:
    vocabulary = whole["model"]["vocab"]
    first, second = list(vocabulary)[-400:-398]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


def swap_merges(whole: dict[str, Any]) -> None:
    merges = whole["model"]["merges"]
    merges[-1], merges[-2] = merges[-2], merges[-1]


def add_token(whole: dict[str, Any]) -> None:
    whole["added_tokens"].append(whole["added_tokens"][-1] | {"content": "sunny", "id": 99_999})


@pytest.mark.parametrize(
    "change, part",
    [
        (lambda whole: whole.update(normalizer={"type": "NFKC"}), "normalizer"),
        (lambda whole: whole.update(pre_tokenizer=None), "pre_tokenizer"),
        (add_token, "added_tokens"),
        (lambda whole: whole["added_tokens"][0].update(lstrip=True), "added_tokens"),
        (swap_ids, "model"),
        (swap_merges, "model"),
        (lambda whole: whole["model"].update(ignore_merges=not whole["model"].get("ignore_merges")), "model"),
    ],
)
def test_a_changed_tokenizer_is_told_by_the_part_that_differs(tmp_path: Path, change: Change, part: str):
    with pytest.raises(CertificateError, match=f"batch b1: tokenizer.json has another {part} than the rows were tokenized with"):
        certified(tmp_path, changed(change))


def test_a_tokenizer_that_a_library_saved_again_has_the_same_parts(tmp_path: Path):
    Tokenizer.from_file(str(FILE)).save(str(tmp_path / "again.json"))
    again = (tmp_path / "again.json").read_bytes()
    assert again != FILE.read_bytes()
    assert certified(tmp_path, again)[0] == "tokenizer.json has other bytes, and the same model, normalizer, pre_tokenizer, added_tokens"


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole["model"].update(merges=[" ".join(merge) if isinstance(merge, list) else merge.split(" ") for merge in whole["model"]["merges"]]),
        lambda whole: whole["model"].update(dropout=None, unk_token=None, continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False),
        lambda whole: whole.update(truncation=None, padding=None, post_processor=None, decoder=None),
        lambda whole: whole["added_tokens"].reverse(),
    ],
)
def test_another_spelling_of_the_same_parts_fits(tmp_path: Path, change: Change):
    assert certified(tmp_path, changed(change))[0].endswith("the same model, normalizer, pre_tokenizer, added_tokens")


@pytest.mark.parametrize(
    "cutter",
    [
        BYTE_LEVEL,
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": False}, BYTE_LEVEL]},
        {"type": "Punctuation"},
        {"type": "Metaspace", "replacement": "_", "add_prefix_space": True},
        {"type": "Metaspace", "replacement": "_", "add_prefix_space": False, "prepend_scheme": "never"},
        {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": False},
    ],
)
def test_what_a_file_leaves_out_is_what_the_library_writes(cutter: dict[str, Any]):
    whole = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": cutter,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
    }
    again = Tokenizer.from_str(json.dumps(whole)).to_str()
    assert tokenizer_parts(again.encode()) == tokenizer_parts(json.dumps(whole).encode())


def test_no_parts_are_noted_of_a_tokenizer_that_was_built_from_ranks():
    noted = json.loads(reader_settings(open_case(configuration("minicpm_v_2_6"))))["dialects"].popitem()[1]
    assert noted["tokenizer"]["parts"] is None
