"""The limits that a run must meet to be published."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipelines.config.base import Settings


class ShareGate(Settings):
    """Limits of a share of the records: above `warn` a run says so, above `fail` it is not published."""

    warn: float | None = Field(None, ge=0, le=1)
    fail: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> ShareGate:
        if self.warn is not None and self.fail is not None and self.warn > self.fail:
            raise ValueError("warn must not be greater than fail")
        return self


class Gates(Settings):
    max_quarantined: float = Field(0.05, ge=0, le=1)
    max_internal_errors: int = Field(0, ge=0)
    max_ratio_to_median: float | None = Field(None, gt=0)
    min_records: int = Field(1, ge=0)
    max_shrink: float | None = Field(0.1, ge=0, le=1)
    max_volume_ratio: float | None = Field(None, gt=1)
    sources: dict[str, ShareGate] = {}
    reasons: dict[str, ShareGate] = {}
