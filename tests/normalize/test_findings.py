"""What is found in a record: how many findings of one reason are listed, and which of them refuse the record."""

from typing import Any

import pytest

from pipelines.config import Limits, Normalize
from pipelines.formats.keys import Unread
from pipelines.normalize.findings import Findings
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding
from tests.making import asked, configuration, run


def calls_without_result(count: int) -> dict[str, Any]:
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {}}}]}
    return {"messages": [message for _ in range(count + 1) for message in ({"role": "user", "content": "Look."}, call)]}  # a call at the end needs none


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (100, ("messages[199].tool_calls[0]", "the conversation goes on without the result of 'look'")),
        (101, ("", "1 more")),
        (130, ("", "30 more")),
    ],
)
def test_100_findings_of_a_reason_are_listed_and_the_others_are_counted(count: int, last: tuple[str, str]):
    found = [finding for finding in run(calls_without_result(count))[0].findings if finding.code == "tool.result_missing"]
    assert len(found) == min(count, 101)
    assert (found[-1].where, found[-1].detail) == last


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (100, ("rejected_99", "the key 'rejected_99' of a record is not read; if nothing is lost without it, name it in ignore")),
        (101, ("", "and more; only the first 100 are listed")),
        (130, ("", "and more; only the first 100 are listed")),
    ],
)
def test_100_unread_keys_that_matter_are_listed(count: int, last: tuple[str, str]):
    keys = {f"rejected_{i}": "No." for i in range(count)}
    found = run(asked(**keys), configuration())[0].findings
    assert len(found) == min(count, 101)
    assert (found[-1].where, found[-1].detail) == last


def findings(*before: Finding, **settings: str) -> Findings:
    return Findings(Normalize.model_validate(settings), Budget(Limits(), 1), list(before), Unread())


def closed(found: Findings) -> list[tuple[str, str, str]]:
    """(code, place, detail) of what closing raises; none where the record is kept."""
    with pytest.raises(Reject) as caught:
        found.close()
    return [(finding.code, finding.where, finding.detail) for finding in caught.value.findings]


def test_a_record_that_has_only_notes_is_kept():
    found = findings(Reason.REPAIR_BOM.at(""))
    found.note(Reason.TOOL_UNKNOWN_TOOL, "messages[1]", "x")
    found.close()
    assert [finding.code for finding in found.notes] == ["repair.bom", "tool.unknown_tool"]


def test_each_refusal_is_raised_once_and_the_notes_follow():
    found = findings(Reason.REPAIR_BOM.at(""), Reason.JSON_NONFINITE.at("tools"))
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


@pytest.mark.parametrize(("count", "kept", "more"), [(99, 99, 0), (100, 100, 0), (101, 101, 1), (105, 101, 5)])
def test_100_refusals_of_a_reason_are_listed_and_the_others_are_counted(count: int, kept: int, more: int):
    found = findings()
    for number in range(count):
        found.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"messages[{number}].role")
    raised = closed(found)
    assert len(raised) == kept
    assert raised[-1] == (("schema.role_unknown", "", f"{more} more") if more else ("schema.role_unknown", f"messages[{count - 1}].role", ""))


def test_too_many_notes_do_not_refuse_a_record():
    found = findings()
    for number in range(102):
        found.note(Reason.TOOL_UNKNOWN_TOOL, f"messages[{number}]")
    found.close()
    assert (len(found.notes), found.notes[-1].detail) == (101, "2 more")


@pytest.mark.parametrize(("repair", "refused"), [("safe", []), ("none", ["tool.args_unparseable"])])
def test_a_repair_is_noted_unless_the_settings_forbid_repairs(repair: str, refused: list[str]):
    found = findings(repair=repair)
    found.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, "messages[1]", "x")
    assert [finding.code for finding in found.refusals] == refused
    assert [finding.code for finding in found.notes] == ([] if refused else ["repair.python_literal"])


@pytest.mark.parametrize("setting", ["quarantine", "warn"])
def test_the_settings_decide_whether_media_and_unread_keys_are_refused_or_noted(setting: str):
    found = findings(media=setting, field_unread=setting)
    found.media("video", "x")
    found.misplaced("messages[0]", "thought", "reasoning on a question")
    if setting == "warn":
        found.close()
        assert [(finding.code, finding.where) for finding in found.notes] == [("media.unsupported", "video"), ("schema.field_unread", "messages[0].thought")]
    else:
        assert closed(found) == [("media.unsupported", "video", "x"), ("schema.field_unread", "messages[0].thought", "reasoning on a question")]
