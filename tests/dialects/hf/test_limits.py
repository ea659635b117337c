"""What a template may do has bounds: they stop its opening, or the one row that meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config import ConfigError
from pipelines.dialects.hf.limits import LimitExceeded
from pipelines.dialects.hf.marking import Marker
from pipelines.dialects.hf.sandbox import Sandbox
from pipelines.reasons import Reject
from pipelines.records import Message
from tests.dialects.hf.test_headers import CHAT, LOOP, PROMPT, opened, shown

LONG, BITS = "it makes a text or a list longer than 16,777,216", "it makes a number of more than 65,536 bits"
STEPS = "its loops and macros take more than 5,000,000 steps"
DOUBLED = "{%% set ns = namespace(x='ab') %%}{%% for i in range(60) %%}{%% set ns.x = %s %%}{%% endfor %%}"


def rendered(source: str) -> str:
    return Marker(source, Sandbox()).render({"messages": []}).text


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", STEPS),
        ("{% for i in range(99999) | map('string') %}{% for j in range(9999) | map('string') %}{% endfor %}{% endfor %}", STEPS),
        ("{% set r = range(99999) %}{% for i in r %}{{ r | sum }}{% endfor %}", STEPS),
        ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(99) }}", STEPS),
        ("{{ ('a' * 9999).translate({97: 'b' * 9999}) }}", LONG),
        ("{{ [1] | tojson(indent=' ' * 999999) }}", LONG),
        ("{{ [1] | batch(999999999, 'x') | list }}", STEPS),
        ("{{ [1] | slice(999999999, 'x') | list }}", STEPS),
        ("{{ 'ab' * 3000000000 }}", LONG),
        ("{{ [1] * 3000000000 }}", LONG),
        ("{{ '%9999999999d' % 1 }}", LONG),
        ("{{ '%*d' % (9999999999, 1) }}", LONG),
        ("{{ '%9999999999d' | format(1) }}", LONG),
        ("{{ '{:>9999999999}'.format(1) }}", LONG),
        ("{{ '{:{}}'.format(1, 9999999999) }}", LONG),
        ("{{ '{a:>9999999999}'.format_map({'a': 1}) }}", LONG),
        ("{{ 'a' | center(9999999999) }}", LONG),
        ("{{ 'a'.ljust(9999999999) }}", LONG),
        ("{{ 'a'['zfill'](9999999999) }}", LONG),
        ("{{ '\t'.expandtabs(9999999999) }}", LONG),
        ("{{ ('a' * 9999).replace('a', 'b' * 9999) }}", LONG),
        ("{{ ('a' * 99999).join(range(9999) | map('string')) }}", LONG),
        ("{{ 'a\nb' | indent(999999999) }}", LONG),
        ("{{ [1] | tojson(indent=999999999) }}", LONG),
        ("{{ 1.5 | round(999999999, 'floor') }}", LONG),
        ("{{ (1).to_bytes(9999999999, 'big') }}", LONG),
        ("{% for i in range(99999) %}{{ 'a' | center(900) }}{% endfor %}", LONG),
        (DOUBLED % "ns.x ~ ns.x", LONG),
        (DOUBLED % "ns.x + ns.x", LONG),
        (DOUBLED % "'%s%s' % (ns.x, ns.x)", LONG),
        (DOUBLED % "[ns.x, ns.x] | join", LONG),
        (DOUBLED % "ns.x.replace('a', ns.x)", LONG),
        ("{% macro a(x, n) %}{% if n %}{{ a(x + x, n - 1) }}{% endif %}{% endmacro %}{{ a('ab', 60) }}", LONG),
        ("{% macro a(x, n) %}{% if n %}{% set y %}{{ x }}{{ x }}{% endset %}{{ a(y, n - 1) }}{% endif %}{% endmacro %}{{ a('ab', 60) }}", LONG),
        ("{{ 9 ** (9 ** 9) }}", BITS),
        (DOUBLED.replace("'ab'", "9") % "ns.x * ns.x", BITS),
        ("{{ 'ab' * 3 }} {{ 2 ** 10 }} {{ '%3d' % 1 }} {{ 'a'.ljust(3) }}. {{ 'abc' | indent(2, true) }}", None),
    ],
)
def test_a_template_stops_at_a_bound(source: str, what: str | None):
    if what is None:
        assert rendered(source) == Sandbox().from_string(source).render()
    else:
        with pytest.raises(LimitExceeded, match=what):
            rendered(source)


def test_a_bound_stops_the_opening_of_a_model(tmp_path: Path):
    with pytest.raises(ConfigError, match=f"its chat template cannot be used: {LONG}"):
        opened("{{ 'ab' * 3000000000 }}" + LOOP + PROMPT, tmp_path)


def test_a_bound_that_only_some_data_meets_refuses_the_row(tmp_path: Path):
    loops = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    dialect = opened("{% for m in messages %}{% if m.content == 'Loop' %}" + loops + "{% endif %}{% endfor %}" + LOOP + PROMPT, tmp_path)
    with pytest.raises(Reject, match=f"LimitExceeded: {STEPS} .line 1 of the template."):
        shown(dialect, (Message("user", "Loop"), CHAT[1]))
    assert "«OK<|im_end|>»" in shown(dialect)[0]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ ['a', 'b'] | random }}" + LOOP + PROMPT, "its chat template uses the filter random, which writes another text each time"),
        ("{{ lipsum(n=1) }}" + LOOP + PROMPT, r"its chat template uses lipsum\(\), which writes another text each time"),
        ("\n{{ other.thing }}" + LOOP + PROMPT, r"its answer: UndefinedError: 'other' is undefined \(line 2 of the template\)"),
        ("{% include 'x' %}" + LOOP + PROMPT, r"its answer: TypeError: no loader for this environment specified \(line 1 of the template\)"),
        (LOOP.replace("m.content", "m.content[:12]") + PROMPT, "its answer: it leaves out, cuts or changes the question and the answer"),
        (
            "{{ messages | map(attribute='content') | join('<|im_end|>') }}" + PROMPT,
            "nothing tells which text is the answer: the template writes it from a block",
        ),
        ("{% set x %}" + LOOP + "{% endset %}{{ x }}" + PROMPT, "nothing tells which text is the answer: the template writes it from a block"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}" + LOOP, "its chat template is not a valid template: RecursionError"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_why(tmp_path: Path, template: str, words: str):
    with pytest.raises(ConfigError, match=words):
        opened(template, tmp_path)


def test_a_loop_that_could_call_itself_and_does_not_is_a_loop(tmp_path: Path):
    assert "assistant\n«OK<|im_end|>»" in shown(opened(LOOP.replace("in messages", "in messages recursive") + PROMPT, tmp_path))[0]
