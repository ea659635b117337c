"""The checks of a tokenized row: each way to fail one is found, and is an internal error."""

from typing import Any

import numpy as np
import pytest

from pipelines.chat.laws import check_laws
from pipelines.chat.segments import Row
from pipelines.flow import is_internal
from pipelines.reasons import Reject
from pipelines.records import Grid, Image, ImageTokens, PatchSize, Span, TurnSpan

SLOT = 9
IDS = [1, SLOT, SLOT, 2, SLOT, SLOT, 3, 7, 8]
LABELS = [-100] * 7 + [7, 8]
PICTURE = Image("a/b.png", "0" * 64, "PNG", 900, 400)
ONE_SLICE = Grid(1, 1)
SPANS = (Span(1, 3), Span(4, 6))
TURNS = (TurnSpan(0, "user", 1, 6), TurnSpan(1, "assistant", 7, 8))  # the last token ends the answer


def checked(
    ids: list[int] = IDS,
    labels: list[int] = LABELS,
    spans: tuple[Span, ...] = SPANS,
    grid: Grid | None = ONE_SLICE,
    turns: tuple[TurnSpan, ...] = TURNS,
    **more: Any,
) -> None:
    row = Row(np.array(ids, dtype=np.int32), np.array(labels, dtype=np.int32), [list(spans)], list(turns), [turn.role == "assistant" for turn in turns])
    image = ImageTokens(PICTURE, grid, spans, (PatchSize(2, 2),) * len(SPANS))
    check_laws(row, [image], SLOT, 2, **{"allow_stray": False} | more)


def test_a_correct_row_passes_the_checks():
    checked()


@pytest.mark.parametrize(
    "broken",
    [
        {"labels": LABELS[:-1]},
        {"spans": SPANS[:1]},
        {"spans": (Span(1, 3), Span(2, 4))},
        {"spans": (Span(4, 6), Span(1, 3))},
        {"spans": (Span(1, 3), Span(4, 7))},
        {"spans": (Span(1, 3), Span(8, 10))},
        {"grid": None},
        {"grid": Grid(2, 2)},
        {"ids": [SLOT, *IDS[1:]]},
        {"ids": [*IDS[:5], 5, *IDS[6:]]},
        {"labels": [-100, SLOT, *LABELS[2:]]},
        {"labels": [*LABELS[:-1], 7]},
        {"turns": (TurnSpan(0, "user", 1, 8), TurnSpan(1, "assistant", 8, 9))},  # the user's turn has a trained token
        {"turns": (TurnSpan(0, "user", 1, 6), TurnSpan(1, "assistant", 6, 8))},  # the answer has a token that is not trained
        {"turns": (TurnSpan(0, "user", 1, 6),)},  # no turn has the trained tokens
        {"turns": (TurnSpan(0, "user", 1, 6), TurnSpan(1, "assistant", 5, 8))},
        {"turns": (TurnSpan(0, "user", 1, 6), TurnSpan(1, "assistant", 7, 10))},
    ],
)
def test_a_failed_check_is_an_internal_error(broken: dict[str, Any]):
    with pytest.raises(Reject) as caught:
        checked(**broken)
    assert [finding.code for finding in caught.value.findings] == ["tokens.span_mismatch"]
    assert is_internal(caught.value.findings)


def test_a_stray_label_is_allowed_where_upstream_has_one():
    checked(labels=[*LABELS[:-1], 7], allow_stray=True)


def test_a_row_without_a_trained_token_is_refused_and_is_no_internal_error():
    with pytest.raises(Reject) as caught:
        checked(labels=[-100] * len(IDS), turns=TURNS[:1])
    assert [finding.code for finding in caught.value.findings] == ["tokens.no_target"]
    assert not is_internal(caught.value.findings)
