"""Which characters of a render belong to which message. The marks write nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dialects.hf.marking import TEMPLATE, Marker
from pipelines.dialects.hf.sandbox import Sandbox
from tests.dialects.hf.models import FAMILIES, TEMPLATES

SYSTEM, ASKED, TOLD, MORE = (
    {"role": "system", "content": "S"},
    {"role": "user", "content": "Q"},
    {"role": "assistant", "content": "A"},
    {"role": "user", "content": "R"},
)
MESSAGES = [SYSTEM, ASKED, TOLD, MORE]


def pieces(source: str, messages: list[dict[str, Any]] = MESSAGES) -> list[tuple[int, str]]:
    marker = Marker(source, Sandbox())
    marker.learn([{"messages": MESSAGES}, {"messages": MESSAGES[1:]}])
    rendered = marker.render({"messages": messages})
    assert rendered.text == Sandbox().from_string(source).render(messages=messages)
    return [(piece.message, rendered.text[piece.start : piece.end]) for piece in rendered.pieces]


ALL = [(0, "[S]"), (1, "[Q]"), (2, "[A]"), (3, "[R]")]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<{% for m in messages %}[{{ m.content }}]{% endfor %}>", [(TEMPLATE, "<"), *ALL, (TEMPLATE, ">")]),
        ("{% set rest = messages[1:] %}{% for m in rest %}[{{ m.content }}]{% endfor %}", ALL[1:]),
        ("{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}", [ALL[1], ALL[3]]),
        ("{% for m in messages | selectattr('role', 'equalto', 'user') | list %}[{{ m.content }}]{% endfor %}", [ALL[1], ALL[3]]),
        ("{% for m in messages[::-1] %}[{{ m.content }}]{% endfor %}", ALL[::-1]),
        ("{% for i in range(messages | length) %}{% set m = messages[i] %}[{{ m.content }}]{% endfor %}", ALL),
        ("{% for m in messages %}{% set last = messages[-1] %}[{{ m.content }}]{% endfor %}", ALL),  # it only looks at another message
        ("{% macro show(m) %}[{{ m.content }}]{% endmacro %}{% for m in messages %}{{ show(m) }}{% endfor %}", ALL),
        ("{% for m in messages %}{% set text %}[{{ m.content }}]{% endset %}{{ text }}{% endfor %}", ALL),
        ("{% for m in messages %}{% if m.role == 'assistant' %}{% break %}{% endif %}[{{ m.content }}]{% endfor %}.", [*ALL[:2], (TEMPLATE, ".")]),
        (
            "{% for m in messages %}{% if m.role == 'user' %}({% for n in messages if n.role == 'assistant' %}[{{ n.content }}]{% endfor %}){% endif %}{% endfor %}",
            [(1, "("), (2, "[A]"), (1, ")"), (3, "("), (2, "[A]"), (3, ")")],
        ),
        ("{% for m in messages %}{% for c in m.content %}[{{ c }}]{% endfor %}{% endfor %}", ALL),
        ("{% for m in messages %}{% set ns = m.role %}{% endfor %}{% for m in messages %}[{{ m.content }}]{% endfor %}", ALL),
        ("{% macro all() %}{% for m in messages %}[{{ m.content }}]{% endfor %}{% endmacro %}{{ all() }}", [(TEMPLATE, "[S][Q][A][R]")]),
        ("{% for m in [{'content': 'copy'}] + messages %}[{{ m.content }}]{% endfor %}", [(TEMPLATE, "[copy]"), *ALL]),
    ],
)
def test_a_message_is_known_by_identity_in_every_kind_of_loop(source: str, found: list[tuple[int, str]]):
    assert pieces(source) == found


def test_what_generation_marks_is_noted_and_its_body_is_a_scope():
    source = "{% for m in messages %}{% if m.role == 'assistant' %}<{% generation %}{{ m.content }}.{% set x = 1 %}{% endgeneration %}{{ x }}>{% endif %}{% endfor %}"
    marker = Marker(source, Sandbox())
    marker.learn([{"messages": MESSAGES}])
    rendered = marker.render({"messages": MESSAGES})
    assert (rendered.text, rendered.generated, marker.has_generation) == ("<A.>", [(1, 3)], True)


texts = st.text(alphabet='ab\n <>{}|"é', max_size=8)
turns = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)


@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=50)
@given(turns=turns)
def test_marks_change_no_text_and_cover_all_of_it(family: str, turns: list[tuple[str, str]]):
    marker, plain = _of(family)
    messages = [message for asked, told in turns for message in ({"role": "user", "content": asked}, {"role": "assistant", "content": told})]
    variables = {"messages": messages, "tools": None, "add_generation_prompt": False, "bos_token": "<s>"}
    rendered = marker.render(variables)
    assert rendered.text == plain.render(**variables)
    assert [piece.start for piece in rendered.pieces] + [len(rendered.text)] == [0] + [piece.end for piece in rendered.pieces]
    for piece in rendered.pieces:
        if piece.message != TEMPLATE:
            assert messages[piece.message]["content"].strip() in rendered.text[piece.start : piece.end]


def _of(family: str) -> tuple[Marker, Any]:
    if family not in _OPENED:
        from datetime import datetime

        source = (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")
        marker = Marker(source, Sandbox(datetime(2026, 11, 27)))
        marker.learn([{"messages": [ASKED, TOLD], "tools": None, "add_generation_prompt": False, "bos_token": "<s>"}])
        _OPENED[family] = (marker, Sandbox(datetime(2026, 11, 27)).from_string(source))
    return _OPENED[family]


_OPENED: dict[str, tuple[Marker, Any]] = {}
