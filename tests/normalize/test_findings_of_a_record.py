"""Refusals and notes of a record: collected, bounded, and raised together."""

import pytest

from pipelines.config import Limits, Normalize
from pipelines.formats.keys import Unread
from pipelines.normalize.findings import Findings
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding


def faults(*before: Finding, **settings: str) -> Findings:
    return Findings(Normalize.model_validate(settings), Budget(Limits(), 1), list(before), Unread())


def closed(found: Findings) -> list[tuple[str, str, str]]:
    """(code, place, detail) of what closing raises; none where the record is kept."""
    with pytest.raises(Reject) as caught:
        found.close()
    return [(finding.code, finding.where, finding.detail) for finding in caught.value.findings]


def test_a_record_with_notes_alone_is_kept():
    found = faults(Reason.REPAIR_BOM.at(""))
    found.note(Reason.TOOL_UNKNOWN_TOOL, "messages[1]", "x")
    found.close()
    assert [finding.code for finding in found.notes] == ["repair.bom", "tool.unknown_tool"]


def test_every_refusal_is_raised_with_the_notes_after_them_and_each_once():
    found = faults(Reason.REPAIR_BOM.at(""), Reason.JSON_NONFINITE.at("tools"))
    found.note(Reason.TOOL_UNKNOWN_TOOL, "messages[1]", "x")
    found.refuse(Reason.SCHEMA_ROLE_UNKNOWN, "messages[0].role", "y")
    found.refuse(Reason.SCHEMA_ROLE_UNKNOWN, "messages[0].role", "y")
    found.refuse_all(Reject(Reason.IMAGE_REF_BAD.at("images[0]", "z")))
    assert closed(found) == [
        ("json.nonfinite", "tools", ""),
        ("schema.role_unknown", "messages[0].role", "y"),
        ("image.ref_bad", "images[0]", "z"),
        ("repair.bom", "", ""),
        ("tool.unknown_tool", "messages[1]", "x"),
    ]


@pytest.mark.parametrize(("count", "kept", "more"), [(9_999, 9_999, 0), (10_000, 10_000, 0), (10_001, 10_001, 1), (10_005, 10_001, 5)])
def test_of_one_reason_ten_thousand_are_kept_and_the_number_of_any_more(count: int, kept: int, more: int):
    found = faults()
    for number in range(count):
        found.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"messages[{number}].role")
    raised = closed(found)
    assert len(raised) == kept
    assert raised[-1] == (("schema.role_unknown", "", f"{more} more") if more else ("schema.role_unknown", f"messages[{count - 1}].role", ""))


def test_the_number_of_more_notes_is_a_note():
    found = faults()
    for number in range(10_002):
        found.note(Reason.TOOL_UNKNOWN_TOOL, f"messages[{number}]")
    found.close()
    assert (len(found.notes), found.notes[-1].detail) == (10_001, "2 more")


@pytest.mark.parametrize(("repair", "refused"), [("safe", []), ("none", ["tool.args_unparseable"])])
def test_a_repair_is_noted_or_refused_where_the_settings_allow_none(repair: str, refused: list[str]):
    found = faults(repair=repair)
    found.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, "messages[1]", "x")
    assert [finding.code for finding in found.refusals] == refused
    assert [finding.code for finding in found.notes] == ([] if refused else ["repair.python_literal"])


@pytest.mark.parametrize("setting", ["quarantine", "warn"])
def test_media_and_unread_keys_are_refused_or_noted(setting: str):
    found = faults(media=setting, field_unread=setting)
    found.media("video", "x")
    found.misplaced("messages[0]", "thought", "y", "reasoning on a question")
    if setting == "warn":
        found.close()
        assert [(finding.code, finding.where) for finding in found.notes] == [("media.unsupported", "video"), ("schema.field_unread", "messages[0].thought")]
    else:
        assert closed(found) == [("media.unsupported", "video", "x"), ("schema.field_unread", "messages[0].thought", "reasoning on a question")]
