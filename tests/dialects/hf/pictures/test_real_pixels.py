"""The processors of transformers on real pictures, opened from files, against what is written from width and height alone."""

import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from pipelines.dialects.hf.pictures import open_pictures
from pipelines.records import Size
from tests.dialects.hf.pictures.folders import FAMILIES, family_folder

transformers = pytest.importorskip("transformers")
HAS_TORCH = importlib.util.find_spec("torch") is not None
TENSORS = "pt" if HAS_TORCH else "np"
MODELS = ["qwen2.5-vl", "qwen3-vl", "glm-4.1v", "glm-4.6v", "internvl", "gemma3", "minicpm-v-4.6", "idefics3", "llama-4", "pixtral", "llava-onevision"]
VIDEO = {"qwen3-vl": "Qwen3VLVideoProcessor", "internvl": "InternVLVideoProcessor"}  # which transformers cannot guess
PICTURES = 30
TEMPLATE = (
    "{% for message in messages %}<s>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}{% endfor %}</s>\n{% endfor %}"
)


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_ids_of_real_pictures(tmp_path: Path, name: str):
    if FAMILIES[name].needs_torch and not HAS_TORCH:
        pytest.skip(f"the processor of {name} needs torch and torchvision")
    folder = family_folder(tmp_path / "model", name)
    pictures, processor = open_pictures(folder), open_reference(folder, name)
    assert pictures
    template = TEMPLATE.replace("IMAGE", pictures.placeholder)
    generator, paths = random.Random(name), picture_files(tmp_path, random.Random(f"pictures of {name}"))
    while paths:
        taken, paths = paths[: (count := generator.randint(1, 4))], paths[count:]
        texts = [f"picture {number}\n" for number in range(len(taken))]
        content = [part for text, path in zip(texts, taken, strict=True) for part in ({"type": "image", "path": str(path)}, {"type": "text", "text": text})]
        output = processor.apply_chat_template(
            [{"role": "user", "content": content}], chat_template=template, tokenize=True, return_dict=True, return_tensors=TENSORS
        )
        replacements = pictures.of_all([size_of(path) for path in taken])
        text = "<s>user\n" + "".join(one.text + text for one, text in zip(replacements, texts, strict=True)) + "</s>\n"
        ids, wanted = processor.tokenizer(text, add_special_tokens=False)["input_ids"], [int(one) for one in output["input_ids"][0]]
        assert ids == (wanted[1:] if wanted[0] == wanted[1] else wanted)  # some processors begin a text with <s> once more
        if "image_grid_thw" in output:
            assert [[1, *one.target_sizes[0]] for one in replacements] == [[int(number) for number in row] for row in output["image_grid_thw"]]
        if "target_sizes" in output:
            assert [list(patches) for one in replacements for patches in one.target_sizes] == [
                [int(number) for number in row] for row in output["target_sizes"]
            ]


def picture_files(folder: Path, generator: random.Random) -> list[Path]:
    """Photos and screenshots of any shape and mode, three of them with an EXIF turn."""
    found = []
    for number in range(PICTURES):
        longest = generator.choice([40, 300, 1200, 2400])
        size = (generator.randint(12, longest), generator.randint(12, longest))
        mode = generator.choice(["RGB", "RGB", "RGBA", "L", "P", "1"])
        picture = Image.frombytes("RGB", size, generator.randbytes(3 * size[0] * size[1]))
        if number % 10 == 0:
            path, exif = folder / f"{number}.jpg", Image.Exif()
            exif[0x0112] = 6  # turned by 90 degrees
            picture.save(path, exif=exif)
        else:
            path = folder / f"{number}.png"
            picture.convert(mode).save(path)
        found.append(path)
    return found


def size_of(path: Path) -> Size:
    with Image.open(path) as picture:
        return Size(*ImageOps.exif_transpose(picture).size)


def open_reference(folder: Path, name: str) -> Any:
    """The whole processor, opened as transformers opens it. Without torch its class does not take a video processor, so that it gets the image
    processor instead."""
    if HAS_TORCH:
        if name in VIDEO:
            (folder / "video_preprocessor_config.json").write_text(json.dumps({"video_processor_type": VIDEO[name]}))
        return transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    made = FAMILIES[name].processor or FAMILIES[name].preprocessor
    base = getattr(transformers, made["processor_class"])
    unchecked = type(base.__name__, (base,), {"check_argument_for_proper_class": lambda *_: None})
    images = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    settings, _ = unchecked.get_processor_dict(str(folder), local_files_only=True)
    return unchecked.from_args_and_dict([tokenizer if "tokenizer" in part else images for part in unchecked.get_attributes()], settings)
