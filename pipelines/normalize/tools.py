"""Tool definitions of every shape -> one JSON text, and the check of a call's arguments against them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipelines.normalize.faults import Faults
from pipelines.normalize.schemas import BadSchema, misfit
from pipelines.normalize.tool_calls import Call
from pipelines.parse import clip, kind_of, parse_json
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding


def read_tools(logged: Iterable[tuple[str, Any]], faults: Faults) -> list[dict[str, Any]]:
    """Every function that the record declares, as {"type": "function", "function": {...}}, key order kept, null entries taken out.

    `logged` is (where, value): a list, one definition, or either as JSON text; null and [] declare nothing.
    """
    tools = []
    for where, value in logged:
        with faults.collect():
            for i, tool in enumerate(_listed(value, where, faults)):
                tools.append(_function(tool, f"{where}[{i}]", faults))
    return tools


def tools_text(tools: list[dict[str, Any]]) -> str | None:
    """Column `tools`: a JSON list, not ASCII-escaped; None where there is no tool."""
    return json.dumps(tools, ensure_ascii=False) if tools else None


def check_calls(calls: Iterable[Call], tools: list[dict[str, Any]], faults: Faults) -> None:
    """Notes calls of undeclared tools, and arguments that do not fit; by option such a record is refused."""
    declared = {tool["function"]["name"]: tool["function"] for tool in tools}
    for call in calls if tools else ():
        function = declared.get(call.name)
        if function is None:
            faults.note(Reason.TOOL_UNKNOWN_TOOL, call.where, f"{clip(call.name)} is not among {clip(', '.join(declared))}")
        elif fault := _misfit(call, function.get("parameters")):
            _report(fault, call.where, faults)


def _report(detail: str, where: str, faults: Faults) -> None:
    if faults.settings.schema_invalid == "quarantine":
        faults.refuse(Reason.TOOL_SCHEMA_INVALID, where, detail)
    else:
        faults.note(Reason.TOOL_SCHEMA_INVALID, where, detail)


def _misfit(call: Call, parameters: Any) -> str | None:
    if not isinstance(parameters, Mapping):
        return None
    try:
        return misfit(call.values, parameters)
    except BadSchema as error:
        return f"the schema of {clip(call.name)} is of no use: {error}"


def _listed(value: Any, where: str, faults: Faults) -> list[Any]:
    if isinstance(value, str):
        value = _from_text(value, where, faults) if value.strip() else None
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [value]
    if not isinstance(value, list):
        raise Reject(Reason.SCHEMA_FIELD_TYPE.at(where, f"found {kind_of(value)}; a list of tool definitions is wanted"))
    return value


def _from_text(text: str, where: str, faults: Faults) -> Any:
    found: list[Finding] = []
    try:
        return parse_json(text, faults.limits, found)
    except Reject as reject:
        raise Reject(*(replace(finding, code=Reason.SCHEMA_FIELD_TYPE.code, where=where) for finding in reject.findings)) from None


def _function(tool: Any, where: str, faults: Faults) -> dict[str, Any]:
    inner = tool.get("function", tool) if isinstance(tool, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(name, str) or not name:
        raise Reject(Reason.TOOL_SCHEMA_INVALID.at(where, f"found {clip(json.dumps(tool))}; a function with a name is wanted"))
    dropped: list[str] = []
    function = _without_nulls({key: value for key, value in inner.items() if inner is not tool or key != "type" or value != "function"}, "", dropped)
    if dropped:
        faults.repair(Reason.REPAIR_NULL_DROPPED, Reason.TOOL_SCHEMA_INVALID, where, f"null entries: {clip(', '.join(dropped))}")
    return {"type": "function", "function": function}


def _without_nulls(value: Any, where: str, dropped: list[str]) -> Any:
    """Null entries of objects are what Arrow makes of rows with other keys; nulls in a list (an enum, say) mean something and stay."""
    if isinstance(value, list):
        return [_without_nulls(item, f"{where}[{i}]", dropped) for i, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    dropped += [f"{where}.{key}".lstrip(".") for key, item in value.items() if item is None]
    return {key: _without_nulls(item, f"{where}.{key}".lstrip("."), dropped) for key, item in value.items() if item is not None}
