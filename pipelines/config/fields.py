"""The setting `fields`: which fields of a record, its turns and its calls mean what. LLaMA-Factory's and ms-swift's columns are turned into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from pipelines.config.base import Settings

_PATH = re.compile(r"\s*[^.\[\]|\s][^.\[\]|]*(?:\.[^.\[\]|]+|\[-?\d+\])*\s*")


def path_fault(text: str) -> str | None:
    """Why this text is no path into a record; None if it is one."""
    if all(_PATH.fullmatch(option) for option in text.split("|")):
        return None
    return f"{text!r} is not a path such as data.turns or a[0].b, or alternatives of it such as data.turns | turns"


def _path(text: str) -> str:
    if fault := path_fault(text):
        raise ValueError(fault)
    return text


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


FieldPath = Annotated[str, Field(min_length=1), AfterValidator(_path)]
FieldPaths = Annotated[tuple[FieldPath, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
Role = Literal["system", "user", "assistant", "observation", "function_call"]


class TurnKeys(Settings):
    """Paths inside a turn. What is not given is found under its usual keys."""

    role: FieldPath | None = None
    content: FieldPath | None = None
    calls: FieldPath | None = None
    call_id: FieldPath | None = None
    name: FieldPath | None = None
    metadata: FieldPath | None = None
    images: FieldPath | None = None
    reasoning: FieldPath | None = None
    loss: FieldPath | None = None


class CallKeys(Settings):
    """Paths inside a call."""

    name: FieldPath | None = None
    arguments: FieldPath | None = None
    id: FieldPath | None = None


class Tags(Settings):
    """LLaMA-Factory's `tags`, with its defaults. Source: hiyouga/LLaMA-Factory src/llamafactory/data/parser.py @ v0.9.5."""

    role_tag: str = "from"
    content_tag: str = "value"
    user_tag: str = "human"
    assistant_tag: str = "gpt"
    observation_tag: str = "observation"
    function_tag: str = "function_call"
    system_tag: str = "system"


class Fields(Settings):
    """`turns` is a list of turns; or `prompt` and `answer` are texts, or turns. Each value is a path into the record."""

    turns: FieldPath | None = None
    turn: TurnKeys = TurnKeys()
    roles: dict[str, Role] = {}
    call: CallKeys = CallKeys()
    history: FieldPath | None = None
    prompt: FieldPaths | None = None
    answer: FieldPath | None = None
    rejected: FieldPath | None = None
    system: FieldPath | None = None
    tools: FieldPath | None = None
    images: FieldPath | None = None
    image_mark: str | None = Field(None, min_length=1)
    media: FieldPath | None = None
    label: FieldPath | None = None
    id: FieldPath | None = None
    episode_id: FieldPath | None = None
    step_id: FieldPath | None = None
    columns: dict[str, str] | None = None
    tags: Tags | None = None
    formatting: Literal["alpaca", "sharegpt", "openai"] | None = None
    ranking: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_a_trainer(cls, given: Any) -> Any:
        """The columns of a trainer as fields of ours; `columns` and the rest are gone afterwards."""
        if not isinstance(given, Mapping) or not any(given.get(key) for key in _TRAINER):
            return given
        return _of_trainer({key: value for key, value in given.items() if value is not None and (value or key in _TRAINER)})

    @field_validator("roles", mode="before")
    @classmethod
    def _tool_is_observation(cls, given: Any) -> Any:
        """`tool` is another name of role observation."""
        return {key: "observation" if role == "tool" else role for key, role in given.items()} if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _has_turns(self) -> Fields:
        if faults := [*_faults_of_turns(self), *_same_paths(self)]:
            raise ValueError("; ".join(faults))
        return self


def _faults_of_turns(fields: Fields) -> list[str]:
    if fields.turns is None and fields.answer is None:
        return ["needs turns, or prompt and answer"]
    if fields.turns is not None and fields.prompt is not None:
        return ["turns and prompt both say where the questions are; give turns where the record has a list of turns, else prompt and answer"]
    if fields.turns is None and fields.prompt is None and fields.history is None:
        return ["answer has no question before it; give prompt too"]
    return []


def _same_paths(fields: Fields) -> Iterable[str]:
    """Fields that say different things and have one path."""
    said = {name: path for name in ("turns", "history", "answer", "rejected", "system", "tools") if (path := getattr(fields, name)) is not None}
    said |= {"prompt" if i == 0 else f"prompt[{i}]": path for i, path in enumerate(fields.prompt or ())}
    turn = {f"turn.{name}": path for name in ("role", "content", "calls", "reasoning") if (path := getattr(fields.turn, name)) is not None}
    call = {f"call.{name}": path for name in ("name", "arguments", "id") if (path := getattr(fields.call, name)) is not None}
    for paths in (said, turn, call):
        for i, (name, path) in enumerate(paths.items()):
            if (other := next((key for key in list(paths)[:i] if paths[key].strip() == path.strip()), None)) is not None:
                yield f"{other} and {name} are the same path, {path!r}"


