"""GLM-4-9B-Chat."""

from __future__ import annotations

from functools import cache

from pipelines.chat.glm_tools import glm_tools_parts
from pipelines.chat.segments import TEMPLATE, TURN_END, CachedText, Control, Segment, Text, TurnStart
from pipelines.dialects.dialect import Model, Script
from pipelines.tokenizers.families import GLM_4

# Upstream's code contains these ids.
SPECIALS = {
    "[gMASK]": 151331,
    "<sop>": 151333,
    "<|system|>": 151335,
    "<|user|>": 151336,
    "<|assistant|>": 151337,
    "<|observation|>": 151338,
}
HEADER = 1  # <|assistant|>


def refuse(script: Script) -> None:
    """GLM-4 takes every role in any order."""


def write(script: Script) -> list[Segment]:
    """[gMASK]<sop>, then `<|role|>metadata\\ncontent` for every turn, and at the end the header of the turn that would come next.

    That header is <|user|>; after a call, recipe `sound` writes <|observation|> (R4). The header before an answer is not trained. The header
    of the next turn, which ends the answer, is.
    The newline of a header and the content are encoded together: `\\n` and a content that begins with `\\n\\n` become one token.
    """
    segments: list[Segment] = [Control("[gMASK]"), Control("<sop>")]
    if script.tools:
        segments += (Control("<|system|>"), TurnStart(TEMPLATE, "system"), *map(CachedText, glm_tools_parts(script.tools)), TURN_END)
    before, following = False, "user"
    for turn in script.turns:
        message = turn.message
        if script.tools and message.role == "system" and not message.content:
            continue  # it contained only the definitions
        first, *rest = turn.parts() if turn.tags else (message.content,)
        segments += (turn.start(HEADER), Text(f"{message.metadata}\n{first}", turn.trained, 0, header_of(message.role, before)))
        segments += [part if isinstance(part, Control) else Text(str(part), turn.trained) for part in rest]
        segments.append(TURN_END)
        before, following = turn.trained, "observation" if turn.is_call and script.is_sound else "user"
    segments.append(header_of(following, before))
    return segments


@cache
def header_of(role: str, trained: bool) -> Control:
    return Control(f"<|{role}|>", trained)


MODEL = Model(
    name="glm_4",
    upstream="THUDM/GLM-4 finetune/finetune.py process_batch (combine false) @ f27a106; chat template of glm-4-9b-chat",
    differences=("R4: a call at the end of a row is followed by <|observation|>, which stops a call when the model runs; upstream writes <|user|> there.",),
    specials=SPECIALS,
    family=GLM_4,
    has_tools=True,
    refuse=refuse,
    write=write,
)
