"""The processor of transformers, run on blank pictures.

It is opened from the folder's own files: no network, and no code from the folder.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures.families import PixelLimits
from pipelines.dialects.hf.pictures.files import ProcessorFiles
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

# Nothing is fetched and no code of the folder is run, whatever its files ask for.
LOCAL: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}


class Written(NamedTuple):
    """`text` is what the processor writes for a picture. `images` are the outputs of its image processor for all pictures of the run, without
    pixels, and `place` is the picture's among them."""

    text: str
    images: Mapping[str, Any]
    place: int


class Processor(NamedTuple):
    """`placeholder` is the token that the template writes for a picture, `added` finds the added tokens of the vocabulary, and `image_processor` and
    `whole` are the objects of transformers. `run` gives what is written for the pictures of one conversation."""

    placeholder: str
    added: re.Pattern[str]
    image_processor: Any
    whole: Any
    run: Callable[[Sequence[Size]], list[Written]]


def has_transformers() -> bool:
    return importlib.util.find_spec("transformers") is not None


def open_image_processor(files: ProcessorFiles) -> Any:
    """The image processor alone, which needs no tokenizer. Raises ConfigError."""
    from transformers import AutoImageProcessor  # slow to import, and not on every cluster

    try:
        return AutoImageProcessor.from_pretrained(str(files.folder), **LOCAL)
    except Exception as error:  # a missing library, a class that is not known, a setting that the class does not take
        raise ConfigError([f"{files.folder}: transformers cannot open the image processor: {first_line(error)}"]) from None


def open_processor(files: ProcessorFiles, limits: PixelLimits) -> Processor:
    """The whole processor of this folder. Raises ConfigError if transformers is missing or cannot open it."""
    if not has_transformers():
        raise ConfigError([f"{files.folder}: no formula is known for the pictures of {_name(files)}; install transformers, whose processor gives them"])
    from transformers import AutoTokenizer

    seen: list[Mapping[str, Any]] = []
    try:
        made = _recorder(_class_of(files), seen)
        image_processor = open_image_processor(files)
        tokenizer = AutoTokenizer.from_pretrained(str(files.folder), **LOCAL)
        if tokenizer.pad_token is None:  # some processors ask for one, though a single text is never padded
            tokenizer.pad_token = tokenizer.eos_token
        settings, _ = made.get_processor_dict(str(files.folder), local_files_only=True)
        # The image processor stands in for video and audio parts, which no picture reaches: their classes need torch, and files that a folder
        # for pictures may not have.
        parts = [tokenizer if "tokenizer" in name else image_processor for name in made.get_attributes()]
        processor = made.from_args_and_dict(parts, settings)
        placeholder = processor.image_token
    except ConfigError:
        raise
    except Exception as error:  # as above
        raise ConfigError([f"{files.folder}: transformers cannot open {_name(files)}: {first_line(error)}"]) from None
    if not isinstance(placeholder, str) or not placeholder:
        raise ConfigError([f"{files.folder}: {_name(files)} has no token for a picture"])
    options = _options(files, image_processor, limits)

    def run(sizes: Sequence[Size]) -> list[Written]:
        seen.clear()
        try:
            texts = _written(processor, placeholder, sizes, options)
        except Exception as error:  # processors raise what numpy and Pillow raise; what differs from the trial at opening is the size
            shown = ", ".join(f"{size.width}x{size.height}" for size in sizes[:4])
            raise Reject(Reason.TOKENS_IMAGE_UNSUPPORTED.at("", f"{_name(files)} refuses {shown} px: {first_line(error)}")) from None
        images = seen[0] if seen else {}
        return [Written(text, images, place) for place, text in enumerate(texts)]

    return Processor(placeholder, _any_of(tokenizer.get_added_vocab()), image_processor, processor, run)


