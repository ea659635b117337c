"""Files of which a record is more than a line. Each line of a session file is in exactly one record: the conversation that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.containers.pieces import Collector, Piece, is_blank
from pipelines.parsing.sessions import conversations_in, session_of


def records_of_file(chunks: Iterator[bytes], limit: int) -> Iterator[tuple[int, Piece]]:
    """Every record with the number of its first line, from 1: the lines of each conversation, or the whole file.

    A file over the limit is one record that says so, since its conversations cannot be told apart line by line.
    """
    file = Collector(limit)
    for chunk in chunks:
        file.add(chunk)
    data, findings = file.piece()
    if is_blank(data):
        return
    kind = None if findings or b"\n" not in data.strip() else session_of(data)
    lines = [] if kind in (None, "turns") else data.split(b"\n")
    numbers = [number for number, line in enumerate(lines) if not is_blank(line)]
    groups = conversations_in([lines[number] for number in numbers], kind) if kind is not None and numbers else []
    if len(groups) < 2:
        yield 1, (data, findings)
        return
    for group in groups:
        chosen = [numbers[i] for i in group]
        yield chosen[0] + 1, (b"\n".join([lines[number] for number in chosen]), ())
