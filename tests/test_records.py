"""Ids of records and their conversations."""

from pipelines.records import Held, raw_record, sample_id_of


def test_a_record_is_known_by_its_source_and_its_bytes():
    assert raw_record("a", "x.jsonl", 1, b"{}").record_id == raw_record("a", "y.jsonl", 7, b"{}").record_id
    assert raw_record("a", "x.jsonl", 1, b"{}").record_id != raw_record("b", "x.jsonl", 1, b"{}").record_id


def test_conversations_and_windows_of_a_record_have_ids_of_their_own():
    assert len({sample_id_of("r", index, window) for index in range(3) for window in range(3)}) == 9
    assert sample_id_of("r") == sample_id_of("r", 0, 0)
    assert len(sample_id_of("r", 2, 1)) == 32


def test_another_record_is_named_by_its_place():
    assert str(Held("a.jsonl", 3, "r")) == "a.jsonl:3"
    assert str(Held("a.jsonl", 3, "r", "2026-11-22")) == "a.jsonl:3 of batch 2026-11-22"
