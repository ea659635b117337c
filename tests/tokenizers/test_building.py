"""A tokenizer.json that is built from ranks, without the cache that keeps those of the real models."""

import base64
from pathlib import Path

import pytest
import tiktoken
from tokenizers import Tokenizer

from pipelines.tokenizers.families import RankFamily, read_ranks, tokenizer_json

# Every byte, then the words with the parts that they are joined from.
TOKENS = [bytes([i]) for i in range(256)] + [word.encode() for word in ["lo", "low", "er", "ow", "st", "est", "ne", " l", " lo", " low", "é", "lower"]]
FAMILY = RankFamily({"<end>": 1000, "<start>": 999}, r"\s?\p{L}+|[^\p{L}]", None)


@pytest.fixture
def ranks_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(token) + f" {rank}\n".encode() for rank, token in enumerate(TOKENS)))
    return path


def test_ranks_are_read_line_by_line(ranks_file: Path):
    ranks = read_ranks(ranks_file)
    assert (len(ranks), ranks[b"\0"], ranks[b"lower"]) == (268, 0, 267)


@pytest.mark.parametrize("line", [b"bG8=", b"bG8= x", b"!!! 3", b"bG8 3"])
def test_a_line_without_a_token_and_a_rank_is_named(ranks_file: Path, line: bytes):
    ranks_file.write_bytes(ranks_file.read_bytes() + line + b"\n")
    with pytest.raises(ValueError, match="line 269"):
        read_ranks(ranks_file)


@pytest.mark.parametrize("text", ["lower", "low lower", "newest", "slow", "el low", "éé谢", "lo\n\nlow", "llloooww", "0 1"])
def test_a_text_is_cut_and_joined_as_tiktoken_does(ranks_file: Path, text: str):
    ranks = read_ranks(ranks_file)
    ours = Tokenizer.from_str(tokenizer_json(ranks, FAMILY))
    theirs = tiktoken.Encoding("small", pat_str=FAMILY.pattern, mergeable_ranks=ranks, special_tokens=dict(FAMILY.specials))
    assert ours.encode(text).ids == theirs.encode(text)
    assert ours.decode(ours.encode(text).ids) == text
    assert ours.encode(f"<start>{text}<end>").ids == [999, *theirs.encode(text), 1000]
