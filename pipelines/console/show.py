"""`episodes show`: one record from its bytes to its tokens."""

from __future__ import annotations

import sys
from argparse import Namespace

from rich.console import Console
from rich.text import Text

from pipelines.config import ConfigError, load_config
from pipelines.flow import Flow, open_flow
from pipelines.local import record_outcomes
from pipelines.reasons import Reason, reason_of
from pipelines.records import IGNORE_INDEX, Conversation, Finding, Quarantined, RawRecord, Sample
from pipelines.visible import counted, visible

OK, USAGE = 0, 2
MOST_RAW = 4000  # characters
SLOTS_SHOWN = 3  # of a row of equal tokens


def run(options: Namespace) -> int:
    config = load_config(options.config, options.set)
    if options.dialect:
        chosen = tuple(dialect for dialect in config.dialects if dialect.name == options.dialect)
        if not chosen:
            raise ConfigError(
                [f"--dialect {options.dialect}: unknown dialect; the configuration has {', '.join(dialect.name for dialect in config.dialects) or 'none'}"]
            )
        config = config.model_copy(update={"dialects": chosen})
    flow = open_flow(config)
    raw, outcomes = record_outcomes(flow, options.file, options.line, options.batch)
    if raw is None:
        print(visible(f"episodes: {options.file} has no record {options.line}"), file=sys.stderr)
        return USAGE
    console = Console(highlight=False, soft_wrap=True)
    _show_raw(console, raw)
    for outcome in outcomes:
        if isinstance(outcome, Conversation):
            _show_conversation(console, outcome)
        elif isinstance(outcome, Sample):
            _show_sample(console, outcome, flow)
        else:
            _show_quarantined(console, outcome)
    return OK


def _head(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))


def _show_raw(console: Console, raw: RawRecord) -> None:
    _head(console, f"raw · {raw.origin.path}:{raw.origin.line} · {counted(len(raw.raw), 'byte')} · record_id {raw.record_id}")
    text = raw.raw.decode("utf-8", "backslashreplace")
    console.print(Text(visible(text[:MOST_RAW]) + ("…" if len(text) > MOST_RAW else "")))


def _show_conversation(console: Console, conversation: Conversation) -> None:
    _head(console, f"conversation · {conversation.format} · sample_id {conversation.sample_id} · episode {visible(conversation.episode_id, keep='')}")
    for message in conversation.messages:
        label = Text(message.role, style="cyan")
        label.append(f" {visible(message.metadata, keep='')}" if message.metadata else "", style="magenta")
        label.append(f" images at {list(message.image_at)}" if message.image_at else "", style="yellow")
        label.append("" if message.loss_weight is None else f" loss_weight {message.loss_weight:g}", style="dim")
        console.print(label, Text(visible(message.content)), sep="\n  ")
    for image in conversation.images:
        console.print(Text(f"image {image.uri} {image.format} {image.width}x{image.height} px", style="yellow"))
    _show_findings(console, conversation.findings)


def _show_sample(console: Console, sample: Sample, flow: Flow) -> None:
    tokens = sample.tokens
    dialect = next(dialect for dialect in flow.dialects if dialect.name == sample.dialect)
    is_coloured = console.color_system is not None and not console.no_color
    trained = sum(label != IGNORE_INDEX for label in tokens.labels)
    window = f"window {sample.window} · " if any(finding.code == Reason.TOKENS_WINDOW.code for finding in tokens.findings) else ""
    _head(console, f"{sample.dialect} · {window}{counted(len(tokens.input_ids), 'token')}, {trained:,} trained ({'green' if is_coloured else 'in « »'})")
    line = Text()
    pieces = dialect.vocabulary.pieces(tokens.input_ids)
    run_length, is_marked = 0, False
    for i, piece in enumerate(pieces):
        run_length = run_length + 1 if i and tokens.input_ids[i] == tokens.input_ids[i - 1] else 1
        if run_length > SLOTS_SHOWN and piece in dialect.vocabulary.specials:
            continue
        is_trained = tokens.labels[i] != IGNORE_INDEX
        if is_trained != is_marked and not is_coloured:
            line.append("«" if is_trained else "»")
        is_marked = is_trained
        style = "green" if is_trained else "bold blue" if piece in dialect.vocabulary.specials else "dim"
        line.append(visible(piece).replace("\n", "⏎\n"), style=style)
        if run_length == SLOTS_SHOWN and piece in dialect.vocabulary.specials:
            line.append("…", style="dim")
    console.print(line + ("»" if is_marked and not is_coloured else ""))
    for image in tokens.images:
        grid = f"grid {image.grid.columns}x{image.grid.rows}" if image.grid else "not sliced"
        spans = ", ".join(f"[{span.start}, {span.end})" for span in image.token_spans)
        console.print(Text(f"image {image.image.uri}: {grid}, spans {spans}", style="yellow"))
    _show_findings(console, tokens.findings)


def _show_quarantined(console: Console, row: Quarantined) -> None:
    _head(console, f"quarantined{f' for {row.dialect}' if row.dialect else ''} · {row.findings[0].code}")
    _show_findings(console, row.findings)


def _show_findings(console: Console, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        reason = reason_of(finding.code).value
        console.print(Text(f"{finding.code} at {finding.where or 'the record'}: {visible(finding.detail, keep='')}", style="red"))
        console.print(Text(f"  {reason.meaning} {reason.fix}", style="dim"))
