"""Tool definitions and system texts in objects beside the turns, as logs of requests have them.

    {"messages": [...], "model_parameters": {"tools": [...]}}    is read: `ENVELOPES` are the keys of such objects
    {"messages": [...], "run": {"setup": {"tools": [...]}}}      is found by `unread_prompts_in`; the record is refused unless it declares these tools elsewhere

Sources: docs.langchain.com/langsmith/run-data-format (extra.invocation_params); docs.litellm.ai, spend logs and callbacks (proxy_server_request,
optional_params, model_parameters); langfuse.com/docs/observability (modelParameters, metadata); AWS Bedrock Converse (toolConfig).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reject

Json = Any
# Objects beside the turns whose tools and system text are those of the conversation.
ENVELOPES = frozenset(
    (
        *("extra", "invocation_params", "invocation_parameters", "metadata", "ls_metadata", "modelParameters", "model_parameters", "model_params"),
        *("optional_params", "proxy_server_request", "body", "kwargs", "model_kwargs", "params", "parameters", "config", "configuration", "generation_config"),
        *("generationConfig", "inferenceConfig", "invocationParams", "modelParams", "modelConfig", "model_config", "llm_params", "llm_kwargs", "llm_config"),
        *("request_params", "request_kwargs", "completion_params", "inference_params", "litellm_params", "agentConfig", "session", "run"),
        *("toolConfig", "tool_config", "agent_config", "agent", "assistant", "settings", "options", "request", "request_body", "extra_body"),
    )
)
# Envelopes that are notes about a conversation as often as a part of a request.
NOTES = frozenset(("extra", "metadata", "ls_metadata", "session", "run", "settings", "options"))
# The keys of tools and of a system text there. Those of `AMBIGUOUS` count in envelopes that are no notes: there, instructions may be those of an annotator, and a
# system may be a machine.
TOOLS = ("tools", "functions", "available_tools", "tool_definitions", "function_declarations", "functionDeclarations")
NAMED = (
    *("system_prompt", "system_message", "systemInstruction", "system_instruction", "systemPrompt", "systemMessage", "system_instructions"),
    *("sys_prompt", "developer_message", "developer_instructions"),
)
AMBIGUOUS = ("system", "instructions")
MOST_LEVELS = 3  # of envelopes in each other
# A `system` that is no text but the name of one: an operating system, or a provider in lower case.
_SYSTEM_NAME = re.compile(r"\s*(?:[a-z0-9_.:/-]+|(?i:linux|windows|mac ?os|darwin|ubuntu|debian|fedora|centos|android|ios|chrome ?os|harmony ?os)\b.{0,40})\s*")
_OF_MODEL = re.compile(r"agent|assistant|bot|config|request|model|llm|param|run|session|setting|option|gpt|setup|kwargs", re.IGNORECASE)
_SCHEMAS = ("input_schema", "inputSchema", "parameters", "parameter_definitions", "parametersJsonSchema")
_MARKS = ('"parameters"', '"function"', "put_schema", "putSchema", "toolSpec", "eclarations", "ystem", "nstructions")  # one is in every JSON text that tells


class UnreadPrompt(NamedTuple):
    """What a value that nothing reads tells a model: tool definitions, or a system text. `where` is its place, `key` the unread key that has it."""

    where: str
    key: str
    what: str
    value: Json


def fields_in_envelopes(holder: Mapping[str, Json], wanted: Collection[str], budget: Budget) -> tuple[dict[str, tuple[tuple[str, Json], ...]], dict[str, Json]]:
    """(the wanted ones of the fields `tools` and `system` that an object has in its envelopes, what else is in each envelope that has one).

    The first envelope that has a field gives it; what others have stays in them.

    >>> from pipelines.config.settings import Limits
    >>> fields_in_envelopes({"config": {"system_prompt": "Be brief.", "seed": 1}, "n": 2}, ("tools", "system"), Budget(Limits(), 100))
    ({'system': (('config.system_prompt', 'Be brief.'),)}, {'config': {'seed': 1}})
    """
    found: dict[str, tuple[tuple[str, Json], ...]] = {}
    left: dict[str, Json] = {}
    for key in holder:
        inner = _parsed(holder[key], budget) if key in ENVELOPES else None
        if isinstance(inner, dict) and (rest := _without_fields(inner, key, key, wanted, found, MOST_LEVELS, budget)) is not inner:
            left[key] = rest
    return found, left


def _without_fields(
    envelope: dict[str, Json], name: str, where: str, wanted: Collection[str], found: dict[str, Any], levels: int, budget: Budget
) -> dict[str, Json]:
    """The envelope under this name and at this place without the fields that were taken out of it; itself where none was."""
    left: dict[str, Json] = {}
    is_same = True
    for key, value in envelope.items():
        field = "tools" if key in TOOLS else "system" if key in NAMED or (key in AMBIGUOUS and name not in NOTES) else None
        if field in wanted and field not in found and (defines_tools(value) if field == "tools" else is_system_text(key, value)):
            found[field or ""] = ((f"{where}.{key}", value),)
            is_same = False
            continue
        if key in ENVELOPES and levels > 1 and isinstance(inner := _parsed(value, budget), dict):
            rest = _without_fields(inner, key, f"{where}.{key}", wanted, found, levels - 1, budget)
            if rest is not inner:
                is_same = False
                value = rest
        left[key] = value
    return envelope if is_same else left


def unread_prompts_in(key: str, value: Json, where: str) -> Iterator[UnreadPrompt]:
    """The tool definitions and the system texts in a value that nothing reads, at any depth, and in JSON texts. `where` is the place of the value."""
    boxes: list[tuple[str, str, Json]] = [(where, key, value)]
    while boxes:
        place, name, box = boxes.pop()
        if isinstance(box, str):
            box = _opened(box)
        if name in TOOLS and isinstance(box, (dict, list)) and defines_tools(box):
            yield UnreadPrompt(place, key, "tools", box)
        elif isinstance(box, dict):
            if _is_definition(box):
                yield UnreadPrompt(place, key, "tools", [box])
                continue
            for inner_name, inner in box.items():
                is_key = inner_name in NAMED or inner_name == "system" or (inner_name == "instructions" and _OF_MODEL.search(name) is not None)
                if is_key and is_system_text(inner_name, inner):
                    yield UnreadPrompt(f"{place}.{inner_name}", key, "system", inner)
                elif isinstance(inner, (dict, list)) or (isinstance(inner, str) and may_have_prompt(inner)):
                    boxes.append((f"{place}.{inner_name}"[:200], inner_name, inner))
        elif isinstance(box, list):
            if box and all(_is_definition(item) for item in box):
                yield UnreadPrompt(place, key, "tools", box)
            else:
                boxes += [(f"{place}[{i}]"[:200], "", item) for i, item in enumerate(box) if isinstance(item, (dict, list))]


def defines_tools(value: Json) -> bool:
    """Whether this value of a key for tools is a list of definitions, an object of them by name, one definition, or the JSON text of any of these.

    >>> defines_tools([{"name": "f", "input_schema": {}}]), defines_tools(["f", "g"]), defines_tools({"name": "m", "parameters": {"temperature": 1}})
    (True, False, False)
    """
    value = _opened(value) if isinstance(value, str) else value
    items = value if isinstance(value, list) else [value]
    return (bool(items) and all(_is_definition(item) or _is_named(item) for item in items)) or (isinstance(value, dict) and _are_by_name(value))


def _is_named(item: Json) -> bool:
    """Whether this is a definition without parameters, or of a tool that the provider has."""
    return isinstance(item, dict) and isinstance(item.get("name"), str) and not item.keys().isdisjoint(("description", "type")) and "parameters" not in item


def tool_names(value: Json) -> set[str]:
    """The names of the tools that a value defines; "" for a definition without one."""
    value = _opened(value) if isinstance(value, str) else value
    if isinstance(value, dict) and _are_by_name(value):
        return set(value)
    items: list[Json] = []
    for item in value if isinstance(value, list) else [value]:
        item = _opened(item)
        inner = item.get("functionDeclarations") or item.get("function_declarations") if isinstance(item, dict) else None
        items += inner if isinstance(inner, list) else [item]
    given = [_inner(item).get("name") if isinstance(item, dict) else None for item in items]
    return {name if isinstance(name, str) else "" for name in given}


def is_system_text(key: str, value: Json) -> bool:
    """Whether a value under such a key is a system text.

    >>> is_system_text("system_prompt", "Brief!"), is_system_text("system", "openai"), is_system_text("system", "Windows 11"), is_system_text("system", "Brief!")
    (True, False, False, True)
    """
    texts = system_texts(value)
    return bool(texts) and (key != "system" or len(texts) > 1 or _SYSTEM_NAME.fullmatch(texts[0]) is None)


def system_texts(value: Json) -> list[str]:
    """The texts of a system text: one text, parts of a content, or an object with such parts."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("parts", "content", "text") if value.get(key) is not None), None)
    items = value if isinstance(value, list) else [value]
    found = [item.get("text") or item.get("content") if isinstance(item, dict) else item for item in items]
    return [text for text in found if isinstance(text, str) and text.strip()] if all(isinstance(text, str) for text in found) else []


