"""Responses that are logged as the chunks of their stream, as `[chunk.model_dump() for chunk in stream]` of openai-python writes them."""

from typing import Any

import pytest

from tests.making import conversation, notes, refusals, turns

QUESTION = {"role": "user", "content": "Q"}


def chunk(finish: str | None = None, own: str = "chatcmpl-1", index: int = 0, **delta: Any) -> dict[str, Any]:
    pieces = {"content": None, "function_call": None, "refusal": None, "role": None, "tool_calls": None} | delta
    choices = [{"delta": pieces, "finish_reason": finish, "index": index, "logprobs": None}]
    return {"id": own, "choices": choices, "created": 1, "model": "m", "object": "chat.completion.chunk", "service_tier": None, "usage": None}


def piece(arguments: str, index: int | None = 0, own: str | None = None, name: str | None = None) -> dict[str, Any]:
    return {"index": index, "id": own, "function": {"arguments": arguments, "name": name}, "type": "function" if own else None}


USED = chunk() | {"choices": [], "usage": {"prompt_tokens": 1}}
FIRST = chunk(role="assistant", content="")


def answers(*chunks: Any) -> list[dict[str, Any]]:
    """These chunks, everywhere where an answer may be."""
    return [{"messages": [QUESTION], "response": list(chunks)}, {"request": {"messages": [QUESTION]}, "response": list(chunks)}]


def test_texts_and_reasoning_are_joined():
    for record in answers(FIRST, chunk(reasoning_content="H"), chunk(reasoning_content="m."), chunk(content="Hel"), chunk(content="lo."), chunk("stop"), USED):
        made = conversation(record)
        assert (turns(made), notes(made)) == ([("user", "", "Q"), ("assistant", "", "<think>Hm.</think>Hello.")], [])


def test_a_stream_of_azure_begins_with_a_chunk_of_its_filter():
    filtered = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    assert turns(conversation(answers(filtered, FIRST, chunk(content="A"), chunk("stop"))[0])) == [("user", "", "Q"), ("assistant", "", "A")]


def test_calls_are_joined_by_their_index():
    pieces = [piece("", 0, "a", "f"), piece('{"x"', 0), piece("", 1, "b", "g"), piece(": 2.50}", 0), piece("{}", 1)]
    for record in answers(FIRST, chunk(content="Wait."), *(chunk(tool_calls=[one]) for one in pieces), chunk("tool_calls")):
        assert turns(conversation(record)) == [("user", "", "Q"), ("assistant", "", "Wait."), ("assistant", "f", '{"x": 2.50}'), ("assistant", "g", "{}")]
    older = [chunk(function_call={"name": "f", "arguments": ""}), chunk(function_call={"name": None, "arguments": "{}"}), chunk("function_call")]
    assert turns(conversation(answers(*older)[0])) == [("user", "", "Q"), ("assistant", "f", "{}")]


def test_a_stream_that_broke_off_is_cut():
    for end in ([], [chunk("length")], [chunk("length"), chunk("stop", content="")]):
        record = {"messages": [QUESTION, {"role": "assistant", "content": "A"}, QUESTION], "response": [FIRST, chunk(content="B"), *end]}
        assert [message.loss_weight for message in conversation(record).messages] == [None, None, None, 0.0]
    cut = conversation(answers(FIRST, chunk(content="B"))[1]).findings[0]
    assert (cut.code, cut.where, cut.detail) == ("check.cut_answer", "response", "the answer was cut: the stream has no finish_reason")
    assert refusals(answers(FIRST, chunk(content="B"), chunk("content_filter"))[0]) != []


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(content="A"), chunk(content="B", index=1), chunk("stop")],
        [chunk(content="A"), chunk("stop", own="chatcmpl-2")],
        [chunk(content="A"), chunk(tool_calls=[piece("{}", None, "a", "f")]), chunk("stop")],
        [chunk(content="A"), chunk(tool_calls=[7]), chunk("stop")],
        [chunk(content="A"), chunk(tool_calls=[piece("{}", 0, "a", "f") | {"function": {"name": "f", "arguments": {"x": 1}}}]), chunk("stop")],
        [chunk(content="A"), chunk(images=["a.png"]), chunk("stop")],
        [chunk(content="A"), chunk("stop") | {"choices": [7]}],
        [chunk(content="A"), chunk(tool_calls={"name": "f", "arguments": "{}"}), chunk("stop")],
        [chunk(content=["A"]), chunk("stop")],
        [chunk(content=[{"type": "text", "text": "A"}]), chunk("stop", content="B")],
        [chunk(content="A"), chunk(tool_calls=[piece("", 0, "a", "f")]), chunk(tool_calls=[piece("{}", 0, "b", "g")]), chunk("tool_calls")],
        [chunk(content="A"), chunk(tool_calls=[piece("{}", 0, "a", "f")]), chunk(tool_calls=[piece("", 0, None, "g")]), chunk("tool_calls")],
        [chunk(tool_calls=[piece("{}", 0, "a", "f") | {"function": {"name": "f", "arguments": "{}", "image": "x.png"}}]), chunk("tool_calls")],
        [chunk() | {"choices": [{"index": 0, "delta": "lost"}]}, chunk("stop", content="A")],
        [chunk() | {"choices": [{"index": 0, "delta": None, "text": "lost"}]}, chunk("stop", content="A")],
        [chunk("stop", content="A"), chunk("stop", content=" and more")],
        [chunk("stop", content="A"), chunk(tool_calls=[piece("{}", 0, "a", "f")])],
        [chunk(content="A"), chunk() | {"choices": [], "error": {"message": "overloaded"}}],
    ],
)
def test_what_cannot_be_joined_refuses_the_record(chunks: list[Any]):
    for record in answers(*chunks):
        assert refusals(record) != []
