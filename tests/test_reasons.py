"""The closed list of reasons, and findings made of them."""

import pytest

from pipelines.reasons import Reason, reason_of, refusals, repairs_of

NOTE, REPAIR, REFUSAL = (Reason.TOOL_UNKNOWN_TOOL.at("a"), Reason.REPAIR_BOM.at("b"), Reason.IMAGE_MISSING.at("c"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_unique_code_and_texts(reason: Reason):
    assert reason_of(reason.code) is reason
    assert reason.severity in ("refuse", "repair", "note")
    assert reason.value.meaning
    assert reason.value.fix


def test_an_unknown_code_is_an_error():
    with pytest.raises(KeyError):
        reason_of("image.unheard_of")


def test_findings_are_separated_by_severity():
    findings = [NOTE, REPAIR, REFUSAL, REPAIR]
    assert refusals(findings) == [REFUSAL]
    assert repairs_of(findings) == ["repair.bom"]


@pytest.mark.parametrize(("length", "shown"), [(1000, "x" * 1000), (1001, "x" * 1000 + "…")])
def test_a_place_and_a_detail_are_shown_short_and_on_one_line(length: int, shown: str):
    assert Reason.IMAGE_MISSING.at("x" * length, "a\nb")[2:] == (shown, "a␊b")
    assert Reason.IMAGE_MISSING.at("", "x" * length)[2:] == ("", shown)
