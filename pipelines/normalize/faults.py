"""What a record's normalization finds: every refusal is collected, so that its owner reads all of them at once."""

from __future__ import annotations

from typing import Any

from pipelines.config import Limits, Normalize
from pipelines.formats.keys import Unread
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding


class Faults:
    """Refusals and notes of one record, in the order found; `unread` are its keys that nothing reads."""

    def __init__(self, settings: Normalize, limits: Limits, notes: list[Finding], unread: Unread):
        self.settings, self.limits, self.unread = settings, limits, unread
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

    def media(self, where: str, detail: str) -> None:
        """Video or audio, which no dialect takes."""
        if self.settings.media == "quarantine":
            self.refuse(Reason.MEDIA_UNSUPPORTED, where, detail)
        else:
            self.note(Reason.MEDIA_UNSUPPORTED, where, detail)

    def misplaced(self, where: str, key: str, value: Any, why: str) -> None:
        """A key of a turn that is read elsewhere, and has no place here."""
        self.unread.add("turn", where, key, value, why)

    def close(self) -> None:
        """Raises Reject with every refusal, notes after them, if there is one."""
        if self.settings.field_unread == "quarantine":
            self.refusals += self.unread.findings
        else:
            self.notes += self.unread.findings
        if self.refusals:
            raise Reject(*dict.fromkeys([*self.refusals, *self.notes]))
