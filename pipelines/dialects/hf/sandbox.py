"""The Jinja environment in which chat templates run: transformers' sandbox, with the date of the configuration instead of today's.

Source: huggingface/transformers utils/chat_template_utils.py _cached_compile_jinja_template @ v5.23.0. Equal in what a template may do and in
what it writes, but for the bounds of limits.py and for what is left to chance; an attribute of a plain dict is looked up by a shorter way, and the JSON of tool definitions is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from pipelines.dialects.hf.limits import METHODS, MOST_LENGTH, MOST_WIDTH, Steps, bound_filters, bounded, check_binary, check_length, joined

_OF_DICT = frozenset(dir(dict))  # a template gets these methods, and not the items of these names
_CHECKED = frozenset((*METHODS, ""))
Json = Mapping[str, Any]


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment with the filters and globals that transformers gives to templates.

    `date` is what `strftime_now` writes; without one the function raises DateNeeded. `asked_for_date` says whether a template has called it. `kept` has the JSON of objects that are rendered often,
    by their id: (object, JSON). `steps` are those that the loops of a render may still take.
    """

    concat = staticmethod(joined)
    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(self, date: datetime | None = None):
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols], optimized=False)
        self.date = date
        self.asked_for_date = False
        self.kept: dict[int, tuple[Any, str]] = {}
        self.steps = Steps()
        bound_filters(self, self.steps)
        self.filters["tojson"] = self._tojson
        self.filters["random"] = self.globals["lipsum"] = _refuse_chance
        self.globals["raise_exception"] = _raise
        self.globals["strftime_now"] = self._strftime
        self.globals["dict"] = TemplateDict()
        self.globals["namespace"] = TemplateNamespace

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As in Jinja: first the attribute, then the item. A plain dict has no attributes but its methods. What these kinds of objects have is safe but
        for names with an underscore and a text's formatting, which Jinja checks."""
        kind = type(obj)
        if kind is dict and attribute not in _OF_DICT:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if kind in _SAFE and attribute not in _CHECKED and attribute[0] != "_":
            with suppress(AttributeError):
                return getattr(obj, attribute)
        if attribute in METHODS and isinstance(obj, (str, bytes, int)):
            found = super().getattr(obj, attribute)
            return bounded(obj, attribute, found) if callable(found) and not isinstance(found, Undefined) else found
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As in Jinja: first the item, then the attribute."""
        if isinstance(argument, str) and argument in METHODS and isinstance(obj, (str, bytes, int)):
            return self.getattr(obj, argument)
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_binary(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def _tojson(self, x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        if type(x) is dict and not ensure_ascii and indent is None and separators is None and not sort_keys:
            kept = self.kept.get(id(x))
            return kept[1] if kept is not None and kept[0] is x else plain_json(x)
        if isinstance(indent, (int, str)):
            check_length((indent if isinstance(indent, int) else len(indent)) * (MOST_LENGTH // MOST_WIDTH))
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def _strftime(self, form: str) -> str:
        self.asked_for_date = True
        if self.date is None:
            raise DateNeeded("the template writes today's date")
        return self.date.strftime(form)


class DateNeeded(TemplateError):
    """The template asks for the date, and the configuration gives none."""


plain_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode


class Generation(Extension):
    """The tag `{% generation %}`, which marks what a model is trained to write. Its body is a scope of its own, as that of transformers' tag is.

    marking.py replaces the node by one that notes where its text begins and ends.
    """

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("write"), [], [], body).set_lineno(line)

    @staticmethod
    def write(caller: Callable[[], str]) -> str:
        return caller()


class TemplateDict:
    """`dict(...)` and `dict.fromkeys(...)`, and nothing else of the class."""

    def __call__(self, *args: Any, **named: Any) -> dict[Any, Any]:
        return dict(*args, **named)

    def fromkeys(self, *args: Any, **named: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **named)


class TemplateNamespace(Namespace):
    """A namespace without names that begin with an underscore."""

    def __init__(*args: Any, **named: Any):
        self, args = args[0], args[1:]
        given = dict(*args, **named)
        for name in given:
            TemplateNamespace._check(name)
        Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:
        TemplateNamespace._check(name)
        Namespace.__setitem__(self, name, value)

    @staticmethod
    def _check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise SecurityError(f"chat templates cannot store underscore-prefixed attributes on a namespace, but got {name!r}")


def _refuse_chance(*_: Any, **__: Any) -> None:
    raise TemplateError("random and lipsum() would write another text each time")


def _raise(message: str) -> None:
    raise TemplateError(message)


_SAFE = frozenset((str, LoopContext, TemplateNamespace))
