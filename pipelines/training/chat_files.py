"""What a model folder says about the ends of answers and about pictures, compared with the folder that rows of `hf` were made with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.training.model_files import read_object
from pipelines.training.model_tokenizer import Faults

Json = Mapping[str, Any]
_GENERATION, _WHOLE, _ALONE = "generation_config.json", "processor_config.json", "preprocessor_config.json"
# These change from one version of transformers to the next without changing a picture.
_NAMES = ("image_processor_type", "processor_class", "feature_extractor_type", "auto_map", "transformers_version", "return_tensors", "device", "data_format")


def chat_parts(folder: Path) -> dict[str, Any]:
    """`ends`, the ids that end an answer, and `processor`, the settings of the image processor; each None where the folder does not state it.

    Raises ValueError where a file is not a JSON object.
    """
    ends = read_object(folder / _GENERATION).get("eos_token_id")
    whole = read_object(folder / _WHOLE).get("image_processor") or read_object(folder / _ALONE)
    processor = {key: value for key, value in whole.items() if key not in _NAMES and value is not None} if isinstance(whole, dict) else {}
    return {"ends": None if ends is None else sorted(ends) if isinstance(ends, list) else [ends], "processor": processor or None}


def chat_faults(noted: Json | None, folder: Path | None) -> Faults:
    """Where these differ between the rows' folder and the model's. A setting that one side does not state is not compared."""
    if noted is None:
        return Faults()
    if folder is None:
        return Faults(notes=["not compared: generation_config and image processor, since the model is given as a tokenizer"])
    try:
        held = chat_parts(folder)
    except (OSError, ValueError) as error:
        return Faults([str(error)])
    faults: list[str] = []
    notes: list[str] = []
    if noted["ends"] is None or held["ends"] is None:
        notes.append("not compared: the ends of answers, since a generation_config.json is missing or states none")
    elif noted["ends"] != held["ends"]:
        faults.append(f"{_GENERATION}: eos_token_id is {held['ends']} in the model, and {noted['ends']} where the rows were made")
    else:
        notes.append("the ends of answers are the same")
    return Faults([*faults, *_processor_faults(noted["processor"], held["processor"], notes)], notes)


def _processor_faults(noted: Json | None, held: Json | None, notes: list[str]) -> list[str]:
    if noted is None or held is None:
        if noted is not None:
            notes.append("not compared: the image processor, since the model's folder has none")
        return []
    both = sorted(noted.keys() & held.keys())
    faults = [f"the image processor's {key} is {held[key]} in the model, and {noted[key]} where the rows were made" for key in both if held[key] != noted[key]]
    if not faults:
        notes.append(f"{len(both)} settings of the image processor are the same")
    return faults
