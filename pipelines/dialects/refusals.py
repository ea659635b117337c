"""Refuses roles and images where a model has no place for them. The files of the models use these functions."""

from __future__ import annotations

from collections.abc import Container

from pipelines.dialects.dialect import Script
from pipelines.reasons import Reason, Reject


def refuse_images_outside(script: Script, roles: Container[str]) -> None:
    for i, turn in enumerate(script.turns):
        if turn.images and turn.role not in roles:
            raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at(f"messages[{i}]", f"an image in a turn of role {turn.role}"))


def refuse_roles(script: Script, first: Container[str], later: Container[str]) -> None:
    """`first` are the roles that the first turn may have, `later` those of the turns after it."""
    for i, turn in enumerate(script.turns):
        if turn.role not in (later if i else first):
            raise Reject(Reason.TOKENS_ROLE_UNSUPPORTED.at(f"messages[{i}].role", f"{turn.role} as turn {i + 1}"))
