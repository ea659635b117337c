"""Tool definitions of every shape -> one JSON text, and the check of a call's arguments against them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson
from msgspec.structs import replace

from pipelines.cache import BoundedCache
from pipelines.formats.logged import place
from pipelines.normalize.findings import Findings
from pipelines.normalize.listed_parameters import is_listed_by_name, plain_schema, schema_of_listed
from pipelines.normalize.schemas import RECORD_STEPS, BadSchema, Schema, Steps, find_mismatch, read_schema
from pipelines.normalize.tool_calls import Call
from pipelines.normalize.written import spell
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.parsing.written import Path, exact
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding

SHOWN = 20  # names or places in a finding


class Tool(NamedTuple):
    """A function that a record declares. `text` is {"type": "function", "function": {...}} as JSON, key order kept and nulls removed;
    `dropped` are their paths. `unread` are keys next to the function, which are not part of the text."""

    name: str
    text: str
    parameters: Schema | None
    dropped: tuple[Path, ...]
    declared: Mapping[str, Any] | None = None  # the parameters' schema as it was read
    unread: tuple[tuple[str, Any], ...] = ()
    is_wrapped: bool = False  # its parameters were listed by name, and became a schema


def read_tools(logged: Iterable[tuple[str, Any]], findings: Findings) -> list[Tool]:
    """Every function that the record declares.

    `logged` is (where, value): a list, one definition, or either as JSON text; null and [] declare nothing.
    """
    tools: list[Tool] = []
    texts: dict[str, set[str]] = {}  # by name
    for where, value in logged:
        if value is None or value == []:
            continue
        try:
            for i, definition in enumerate(_listed(value, where, findings)):
                tool = _tool(_from_item(definition, f"{where}[{i}]", findings), f"{where}[{i}]")
                for key, beside in tool.unread:
                    findings.unread.add("tool", f"{where}[{i}]", key, beside)
                if tool.dropped:
                    detail = f"removed nulls: {_places(tool.dropped)}"
                    findings.repair(Reason.REPAIR_NULL_DROPPED, Reason.TOOL_SCHEMA_INVALID, f"{where}[{i}]", detail)
                if tool.is_wrapped:
                    detail = f"the parameters of {clip(tool.name)} were listed by name, and became the properties of an object"
                    findings.repair(Reason.REPAIR_PARAMETERS_WRAPPED, Reason.TOOL_SCHEMA_INVALID, f"{where}[{i}]", detail)
                known = texts.setdefault(tool.name, set())
                if tool.text in known:
                    continue
                if known:
                    _report(f"{clip(tool.name)} is declared twice, with different definitions", f"{where}[{i}]", findings)
                known.add(tool.text)
                tools.append(tool)
        except Reject as reject:
            findings.refuse_all(reject)
    return tools


def tools_text(tools: list[Tool]) -> str | None:
    """Column `tools`: a JSON list, not ASCII-escaped; None if there are no tools."""
    return f"[{', '.join([tool.text for tool in tools])}]" if tools else None


def drop_padding(call: Call, declared: Mapping[str, Tool], findings: Findings) -> Call:
    """The call without null arguments that its tool does not declare: Arrow gives every row of a column the keys of all other rows. A null
    that the schema declares stays, and so does every null in arguments that were logged as text."""
    tool = declared.get(call.name)
    if not call.is_ours or tool is None or tool.declared is None or "null" not in call.arguments:
        return call
    dropped: list[Path] = []
    values = _without_padding(exact(call.arguments), tool.declared, (), dropped)
    if not dropped:
        return call
    detail = f"removed nulls that {clip(call.name)} does not declare: {_places(dropped)}"
    findings.repair(Reason.REPAIR_NULL_DROPPED, Reason.TOOL_SCHEMA_INVALID, call.where, detail)
    text = spell(values)
    return replace(call, arguments=text, values=json.loads(text))


def _places(dropped: Sequence[Path]) -> str:
    """The first of these paths, and how many more there are."""
    more = f" and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
    return clip(", ".join(map(place, dropped[:SHOWN]))) + more


def _without_padding(value: Any, schema: Any, where: Path, dropped: list[Path]) -> Any:
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list):
        return [_without_padding(item, schema.get("items"), (*where, i), dropped) for i, item in enumerate(value)]
    known = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(known, dict):
        return value
    if not schema.get("additionalProperties"):
        dropped += [(*where, key) for key, item in value.items() if item is None and key not in known]
        value = {key: item for key, item in value.items() if item is not None or key in known}
    return {key: _without_padding(item, known.get(key), (*where, key), dropped) for key, item in value.items()}


def check_calls(calls: Iterable[Call], declared: Mapping[str, Tool], findings: Findings) -> None:
    """Notes calls of undeclared tools. Notes arguments that do not match the schema, or refuses them, as normalize.schema_invalid says."""
    if not declared:
        return
    names = clip(", ".join(islice(declared, SHOWN)))
    steps = Steps(RECORD_STEPS)
    for call in calls:
        tool = declared.get(call.name)
        if tool is None:
            findings.note(Reason.TOOL_UNKNOWN_TOOL, call.where, f"{clip(call.name)} is not declared; the record declares {names}")
        elif mismatch := _mismatch(call, tool.parameters, steps):
            _report(mismatch, call.where, findings)


def _report(detail: str, where: str, findings: Findings) -> None:
    if findings.settings.schema_invalid == "quarantine":
        findings.refuse(Reason.TOOL_SCHEMA_INVALID, where, detail)
    else:
        findings.note(Reason.TOOL_SCHEMA_INVALID, where, detail)


def _mismatch(call: Call, parameters: Schema | None, steps: Steps) -> str | None:
    if parameters is None:
        return None
    try:
        return find_mismatch(call.values, parameters, steps)
    except BadSchema as error:
        return f"the schema of {clip(call.name)} cannot be used: {error}"


def _listed(value: Any, where: str, findings: Findings) -> list[Any]:
    if isinstance(value, str):
        value = _from_text(value, where, findings) if value.strip() else None
    if value is None:
        return []
    if isinstance(value, dict):
        return _in_object(value)
    if not isinstance(value, list):
        raise Reject(Reason.SCHEMA_FIELD_TYPE.at(where, f"found {kind_of(value)}; expected a list of tool definitions"))
    if any(isinstance(item, dict) and not item.keys().isdisjoint(_LISTS) for item in value):  # as Gemini has them
        return [definition for item in value for definition in (_in_object(item) if isinstance(item, dict) else [item])]
    return value


_LISTS = ("functionDeclarations", "function_declarations", "tools")


def _in_object(value: dict[str, Any]) -> list[Any]:
    """The definitions in an object: a list under a key, one definition, or an object of definitions by name, as in Vercel's AI SDK."""
    key = next((key for key in _LISTS if isinstance(value.get(key), list) and len(value) == 1), None)
    if key is not None:
        return list(value[key])
    if (
        value
        and "name" not in value
        and "function" not in value
        and all(isinstance(item, dict) and not item.keys().isdisjoint(_OF_TOOLS) for item in value.values())
    ):
        return [{"name": name} | item for name, item in value.items() if item.get("name", name) == name]
    return [value]


