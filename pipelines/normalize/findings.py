"""What normalization finds in a record. Every refusal is collected, so that the owner of the log sees all of them at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pipelines.config import Normalize
from pipelines.formats.keys import Unread
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reason, Reject, reason_of, refusals
from pipelines.records import Finding

_IN_TURN = re.compile(r"(\[\d+\]\.)(\w+)")  # the place of a field of a turn, in a list of turns
_AS_IT_IS = frozenset(reason.code for reason in (Reason.SCHEMA_FIELD_UNREAD, Reason.CHECK_CUT_ANSWER, Reason.RECORD_LABELLED_BAD))
MOST = 100  # findings of one reason that are listed; the others are counted


class Findings:
    """Refusals and notes of one record, in the order found; `unread` are its keys that nothing reads."""

    def __init__(self, settings: Normalize, budget: Budget, notes: list[Finding], unread: Unread):
        self.settings, self.budget, self.unread = settings, budget, unread
        self.refusals: list[Finding] = refusals(notes)
        self.notes = list(notes)
        self.names: dict[str, dict[str, str]] = {}  # role -> the names that its turns have, each with its first place
        self.turns_key = ""
        self.renamed: Mapping[str, str] = {}  # usual key of a turn -> what the log has instead
        self._counts: Counter[Reason] = Counter()

    def refuse(self, reason: Reason, where: str, detail: str = "") -> None:
        self._add(self.refusals, reason, where, detail)

    def refuse_all(self, reject: Reject) -> None:
        """Refuses the record for every reason why a part of it could not be read."""
        for finding in reject.findings:
            self._add(self.refusals, reason_of(finding.code), finding.where, finding.detail)

    def note(self, reason: Reason, where: str, detail: str = "") -> None:
        self._add(self.notes, reason, where, detail)

    def _add(self, found: list[Finding], reason: Reason, where: str, detail: str) -> None:
        self._counts[reason] += 1
        if self._counts[reason] <= MOST:
            found.append(reason.at(where, detail))

    def repair(self, reason: Reason, instead: Reason, where: str, detail: str) -> None:
        """Notes a repair. If the settings do not allow repairs, refuses the record with reason `instead`."""
        if self.settings.repair == "none":
            self.refuse(instead, where, f"not repaired, because normalize.repair is none: {detail}")
        else:
            self.note(reason, where, detail)

    def media(self, where: str, detail: str) -> None:
        """Refuses or notes video or audio, as normalize.media says: no dialect takes it."""
        if self.settings.media == "quarantine":
            self.refuse(Reason.MEDIA_UNSUPPORTED, where, detail)
        else:
            self.note(Reason.MEDIA_UNSUPPORTED, where, detail)

    def misplaced(self, where: str, key: str, why: str) -> None:
        """Refuses or notes a key of a turn that is read on other turns, but cannot be on this one."""
        self.unread.add("turn", where, key, None, why)

    def _as_logged(self, finding: Finding) -> Finding:
        """The finding with its place in the words of the log."""
        found = _IN_TURN.match(finding.where.removeprefix(self.turns_key)) if finding.where.startswith(self.turns_key) else None
        if found is None or found[2] not in self.renamed:
            return finding
        return finding._replace(where=f"{self.turns_key}{found[1]}{self.renamed[found[2]]}{finding.where[len(self.turns_key) + found.end() :]}")

    def close(self, withheld: Sequence[str] = ()) -> None:
        """Raises Reject if there is any refusal: all refusals first, then the notes. `withheld` are the places of the answers for which the record of a
        cumulative log is refused: then not if all refusals are of these, or of what was read as it is."""
        if self.renamed:
            for found in (self.refusals, self.notes, self.unread.findings):
                found[:] = map(self._as_logged, found)
        for reason, count in self._counts.items():
            if count > MOST:
                more = reason.at("", f"{count - MOST} more")
                (self.refusals if any(finding.code == reason.code for finding in self.refusals) else self.notes).append(more)
        if self.settings.field_unread == "quarantine":
            self.refusals += self.unread.findings
        else:
            self.notes += self.unread.findings
        if self.refusals and not (withheld and all(_leaves_the_rest(finding, withheld) for finding in self.refusals)):
            raise Reject(*dict.fromkeys([*self.refusals, *self.notes]))


def _leaves_the_rest(finding: Finding, answers: Sequence[str]) -> bool:
    """Whether all that is not of these answers was read as if the refusal were not there."""
    return finding.code in _AS_IT_IS or any(finding.where == place or finding.where.startswith((f"{place}.", f"{place}[")) for place in answers)
