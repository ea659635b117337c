"""What becomes of one record: a conversation with its samples, or a row that says why it was refused."""

import json
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.flow import DraftWithImages, draft_of, is_internal, make_outcomes, with_context
from pipelines.reasons import Reason
from pipelines.records import Conversation, Draft, Held, Image, Outcome, Quarantined, RecordContext, Sample, SeenImage, raw_record
from tests.golden import open_case
from tests.making import asked, configuration

WITH_IMAGE = {"messages": [{"role": "user", "content": "<image>Q"}, {"role": "assistant", "content": "A"}], "images": ["a.png"], "id": "7", "episode_id": "e"}
GOOD = SeenImage(Image("kit/a.png", "0" * 64, "PNG", 9, 9))


def finished(record: dict[str, Any], config: Config, seen: SeenImage = GOOD, id_conflict: bool = False) -> list[Outcome]:
    raw = raw_record("kit", "a.jsonl", 1, json.dumps(record).encode())
    draft = draft_of(raw, config)
    if isinstance(draft, Quarantined):
        return list(make_outcomes([draft], open_case(config)))
    return list(make_outcomes([DraftWithImages(raw, draft, {ref.key: seen for ref in draft.refs}, RecordContext(id_conflict=id_conflict))], open_case(config)))


def codes(outcome: Outcome) -> list[tuple[str, str]]:
    assert not isinstance(outcome, Sample)
    return [(finding.code, finding.where) for finding in outcome.findings]


def test_a_conversation_comes_before_its_samples_and_rows_in_the_order_of_the_dialects():
    config = configuration("glm_4", "minicpm_v_2_6", "glm_4v")
    conversation, refused, *samples = finished(WITH_IMAGE, config)
    assert isinstance(conversation, Conversation)
    assert conversation.images == (GOOD.image,)
    assert isinstance(refused, Quarantined)
    assert (refused.dialect, refused.sample_id, refused.episode_id, codes(refused)) == (
        "glm_4",
        conversation.sample_id,
        "e",
        [("tokens.image_unsupported", "")],
    )
    assert [sample.dialect for sample in samples if isinstance(sample, Sample)] == ["minicpm_v_2_6", "glm_4v"]


def test_a_dialect_takes_the_conversations_of_its_sources_only():
    config = configuration("glm_4", options={"sources": ["kit"]})
    other = config.model_copy(update={"dialects": (config.dialects[0].model_copy(update={"sources": ("other",)}),)})
    assert [type(one).__name__ for one in finished(asked(), config)] == ["Conversation", "Sample"]
    assert [type(one).__name__ for one in finished(asked(), other)] == ["Conversation"]


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (SeenImage(GOOD.image, (Reason.REPAIR_PATH_CASE.at("", "x"),)), [("repair.path_case", "images[0]")]),
        (SeenImage(GOOD.image, (Reason.REPAIR_PATH_CASE.at("here", "x"),)), [("repair.path_case", "here")]),
    ],
)
def test_a_finding_about_an_image_gets_the_place_of_its_reference(seen: SeenImage, found: list[tuple[str, str]]):
    assert codes(finished(WITH_IMAGE, configuration(), seen)[0]) == found


def test_a_bad_image_refuses_the_record_with_all_its_findings():
    record = {**WITH_IMAGE, "messages": [*WITH_IMAGE["messages"], {"role": "user", "content": "R", "metadata": "m"}, {"role": "assistant", "content": "B"}]}
    bad = SeenImage(None, (Reason.REPAIR_PATH_CASE.at("", "x"), Reason.IMAGE_CORRUPT.at("", "y")))
    (row,) = finished(record, configuration("minicpm_v_2_6"), bad)
    assert isinstance(row, Quarantined)
    assert codes(row) == [("image.corrupt", "images[0]"), ("schema.field_unread", "messages[2].metadata"), ("repair.path_case", "images[0]")]
    assert (row.dialect, row.sample_id, row.episode_id) == (None, None, "e")