def _is_definition(item: Json) -> bool:
    if isinstance(item, str) and item.lstrip()[:1] == "{":
        item = _opened(item)
    if not isinstance(item, dict):
        return False
    lists = item.get("functionDeclarations") or item.get("function_declarations")
    if isinstance(lists, list):
        return bool(lists) and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in lists)
    inner = _inner(item)
    if not isinstance(inner.get("name"), str):
        return False
    if inner is not item:
        return "arguments" not in inner and (item.get("type") in (None, "function") or "toolSpec" in item)
    return any(_is_schema(inner.get(key), key) for key in _SCHEMAS) or (inner.get("parameters") == {} and "description" in inner)


def _inner(item: Mapping[str, Json]) -> Mapping[str, Json]:
    return next((item[key] for key in ("function", "toolSpec") if isinstance(item.get(key), dict)), item)


def _is_schema(value: Json, key: str) -> bool:
    """Whether this says which parameters a function has: a JSON schema, or what each of them is. The parameters of a model are values."""
    value = _opened(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        return False
    is_schema = "properties" in value or value.get("type") in ("object", "OBJECT")
    are_described = bool(value) and all(isinstance(one, dict) and not one.keys().isdisjoint(("type", "description")) for one in value.values())
    return key != "parameters" or is_schema or are_described


def _are_by_name(value: Mapping[str, Json]) -> bool:
    return bool(value) and all(isinstance(one, dict) and any(_is_schema(one.get(key), key) for key in _SCHEMAS) for one in value.values())


def may_have_prompt(text: str) -> bool:
    """Whether a text may be an object or a list as JSON."""
    return text[:64].lstrip()[:1] in ("{", "[")


def _parsed(value: Json, budget: Budget) -> Json:
    """The value of a JSON text that may tell something, parsed as records are: what is taken out of it is exactly what is written."""
    if not _is_telling(value):
        return value
    try:
        return parse_json(value, budget, [])
    except Reject:
        return value


def _is_telling(value: Json) -> bool:
    return isinstance(value, str) and may_have_prompt(value) and any(mark in value for mark in _MARKS)


def _opened(value: Json) -> Json:
    """The value of a JSON text that may tell something; any other value as it is. Nothing is taken out of it."""
    if not _is_telling(value):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