def _class_of(files: ProcessorFiles) -> Any:
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    name = files.processor or PROCESSOR_MAPPING_NAMES.get(files.model)
    found = getattr(transformers, name, None) if name else None
    if found is None:
        own = "; the folder's own code for it is never run" if any("auto_map" in config for config in (files.image, files.tokenizer)) else ""
        raise ValueError((f"it has no class {name}" if name else f"the folder names no processor, and there is none for model type {files.model!r}") + own)
    return found


def _recorder(base: Any, seen: list[Mapping[str, Any]]) -> Any:
    """A subclass of the processor that keeps the outputs of the image processor, which the processor itself drops after it has written its text.

    Both methods are public. The check of classes is left out for the parts that the image processor stands in for: transformers 5.23.0 fails in it
    without torch.
    """

    def check_argument_for_proper_class(self: Any, name: str, argument: Any) -> Any:
        return base.check_argument_for_proper_class(self, name, argument) if name in ("image_processor", "tokenizer") else None

    def replace_image_token(self: Any, image_inputs: Any, *arguments: Any, **options: Any) -> Any:
        # A copy: Idefics3 removes rows and columns afterwards.
        seen.append({name: value for name, value in image_inputs.items() if "pixel" not in name})
        return base.replace_image_token(self, image_inputs, *arguments, **options)

    methods: dict[str, Any] = {"check_argument_for_proper_class": check_argument_for_proper_class}
    if hasattr(base, "replace_image_token"):
        methods["replace_image_token"] = replace_image_token
    return type(base.__name__, (base,), methods)


def _written(processor: Any, placeholder: str, sizes: Sequence[Size], options: Mapping[str, Any]) -> list[str]:
    """The replacement texts of blank pictures, as apply_chat_template calls the processor. Raises what the processor raises, and ValueError if it
    changes more of the text than its placeholders."""
    from PIL import Image

    blank = [Image.new("RGB", size) for size in sizes]
    output = processor(images=[blank], text=[placeholder * len(sizes)], return_text_replacement_offsets=True, return_tensors=_tensors(), **options)
    found = output.get("text_replacement_offsets")
    # Mllama does not say it: there a picture stays the placeholder, and comes in by cross-attention.
    texts = [str(one["replacement"]) for one in found[0]] if found else [placeholder] * len(sizes)
    if len(texts) != len(sizes) or _ids(processor, output["input_ids"][0]) != _ids(processor, processor.tokenizer("".join(texts))["input_ids"]):
        raise ValueError("it changes more of the text than the placeholders of pictures, or does not say how it changes them")
    return texts


def _ids(processor: Any, ids: Any) -> list[int]:
    """The ids without the token that begins a text: Mllama writes it before its placeholders."""
    return [int(one) for one in ids if int(one) != processor.tokenizer.bos_token_id]


def _any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    """Finds each of these tokens; of two that begin at the same place, the longer one."""
    return re.compile(f"({'|'.join(map(re.escape, sorted(filter(None, tokens), key=len, reverse=True))) or '(?!)'})")


def _tensors() -> str:
    from transformers.utils import is_torch_available

    return "pt" if is_torch_available() else "np"  # some processors make tensors that numpy has no type for


def _options(files: ProcessorFiles, image_processor: Any, limits: PixelLimits) -> dict[str, Any]:
    """The dialect's limits as the processor takes them. Raises ConfigError if it takes none."""
    if limits == PixelLimits():
        return {}
    known = inspect.get_annotations(getattr(image_processor, "valid_kwargs", object), eval_str=False)
    size = dict(getattr(image_processor, "size", None) or {})
    if "min_pixels" not in known and not files.processor.startswith("Glm"):
        raise ConfigError([f"{files.folder}: min_pixels and max_pixels are set, but {_name(files)} has no such limits"])
    given = {"shortest_edge": limits.min_pixels, "longest_edge": limits.max_pixels}
    return {"size": size | {name: value for name, value in given.items() if value is not None}}


def _name(files: ProcessorFiles) -> str:
    return files.processor or files.model or str(files.image.get("image_processor_type") or "the processor")


def first_line(error: Exception) -> str:
    """The class of an error and the beginning of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:300]
