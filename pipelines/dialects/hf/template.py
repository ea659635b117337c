"""A chat template that is ready to render: with its marks, its control tokens, and the variables that transformers gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from jinja2 import TemplateError, TemplateSyntaxError, nodes

from pipelines.cache import BoundedCache
from pipelines.config import TemplateOptions
from pipelines.dialects.hf.control import ControlTokens, control_tokens, literal_text
from pipelines.dialects.hf.folder import ModelFolder
from pipelines.dialects.hf.limits import LimitExceeded
from pipelines.dialects.hf.marking import Marker, Rendered
from pipelines.dialects.hf.sandbox import DateNeeded, Sandbox, plain_json
from pipelines.reasons import Reason, Reject
from pipelines.visible import one_line

Json = dict[str, Any]
ROLES = ("system", "user", "assistant", "tool")
MOST_WORDS = 200  # of what a template says when it refuses


class Tools(NamedTuple):
    """The definitions of tools as objects, and the JSON of each by its id, if it is kept."""

    values: list[Any]
    kept: dict[int, tuple[Any, str]]


class ChatTemplate:
    """One template of a model folder. It renders one conversation after the other, in one thread."""

    def __init__(self, folder: ModelFolder, source: str, options: TemplateOptions):
        """Raises ValueError where the template cannot be parsed, or leaves to chance what it writes."""
        date = None if options.date is None else datetime.fromisoformat(options.date)
        self.sandbox = Sandbox(date)
        self.source = source
        try:
            self.marker = Marker(source, self.sandbox)
        except TemplateSyntaxError as error:
            raise ValueError(f"its chat template is not a valid template: line {error.lineno}: {error.message}") from None
        except Exception as error:  # too deep for the parser or the compiler
            raise ValueError(f"its chat template is not a valid template: {type(error).__name__}: {one_line(str(error), MOST_WORDS)}") from None
        if chance := _chance(self.sandbox.parse(source)):
            raise ValueError(f"its chat template uses {chance}, which writes another text each time")
        self.control: ControlTokens = control_tokens(folder, source, self.sandbox)
        self.literal = "\0".join([literal_text(self.sandbox.parse(source)), *folder.named.values(), *ROLES])
        self._variables = {**folder.named, **options.template_kwargs, "documents": None, "add_generation_prompt": False}
        self._kwargs = options.template_kwargs
        self.tools: BoundedCache[str, Tools] = BoundedCache(_read_tools, lambda text, tools: 20 * len(text))
        self.is_open = False  # while it is opened, a template that asks for the date stops everything

    @property
    def has_generation(self) -> bool:
        return self.marker.has_generation

    def variables(self, messages: Sequence[Json], tools: Tools | None, is_marked: bool = False, more: Mapping[str, Any] | None = None) -> Json:
        """What the template sees. If `is_marked`, control tokens in the operator's own variables are marked as those in data are."""
        self.sandbox.kept = tools.kept if tools else {}
        kwargs = self.control.marked(self._kwargs) if is_marked else {}
        return {**self._variables, **kwargs, "messages": messages, "tools": tools.values if tools else None, **(more or {})}

    def render(self, variables: Json) -> Rendered:
        """Raises Reject with `tokens.template_refuses` where the template raises anything; before it `is_open`, DateNeeded where it asks for a date that
        is not given, and ValueError where it exceeds the bounds of limits.py."""
        try:
            return self.marker.render(variables)
        except DateNeeded:
            if self.is_open:
                raise Reject(Reason.TOKENS_TEMPLATE_REFUSES.at("", "the template writes today's date, and options.date is not set")) from None
            raise
        except Exception as error:  # a template is foreign code: it refuses by raise_exception, or fails on what it does not expect
            if isinstance(error, LimitExceeded) and not self.is_open:
                raise ValueError(f"its chat template cannot be used: {error}") from None
            line = None if type(error) is TemplateError else self.marker.line_of(error)
            words = one_line(f"{type(error).__name__}: {error}", MOST_WORDS) + ("" if line is None else f" (line {line} of the template)")
            raise Reject(Reason.TOKENS_TEMPLATE_REFUSES.at("", words)) from None


def _chance(tree: nodes.Template) -> str | None:
    """What of this template is left to chance."""
    if any(one.name == "random" for one in tree.find_all(nodes.Filter)):
        return "the filter random"
    return "lipsum()" if any(one.name == "lipsum" for one in tree.find_all(nodes.Name)) else None


def _read_tools(text: str) -> Tools:
    """The tools of conversations, which many have in common."""
    values = json.loads(text)
    return Tools(values, {id(value): (value, plain_json(value)) for value in values if type(value) is dict})
