"""Which files of a folder are logs, by their names and what they begin with. test_listing.py has the same for whole folders."""

import pytest

from pipelines.containers.passed_over import is_hidden, why_passed_over
from pipelines.storage.folders import Folders
from pipelines.storage.stores import ENVIRONMENT


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jsonl", b"anything", None),
        ("a.jsonl.gz", b"anything", None),
        (".a.jsonl", b"{}", "hidden"),
        ("_a.jsonl", b"{}", "hidden"),
        ("a.jsonl.tmp", b"{}", "incomplete"),
        ("a.jsonl~", b"{}", "incomplete"),
        ("a.crc", b"{}", "a checksum"),
        ("README.md", b"{}", "a README"),
        ("LICENSE", b"{}", "a README or licence"),
        ("readme.jsonl", b"{}", None),
        ("a.PNG", b"{}", "a picture"),
        ("a.mp4", b"{}", "audio or video"),
        ("dataset_info.json", b"{}", "it describes a data set"),
        ("state.json", b"{}", None),
        ("a.log", b'{"a": 1}', None),
        ("a.log", b"", None),
        ("a.log", b"[\n", None),
        ("a.log", b"[1]", "its content is not a log: it begins with b'[1]'"),
        ("a.log", b'x\n{"a": 1}\n{"b": 2}\n', None),  # most lines begin like a record
        ("a.log", b'x\n{"a": 1}\n', "its content is not a log"),
        ("a.log", b'x\n\n\n{"a": 1}\n', "its content is not a log"),
        ("a.log", b"PAR1", None),
        ("a.log", b"PK\x03\x04", "a zip archive, which cannot be read"),
        ("a.log", b"x" * 30, f"its content is not a log: it begins with {b'x' * 20!r}"),
    ],
)
def test_a_file_in_a_folder_is_a_log_or_is_passed_over(tmp_path, name: str, content: bytes, why: str | None):
    (tmp_path / name).write_bytes(content)
    found = why_passed_over(str(tmp_path / name), Folders(ENVIRONMENT))
    assert found is None if why is None else (found or "").startswith(why)


@pytest.mark.parametrize(("name", "hidden"), [(".a", True), ("_a", True), ("a", False), ("_day=1", False), (".day=1", False), ("a_b", False)])
def test_the_folder_of_a_partition_is_never_hidden(name: str, hidden: bool):
    assert is_hidden(name) == hidden
