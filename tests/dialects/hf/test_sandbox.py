"""The sandbox of chat templates: equal to transformers', in what it writes and in what it refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pipelines.dialects.hf.sandbox import DateNeeded, Sandbox

VALUES: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Zürich <b>\"q\"</b> & 'x'", "items": "own", "calls": [{"name": "f", "arguments": {"b": 1.0, "a": [True, None]}}]}
    ],
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "text": "a{b}c",
    "big": 10**20,
}


def of_transformers(source: str) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = VALUES["messages"]
    rendered, _ = render_jinja_template([messages], chat_template=source, **{key: value for key, value in VALUES.items() if key != "messages"})
    return rendered[0]


def ours(source: str) -> str:
    return Sandbox(datetime(2026, 11, 27)).from_string(source).render(**VALUES, documents=None, add_generation_prompt=False)


WRITES = [
    "{{ messages[0].content | tojson }} {{ messages[0].calls[0].arguments | tojson }} {{ big | tojson }}",
    "{{ messages[0] | tojson(indent=2) }}",
    "{{ messages[0].calls | tojson(ensure_ascii=true, sort_keys=true, separators=(',', ':')) }}",
    "{{ messages[0].items() | list | length }} {{ messages[0]['items'] }} {{ messages[0].missing is defined }} {{ messages[0].get('role') }}",
    "{% for m in messages %}\n  {{ loop.index0 }} {{ loop.last }} {{ loop.cycle('a', 'b') }}\n    {% if m.role %}  x {% endif %}\n{% endfor %}",
    "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set ns = namespace(a=1, self=2) %}{% set ns.a = ns.a + 1 %}{{ ns.a }} {{ ns.self }} {{ ns.b is defined }}",
    "{{ dict(a=1, **{'b': 2}) }} {{ dict.fromkeys(['x'], 1) }}",
    "{% generation %}{% set inner = 1 %}x{% endgeneration %}{{ inner is defined }}",
    "{{ 'abc'.startswith('a') }} {{ text.format(b=1) }} {{ '%s' % text }} {{ text.title() }} {{ text.nothing is defined }}",
    "{% macro show(m) %}[{{ m.role }}]{% endmacro %}{{ show(messages[0]) }}",
    "{{ messages[0].content | e }} {{ messages[0].content }}",
    "{{ undefined_name }}|{{ messages[5] is defined }}|{{ messages[0].role.x is defined }}",
    "{{ tools | tojson }} {{ tools[0] | tojson }} {{ documents is none }} {{ add_generation_prompt }}",
]
REFUSES = [
    "{{ raise_exception('no') }}",
    "{{ messages.append(1) }}",
    "{{ messages[0].update({'a': 1}) }}",
    "{{ messages[0].pop('role') }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ messages.__class__.__base__.__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ text.format.__func__ }}",
    "{{ '{0.__class__.__mro__}'.format(text) }}",
    "{{ ('{0.__class__}' ~ '').format_map({'0': 1}) }}",
    "{{ namespace(__class__=1) }}",
    "{% set ns = namespace() %}{% set ns.__dict__ = 1 %}{{ ns }}",
    "{{ dict.__class__ }}",
    "{{ dict.mro() }}",
    "{{ loop.__init__ }}",
    "{% for m in messages %}{{ loop._iterator.x.y }}{% endfor %}",
    "{{ range(10000000) }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ undefined_name.attribute }}",
    "{{ 'a' + 1 }}",
    "{{ raise_exception.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ strftime_now.__globals__ }}",
]


@pytest.mark.parametrize("source", WRITES)
def test_a_template_writes_what_transformers_writes(source: str):
    assert ours(source) == of_transformers(source)


@pytest.mark.parametrize("source", REFUSES)
def test_what_transformers_refuses_or_writes_as_nothing_is_the_same_here(source: str):
    def outcome(render: Any) -> str:
        try:
            return render(source)
        except Exception as error:
            return type(error).__name__

    assert outcome(ours) == outcome(of_transformers)


def test_the_date_is_that_of_the_configuration():
    sandbox = Sandbox(datetime(2026, 11, 27))
    assert sandbox.from_string("{{ strftime_now('%d %b %Y') }}").render() == "27 Nov 2026"
    assert sandbox.asked_for_date


def test_without_a_date_a_template_that_writes_one_is_not_rendered():
    with pytest.raises(DateNeeded):
        Sandbox().from_string("{{ strftime_now('%Y') }}").render()
