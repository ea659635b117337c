"""Every grammar reads its own cases, and no grammar reads those of another."""

import json
from typing import Any

import pytest

from pipelines.config.reading import GRAMMARS as NAMES
from pipelines.normalize.in_text.grammars import GRAMMARS
from tests.making import asked, configuration, conversation, notes, run, turns
from tests.normalize.in_text.grammars.cases import CASES, Case

EVERY = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{i}" for name, cases in CASES.items() for i in range(len(cases))]
QUESTION, ANSWER = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def answered(text: str) -> dict[str, Any]:
    """A record in which a result follows this answer."""
    return {"messages": [QUESTION, {"role": "assistant", "content": text}, {"role": "tool", "content": "12"}, ANSWER]}


def test_settings_name_the_grammars_in_their_order_and_each_has_cases():
    assert [grammar.name for grammar in GRAMMARS] == list(NAMES)
    assert CASES.keys() == set(NAMES)


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_a_call_in_text_is_extracted_where_a_result_follows(name: str, case: Case):
    made = conversation(answered(case.text))
    before = [("assistant", "", case.before)] if case.before else []
    assert [turn[:2] for turn in turns(made)[1:-2]] == [turn[:2] for turn in [*before, *(("assistant", called, "") for called, _ in case.calls)]]
    assert [content for _, metadata, content in turns(made)[1:-2] if not metadata] == [text for _, _, text in before]
    assert [json.loads(content) for _, metadata, content in turns(made)[1:-2] if metadata] == [json.loads(arguments) for _, arguments in case.calls]
    assert turns(made)[-2:] == [("observation", "", "12"), ("assistant", "", "A")]
    found = [finding.detail for finding in made.findings if finding.code == "repair.tool_call_extracted"]
    assert len(found) == len(case.calls)
    assert all(f"in the syntax {name}" in detail for detail in found)


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_without_a_result_only_an_explicit_tag_or_a_declared_name_makes_a_call(name: str, case: Case):
    is_explicit = next(grammar.is_explicit for grammar in GRAMMARS if grammar.name == name)
    alone = conversation(asked(answer=case.text))
    if is_explicit:
        assert [metadata for _, metadata, _ in turns(alone) if metadata] == [called for called, _ in case.calls]
    else:
        assert turns(alone)[1:] == [("assistant", "", case.text)]
    declared = conversation(asked(answer=case.text, tools=[{"name": called, "parameters": {"type": "object"}} for called, _ in case.calls]))
    assert [metadata for _, metadata, _ in turns(declared) if metadata] == [called for called, _ in case.calls]


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_a_source_may_want_no_calls_from_text_or_only_those_of_some_grammars(name: str, case: Case):
    for wanted, is_read in (("none", False), ([name], True), (["llama" if name == "kimi" else "kimi"], False)):
        record = asked(answer=case.text, tools=[{"name": called} for called, _ in case.calls])
        made = conversation(record, configuration(source={"calls_in_text": wanted}))
        assert ("repair.tool_call_extracted" in dict(notes(made))) == is_read, wanted


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_a_text_that_goes_on_after_its_call_stays_text_and_its_result_is_refused(name: str, case: Case):
    text = case.text.removesuffix("\nObservation:") + "\n\nThat is how one calls."  # what follows the word would be the result
    if name == "tags" and case.text.endswith("]"):
        text = case.text.replace("]", ", 7]")
    made = conversation(asked(answer=text))
    assert turns(made)[1:] == [("assistant", "", text)]
    refused = run(answered(text))[0].findings[0]
    assert refused.code in ("tool.call_in_text", "tool.result_orphan")


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
@pytest.mark.parametrize("around", ["Write `{}`", "Write:\n```\n{}\n```"])
def test_a_call_in_quotes_or_code_is_an_example(name: str, case: Case, around: str):
    text = around.format(case.text)
    assert turns(conversation(asked(answer=text)))[1:] == [("assistant", "", text)]


@pytest.mark.parametrize(("name", "case"), EVERY, ids=IDS)
def test_a_cut_call_stays_text(name: str, case: Case):
    """Only the last sign is missing, or only the first is there: whatever is read is never another call."""
    for cut in range(1, len(case.text)):
        made = conversation(asked(answer=case.text[:cut] + "x"))
        called = [(metadata, json.loads(content)) for _, metadata, content in turns(made) if metadata]
        assert called == [(name, json.loads(arguments)) for name, arguments in case.calls][: len(called)]
