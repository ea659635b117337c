"""Conversations that are logged as one text, with the name of the speaker before each turn.

Sources: glaiveai/glaive-function-calling-v2 (`USER: ... ASSISTANT: ... <|endoftext|> FUNCTION RESPONSE: ...`); Anthropic/hh-rlhf (`Human: ...
Assistant: ...`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SPEAKERS = {"SYSTEM": "system", "USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool", "Human": "user", "Assistant": "assistant"}
# A name counts at the beginning of the text and after a blank line only: a line of a turn may begin with one.
_NAME = re.compile(rf"^[ \t]*({'|'.join(SPEAKERS)}):", re.MULTILINE)
_END = "<|endoftext|>"


def is_transcript(text: str) -> bool:
    r"""Whether a text begins with a speaker.

    >>> is_transcript("USER: Hi\n\n\nASSISTANT: Hello. <|endoftext|>"), is_transcript("A USER: is a word"), is_transcript("Hi")
    (True, False, False)
    """
    first = next(_names(text), None)
    return first is not None and not text[: first.start()].strip()


def turns_of(text: str) -> Iterator[tuple[str, str]]:
    r"""(role, text) of each turn; what stands before the first name is the system's.

    >>> list(turns_of("\n\nHuman: Hi\n\nAssistant: Hello."))
    [('user', 'Hi'), ('assistant', 'Hello.')]
    """
    names = list(_names(text))
    if before := text[: names[0].start() if names else len(text)].strip():
        yield "system", before
    for name, end in zip(names, [*(name.start() for name in names[1:]), len(text)], strict=False):
        yield SPEAKERS[name[1]], text[name.end() : end].strip().removesuffix(_END).rstrip()


def _names(text: str) -> Iterator[re.Match[str]]:
    for name in _NAME.finditer(text):
        before = name.start() - 1  # the newline before the name
        if before < 0 or not text[text.rfind("\n", 0, before) + 1 : before].strip():
            yield name


_PROMPT = re.compile(r"^(System|Human|AI|Assistant|Tool|Function): ?", re.MULTILINE)
_PROMPT_ROLES = {"System": "system", "Human": "user"}


def prompt_of(text: str) -> list[tuple[str, str]]:
    r"""(role, text) of the turns of a prompt that LangChain made of one question, perhaps with a system text before it. Any other text, such as one
    with more turns, whose ends nothing marks, is the question as it is.

    >>> prompt_of("System: Be brief.\nHuman: Hi"), prompt_of("Human: Hi\nAI: Yo\nHuman: Ok")
    ([('system', 'Be brief.'), ('user', 'Hi')], [('user', 'Human: Hi\nAI: Yo\nHuman: Ok')])
    """
    names = list(_PROMPT.finditer(text))
    if not names or names[0].start() or [name[1] for name in names] not in (["Human"], ["System", "Human"]):
        return [("user", text)]
    ends = [name.start() for name in names[1:]] + [len(text)]
    return [(_PROMPT_ROLES[name[1]], text[name.end() : end].removesuffix("\n")) for name, end in zip(names, ends, strict=True)]


def is_open_transcript(text: str) -> bool:
    r"""Whether a transcript ends where the answer begins, as a prompt does.

    >>> is_open_transcript("\n\nHuman: Hi\n\nAssistant:"), is_open_transcript("\n\nHuman: Hi\n\nAssistant: Hello.")
    (True, False)
    """
    return text.rstrip().endswith(("Assistant:", "ASSISTANT:")) and is_transcript(text) and list(turns_of(text))[-1] == ("assistant", "")
