"""Before the first step: is the model that the trainer names the one that the rows were tokenized for?

certify("out/demo", "minicpm_v_2_6", "models/MiniCPM-V-2_6")
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.training.chat_files import chat_faults
from pipelines.training.how_tokenized import Settings, settings_by_batch
from pipelines.training.model_files import OPTION_FILES, TEMPLATE_FILES, broken_files
from pipelines.training.model_options import option_faults
from pipelines.training.model_tokenizer import Faults, template_faults, tokenizer_faults
from pipelines.training.tables import Published, open_root


class CertificateError(Exception):
    """The rows do not fit the model, or nothing tells whether they do; the message holds every mismatch."""


@dataclass(frozen=True)
class Certificate:
    """What was compared with the model, in words, and what could not be, since one side does not state it."""

    checked: tuple[str, ...]
    unchecked: tuple[str, ...]


def certify(
    root: str | os.PathLike[str] | Published, dialect: str, model: Any, *, tokenizer: Any = None, batch: str | None = None, allow_standin: bool = False
) -> Certificate:
    """What was compared, where the rows of this dialect, of all batches or of one, fit the model. Raises CertificateError with all that does not.

    `model` is the folder that the trainer names, a hub id whose files are already on this machine, or a tokenizer of transformers or
    tokenizers. `tokenizer` is one to ask where the folder's own needs remote code, as GLM-4's may. The tokenizer is compared by the sha256
    of its file, else by the parts of tokenizer.json, else by the ids of texts and control tokens, which cannot show every change; the chat
    template and MiniCPM's slice options where both sides state them. A file that cannot be read is a mismatch. Rows of a stand-in tokenizer
    fit no model; `allow_standin` permits them, for tests.
    Raises NotPublished where no batch has rows of the dialect.
    """
    published = root if isinstance(root, Published) else open_root(root)
    folder = _folder(model)
    asked = _tokenizer(model if folder is None else tokenizer)
    notes: list[str] = []
    broken = {} if folder is None else broken_files(folder)
    faults = list(broken.values())
    compared: dict[str, list[str]] = {}  # most batches have the same settings, and a tokenizer.json takes a second to compare
    for one, settings in settings_by_batch(published, dialect, batch).items():
        same = json.dumps(settings, sort_keys=True)
        if same not in compared:
            compared[same] = list(_faults(settings, folder, asked, broken, allow_standin, notes))
        faults += [f"batch {one}: {fault}" for fault in compared[same]]
    if faults:
        raise CertificateError(f"the rows of dialect {dialect} do not fit {folder or type(model).__name__}:\n- " + "\n- ".join(dict.fromkeys(faults)))
    told = dict.fromkeys(notes)
    return Certificate(tuple(note for note in told if not note.startswith("not compared")), tuple(note for note in told if note.startswith("not compared")))


def _faults(settings: Settings, folder: Path | None, tokenizer: Any, broken: Collection[str], allow_standin: bool, notes: list[str]) -> Iterator[str]:
    if not settings:
        yield "a version that did not note its tokenizer published it; run the batch again"
        return
    noted = settings["tokenizer"]
    if noted["standin"] and not allow_standin:
        yield f"it was tokenized with the stand-in {noted['name']}, whose ids are no model's: configure the model's own tokenizer and run the batch again"
    for found in _comparisons(settings, folder, tokenizer, broken):
        notes += found.notes
        yield from found.faults


def _comparisons(settings: Settings, folder: Path | None, tokenizer: Any, broken: Collection[str]) -> Iterator[Faults]:
    """All but those that would read a broken file."""
    yield tokenizer_faults(settings["tokenizer"], folder, tokenizer)
    if not set(TEMPLATE_FILES) & set(broken):
        yield template_faults(settings["tokenizer"], folder, tokenizer)
    if folder is not None and not set(OPTION_FILES) & set(broken):
        yield option_faults(settings, folder)
    yield chat_faults(settings.get("chat"), folder)


def _folder(model: Any) -> Path | None:
    """The folder that this names, or that has the file that this names; None where it is no path. Raises CertificateError."""
    if not isinstance(model, (str, os.PathLike)):
        return None
    path = Path(model)
    if path.exists():
        return path if path.is_dir() else path.parent
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(str(model), local_files_only=True))
    except ImportError:
        looked = "the cache of Hugging Face is not searched, since huggingface_hub is not installed"
    except (OSError, ValueError):
        looked = "the cache of Hugging Face on this machine has no model of this name"
    raise CertificateError(f"no such folder: {model}; {looked}. Nothing is downloaded: give the model's folder, or its tokenizer")


def _tokenizer(given: Any) -> Any:
    """Raises CertificateError if this is given and is not a tokenizer."""
    if given is not None and not callable(getattr(given, "encode", None)):
        raise CertificateError(f"{given!r} is neither a folder nor a tokenizer; give the folder that the trainer names, or its tokenizer")
    return given
