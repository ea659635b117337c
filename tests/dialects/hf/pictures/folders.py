"""Model folders with a processor, without a vocabulary."""

import json
from pathlib import Path
from typing import Any

QWEN_2_VL = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor", "min_pixels": 3136, "max_pixels": 12845056}
QWEN_2_5_VL = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor",
    "patch_size": 14,
    "min_pixels": 3136,
    "max_pixels": 12845056,
}
QWEN_3_VL = {
    "image_processor_type": "Qwen2VLImageProcessorFast",
    "processor_class": "Qwen3VLProcessor",
    "patch_size": 16,
    "size": {"shortest_edge": 65536, "longest_edge": 16777216},
}
GLM_4_1V = {"image_processor_type": "Glm4vImageProcessor", "processor_class": "Glm4vProcessor", "size": {"shortest_edge": 12544, "longest_edge": 9633792}}
GLM_4_6V = {"image_processor_type": "Glm46VImageProcessor", "processor_class": "Glm46VProcessor"}


def processor_folder(folder: Path, preprocessor: dict[str, Any], **files: dict[str, Any]) -> Path:
    """A folder with preprocessor_config.json and the other files that are named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"preprocessor_config": preprocessor, **files}.items():
        if content:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder
