"""A record in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pipelines.console.record import Pieces, Row, View
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.ledger.books import ASIDE
from pipelines.ledger.picks import step_order
from pipelines.reasons import Reason, reason_of
from pipelines.records import IGNORE_INDEX
from pipelines.visible import counted, visible

MOST_RAW = 4000  # characters
SLOTS_SHOWN = 3  # of a row of equal tokens


def show_record(view: View) -> None:
    console = Console(highlight=False, soft_wrap=True)
    _show_raw(console, view)
    _show_steps(console, view)
    draw = {"conversations": _show_conversation, "quarantine": _show_quarantined}
    for table, row in view.rows:
        if table == "samples":
            _show_sample(console, row, view.pieces[row["dialect"]])
        else:
            draw[table](console, row)
    for row in view.of("conversations")[:1]:
        for dialect in view.not_sent:
            _head(console, f"{dialect} · not sent: this dialect does not take source {row['origin']['source']} (dialects[].sources)")
    for remark in view.remarks:
        _head(console, remark)


def _head(console: Console, text: str) -> None:
    console.print(Text(f"\n{visible(text, keep=chr(10))}", style="bold"))


def _show_raw(console: Console, view: View) -> None:
    size = "" if view.raw is None else f" · {counted(len(view.raw), 'byte')}"
    _head(console, f"raw · {view.path}:{view.line}{size} · record_id {view.record_id}")
    if view.raw is None:
        console.print("not available: the log file is gone or has changed, and no run kept the bytes")
        return
    text = view.raw.decode("utf-8", "backslashreplace")
    console.print(Text(visible(text[:MOST_RAW]) + ("…" if len(text) > MOST_RAW else "")))


def _show_steps(console: Console, view: View) -> None:
    """The steps of an episode in order, before the conversations that were made of them."""
    rows = [row for row in view.of("conversations") if row["format"] in LAYOUTS]
    if len(rows) < 2:
        return
    _head(console, f"episode {visible(rows[0]['episode_id'], keep='')} · {counted(len(rows), 'row')}")
    for row in sorted(rows, key=lambda row: step_order(row["step_id"])):
        screen = row["images"][-1]["uri"] if row["images"] else ""
        console.print(Text(f"step {row['step_id']}  {visible(screen, keep='')}  {visible(row['messages'][-1]['content'], keep='')}"))


def _show_conversation(console: Console, row: Row) -> None:
    _head(console, f"conversation · {row['format']} · sample_id {row['sample_id']} · episode {visible(row['episode_id'], keep='')}{_where_published(row)}")
    number = 0
    for message in row["messages"]:
        label = Text(message["role"], style="cyan")
        label.append(f" {visible(message['metadata'], keep='')}" if message["metadata"] else "", style="magenta")
        label.append("" if message["loss_weight"] is None else f" loss_weight {message['loss_weight']:g}", style="dim")
        console.print(label, marked(message["content"], message["image_at"], number + 1), sep="\n  ")
        number += len(message["image_at"])
    for i, image in enumerate(row["images"], 1):
        console.print(Text(f"image {i}: {visible(image['uri'], keep='')} {image['format']} {image['width']}x{image['height']} px", style="yellow"))
    _show_findings(console, row["findings"])


def _where_published(row: Row) -> str:
    return f" · batch {row['batch']}, {row['split']}" if row.get("batch") else ""


def marked(content: str, image_at: Sequence[int], first: int) -> Text:
    """The text with a mark where each picture stands.

    >>> marked("Compare  with .", [8, 14], first=1).plain
    'Compare [image 1] with [image 2].'
    """
    text, start = Text(), 0
    for number, at in enumerate(image_at, first):
        text.append(visible(content[start:at]))
        text.append(f"[image {number}]", style="bold yellow")
        start = at
    return text.append(visible(content[start:]))


def _show_sample(console: Console, row: Row, pieces: Pieces | str) -> None:
    is_coloured = console.color_system is not None and not console.no_color
    shown = "" if isinstance(pieces, str) else f" ({'green' if is_coloured else 'in « »'})"
    is_window = any(finding["code"] == Reason.TOKENS_WINDOW.code for finding in row["findings"])
    window = f"window {row['window']} · " if is_window else ""
    _head(console, f"{row['dialect']} · {window}{counted(row['num_tokens'], 'token')}, {row['num_target_tokens']:,} trained{shown}")
    console.print(Text(f"the tokens cannot be shown: {visible(pieces)}") if isinstance(pieces, str) else _tokens(row, pieces, is_coloured))
    for image in row["images"]:
        grid = f"grid {image['grid']['columns']}x{image['grid']['rows']}" if image["grid"] else "not sliced"
        spans = ", ".join(f"[{span['start']}, {span['end']})" for span in image["token_spans"])
        console.print(Text(f"image {visible(image['uri'], keep='')}: {grid}, spans {spans}", style="yellow"))
    codes = {finding["code"] for finding in row["findings"] if finding["stage"] == "tokenize"}  # the others are those of the conversation
    _show_findings(console, [finding for finding in row["findings"] if finding["code"] in codes])


def _tokens(row: Row, pieces: Pieces, is_coloured: bool) -> Text:
    ids, labels = list(row["input_ids"]), list(row["labels"])
    line = Text()
    run_length, is_marked = 0, False
    for i, piece in enumerate(pieces.of(ids)):
        run_length = run_length + 1 if i and ids[i] == ids[i - 1] else 1
        if run_length > SLOTS_SHOWN and piece in pieces.specials:
            continue
        is_trained = labels[i] != IGNORE_INDEX
        if is_trained != is_marked and not is_coloured:
            line.append("«" if is_trained else "»")
        is_marked = is_trained
        style = "green" if is_trained else "bold blue" if piece in pieces.specials else "dim"
        line.append(visible(piece).replace("\n", "⏎\n"), style=style)
        if run_length == SLOTS_SHOWN and piece in pieces.specials:
            line.append("…", style="dim")
    return line + ("»" if is_marked and not is_coloured else "")


def _show_quarantined(console: Console, row: Row) -> None:
    of = f" for {row['dialect']}" if row["dialect"] else ""
    state = ASIDE.get(row["reason"], "quarantined")
    _head(console, f"{state}{of} · {row['reason']}")
    _show_findings(console, row["findings"])


def _show_findings(console: Console, findings: Sequence[Row]) -> None:
    for finding in findings:
        reason = reason_of(finding["code"]).value
        console.print(Text(f"{finding['code']} at {finding['where'] or 'the record'}: {visible(finding['detail'], keep='')}", style="red"))
        console.print(Text(f"  {reason.meaning} {reason.fix}", style="dim"))
