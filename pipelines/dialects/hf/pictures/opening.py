"""The pictures of one model folder, opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipelines.dialects.hf.pictures.checking import difference
from pipelines.dialects.hf.pictures.families import Family, PixelLimits, family_of, placeholder_of, replacement, rule_of
from pipelines.dialects.hf.pictures.files import ProcessorFiles, read_files
from pipelines.dialects.hf.pictures.processor import has_transformers, open_processor
from pipelines.dialects.hf.pictures.replacement import Replacement
from pipelines.dialects.hf.pictures.sources import Replace, from_formula, from_processor
from pipelines.records import Noun, Size

NO_LIMITS = PixelLimits()


class PictureFacts(Noun, frozen=True):
    """What the capability card says about pictures.

    `way` is "formula" or "processor". `checked` is for how many sizes a formula gave what the processor of transformers gives, and `unchecked` why it
    was not compared, or why it is not used. `depends` says how a replacement depends on the other pictures of a conversation: "each" does not,
    "numbered" has its number in text order, "together" depends on their sizes.
    """

    family: str
    way: str
    checked: int = 0
    unchecked: str | None = None
    depends: str = "each"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a model's processor writes for pictures. `placeholder` is the token that the template writes for one picture, and that its replacement
    stands in place of. `fingerprint` is of the processor's files."""

    placeholder: str
    fingerprint: str
    facts: PictureFacts
    replace: Replace

    def of(self, width: int, height: int) -> Replacement:
        """The replacement of a picture of this size in px that is the only one of its conversation. Raises Reject for a size that the processor
        refuses."""
        return self.replace((Size(width, height),))[0]

    def of_all(self, sizes: Sequence[Size]) -> tuple[Replacement, ...]:
        """The replacements of all pictures of one conversation, in text order: some processors number them, and some cut a picture into fewer
        slices if there are others. Raises Reject for sizes that the processor refuses."""
        return self.replace(sizes)


def open_pictures(folder: Path, limits: PixelLimits = NO_LIMITS, check: bool = True) -> Pictures | None:
    """The pictures of this model folder, or None if it has no image processor. Raises ConfigError if it has one that cannot be used.

    `check` compares a formula with the processor of transformers, which takes a second or two; without it, the formula is taken at its word.
    """
    files = read_files(folder)
    if files is None:
        return None
    family = family_of(files)
    return _by_processor(files, limits, None) if family is None else _by_formula(files, family, limits, check)


def _by_formula(files: ProcessorFiles, family: Family, limits: PixelLimits, check: bool) -> Pictures:
    rule, token = rule_of(family, files, limits), placeholder_of(family, files)
    checked, unchecked = 0, None
    if not check:
        unchecked = "not asked for"
    elif not has_transformers():
        unchecked = "transformers is not installed"
    else:
        checked, found = difference(files, family, rule)
        if found is not None:
            return _by_processor(files, limits, found)
    facts = PictureFacts(family.name, "formula", checked, unchecked)
    return Pictures(token, files.fingerprint, facts, from_formula(partial(replacement, family, rule, token)))


def _by_processor(files: ProcessorFiles, limits: PixelLimits, unchecked: str | None) -> Pictures:
    processor = open_processor(files, limits)
    replace, depends = from_processor(processor, str(files.folder))
    facts = PictureFacts(files.processor or files.model, "processor", 0, unchecked, depends)
    return Pictures(processor.placeholder, files.fingerprint, facts, replace)
