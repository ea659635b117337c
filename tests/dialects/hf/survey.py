"""Twenty kinds of conversations over any chat templates: what each template takes, compared with transformers.

    python -m tests.dialects.hf.survey TEMPLATE.jinja...      # the rows of the table in docs/models.md

A template gets a small vocabulary with the control tokens that its text names, so ids are compared with transformers' ids of the same folder.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipelines.chat.turns import make_turns
from pipelines.config import ConfigError
from pipelines.dialects import open_dialect
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.reasons import Reject
from pipelines.records import IGNORE_INDEX, Conversation, Message, Origin
from tests.dialects.hf.conversations import TOOLS
from tests.dialects.hf.models import PLAIN, model_folder, settings

Messages = list[Message]
NAMES = re.compile(r"<[|｜][^<>\n]{1,40}[|｜]>|<\|[a-z_]+>|<[a-z_]+\|>|</?[a-zA-Z_0-9:]+>|\[/?[A-Z_]{3,}\]|\[gMASK\]|<\|\"\|>|\[e~\[|\]~[!b]*\[|\]~b\]")
ENDS = [
    "<|im_end|>",
    "<end_of_turn>",
    "<turn|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<｜end▁of▁sentence｜>",
    "<|user|>",
    "<|observation|>",
    "<end_of_utterance>",
    "<eos>",
    "<|tool_response>",
    "<|endoftext|>",
    "<|eot|>",
    "<|end_of_text|>",
    "<|assistant_end|>",
    "<seed:eos>",
    "[e~[",
    "<|role_end|>",
    "</s>",
]


def _user(text: str) -> Message:
    return Message("user", text)


def _answer(text: str) -> Message:
    return Message("assistant", text)


def _rule(text: str) -> Message:
    return Message("system", text)


def _result(text: str) -> Message:
    return Message("observation", text)


def _call(**arguments: Any) -> Message:
    return Message("assistant", json.dumps(arguments, ensure_ascii=False), "get_weather")


def _thinking(thought: str, text: str) -> Message:
    before = f"<think>{thought}</think>"
    return Message("assistant", before + text, reasoning_end=len(before))


ROUNDS = [message for i in range(6) for message in (_user(f"Question {i} 問題"), _answer(f"Answer {i} 🚄 done."))]
KINDS: dict[str, tuple[Messages, bool]] = {
    "plain": ([_user("What is the capital of France?"), _answer("Paris is the capital.")], False),
    "system": ([_rule("You are terse."), _user("Hi there"), _answer("Hello friend")], False),
    "several": ([_rule("You are terse."), _user("One?"), _answer("First answer."), _user("Two?"), _answer("Second answer.")], False),
    "several without system": ([_user("One?"), _answer("First answer."), _user("Two?"), _answer("Second answer.")], False),
    "call": ([_user("Weather in Paris?"), _call(city="Paris", days=2), _result('{"temp": 21}'), _answer("It is 21 degrees.")], True),
    "call and system": (
        [_rule("Be helpful."), _user("Weather?"), _call(city='Zürich <b>"q"</b>', days=2), _result('{"temp": 21}'), _answer("It is 21.")],
        True,
    ),
    "text beside call": ([_user("Weather?"), _answer("Let me look."), _call(city="Paris"), _result("21 degrees"), _answer("It is 21.")], True),
    "call last": ([_user("Open the menu"), _call(city="Rome")], True),
    "steps": (
        [
            _user("Do it"),
            _call(city="Paris"),
            _result("done one"),
            _call(city="Rome"),
            _result("done two"),
            _answer("Finished."),
            _user("More?"),
            _answer("No."),
        ],
        True,
    ),
    "parallel": ([_user("Both?"), _call(city="Paris"), _call(city="Rome"), _result("21 degrees"), _result("25 degrees"), _answer("21 and 25.")], True),
    "thinking": ([_user("6 times 7?"), _thinking("Six sevens make forty-two.", "It is 42.")], False),
    "thinking twice": ([_user("6 times 7?"), _thinking("Six sevens.", "It is 42."), _user("And 8?"), _thinking("Six eights.", "It is 48.")], False),
    "thinking and call": (
        [_user("Weather?"), _thinking("I must call.", ""), _call(city="Paris"), _result("21 degrees"), _thinking("It said 21.", "It is 21 degrees.")],
        True,
    ),
    "blank edges": ([_user("  spaced question \n"), _answer("\n\n  spaced answer \n\n"), _user("\nnext"), _answer(" x ")], False),
    "two questions": ([_user("First part."), _user("Second part."), _answer("Both answered.")], False),
    "answer first": ([_answer("Welcome!"), _user("Hi"), _answer("How can I help?")], False),
    "late system": ([_user("Hi"), _answer("Hello."), _rule("Now be formal."), _user("Again"), _answer("Good day.")], False),
    "empty answer": ([_user("Say nothing."), _answer(""), _user("Now speak."), _answer("Speaking.")], False),
    "tools unused": ([_user("Hello?"), _answer("No tool is needed.")], True),
    "long": ([_rule("Rules."), *ROUNDS], False),
}


class Found(NamedTuple):
    """What became of a conversation: equal, different, or the reason why it is refused. `mask` is whether the trained tokens are those that the
    template marks with `{% generation %}`, whitespace after an end apart; None without it."""

    kind: str
    outcome: str
    mask: bool | None = None


def conversation(messages: Sequence[Message], tools: bool) -> Conversation:
    origin = Origin("kit", "logs.jsonl", 1, "0")
    return Conversation(
        sample_id="s", record_id="r", episode_id="e", step_id=None, origin=origin, format="openai", messages=tuple(messages),
        tools=json.dumps(TOOLS) if tools else None, images=(), findings=(),
    )  # fmt: skip


def opened(template: str, home: Path) -> HfDialect:
    """The dialect of this template with a small vocabulary. Raises ConfigError."""
    names = list(dict.fromkeys([*sorted(set(NAMES.findall(template)) - set(PLAIN)), "<s>", "</s>"]))
    ends = [end for end in ENDS if end in template and end in names]
    if "eos_token" in template or not ends:
        ends = ["</s>", *ends]
    eos = next((end for end in ends if end not in ("<|user|>", "<|observation|>", "<|tool_response>")), ends[0])
    folder = model_folder(home, template, names, "<s>", eos, ends)
    options: dict[str, Any] = {"date": "2026-11-27"}
    try:
        dialect = open_dialect(settings(folder, options=options))
    except ConfigError as error:
        if "end_of_turn" not in str(error):
            raise
        dialect = open_dialect(settings(folder, options=options | {"end_of_turn": "<|user|>" if "<|user|>" in names else "</s>"}))
    assert isinstance(dialect, HfDialect)
    return dialect


def survey(dialect: HfDialect) -> Iterator[Found]:
    """What becomes of each of `KINDS`."""
    import transformers.utils.chat_template_utils as upstream
    from transformers import AutoTokenizer

    class Pinned(upstream.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2026, 11, 27)

    tokenizer, today = AutoTokenizer.from_pretrained(dialect.folder.path), upstream.datetime
    upstream.datetime = Pinned
    try:
        for kind, (messages, tools) in KINDS.items():
            yield _tried(dialect, tokenizer, kind, conversation(messages, tools))
    finally:
        upstream.datetime = today


def _tried(dialect: HfDialect, tokenizer: Any, kind: str, given: Conversation) -> Found:
    try:
        layout = dialect.lay_out(given)
        tokens = dialect.complete(dialect.encode(layout))
    except Reject as reject:
        return Found(kind, reject.findings[0].code)
    writer = dialect.writers[given.tools is not None]
    messages, shown = writer.inputs(make_turns(given.messages, "all", range(len(given.messages))), given.tools)
    named = {"tools": shown.values if shown else None, "tokenize": True}
    wanted = tokenizer.apply_chat_template(messages, **named, return_dict=False, sanitize_control_tokens=True)
    ids = tokens.input_ids.tolist()
    is_same = ids == wanted or (layout.after is not None and ids[:-1] == wanted)
    mask = None
    if writer.template.has_generation and not layout.chat.is_marked:
        told = np.array(tokenizer.apply_chat_template(messages, **named, return_dict=True, return_assistant_tokens_mask=True)["assistant_masks"], dtype=bool)
        ours = tokens.labels[: len(told)] != IGNORE_INDEX
        odd = np.flatnonzero(told != ours)
        mask = all(told[i] and not tokenizer.decode([ids[i]]).strip() for i in odd.tolist())
    return Found(kind, "equal" if is_same else "different", mask)


def table_row(name: str, dialect: HfDialect, found: Sequence[Found]) -> str:
    """A row of the table in docs/models.md."""
    card, outcomes = dialect.card, Counter(one.outcome for one in found)
    refused = sum(count for outcome, count in outcomes.items() if outcome.startswith("tokens."))
    ways = [card.abilities[ability] for ability in ("system_late", "calls", "parallel_calls", "text_beside_call")]
    reasoning = f"{card.reasoning}, {card.earlier_reasoning}"
    return (
        f"| {name} | {outcomes['equal']} | {outcomes['different']} | {refused} | {' | '.join(ways)} | {reasoning} | {'open' if card.open_end else 'written'} |"
    )


def main(files: Sequence[str]) -> None:
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home:
        for file in map(Path, files):
            try:
                dialect = opened(file.read_text(encoding="utf-8"), Path(home) / file.stem)
            except ConfigError as error:
                print(f"| {file.stem} | {error.faults[0].rpartition(': ')[2]} |")
                total["not opened"] += 1
                continue
            found = list(survey(dialect))
            print(table_row(file.stem, dialect, found))
            total.update(one.outcome for one in found)
            total.update(f"mask {'equal' if one.mask else 'different'}" for one in found if one.mask is not None)
    print(dict(total), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
