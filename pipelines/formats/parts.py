"""One table of the parts of a message, for all APIs: what a part is, and under which keys it keeps its value.

A part is an object with a type (`{"type": "tool_use", ...}`) or an object of one key that says what it is (`{"functionCall": {...}}`, as in
Gemini and Bedrock). To add an API, add words to these tables.
Sources: the API references of OpenAI (chat, Responses), Anthropic (Messages), Google (Gemini contents), AWS (Bedrock Converse), Vercel (AI SDK 5
ModelMessage), LangChain (content blocks) and OpenTelemetry (GenAI semantic conventions); LLaMA-Factory v1 @ v0.9.5 for parts with `value`;
neulab/agent-data-protocol schema/trajectory.py @ df5b5ad for items with `class_`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.formats.meaning import holds_picture

TEXT, IMAGE, REASONING, HIDDEN, CALL, RESULT, BOTH, MEDIA = "text", "image", "reasoning", "hidden reasoning", "call", "result", "call and result", "media"

# Kind -> the types of its parts.
TYPES: Mapping[str, tuple[str, ...]] = {
    TEXT: ("text", "input_text", "output_text", "refusal"),
    IMAGE: ("image_url", "image", "input_image", "computer_screenshot"),
    REASONING: ("reasoning", "thinking"),
    HIDDEN: ("redacted_thinking", "step-start"),
    CALL: (
        *("tool_call", "function_call", "tool_use", "tool-call", "server_tool_use", "mcp_tool_use", "api_action", "code_action"),
        *("custom_tool_call", "local_shell_call", "computer_call", "web_search_call"),
    ),
    RESULT: (
        *("tool_result", "tool-result", "tool_call_response", "function_call_output", "computer_call_output", "function_response"),
        *("custom_tool_call_output", "local_shell_call_output", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result"),
    ),
    BOTH: ("mcp_call", "tool-invocation", "dynamic-tool"),
    MEDIA: ("video", "video_url", "input_video", "audio", "audio_url", "input_audio"),
}
BOTH_PREFIX = "tool-"  # Vercel's parts of a tool that it knows: tool-getWeather
# The type of a part whose media type says what it is.
FILES = frozenset(("file", "media", "blob", "uri", "image-data", "file-data"))
MEDIA_TYPES = ("media_type", "mediaType", "mime_type", "mimeType", "modality", "contentType", "content_type")
# The key of a part without a type -> its kind.
KEYS: Mapping[str, str] = {
    "text": TEXT,
    "functionCall": CALL,
    "function_call": CALL,
    "toolUse": CALL,
    "executableCode": CALL,
    "executable_code": CALL,
    "functionResponse": RESULT,
    "function_response": RESULT,
    "toolResult": RESULT,
    "codeExecutionResult": RESULT,
    "code_execution_result": RESULT,
    "inlineData": IMAGE,
    "inline_data": IMAGE,
    "fileData": IMAGE,
    "file_data": IMAGE,
    "image": IMAGE,
    "reasoningContent": REASONING,
    "video": MEDIA,
    "audio": MEDIA,
}
# Kind -> the keys of its value besides the one that is named like its type, in order.
VALUES: Mapping[str, tuple[str, ...]] = {
    TEXT: ("value", "text", "content"),
    IMAGE: ("image_url", "image", "value", "url", "path", "bytes", "source", "data", "base64", "uri", "content", "file_uri"),
    REASONING: ("value", "text", "content", "thinking", "summary", "reasoningText"),
    CALL: ("value", "text", "content"),
}
# The fields of a result -> their keys. `is_error` and the like say nothing that the result's content does not say.
RESULT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "call_id": ("tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "call_id", "source_call_id", "id"),
    "name": ("name", "toolName", "tool_name"),
    "content": ("content", "output", "response", "result", "value"),
}
BOTH_READ = frozenset(("type", "state", "output", "result", "errorText", "error", "server_label", "preliminary", "step"))
RESULT_READ = frozenset(("type", *(key for keys in RESULT_FIELDS.values() for key in keys)))

KIND_OF = {name: kind for kind, names in TYPES.items() for name in names}
KINDS = frozenset(KIND_OF)


class PartKind(NamedTuple):
    """What a part is. `key` is the one key of a part without a type, under which its value is."""

    kind: str | None
    key: str | None = None


def kind_of_part(part: Mapping[str, Any]) -> PartKind:
    """The kind of this part; None where no table knows it.

    >>> kind_of_part({"type": "tool_use", "name": "f"}).kind, kind_of_part({"functionCall": {"name": "f"}}), kind_of_part({"type": "x"}).kind
    ('call', PartKind(kind='call', key='functionCall'), None)
    """
    name = part.get("type")
    if name is None:
        name = part.get("class_")  # ADP
    if isinstance(name, str):
        kind = _kind_of_file(part) if name in FILES else KIND_OF.get(name)
        return PartKind(BOTH if kind is None and name.startswith(BOTH_PREFIX) and "toolCallId" in part else kind)
    if name is None:
        key = next((key for key in part if key in KEYS and part[key] is not None), None)
        if key is not None:
            kind = KEYS[key]
            if kind == TEXT and part.get("thought") is True:
                return PartKind(REASONING, key)
            return PartKind(_kind_of_file(part[key]) if kind == IMAGE and isinstance(part[key], dict) else kind, key)
    return PartKind(None)


def _kind_of_file(part: Mapping[str, Any]) -> str | None:
    """Image or media, by the media type of a file; an image where none is given."""
    media_type = next((part[key] for key in MEDIA_TYPES if isinstance(part.get(key), str)), "image")
    main = media_type.partition("/")[0].lower()
    return {"image": IMAGE, "video": MEDIA, "audio": MEDIA}.get(main)


def are_pictures(value: Any) -> bool:
    """Whether the files of a turn are pictures, all of them: by their types, or by their names.

    >>> are_pictures([{"contentType": "image/png", "url": "a"}]), are_pictures(["a.png"]), are_pictures(["a.png", "b.pdf"])
    (True, True, False)
    """
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(_is_picture_file(item) for item in items)


def _is_picture_file(item: Any) -> bool:
    if not isinstance(item, dict):
        return holds_picture(item)
    kinds = [item[key] for key in (*MEDIA_TYPES, "type") if isinstance(item.get(key), str)]
    if any(kind.lower().startswith("image") for kind in kinds):
        return True
    return not kinds and any(holds_picture(item.get(key)) for key in VALUES[IMAGE])


def is_result(part: Any) -> bool:
    """Whether this part is a tool's result, or a call with its result."""
    return type(part) is dict and kind_of_part(part).kind in (RESULT, BOTH)
