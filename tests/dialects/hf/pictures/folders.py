"""Model folders with a processor, and a small vocabulary that has its tokens."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

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


class Made(NamedTuple):
    """The files of a processor. `names` are tokens with the names that the processor asks for, `tokens` are others that it writes."""

    preprocessor: dict[str, Any]
    processor: dict[str, Any]
    names: dict[str, str]
    tokens: tuple[str, ...] = ()
    needs_torch: bool = False


_QWEN = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
_GLM = {"image_token": "<|image|>", "video_token": "<|video|>"}
_MINICPM = {
    **_QWEN,
    "image_start_token": "<image>",
    "image_end_token": "</image>",
    "slice_start_token": "<slice>",
    "slice_end_token": "</slice>",
    "image_id_start_token": "<image_id>",
    "image_id_end_token": "</image_id>",
}
_INTERNVL = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>"}
_IDEFICS = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
_AYA = ("<image>", "<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE", "TILE_GLOBAL")
_LLAMA_4 = ("<|image|>", "<|image_start|>", "<|image_end|>", "<|patch|>", "<|tile_x_separator|>", "<|tile_y_separator|>")
_PINPOINTS = [[384, 384], [384, 768], [768, 384], [768, 768], [1152, 1152]]


def _got(side: int) -> dict[str, Any]:
    return {
        "image_processor_type": "GotOcr2ImageProcessor",
        "size": {"height": side, "width": side},
        "crop_to_patches": True,
        "min_patches": 1,
        "max_patches": 12,
    }


# As the models' own folders have them, where these are known; else the defaults of transformers 5.23.0.
FAMILIES = {
    "qwen2.5-vl": Made(QWEN_2_5_VL, {}, _QWEN),
    "qwen3-vl": Made(QWEN_3_VL, {}, _QWEN),
    "glm-4.1v": Made(GLM_4_1V, {}, _GLM),
    "glm-4.6v": Made(GLM_4_6V, {}, _GLM),
    "internvl": Made(_got(448), {"processor_class": "InternVLProcessor", "image_seq_length": 256}, _INTERNVL),
    "gemma3": Made(
        {"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 896, "width": 896}},
        {"processor_class": "Gemma3Processor", "image_seq_length": 256},
        {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
    ),
    "minicpm-v-4.6": Made({"image_processor_type": "MiniCPMV4_6ImageProcessor"}, {"processor_class": "MiniCPMV4_6Processor"}, _MINICPM),
    "idefics3": Made(
        {"image_processor_type": "Idefics3ImageProcessor", "do_image_splitting": True, "size": {"longest_edge": 1456}, "max_image_size": {"longest_edge": 364}},
        {"processor_class": "Idefics3Processor", "image_seq_len": 169},
        {},
        _IDEFICS,
    ),
    "aya-vision": Made(_got(364), {"processor_class": "AyaVisionProcessor", "patch_size": 28, "img_size": 364}, {}, _AYA),
    "mllama": Made(
        {"image_processor_type": "MllamaImageProcessor", "size": {"height": 560, "width": 560}, "max_image_tiles": 4},
        {"processor_class": "MllamaProcessor"},
        {"image_token": "<|image|>"},
    ),
    "llava-onevision": Made(
        {"image_processor_type": "LlavaOnevisionImageProcessor", "size": {"height": 384, "width": 384}, "image_grid_pinpoints": _PINPOINTS},
        {"processor_class": "LlavaOnevisionProcessor", "num_image_tokens": 729, "vision_feature_select_strategy": "full"},
        {"image_token": "<image>", "video_token": "<video>"},
    ),
    "paddleocr-vl": Made(
        {"image_processor_type": "PaddleOCRVLImageProcessor"}, {"processor_class": "PaddleOCRVLProcessor"}, {"image_token": "<|IMAGE_PLACEHOLDER|>"}
    ),
    "llama-4": Made(
        {"image_processor_type": "Llama4ImageProcessor", "size": {"height": 336, "width": 336}, "max_patches": 16},
        {"processor_class": "Llama4Processor"},
        {},
        _LLAMA_4,
        needs_torch=True,
    ),
    "pixtral": Made(
        {"image_processor_type": "PixtralImageProcessor", "size": {"longest_edge": 1540}, "patch_size": 14},
        {"processor_class": "PixtralProcessor", "patch_size": 14, "spatial_merge_size": 2},
        {},
        ("[IMG]", "[IMG_BREAK]", "[IMG_END]"),
        needs_torch=True,
    ),
}


def processor_folder(folder: Path, preprocessor: dict[str, Any], **files: dict[str, Any]) -> Path:
    """A folder with preprocessor_config.json and the other files that are named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"preprocessor_config": preprocessor, **files}.items():
        if content:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def family_folder(folder: Path, name: str, **changes: Any) -> Path:
    """A model folder of this family, with a vocabulary of bytes and the tokens of its pictures. `changes` replace settings of the image processor."""
    made = FAMILIES[name]
    preprocessor = {"processor_class": made.processor.get("processor_class"), **made.preprocessor, **changes}
    processor_folder(folder, preprocessor, processor_config=made.processor)
    write_vocabulary(folder, [*made.names.values(), *made.tokens], made.names)
    return folder


def write_vocabulary(folder: Path, tokens: Iterable[str], names: dict[str, str]) -> None:
    tokenizer = Tokenizer(BPE(vocab={letter: at for at, letter in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>", *tokens])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "extra_special_tokens": names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
