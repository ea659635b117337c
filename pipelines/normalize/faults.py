"""What a record's normalization finds: every refusal is collected, so that its owner reads all of them at once."""

from __future__ import annotations

from pipelines.config import Limits, Normalize
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding


class Faults:
    """Refusals and notes of one record, in the order found."""

    def __init__(self, settings: Normalize, limits: Limits, notes: list[Finding]):
        self.settings, self.limits = settings, limits
        self.refusals: list[Finding] = []
        self.notes = list(notes)

    def refuse(self, reason: Reason, where: str, detail: str = "") -> None:
        self.refusals.append(reason.at(where, detail))

    def note(self, reason: Reason, where: str, detail: str = "") -> None:
        self.notes.append(reason.at(where, detail))

    def repair(self, reason: Reason, instead: Reason, where: str, detail: str) -> None:
        """Notes a repair; where the settings allow none, `instead` refuses the record."""
        if self.settings.repair == "none":
            self.refuse(instead, where, f"normalize.repair is none: {detail}")
        else:
            self.note(reason, where, detail)

    def close(self) -> None:
        """Raises Reject with every refusal, notes after them, if there is one."""
        if self.refusals:
            raise Reject(*dict.fromkeys([*self.refusals, *self.notes]))
