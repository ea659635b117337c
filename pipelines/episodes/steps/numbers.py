"""Of which episode a record is one step, and which step it is; also of a record that is refused, as far as its text says so."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from pipelines.config import Config, EpisodeKey, Source
from pipelines.containers.partitions import with_columns
from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.data_sets.layout import StepLayout
from pipelines.episodes.steps.data_sets.single import ANY_STEP, SINGLE_STEPS
from pipelines.episodes.steps.groups import history_length
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.episodes.steps.reader import without_point
from pipelines.episodes.steps.reading import ReadSteps, layout_of
from pipelines.formats.keys import Unread
from pipelines.formats.paths import Found, Trail, find
from pipelines.formats.table import plain_record
from pipelines.normalize import episode_id_of
from pipelines.normalize.findings import Findings
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import BOM, parse_record
from pipelines.parsing.damaged import leading_fields
from pipelines.parsing.sessions import object_text
from pipelines.parsing.written import Written
from pipelines.reasons import Reason, Reject
from pipelines.records import RawRecord, StepNumber

Json = Any
_WHOLE = re.compile(r"-?\d{1,18}")
MOST_EXACT = 1 << 53  # of a float, below which it is the whole number that was written
_DAMAGE = re.compile(r"[\0\ufffd]")


def step_number(value: Json) -> int | None:
    """The number of a step; None for what is no whole number.

    >>> [step_number(value) for value in (2, " 2 ", 2.0, "2.0", 2.5, True, "x")]
    [2, 2, 2, 2, None, None, None]
    """
    value = without_point(value)
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value.strip()) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62 else None


def group_id(value: Json) -> str | None:
    """The id of an episode as text; None for what is no id. pandas writes 12 as 12.0 where a column has gaps, and a large float may have lost digits.

    >>> [group_id(value) for value in (12, 12.0, "12.0", "a", 12.5, 1e17, True, "")]
    ['12', '12', '12', 'a', None, None, None, None]
    """
    if isinstance(value, float) and abs(value) >= MOST_EXACT:
        return None
    value = without_point(value)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def group_of(read: ReadSteps, is_asked_for: bool, has_history: bool, findings: Findings) -> tuple[str | None, int]:
    """The episode of a record that is one step, and the step's number; (None, 0) for any other record."""
    layout = LAYOUTS[read.layout]
    if not _is_one_step(layout, is_asked_for):
        return None, 0
    group, number = read.ids
    if group is None and number is None and not is_asked_for and not has_history:  # a task of one step, as far as the record says
        return None, 0
    if (order := step_number(number)) is None:
        findings.refuse(Reason.STEP_NUMBER_BAD, "", f"found {number!r} as the number of the step; expected a whole number")
    if (episode := group_id(group)) is None:
        findings.refuse(Reason.STEP_NUMBER_BAD, "", f"found {group!r} as the episode of the step; expected an id")
    return episode or "", order or 0


def _is_one_step(layout: StepLayout, is_asked_for: bool) -> bool:
    return not layout.steps and layout.parallel is None and bool(layout.group or is_asked_for)


def number_of_refused(raw: RawRecord, source: Source, config: Config) -> StepNumber | None:
    """What the text of a refused record says of its place in its episode; None where it says nothing, or where no prompt shows earlier steps.

    The records after it need it: a step that cannot be read is not one that was never logged. Its text is parsed again, so that nothing is spent on
    records that are kept.
    """
    if not history_length(source.rows):
        return None
    budget = Budget(config.limits, len(raw.raw))
    try:
        record, text = _whole(raw, source, budget)
        return _number_of(record, Written(text), False, source, config, budget)
    except Reject:
        pass
    try:  # with the values of a budget of its own, since the first has been spent
        return _number_of(_beginning(raw, source, Budget(config.limits, len(raw.raw))), Written("{}"), True, source, config, budget)
    except Reject:
        return None


def _whole(raw: RawRecord, source: Source, budget: Budget) -> tuple[Mapping[str, Json], bytes | str]:
    """The record and its text. Raises Reject where the record is damaged, or larger than its limit."""
    if too_large := [finding for finding in raw.findings if finding.code == Reason.LINE_TOO_LARGE.code]:
        raise Reject(*too_large)
    text = object_text(raw.raw)
    parsed = with_columns(parse_record(replace(raw, raw=text), budget).value, raw.origin.path, source.path)
    return plain_record(parsed, text.removeprefix(BOM), source, budget)


def _beginning(raw: RawRecord, source: Source, budget: Budget) -> Mapping[str, Json]:
    """The fields of a damaged record before the damage, or those in the head that is kept of one that is too large."""
    is_head = any(finding.code == Reason.LINE_TOO_LARGE.code for finding in raw.findings)
    fields = leading_fields(b64decode(orjson.loads(raw.raw)["head_base64"]) if is_head else raw.raw, budget)
    return with_columns(fields, raw.origin.path, source.path) if fields and ":" not in source.format else {}


def _number_of(record: Mapping[str, Json], written: Written, is_damaged: bool, source: Source, config: Config, budget: Budget) -> StepNumber | None:
    record = {key: value for key, value in record.items() if value is not None and key not in source.ignore}
    top, trail = Found(record, (), written, ""), Trail(budget)
    name = layout_of(top, budget)
    found: list[tuple[str, int | None]] = []
    for paths in _paths(name, source):
        group, number = (None if (value := find(top, path, trail)) is None else single(value.value) for path in paths)
        # A whole record that is known by nothing and has no number may be no step at all, such as a line that begins an episode.
        episode = group_id(group)
        if episode is not None and (name is not None or number is not None or is_damaged) and not (is_damaged and _DAMAGE.search(episode)):
            found.append((episode, step_number(number)))
    if not found:
        return None
    episode, order = next((one for one in found if one[1] is not None), found[0])
    own = episode_id(record, source, written, Findings(config.normalize, budget, [], Unread()), episode)
    return StepNumber(episode, order, own if own and not (is_damaged and _DAMAGE.search(own)) else episode)


def _paths(name: str | None, source: Source) -> list[tuple[str, str]]:
    """Where a record of this layout has its episode and its number; of all layouts, where it lacks what its own is known by, such as its screen."""
    rows = source.rows
    asked = (rows.group_by, rows.order_by) if rows.group_by and rows.order_by else None
    if name is not None and not _is_one_step(LAYOUTS[name], asked is not None):
        return []
    if asked is not None:
        return [asked]
    layouts = [LAYOUTS[name]] if name is not None else [layout for layout in (*SINGLE_STEPS.values(), *ANY_STEP.values()) if layout.group]
    return [(layout.group, layout.order_by) for layout in layouts]


def episode_key(record: Mapping[str, Json], source: Source) -> str | None:
    """The key under which the record has the id of its episode."""
    keys = (source.episode_id.from_,) if isinstance(source.episode_id, EpisodeKey) else source.episode_id
    return next((key for key in keys if record.get(key) not in (None, "", [])), None)


def episode_id(record: Mapping[str, Json], source: Source, written: Written, findings: Findings, group: str | None = None) -> str | None:
    """The id under that key, as `group` has it where both are one id; the group where the record has none."""
    key = episode_key(record, source)
    found = None if key is None else episode_id_of((key, single(record[key])), written, source, findings)
    return found if found and group_id(found) != group else group
