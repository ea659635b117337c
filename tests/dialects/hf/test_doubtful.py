"""A text that the template also writes by itself is found where the message has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from pipelines.chat.turns import make_turns
from pipelines.dialects.hf.chat import Chat
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.reasons import Reject
from pipelines.records import Message, Sample
from tests.dialects.hf.conversations import PARIS, TOOLS, answer, calls, record, result, user
from tests.dialects.hf.models import FAMILIES, TEMPLATES, dialect, family_folder, rows
from tests.dialects.hf.survey import conversation, opened
from tests.dialects.hf.test_laws import row_of

DOUBTFUL = ["user", "<", "|", "<|", "im", "system", "assistant", "n", '"', "{", "tool", "\n", ":", " user \n", "[", "name", "role", "content"]
NEUTRAL = "Quokka"


def written(dialect: HfDialect, messages: Sequence[Message], tools: str | None = None) -> Chat:
    return dialect.writers[bool(tools)].write(make_turns(messages, "all", range(len(messages))), tools)


def before(chat: Chat, role: str) -> str:
    """The text before the last message of this role."""
    entry = max(i for i, entry in enumerate(chat.entries) if entry.role == role)
    return chat.rendered.text[: chat.places[entry].start]


def check(dialect: HfDialect, talk: Sequence[Message], at: int, text: str, tools: str | None = None) -> bool:
    """Whether the template takes this text in this message; if it does, it stands where a neutral one does."""

    def said(content: str) -> list[Message]:
        return [*talk[:at], Message(talk[at].role, content, talk[at].metadata), *talk[at + 1 :]]

    role = {"observation": "tool"}.get(talk[at].role, talk[at].role)
    try:
        neutral, chat = written(dialect, said(NEUTRAL), tools), written(dialect, said(text), tools)
    except Reject:
        return False
    if text.strip():
        wanted, found = before(neutral, role), before(chat, role)
        # Blanks at the ends of a text are written or not.
        assert found.rstrip() == wanted.rstrip(), text
    return True


QUESTIONS = [Message("user", "One?"), Message("assistant", "First."), Message("user", ""), Message("assistant", "Second.")]
RESULTS = [Message("user", "Look."), Message("assistant", '{"city": "Paris"}', "get_weather"), Message("observation", ""), Message("assistant", "Seen.")]
RULES = [Message("system", ""), Message("user", "One?"), Message("assistant", "First.")]


@pytest.mark.parametrize("text", DOUBTFUL)
@pytest.mark.parametrize("family", [name for name in FAMILIES if not name.endswith("_training")])
def test_a_text_stands_where_another_text_would(family: str, text: str):
    given = dialect(family)
    tools = conversation(RESULTS, True).tools
    assert check(given, QUESTIONS, 2, text)
    assert check(given, QUESTIONS[2:], 0, text)
    check(given, RESULTS, 2, text, tools)
    check(given, RULES, 0, text)


@pytest.mark.long
def test_in_every_template_a_text_stands_where_another_text_would(tmp_path: Path):
    files = sorted(TEMPLATES.glob("*.jinja"))
    if not files:
        pytest.skip("the chat templates are not here: `make test` fetches them once")
    taken = 0
    for file in files:
        given = opened(file.read_text(encoding="utf-8"), tmp_path / file.stem)
        for text in DOUBTFUL:
            taken += check(given, QUESTIONS, 2, text) + check(given, RULES, 0, text)
            taken += check(given, RESULTS, 2, text, conversation(RESULTS, True).tools)
    assert taken > 2 * len(files) * len(DOUBTFUL)


@pytest.mark.parametrize("family", ["qwen3", "glm4moe", "gptoss"])
def test_the_span_of_a_question_is_its_text(family: str):
    *_, row = rows(family, record([user("user"), answer("Yes."), user("<"), answer("No.")]))
    assert isinstance(row, Sample)
    decode = Tokenizer.from_file(str(family_folder(family) / "tokenizer.json")).decode
    spans = {span.message: decode(row.tokens.input_ids[span.start : span.end].tolist()) for span in row.tokens.turn_spans}
    assert (spans[0], spans[2]) == ("user", "<")


def test_a_result_that_is_lost_is_missed_though_the_template_writes_such_a_text(tmp_path: Path):
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role != 'tool' %}{{ m.content }}{% endif %}{% for c in m.tool_calls or [] %}"
        "{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    row = row_of(template, tmp_path, record([user("Look."), calls(PARIS), result("tool"), answer("Seen.")], TOOLS))
    assert [(finding.code, finding.where) for finding in row.findings] == [("tokens.template_loses", "messages[2]")]


@pytest.mark.parametrize("family", FAMILIES)
def test_spans_are_found_beside_blank_answers(family: str):
    """A span of a question that was found in its header would begin before the answer ends."""
    for text in ("<", "user", "|", "[", "a"):
        *_, row = rows(family, record([user(text), answer(""), user(text), answer("One."), user(text), answer(" \n"), user(text), answer("Two.")]))
        assert isinstance(row, Sample), (text, row.findings)
        assert [span.role for span in row.tokens.turn_spans] == ["user", "assistant"] * 4, text