@pytest.mark.parametrize(("setting", "is_kept"), [("keep", True), ("quarantine", False)])
def test_an_id_that_another_record_uses_is_noted_or_refused(setting: str, is_kept: bool):
    config = configuration(normalize={"id_conflict": setting})
    (outcome,) = finished(WITH_IMAGE, config, id_conflict=True)
    assert isinstance(outcome, Conversation if is_kept else Quarantined)
    assert codes(outcome) == [("record.id_conflict", "id")]
    (outcome,) = finished(WITH_IMAGE, config)
    assert codes(outcome) == []


def test_answers_that_other_records_train_are_masked_with_one_finding():
    raw = raw_record("kit", "a.jsonl", 1, json.dumps(WITH_IMAGE).encode())
    draft = draft_of(raw, configuration())
    assert isinstance(draft, Draft)
    context = RecordContext(masked=(1,), trained_in=Held("b.jsonl", 7, "0"), id_conflict=True)
    images = {ref.key: GOOD for ref in draft.refs}
    (kept,) = make_outcomes([DraftWithImages(raw, draft, images, context)], open_case(configuration()))
    assert isinstance(kept, Conversation)
    assert [message.loss_weight for message in kept.messages] == [None, 0]
    assert codes(kept) == [("repair.answer_trained_elsewhere", ""), ("record.id_conflict", "id")]
    assert kept.findings[0].detail == "loss_weight is 0 in 1 message that other records train, for example b.jsonl:7, record 0"
    (row,) = make_outcomes([DraftWithImages(raw, draft, images, context)], open_case(configuration(normalize={"id_conflict": "quarantine"})))
    assert codes(row)[0] == ("record.id_conflict", "id")


def test_a_superseded_record_keeps_its_episode_and_its_unread_keys():
    raw = raw_record("kit", "a.jsonl", 1, json.dumps(asked(note=1, episode_id="e")).encode())
    row = with_context(raw, draft_of(raw, configuration()), RecordContext(superseded_by=Held("b.jsonl", 7, "77")), lambda draft: {})
    assert isinstance(row, Quarantined)
    assert (row.episode_id, row.unread) == ("e", (("record.note", 1),))
    assert row.findings[0].detail == "its answers are trained in b.jsonl:7, record 77"


def test_a_record_that_was_refused_while_reading_is_not_parsed():
    raw = raw_record("kit", "a.jsonl", 1, b"{}", [Reason.LINE_TOO_LARGE.at("", "x")])
    row = draft_of(raw, configuration())
    assert isinstance(row, Quarantined)
    assert codes(row) == [("line.too_large", "")]


def test_findings_from_reading_are_kept_in_the_draft():
    raw = raw_record("kit", "a.jsonl", 1, b"\xef\xbb\xbf" + json.dumps(asked()).encode())
    draft = draft_of(raw, configuration())
    assert isinstance(draft, Draft)
    assert [finding.code for finding in draft.findings] == ["repair.bom"]


def test_a_refused_record_has_its_unread_keys_counted():
    raw = raw_record("kit", "a.jsonl", 1, json.dumps(asked(note=1, messages=[])).encode())
    row = draft_of(raw, configuration())
    assert isinstance(row, Quarantined)
    assert row.unread == (("record.note", 1),)


def test_a_duplicate_names_the_record_that_was_kept():
    raw = raw_record("kit", "b.jsonl", 5, json.dumps(asked()).encode())
    row = with_context(raw, draft_of(raw, configuration()), RecordContext(Held("a.jsonl", 3, raw.record_id)), lambda draft: {})
    assert isinstance(row, Quarantined)
    assert codes(row) == [("record.duplicate", "")]
    assert row.findings[0].detail.startswith("a.jsonl:3 ")


@pytest.mark.parametrize(
    ("reasons", "internal"),
    [([], False), ([Reason.IMAGE_MISSING], False), ([Reason.INTERNAL_ERROR], True), ([Reason.IMAGE_MISSING, Reason.TOKENS_SPAN_MISMATCH], True)],
)
def test_an_exception_or_a_failed_check_is_an_internal_error(reasons: list[Reason], internal: bool):
    assert is_internal([reason.at("") for reason in reasons]) == internal
