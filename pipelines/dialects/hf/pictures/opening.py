"""The pictures of one model folder, opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures.families import PixelLimits, family_of, placeholder_of, replacement, rule_of
from pipelines.dialects.hf.pictures.files import read_files
from pipelines.dialects.hf.pictures.replacement import Replacement
from pipelines.records import Noun, Size

MAX_SIZES = 4096  # of pictures whose replacement is kept. One is 1 KB for most models, and 20 KB where every row of patches is a part of its own


class PictureFacts(Noun, frozen=True):
    """What the capability card says about pictures. `way` is "formula" or "processor". `checked` says for how many sizes the formula gave what the
    processor of transformers gives, and `unchecked` why there was no check."""

    family: str
    processor: str
    way: str
    checked: int = 0
    unchecked: str | None = None


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a model's processor writes for pictures. `placeholder` is the text that the template writes for one picture, and that the replacement
    stands in place of. `fingerprint` is of the processor's files."""

    placeholder: str
    fingerprint: str
    facts: PictureFacts
    replace: Callable[[Sequence[Size]], tuple[Replacement, ...]]

    def of(self, width: int, height: int) -> Replacement:
        """The replacement of a picture of this size in px that is the only one of its conversation. Raises Reject for a size that the processor
        refuses."""
        return self.replace((Size(width, height),))[0]

    def of_all(self, sizes: Sequence[Size]) -> tuple[Replacement, ...]:
        """The replacements of all pictures of one conversation, in text order. Some processors number the pictures, or cut a picture into fewer
        slices if there are others. Raises Reject for sizes that the processor refuses."""
        return self.replace(sizes)


def open_pictures(folder: Path, limits: PixelLimits = PixelLimits()) -> Pictures | None:  # noqa: B008 - a frozen value
    """The pictures of this model folder, or None if it has no image processor. Raises ConfigError if it has one that cannot be used."""
    files = read_files(folder)
    if files is None:
        return None
    family = family_of(files)
    if family is None:
        raise ConfigError([f"{folder}: no formula is known for the pictures of {files.processor or files.image.get('image_processor_type')}"])
    token = placeholder_of(family, files)
    one = lru_cache(maxsize=MAX_SIZES)(partial(replacement, family, rule_of(family, files, limits), token))
    facts = PictureFacts(family.name, files.processor, "formula")
    return Pictures(token, files.fingerprint, facts, lambda sizes: tuple([one(size) for size in sizes]))
