"""A chat template that is ready to render: with its marks, its control tokens, and the variables that transformers gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.config.settings import TemplateOptions
from pipelines.dialects.hf.control import ControlTokens, control_tokens
from pipelines.dialects.hf.folder import ModelFolder
from pipelines.dialects.hf.marking import Marker, Rendered
from pipelines.dialects.hf.sandbox import DateNeeded, Sandbox
from pipelines.reasons import Reason, Reject
from pipelines.visible import one_line

Json = dict[str, Any]
MOST_WORDS = 200  # of what a template says when it refuses


class ChatTemplate:
    """One template of a model folder. It renders one conversation after the other, in one thread."""

    def __init__(self, folder: ModelFolder, source: str, options: TemplateOptions):
        date = None if options.date is None else datetime.fromisoformat(options.date)
        self.sandbox = Sandbox(date)
        self.source = source
        self.marker = Marker(source, self.sandbox)
        self.control: ControlTokens = control_tokens(folder, source, self.sandbox)
        self._variables = {**folder.named, **options.template_kwargs, "documents": None, "add_generation_prompt": False}
        self._kwargs = options.template_kwargs
        self._tools: Sequence[Any] | None = None

    @property
    def has_generation(self) -> bool:
        return self.marker.has_generation

    def variables(self, messages: Sequence[Json], tools: Sequence[Any] | None, is_marked: bool = False, more: Mapping[str, Any] | None = None) -> Json:
        """What the template sees. If `is_marked`, control tokens in the operator's own variables are marked as those in data are."""
        if tools is not self._tools:  # most conversations in a row have the same
            self._tools = tools
            self.sandbox.keep_json(list(tools or ()))
        kwargs = self.control.marked(self._kwargs) if is_marked else {}
        return {**self._variables, **kwargs, "messages": messages, "tools": tools, **(more or {})}

    def render(self, variables: Json) -> Rendered:
        """Raises Reject with `tokens.template_refuses` where the template raises anything."""
        try:
            return self.marker.render(variables)
        except DateNeeded:
            raise
        except Exception as error:  # a template is foreign code: it refuses by raise_exception, or fails on what it does not expect
            words = one_line(f"{type(error).__name__}: {error}", MOST_WORDS)
            raise Reject(Reason.TOKENS_TEMPLATE_REFUSES.at("", words)) from None
