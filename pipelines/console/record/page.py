"""A record as a page: one HTML file without scripts, with its pictures in it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pipelines.console.record import Row, View
from pipelines.episodes.steps.coordinates import THOUSAND
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.reasons import reason_of
from pipelines.reports.cards import card_of
from pipelines.reports.episode import steps_of
from pipelines.reports.record import Fault, Page, message_of, render_record
from pipelines.visible import visible

MOST_RAW = 20_000  # characters
NO_PIECES = "[{}]"


def record_page(view: View, bytes_of: Callable[[Row], bytes | None], render: Callable[[Page], str] = render_record, most_tokens: int = sys.maxsize) -> str:
    """A record as one page, or what `render` makes of it; with at most `most_tokens` of each row."""
    conversations = view.of("conversations")
    raw = None if view.raw is None else view.raw.decode("utf-8", "backslashreplace")
    messages = [message for row in conversations for message in message_of(row, bytes_of)]
    unit = THOUSAND if any(row["format"] in LAYOUTS for row in conversations) else ""  # in which the steps of an episode are written
    cards = []
    for row in view.of("samples"):
        pieces = view.pieces[row["dialect"]]
        if isinstance(pieces, str):
            cards.append(card_of(row, lambda ids: [NO_PIECES.format(one) for one in ids], (), bytes_of))
        else:
            cards.append(card_of(row, pieces.of, pieces.specials, bytes_of, most_tokens, unit, len(row["images"])))
    return render(
        Page(
            f"{view.path}:{view.line}",
            view.record_id,
            tuple(dict.fromkeys(row["sample_id"] for row in conversations)),
            tuple(dict.fromkeys(f"batch {row['batch']}, {row['split']}" for row in conversations if row["batch"])),
            None if raw is None else visible(raw[:MOST_RAW]) + ("…" if len(raw) > MOST_RAW else ""),
            tuple(messages),
            tuple(steps_of([row for row in conversations if row["format"] in LAYOUTS], bytes_of, THOUSAND)),
            tuple(cards),
            tuple(_faults(view)),
            tuple(view.not_sent) if conversations else (),
            tuple(f"{name}: the tokens cannot be shown as text: {pieces}" for name, pieces in view.pieces.items() if isinstance(pieces, str)),
        )
    )


def _faults(view: View) -> list[Fault]:
    """The findings of all rows, each once, with the dialect that refused the record for them."""
    found: dict[Fault, None] = {}
    for table, row in view.rows:
        of = row.get("dialect") if table == "quarantine" else None
        for finding in row["findings"]:
            reason = reason_of(finding["code"]).value
            found[Fault(of or "", finding["code"], reason.severity, finding["where"], finding["detail"], reason.meaning, reason.fix)] = None
    return list(found)