def _from_item(definition: Any, where: str, findings: Findings) -> Any:
    """One definition of a list; it may be the JSON text of one, or OpenInference's {"tool": {"json_schema": JSON text}}."""
    if isinstance(definition, dict) and definition.keys() == {"tool"} and isinstance(definition["tool"], dict) and "json_schema" in definition["tool"]:
        definition = definition["tool"]["json_schema"]
    return _from_text(definition, where, findings) if isinstance(definition, str) and definition.lstrip()[:1] == "{" else definition


def _from_text(text: str, where: str, findings: Findings) -> Any:
    found: list[Finding] = []
    try:
        return parse_json(text, findings.budget, found)
    except Reject as reject:
        raise Reject(
            *(Reason.SCHEMA_FIELD_TYPE.at(where, f"found a string that is not JSON ({finding.code}): {clip(text)}") for finding in reject.findings)
        ) from None


def _tool(definition: Any, where: str) -> Tool:
    """The tool of this definition. The records of a batch share a few definitions, so each is read once and cached."""
    try:
        return _KEPT[orjson.dumps(definition)]
    except TypeError:  # an integer over 64 bits
        return _read_tool(definition, where)
    except Reject as reject:
        raise Reject(*(finding._replace(where=where) for finding in reject.findings)) from None


def _read_tool(definition: Any, where: str) -> Tool:
    inner = definition.get("function", definition.get("toolSpec", definition)) if isinstance(definition, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(name, str) or not name:
        raise Reject(Reason.TOOL_SCHEMA_INVALID.at(where, f"found {clip(json.dumps(definition))}; expected a function with a name"))
    dropped: list[Path] = []
    entries = {_SCHEMA_KEYS.get(key, key): value for key, value in inner.items() if inner is not definition or key != "type" or value != "function"}
    if len(entries) < len(inner) - (inner is definition and inner.get("type") == "function"):
        raise Reject(
            Reason.TOOL_SCHEMA_INVALID.at(
                where, f"{clip(name)} has several keys for its parameters: {', '.join(sorted(set(inner) & {*_SCHEMA_KEYS, 'parameters'}))}"
            )
        )
    beside = (
        ()
        if inner is definition
        else tuple((key, value) for key, value in definition.items() if key not in ("type", "function", "toolSpec") and value is not None)
    )
    if isinstance(entries.get("parameters"), str):
        entries["parameters"] = _schema_in(entries["parameters"], where)
    if inner is definition:
        entries.pop("cache_control", None)
    if "parameters" in entries:
        entries["parameters"] = plain_schema(entries["parameters"])
    if is_wrapped := is_listed_by_name(entries.get("parameters")):
        entries["parameters"] = schema_of_listed(entries["parameters"])
    function = _without_nulls(entries, (), dropped)
    text = json.dumps({"type": "function", "function": function}, ensure_ascii=False)
    parameters = function.get("parameters")
    return Tool(
        name=name,
        text=text,
        parameters=read_schema(parameters) if isinstance(parameters, dict) else None,
        dropped=tuple(dropped),
        declared=parameters if isinstance(parameters, dict) else None,
        unread=beside,
        is_wrapped=is_wrapped,
    )


def _schema_in(text: str, where: str) -> Any:
    """The schema in this JSON text: a column of strings has it in this form."""
    try:
        return orjson.loads(text) if text.strip() else None
    except orjson.JSONDecodeError:
        raise Reject(Reason.TOOL_SCHEMA_INVALID.at(where, f"the parameters are a string that is not JSON: {clip(text)}")) from None


# The keys of other APIs for the schema of a function's parameters: Anthropic's, and the Model Context Protocol's.
_SCHEMA_KEYS = {"input_schema": "parameters", "inputSchema": "parameters", "parametersJsonSchema": "parameters"}
_OF_TOOLS = ("description", "parameters", *_SCHEMA_KEYS)


def _without_nulls(value: Any, where: Path, dropped: list[Path]) -> Any:
    """The value without the nulls in its objects, which Arrow adds for keys of other rows. Nulls in a list, such as an enum, mean something and stay."""
    if isinstance(value, list):
        return [_without_nulls(item, (*where, i), dropped) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    dropped += [(*where, key) for key, item in value.items() if item is None]
    return {key: _without_nulls(item, (*where, key), dropped) for key, item in value.items() if item is not None}


# A tool takes about twelve times the bytes of its definition.
_KEPT: BoundedCache[bytes, Tool] = BoundedCache(lambda key: _read_tool(orjson.loads(key), ""), lambda key, tool: 12 * len(key))
