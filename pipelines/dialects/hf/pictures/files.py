"""What a model folder says about its processor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pipelines.config import ConfigError
from pipelines.records import Noun

PROCESSOR, PREPROCESSOR, CONFIG, TOKENIZER = "processor_config.json", "preprocessor_config.json", "config.json", "tokenizer_config.json"
# One of these stands in the configuration of every image processor, and in none of an audio feature extractor.
_OF_IMAGES = ("image_processor_type", "image_mean", "do_resize", "do_normalize", "do_rescale", "crop_size")


class ProcessorFiles(Noun, frozen=True):
    """`image` are the settings of the image processor, as transformers finds them; `processor` is the name of the processor's class and `model` the
    folder's model type, each "" where the folder does not say. `tokenizer` is tokenizer_config.json. `fingerprint` is the sha256 of the files that
    decide what a picture becomes."""

    folder: Path
    image: Mapping[str, Any]
    processor: str
    model: str
    tokenizer: Mapping[str, Any]
    fingerprint: str


def read_files(folder: Path) -> ProcessorFiles | None:
    """The processor of this folder, or None if it has none that takes images. Raises ConfigError for a file that is not a JSON object."""
    whole, alone = _read(folder / PROCESSOR), _read(folder / PREPROCESSOR)
    # transformers prefers the image processor inside of processor_config.json (image_processing_auto.py get_image_processor_config @ v5.23.0).
    image = whole.get("image_processor") or alone
    if not isinstance(image, dict) or not any(key in image for key in _OF_IMAGES):
        return None
    config = _read(folder / CONFIG)
    processor = whole.get("processor_class") or alone.get("processor_class") or config.get("processor_class") or ""
    return ProcessorFiles(folder, image, str(processor), str(config.get("model_type") or ""), _read(folder / TOKENIZER), _fingerprint(folder))


def token_of(files: ProcessorFiles, name: str, default: str) -> str:
    """A token that tokenizer_config.json names, such as `image_token`; `default` where it does not."""
    extra = files.tokenizer.get("extra_special_tokens")
    found = files.tokenizer.get(name) or (extra.get(name) if isinstance(extra, dict) else None) or default
    return str(found["content"] if isinstance(found, dict) else found)


def _fingerprint(folder: Path) -> str:
    found = hashlib.sha256()
    for name in (PROCESSOR, PREPROCESSOR):
        data = (folder / name).read_bytes() if (folder / name).is_file() else b""
        found.update(f"{name} {len(data)}\0".encode() + data)
    return found.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: not readable as JSON: {error}"]) from None
    if not isinstance(found, dict):
        raise ConfigError([f"{path}: a JSON object is expected, not {type(found).__name__}"])
    return found
