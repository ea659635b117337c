"""One record in each format: docs/formats.md shows them, `episodes formats NAME` prints them, and a test reads them all."""

from __future__ import annotations

from collections.abc import Mapping

# Format -> a record of it, broken into lines for reading.
EXAMPLES: Mapping[str, str] = {
    "claude_code": r"""
{"type": "user", "uuid": "1", "parentUuid": null, "sessionId": "e1", "message": {"role": "user", "content": "Weather in Kyiv?"}}
{"type": "assistant", "uuid": "2", "parentUuid": "1", "sessionId": "e1", "message": {"id": "m1", "role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Kyiv"}}]}}
{"type": "user", "uuid": "3", "parentUuid": "2", "sessionId": "e1", "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "3 degrees"}]}}
{"type": "assistant", "uuid": "4", "parentUuid": "3", "sessionId": "e1", "message": {"id": "m2", "role": "assistant", "content": [{"type": "text", "text": "It is cold."}]}}""",
    "codex": r"""
{"type": "session_meta", "payload": {"id": "e1", "cwd": "/work"}}
{"type": "response_item", "payload": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather in Kyiv?"}]}}
{"type": "response_item", "payload": {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{\"city\": \"Kyiv\"}"}}
{"type": "response_item", "payload": {"type": "function_call_output", "call_id": "a", "output": "3 degrees"}}
{"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is cold."}]}}""",
    "gemini_cli": r"""
{"sessionId": "e1", "projectHash": "h", "startTime": "2026-11-22T00:00:00Z", "lastUpdated": "2026-11-22T00:00:00Z", "messages": [
  {"id": "1", "timestamp": "2026-11-22T00:00:00Z", "type": "user", "content": [{"text": "Weather in Kyiv?"}]},
  {"id": "2", "timestamp": "2026-11-22T00:00:00Z", "type": "gemini", "content": "", "toolCalls": [{"id": "a", "name": "weather", "args": {"city": "Kyiv"},
    "result": [{"functionResponse": {"id": "a", "name": "weather", "response": {"output": "3 degrees"}}}], "status": "success"}]},
  {"id": "3", "timestamp": "2026-11-22T00:00:00Z", "type": "gemini", "content": "It is cold."}]}""",
    "osworld": r"""
{"step_num": 1, "instruction": "Open the settings", "action": "pyautogui.click(480, 120)", "response": "I click the gear.", "screenshot_file": "screens/1.png"}
{"step_num": 2, "action": "DONE", "response": "They are open."}""",
    "pydantic_ai": r"""
{"messages": [{"kind": "request", "instructions": "Be brief.", "parts": [{"part_kind": "user-prompt", "content": "Weather in Kyiv?"}]},
  {"kind": "response", "parts": [{"part_kind": "tool-call", "tool_name": "weather", "args": {"city": "Kyiv"}, "tool_call_id": "a"}]},
  {"kind": "request", "parts": [{"part_kind": "tool-return", "tool_name": "weather", "content": "3 degrees", "tool_call_id": "a"}], "instructions": "Be brief."},
  {"kind": "response", "parts": [{"part_kind": "text", "content": "It is cold."}]}]}""",
    "autogen": r"""
{"messages": [{"source": "user", "models_usage": null, "type": "TextMessage", "content": "Weather in Kyiv?"},
  {"source": "helper", "models_usage": {"prompt_tokens": 9, "completion_tokens": 9}, "type": "ToolCallRequestEvent",
   "content": [{"id": "a", "name": "weather", "arguments": "{\"city\": \"Kyiv\"}"}]},
  {"source": "helper", "type": "ToolCallExecutionEvent", "content": [{"call_id": "a", "name": "weather", "content": "3 degrees", "is_error": false}]},
  {"source": "helper", "models_usage": {"prompt_tokens": 9, "completion_tokens": 9}, "type": "TextMessage", "content": "It is cold."}]}""",
    "agentcpm": r"""
{"id": "1", "image": {"<image_00>": "screens/1.png"}, "episode_id": "e1", "step_id": "1", "conversations": [
  {"role": "system", "content": "You operate a phone."},
  {"role": "user", "content": "<Question>Open the settings</Question>\nScreen: <image_00>"},
  {"role": "assistant", "content": "{\"thought\": \"The gear opens them.\", \"POINT\": [480, 120]}"}]}""",
    "sharegpt": r"""
{"tools": "[{\"name\": \"weather\", \"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}}]", "conversations": [
  {"from": "system", "value": "Be brief."}, {"from": "human", "value": "Weather in Kyiv?"},
  {"from": "function_call", "value": "{\"name\": \"weather\", \"arguments\": {\"city\": \"Kyiv\"}}"},
  {"from": "observation", "value": "3 degrees"}, {"from": "gpt", "value": "It is cold."}]}""",
    "glm": r"""
{"messages": [{"role": "user", "content": "Weather in Kyiv?"},
  {"role": "assistant", "metadata": "weather", "content": "{\"city\": \"Kyiv\"}"},
  {"role": "observation", "content": "3 degrees"},
  {"role": "assistant", "content": "It is cold."}]}""",
    "openai": r"""
{"messages": [{"role": "user", "content": "Weather in Kyiv?"},
  {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Kyiv\"}"}}]},
  {"role": "tool", "tool_call_id": "a", "content": "3 degrees"},
  {"role": "assistant", "content": "It is cold."}]}""",
    "request": r"""
{"request": {"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "Weather in Kyiv?"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Kyiv"}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "3 degrees"}]}]},
 "response": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "It is cold."}, "finish_reason": "stop"}]}}""",
    "openai_preference": r"""
{"input": {"messages": [{"role": "user", "content": "Weather in Kyiv?"}]},
 "preferred_output": [{"role": "assistant", "content": "It is cold."}],
 "non_preferred_output": [{"role": "assistant", "content": "No idea."}]}""",
    "hh_preference": r"""
{"chosen": "\n\nHuman: Weather in Kyiv?\n\nAssistant: It is cold.", "rejected": "\n\nHuman: Weather in Kyiv?\n\nAssistant: No idea."}""",
    "preference": r"""
{"prompt": "Weather in Kyiv?", "chosen": "It is cold.", "rejected": "No idea."}""",
    "preference_turns": r"""
{"chosen": [{"role": "user", "content": "Weather in Kyiv?"}, {"role": "assistant", "content": "It is cold."}],
 "rejected": [{"role": "user", "content": "Weather in Kyiv?"}, {"role": "assistant", "content": "No idea."}]}""",
    "glaive": r"""
{"system": "SYSTEM: Be brief.", "chat": "USER: Weather in Kyiv?\n\n\nASSISTANT: It is cold. <|endoftext|>"}""",
    "gemini": r"""
{"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"role": "user", "parts": [{"text": "Weather in Kyiv?"}]},
  {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Kyiv"}}}]},
  {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": "3 degrees"}}]},
  {"role": "model", "parts": [{"text": "It is cold."}]}]}""",
    "responses": r"""
{"instructions": "Be brief.", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Weather in Kyiv?"}]},
  {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{\"city\": \"Kyiv\"}"},
  {"type": "function_call_output", "call_id": "a", "output": "3 degrees"}],
 "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is cold.", "annotations": []}]}]}""",
    "atif": r"""
{"schema_version": "ATIF-v1.4", "session_id": "e1", "agent": {"name": "a", "version": "1"}, "steps": [
  {"step_id": 1, "source": "user", "message": "Weather in Kyiv?"},
  {"step_id": 2, "source": "agent", "message": "", "tool_calls": [{"tool_call_id": "a", "function_name": "weather", "arguments": {"city": "Kyiv"}}],
   "observation": {"results": [{"source_call_id": "a", "content": "3 degrees"}]}},
  {"step_id": 3, "source": "agent", "message": "It is cold."}]}""",
    "adp": r"""
{"id": "e1", "content": [{"class_": "text_observation", "content": "Weather in Kyiv?", "source": "user"},
  {"class_": "api_action", "function": "weather", "kwargs": {"city": "Kyiv"}},
  {"class_": "text_observation", "content": "3 degrees", "source": "environment"},
  {"class_": "message_action", "content": "It is cold."}]}""",
    "otel": r"""
{"name": "chat", "attributes": {
  "gen_ai.input.messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Weather in Kyiv?\"}]}]",
  "gen_ai.output.messages": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"It is cold.\"}]}]"}}""",
    "otel_events": r"""
{"name": "chat", "attributes": {"gen_ai.operation.name": "chat"}, "events": [
  {"name": "gen_ai.user.message", "attributes": {"content": "Weather in Kyiv?"}},
  {"name": "gen_ai.choice", "attributes": {"message": "{\"role\": \"assistant\", \"content\": \"It is cold.\"}"}}]}""",
    "openinference": r"""
{"name": "ChatCompletion", "attributes": {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Weather in Kyiv?",
  "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "It is cold."}}""",
    "langsmith": r"""
{"run_type": "llm", "inputs": {"messages": [[{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
    "kwargs": {"content": "Weather in Kyiv?"}}]]},
 "outputs": {"generations": [[{"text": "It is cold.", "message": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
    "kwargs": {"content": "It is cold."}}}]]}}""",
    "alpaca": r"""
{"instruction": "Translate into French.", "input": "the cat", "output": "le chat"}""",
    "langfuse": r"""
{"id": "1", "traceId": "t", "type": "GENERATION", "input": [{"role": "user", "content": "Weather in Kyiv?"}],
 "output": {"role": "assistant", "content": "It is cold."}}""",
    "history": r"""
{"chat_history": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello!"}], "question": "Weather in Kyiv?", "answer": "It is cold."}""",
    "trajectory": r"""
{"trajectory_id": "e1", "trajectory": [{"role": "user", "content": "Weather in Kyiv?"},
  {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Kyiv\"}"}}]},
  {"role": "tool", "tool_call_id": "a", "content": "3 degrees"},
  {"role": "assistant", "content": "It is cold."}]}""",
    "prompt_completion": r"""
{"prompt": "Weather in Kyiv?", "completion": "It is cold."}""",
}