_TRAINER = ("columns", "tags", "formatting", "ranking")
_LLAMA_FACTORY = (
    *("prompt", "query", "response", "history", "messages", "system", "tools", "images", "videos", "audios"),
    *("chosen", "rejected", "kto_tag"),
)
_SWIFT = (
    *("query", "response", "history", "messages", "system", "tools", "images", "videos", "audios"),
    *("rejected_response", "label"),
)
_OURS = {
    "messages": "turns",
    "history": "history",
    "response": "answer",
    "chosen": "answer",
    "rejected": "rejected",
    "rejected_response": "rejected",
    "system": "system",
    "tools": "tools",
    "images": "images",
    "videos": "media",
    "audios": "media",
    "kto_tag": "label",
    "label": "label",
}


def _of_trainer(given: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValueError, of which pydantic makes a fault."""
    if others := sorted(given.keys() - set(_TRAINER)):
        raise ValueError(f"columns, tags, formatting and ranking are a trainer's form, and stand alone; found {', '.join(map(str, others))} beside them")
    columns = given.get("columns")
    if columns is not None and not (isinstance(columns, Mapping) and all(isinstance(item, str) for pair in columns.items() for item in pair)):
        raise ValueError("columns: expected a mapping of names")
    tags = given.get("tags")
    formatting, ranking = given.get("formatting"), given.get("ranking", False)
    if formatting not in (None, "alpaca", "sharegpt", "openai"):
        raise ValueError(f"formatting: {formatting!r} is not one of alpaca, sharegpt, openai")
    is_llama_factory = tags is not None or formatting is not None or ranking
    if columns is not None and not is_llama_factory and _is_swift(columns):
        return _from_swift(columns)
    return _from_llama_factory(columns, _tags(tags), formatting or "alpaca")


def _is_swift(columns: Mapping[str, str]) -> bool:
    """Whether these are ms-swift's: its columns map a data set's name to its own, LLaMA-Factory's its own to the data set's."""
    swift, factory = (all(name in known for name in names) for names, known in ((columns.values(), _SWIFT), (columns, _LLAMA_FACTORY)))
    if swift and factory and any(key != value for key, value in columns.items()):
        raise ValueError("columns: may be of LLaMA-Factory or of ms-swift; write `formatting: alpaca` or `sharegpt` beside LLaMA-Factory's")
    if not swift and not factory:
        _check_names("columns", columns, _LLAMA_FACTORY)
    return swift


def _check_names(place: str, names: Iterable[object], known: Sequence[str]) -> None:
    """Raises ValueError with every name that is not known."""
    faults = []
    for name in names:
        if name not in known:
            near = get_close_matches(str(name), known, n=1, cutoff=0.5)
            faults.append(f"{place}.{name}: unknown key{f'; did you mean {near[0]}?' if near else ''}")
    if faults:
        raise ValueError("; ".join(faults))


def _tags(tags: Any) -> Tags:
    if tags is None:
        return Tags()
    if not isinstance(tags, Mapping):
        raise ValueError("tags: expected a mapping of names")
    _check_names("tags", tags, tuple(Tags.model_fields))
    for name, value in tags.items():
        if not isinstance(value, str):
            raise ValueError(f"tags.{name}: expected text")
    return Tags(**tags)


def _from_llama_factory(columns: Mapping[str, str] | None, tags: Tags, formatting: str) -> dict[str, Any]:
    """Where columns are given, a column that they do not name has no default, as in LLaMA-Factory."""
    if columns is None:
        columns = {"prompt": "instruction", "query": "input", "response": "output"} if formatting == "alpaca" else {"messages": "conversations"}
    _check_names("columns", columns, _LLAMA_FACTORY)
    made: dict[str, Any] = {_OURS[name]: column for name, column in columns.items() if name in _OURS}
    if questions := [columns[name] for name in ("prompt", "query") if name in columns]:
        made["prompt"] = questions
    if formatting != "alpaca":
        made["turn"] = {"role": tags.role_tag, "content": tags.content_tag}
        made["roles"] = {
            tags.user_tag: "user",
            tags.assistant_tag: "assistant",
            tags.observation_tag: "observation",
            tags.function_tag: "function_call",
            tags.system_tag: "system",
        }
    return made


def _from_swift(columns: Mapping[str, str]) -> dict[str, Any]:
    """Source: modelscope/ms-swift docs/source_en/Customization/Custom-dataset.md @ 3602360, `--columns`."""
    made: dict[str, Any] = {_OURS[name]: column for column, name in columns.items() if name in _OURS}
    if questions := [column for column, name in columns.items() if name == "query"]:
        made["prompt"] = questions
    return made
