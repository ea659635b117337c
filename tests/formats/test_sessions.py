"""Session files of agents: which events are turns, and in which order."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.containers import read_records
from pipelines.flow import draft_of, is_internal
from pipelines.local import input_file
from pipelines.records import Conversation, Draft, Outcome, Quarantined
from tests.making import configuration, run_lines, turns

Event = dict[str, Any]


def write(path: Path, events: list[Event]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def read(path: Path, events: list[Event], **source: Any) -> list[Outcome]:
    return run_lines(configuration(source=source), write(path, events))


def conversations(path: Path, events: list[Event], **source: Any) -> list[list[tuple[str, str, str]]]:
    found = read(path, events, **source)
    assert all(isinstance(one, Conversation) for one in found), found
    return [turns(one) for one in found if isinstance(one, Conversation)]


def claude(own: str, parent: str | None, role: str, content: Any, **more: Any) -> Event:
    message = {"role": role, "content": content} | ({"id": more.pop("message", own)} if role == "assistant" else {})
    return {"type": role, "uuid": own, "parentUuid": parent, "sessionId": "s1", "isSidechain": False, "message": message} | more


def use(call: str, name: str = "f") -> list[Event]:
    return [{"type": "tool_use", "id": call, "name": name, "input": {"a": 1}}]


def result(call: str, text: str) -> list[Event]:
    return [{"type": "tool_result", "tool_use_id": call, "content": text}]


ASKED = [claude("u1", None, "user", "Q"), claude("u2", "u1", "assistant", [{"type": "text", "text": "A"}])]


def test_claude_code_blocks_of_one_message_become_one_turn(tmp_path: Path):
    events = [
        {"type": "file-history-snapshot", "messageId": "u1"},
        claude("u1", None, "user", "Q"),
        claude("u2", "u1", "assistant", [{"type": "thinking", "thinking": "Hm."}], message="m"),
        claude("u3", "u2", "assistant", [{"type": "text", "text": "A"}], message="m"),
    ]
    assert conversations(tmp_path / "s.jsonl", events) == [[("user", "", "Q"), ("assistant", "", "<think>Hm.</think>A")]]


def test_claude_code_results_of_parallel_calls_are_all_kept(tmp_path: Path):
    """Each result follows its own call, so the last event comes from only one of them."""
    events = [
        claude("u1", None, "user", "Q"),
        claude("a1", "u1", "assistant", use("c1", "f"), message="m"),
        claude("a2", "a1", "assistant", use("c2", "g"), message="m"),
        claude("r1", "a1", "user", result("c1", "1")),
        claude("r2", "a2", "user", result("c2", "2")),
        claude("a3", "r1", "assistant", [{"type": "text", "text": "A"}]),
    ]
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["Q", '{"a": 1}', '{"a": 1}', "1", "2", "A"]


def test_claude_code_what_was_taken_back_is_left_out_and_counted(tmp_path: Path):
    events = [
        *ASKED,
        claude("b1", "u2", "user", "Wrong"),
        claude("b2", "b1", "assistant", "No"),
        claude("c1", "u2", "user", "Right"),
        claude("c2", "c1", "assistant", "Yes"),
    ]
    path = write(tmp_path / "s.jsonl", events)
    assert [content for _, _, content in conversations(path, events)[0]] == ["Q", "A", "Right", "Yes"]
    config = configuration()
    (raw,) = read_records(input_file(config, str(path), None), config.limits)
    assert dict(draft_of(raw, config).unread)["line.(taken back)"] == 2


def test_claude_code_notes_and_errors_are_no_turns(tmp_path: Path):
    events = [
        *ASKED,
        claude("n1", "u2", "user", "Caveat", isMeta=True),
        {"type": "system", "subtype": "turn_duration", "uuid": "n2", "parentUuid": "n1", "sessionId": "s1"},
        claude("n3", "n2", "assistant", "API Error", isApiErrorMessage=True),
        claude("u3", "n3", "user", "Q2"),
        claude("u4", "u3", "assistant", "A2"),
    ]
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["Q", "A", "Q2", "A2"]


def test_claude_code_a_side_chain_is_a_conversation_of_its_own(tmp_path: Path):
    events = [
        *ASKED[:1],
        claude("a1", "u1", "assistant", use("c1", "Task")),
        claude("s1", None, "user", "Sub", isSidechain=True),
        claude("s2", "s1", "assistant", "Done", isSidechain=True),
        claude("r1", "a1", "user", result("c1", "Done")),
        claude("a2", "r1", "assistant", "A"),
    ]
    found = [one for one in read(tmp_path / "s.jsonl", events) if isinstance(one, Conversation)]
    assert [[content for _, _, content in turns(one)] for one in found] == [["Q", '{"a": 1}', "Done", "A"], ["Sub", "Done"]]
    assert [one.origin.line for one in found] == [1, 3]
    assert [one.episode_id for one in found] == ["s1", "s1"]  # so that both are on one side of the split


def test_claude_code_what_follows_a_compaction_is_a_conversation_of_its_own(tmp_path: Path):
    events = [
        *ASKED,
        {
            "type": "system",
            "subtype": "compact_boundary",
            "uuid": "c",
            "parentUuid": None,
            "logicalParentUuid": "u2",
            "sessionId": "s1",
            "content": "Compacted",
        },
        claude("u3", "c", "user", "Summary", isCompactSummary=True),
        claude("u4", "u3", "user", "Q2"),
        claude("u5", "u4", "assistant", "A2"),
    ]
    found = conversations(tmp_path / "s.jsonl", events)
    assert [[content for _, _, content in one] for one in found] == [["Q", "A"], ["Summary", "Q2", "A2"]]


def test_claude_code_an_event_whose_parent_is_not_in_the_file_follows_the_last_one(tmp_path: Path):
    events = [*ASKED, claude("u3", "gone", "user", "Q2"), claude("u4", "u3", "assistant", "A2")]
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["Q", "A", "Q2", "A2"]


def test_claude_code_an_answer_or_a_result_without_a_parent_follows_the_last_event(tmp_path: Path):
    events = [
        claude("u1", None, "user", "Q"),
        claude("u2", None, "assistant", use("c1")),
        claude("u3", None, "user", result("c1", "1")),
        claude("u4", None, "assistant", "A"),
    ]
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["Q", '{"a": 1}', "1", "A"]


def test_claude_code_a_stream_of_events_without_parents_is_read_in_order(tmp_path: Path):
    def event(role: str, content: Any, call: str | None = None) -> Event:
        message = {"role": role, "content": content} | ({"id": f"m{content}"} if role == "assistant" else {})
        return {"type": role, "message": message, "session_id": "s1", "parent_tool_use_id": call}

    events = [
        {"type": "system", "subtype": "init", "session_id": "s1", "tools": ["Task"]},
        event("user", "Q"),
        event("assistant", use("c1", "Task")),
        event("user", "Sub", "c1"),
        event("assistant", [{"type": "text", "text": "Done"}], "c1"),
        event("user", result("c1", "Done")),
        event("assistant", [{"type": "text", "text": "A"}]),
        {"type": "result", "subtype": "success", "session_id": "s1", "result": "A"},
    ]
    found = conversations(tmp_path / "s.jsonl", events)
    assert [[content for _, _, content in one] for one in found] == [["Q", '{"a": 1}', "Done", "A"], ["Sub", "Done"]]


def test_claude_code_parents_in_a_circle_end(tmp_path: Path):
    events = [claude("u1", "u2", "user", "Q"), claude("u2", "u1", "assistant", "A"), claude("u2", "u2", "assistant", "B")]
    assert len(read(tmp_path / "s.jsonl", events)) == 1


def test_claude_code_a_session_without_an_answer_is_refused_as_one_record(tmp_path: Path):
    (row,) = read(tmp_path / "s.jsonl", [{"type": "summary", "summary": "x", "leafUuid": "u"}, ASKED[0], claude("u9", None, "user", "Q9")])
    assert isinstance(row, Quarantined)
    assert row.findings[0].code == "schema.turns_empty"


def item(kind: str, **payload: Any) -> Event:
    return {"timestamp": "t", "type": "response_item", "payload": {"type": kind, **payload}}


def said(role: str, text: str) -> Event:
    return item("message", role=role, content=[{"type": "output_text" if role == "assistant" else "input_text", "text": text}])


META = {"timestamp": "t", "type": "session_meta", "payload": {"id": "s1", "cwd": "/w"}}


def test_codex_items_become_turns_and_events_for_the_terminal_do_not(tmp_path: Path):
    events = [
        META,
        said("user", "Q"),
        {"type": "event_msg", "payload": {"type": "user_message", "message": "Q"}},
        item("reasoning", summary=[{"type": "summary_text", "text": "Hm."}]),
        item("custom_tool_call", call_id="c1", name="apply_patch", input="*** Begin"),
        item("custom_tool_call_output", call_id="c1", output="ok"),
        item("local_shell_call", call_id="c2", status="completed", action={"type": "exec", "command": ["ls"]}),
        item("function_call_output", call_id="c2", output="a.py"),
        item("ghost_snapshot", ghost_commit={}),
        said("assistant", "A"),
    ]
    assert conversations(tmp_path / "s.jsonl", events) == [
        [
            ("user", "", "Q"),
            ("assistant", "", "<think>Hm.</think>"),
            ("assistant", "apply_patch", '{"input": "*** Begin"}'),
            ("observation", "", "ok"),
            ("assistant", "local_shell", '{"type": "exec", "command": ["ls"]}'),
            ("observation", "", "a.py"),
            ("assistant", "", "A"),
        ]
    ]


@pytest.mark.parametrize(("turns_back", "left"), [(1, ["Q", "A", "Q3", "A3"]), (2, ["Q3", "A3"]), (9, ["Q3", "A3"]), (0, ["Q", "A", "Q2", "A2", "Q3", "A3"])])
def test_codex_a_rollback_takes_back_the_last_questions(tmp_path: Path, turns_back: int, left: list[str]):
    back = {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": turns_back}}
    events = [META, *(said(role, text) for role, text in (("user", "Q"), ("assistant", "A"), ("user", "Q2"), ("assistant", "A2")))]
    found = conversations(tmp_path / "s.jsonl", [*events, back, said("user", "Q3"), said("assistant", "A3")])
    assert [content for _, _, content in found[0]] == left


def test_codex_a_compaction_begins_a_conversation_with_the_history_that_replaced_the_old_one(tmp_path: Path):
    history = [said("user", "Old")["payload"], said("user", "Summary")["payload"]]
    events = [META, said("user", "Q"), said("assistant", "A"), {"type": "compacted", "payload": {"message": "", "replacement_history": history}}]
    found = conversations(tmp_path / "a.jsonl", [*events, said("user", "Q2"), said("assistant", "A2")])
    assert [[content for _, _, content in one] for one in found] == [["Q", "A"], ["Old", "Summary", "Q2", "A2"]]
    events[-1] = {"type": "compacted", "payload": {"message": "Summary"}}
    found = conversations(tmp_path / "b.jsonl", [*events, said("user", "Q2"), said("assistant", "A2")])
    assert [content for _, _, content in found[1]] == ["Summary", "Q2", "A2"]


def test_codex_several_sessions_in_one_file_are_several_conversations(tmp_path: Path):
    events = [META, said("user", "Q"), said("assistant", "A")]
    other = [META | {"payload": {"id": "s2"}}, said("user", "Q2"), said("assistant", "A2")]
    found = [one for one in read(tmp_path / "s.jsonl", events + other) if isinstance(one, Conversation)]
    assert [(one.origin.line, one.episode_id) for one in found] == [(1, "s1"), (4, "s2")]


@pytest.mark.parametrize("meta", [{"instructions": "Rules."}, {"base_instructions": {"text": "Rules."}}])
def test_codex_instructions_are_the_system_turn_unless_a_message_has_them(tmp_path: Path, meta: Event):
    first = META | {"payload": META["payload"] | meta}
    assert conversations(tmp_path / "a.jsonl", [first, said("user", "Q"), said("assistant", "A")])[0][0] == ("system", "", "Rules.")
    again = conversations(tmp_path / "b.jsonl", [first, said("developer", "All Rules."), said("user", "Q"), said("assistant", "A")])
    assert [content for _, _, content in again[0]] == ["All Rules.", "Q", "A"]


def test_codex_sessions_of_2025_are_items_without_an_envelope(tmp_path: Path):
    events = [
        {"id": "s1", "timestamp": "t", "instructions": "Rules.", "git": {}},
        {"record_type": "state"},
        said("user", "Q")["payload"],
        item("function_call", call_id="c1", name="shell", arguments='{"command": ["ls"]}')["payload"],
        item("function_call_output", call_id="c1", output="a.py")["payload"],
        said("assistant", "A")["payload"],
    ]
    (made,) = [one for one in read(tmp_path / "s.jsonl", events) if isinstance(one, Conversation)]
    assert [content for _, _, content in turns(made)] == ["Rules.", "Q", '{"command": ["ls"]}', "a.py", "A"]
    assert made.episode_id == "s1"


HEADER = {"sessionId": "s1", "projectHash": "h", "startTime": "t", "lastUpdated": "t"}


def gemini(own: str, kind: str, content: Any, **more: Any) -> Event:
    return {"id": own, "timestamp": "t", "type": kind, "content": content, **more}


def call_of(result: Any) -> Event:
    return {"id": "c1", "name": "f", "args": {"a": 1}, "result": result, "status": "success", "timestamp": "t", "displayName": "F"}


@pytest.mark.parametrize(
    "given",
    [
        [{"functionResponse": {"id": "c1", "name": "f", "response": {"output": "7"}}}],
        {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "7"}}},
        "7",
    ],
)
def test_gemini_cli_the_results_inside_calls_are_turns(tmp_path: Path, given: Any):
    messages = [
        gemini("1", "user", [{"text": "Q"}]),
        gemini("2", "gemini", "", toolCalls=[call_of(given)]),
        gemini("3", "info", "x"),
        gemini("4", "gemini", "A"),
    ]
    expected = [[("user", "", "Q"), ("assistant", "f", '{"a": 1}'), ("observation", "", "7"), ("assistant", "", "A")]]
    assert conversations(tmp_path / "a.json", [HEADER | {"messages": messages}]) == expected
    assert conversations(tmp_path / "b.jsonl", [HEADER, *messages]) == expected


def test_gemini_cli_lines_replace_and_take_back_messages(tmp_path: Path):
    events = [
        HEADER,
        gemini("1", "user", "Q"),
        gemini("2", "gemini", "half"),
        gemini("2", "gemini", "A"),
        {"$set": {"lastUpdated": "t"}},
        gemini("3", "user", "Wrong"),
        gemini("4", "gemini", "No"),
        {"$rewindTo": "3"},
        gemini("5", "user", "Q2"),
        gemini("6", "gemini", "A2"),
    ]
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["Q", "A", "Q2", "A2"]
    events.append({"$set": {"messages": [gemini("7", "user", "New"), gemini("8", "gemini", "Yes")]}})
    assert [content for _, _, content in conversations(tmp_path / "s.jsonl", events)[0]] == ["New", "Yes"]


def test_osworld_steps_are_answers_and_the_screenshots_after_them(tmp_path: Path):
    steps = [
        {
            "step_num": i,
            "action_timestamp": "t",
            "action": "click()",
            "response": f"A{i}",
            "reward": 0,
            "done": False,
            "info": {},
            "screenshot_file": f"{i}.png",
        }
        for i in (1, 2)
    ]
    path = write(tmp_path / "traj.jsonl", [steps[0] | {"instruction": "Do it."}, steps[1]])
    config = configuration()
    (raw,) = read_records(input_file(config, str(path), None), config.limits)
    draft = draft_of(raw, config)
    assert isinstance(draft, Draft)
    assert [(message.role, message.content, message.image_at) for message in draft.messages] == [
        ("user", "Do it.", ()),
        ("assistant", "A1", ()),
        ("user", "", (0,)),
        ("assistant", "A2", ()),
        ("user", "", (0,)),
    ]


@pytest.mark.parametrize("layout", ["[{}, {}]", "[\n  {},\n  {}\n]", "{}\n{}\n"])
@pytest.mark.parametrize("keys", [("role", "content", "assistant"), ("from", "value", "gpt")])
def test_a_file_of_turns_is_one_conversation(tmp_path: Path, layout: str, keys: tuple[str, str, str]):
    role, content, answerer = keys
    question, answer = json.dumps({role: "user", content: "Q", "loss_mask": 0}), json.dumps({role: answerer, content: "A", "loss_mask": 1})
    path = tmp_path / ("s.jsonl" if layout.startswith("{") else "s.json")
    path.write_text(layout.replace("{}", question, 1).replace("{}", answer, 1))
    (made,) = run_lines(configuration(), path)
    assert isinstance(made, Conversation)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", "A")]


def test_lines_that_are_lists_of_turns_are_conversations(tmp_path: Path):
    line = json.dumps([{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}])
    path = tmp_path / "s.jsonl"
    path.write_text(f"{line}\n{line.replace('Q', 'Q2')}\n")
    found = run_lines(configuration(), path)
    assert [turns(one)[0] for one in found if isinstance(one, Conversation)] == [("user", "", "Q"), ("user", "", "Q2")]


def test_a_record_of_a_session_is_read_alike_from_its_bytes_alone(tmp_path: Path):
    """As a redrive reads it, from column raw of table quarantine."""
    path = write(tmp_path / "s.jsonl", [*ASKED, claude("s1", None, "user", "Sub", isSidechain=True), claude("s2", "s1", "assistant", "Done", isSidechain=True)])
    config = configuration()
    for raw in read_records(input_file(config, str(path), None), config.limits):
        draft = draft_of(raw, config)
        assert isinstance(draft, Draft)
        assert draft.format == "claude_code"
        assert len(draft.messages) == 2


@pytest.mark.parametrize("odd", [None, 7, [], ["x"], {"a": 1}, "x", True])
def test_odd_values_in_events_are_no_internal_errors(odd: Any, tmp_path: Path):
    """Every value of every event, one after the other."""
    call = [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]
    sessions: list[list[Event]] = [
        [*ASKED, claude("u3", "u2", "assistant", call), claude("u4", "u3", "user", result("c1", "1"), parent_tool_use_id="c1")],
        [
            META,
            said("user", "Q"),
            item("custom_tool_call", call_id="c", name="f", input="x"),
            item("local_shell_call", call_id="d", action={}),
            said("assistant", "A"),
        ],
        [
            META,
            said("user", "Q"),
            {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1}},
            {"type": "compacted", "payload": {"message": "S"}},
        ],
        [
            HEADER,
            gemini("1", "user", "Q"),
            gemini("2", "gemini", "", toolCalls=[call_of("7")]),
            {"$rewindTo": "2"},
            {"$set": {"messages": [gemini("7", "user", "N")]}},
        ],
        [{"step_num": 1, "action": "x", "response": "A", "screenshot_file": "a.png", "instruction": "Q"}],
    ]
    config = configuration()
    for events in sessions:
        for changed in _changed(events, odd):
            path = write(tmp_path / "s.jsonl", changed)
            for raw in read_records(input_file(config, str(path), None), config.limits):
                found = draft_of(raw, config).findings
                assert not is_internal(found), found


def _changed(value: Any, odd: Any) -> Any:
    """The value with each of its inner values replaced, one at a time."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for other in [odd, *(_changed(value[key], odd) if isinstance(value[key], (dict, list)) else ())]:
            copied = value.copy()
            copied[key] = other
            yield copied
