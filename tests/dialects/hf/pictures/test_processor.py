"""Pictures of models without a formula, and formulas, against the processors of transformers on blank pictures."""

import importlib.util
import json
import socket
import sys
from pathlib import Path

import pytest

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures import Part, Pictures, PixelLimits, open_pictures
from pipelines.dialects.hf.pictures.opening import NO_LIMITS
from pipelines.reasons import Reject
from pipelines.records import Grid, PatchSize, Size, Span
from tests.dialects.hf.pictures.folders import FAMILIES, QWEN_3_VL, family_folder, processor_folder

pytest.importorskip("transformers")
HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("models")


def opened(folders: Path, name: str, limits: PixelLimits = NO_LIMITS, **changes: object) -> Pictures:
    if FAMILIES[name].needs_torch and not HAS_TORCH:
        pytest.skip(f"the processor of {name} needs torch and torchvision")
    found = open_pictures(family_folder(folders / name, name, **changes), limits)
    assert found
    return found


@pytest.mark.parametrize("name", ["qwen2.5-vl", "qwen3-vl", "glm-4.1v", "glm-4.6v"])
def test_a_formula_is_checked_when_it_is_opened(folders: Path, name: str):
    facts = opened(folders, name).facts
    assert (facts.way, facts.checked, facts.unchecked, facts.depends) == ("formula", 12, None, "each")


# As the processors wrote them: (columns, rows), the spans of the first views where every text between them counts as one token, the placeholder
# tokens of all views, and the target sizes.
@pytest.mark.parametrize(
    "name, size, grid, spans, tokens, target_sizes",
    [
        ("internvl", (1000, 400), (5, 2), [(2561, 2817), (1, 257), (257, 513)], 2816, []),
        ("internvl", (400, 400), None, [(1, 257)], 256, []),
        ("gemma3", (1000, 400), None, [(1, 257)], 256, []),
        ("minicpm-v-4.6", (1000, 400), (3, 1), [(1, 66), (67, 130), (131, 194), (195, 258)], 254, [(20, 52), (36, 28), (36, 28), (36, 28)]),
        ("minicpm-v-4.6", (300, 300), None, [(1, 65)], 64, [(32, 32)]),
        ("idefics3", (1000, 400), (4, 2), [(1361, 1530), (1, 170), (171, 340)], 1521, []),
        ("aya-vision", (1000, 400), (5, 2), [(1701, 1870), (1, 170), (171, 340)], 1859, []),
        ("mllama", (1000, 400), None, [(0, 1)], 1, []),
        ("llava-onevision", (1000, 400), None, [(0, 3435)], 3435, []),
        ("paddleocr-vl", (1000, 400), None, [(0, 504)], 504, [(28, 72)]),
        ("llama-4", (1000, 400), (3, 2), [(871, 1015), (1, 145), (146, 290)], 1008, []),
        ("pixtral", (1000, 400), None, [(0, 36), (37, 73), (74, 110)], 540, [(30, 72)]),
    ],
)
def test_views_and_spans_of_each_family(
    folders: Path, name: str, size: tuple[int, int], grid: tuple[int, int] | None, spans: list, tokens: int, target_sizes: list
):
    found = opened(folders, name).of(*size)
    before = (None, *found.parts)
    covered = found.spans([int(part.view is not None or last is None or last.view is not None) for last, part in zip(before, found.parts, strict=False)])
    assert found.grid == (grid and Grid(*grid))
    assert list(covered[: len(spans)]) == [Span(*span) for span in spans]
    assert sum(span.end - span.start for span in covered) == tokens
    assert list(found.target_sizes) == [PatchSize(*patches) for patches in target_sizes]
    views = 1 + (grid[0] * grid[1] if grid else 0)
    assert len(covered) == views or name == "pixtral"  # whose one view is parted by a token after each row
    slot = next(part.text for part in found.parts if part.view is not None)
    assert {found.text[start:end] for start, end in found.views} == {slot * (span.end - span.start) for span in covered}


def test_the_whole_text_stands_in_place_of_the_placeholder(folders: Path):
    pictures = opened(folders, "gemma3")
    assert pictures.placeholder == "<start_of_image>"
    assert pictures.of(3, 5).text == "\n\n<start_of_image>" + "<image_soft_token>" * 256 + "<end_of_image>\n\n"
    assert pictures.facts.way == "processor"


def test_minicpm_numbers_the_pictures_of_a_conversation(folders: Path):
    pictures = opened(folders, "minicpm-v-4.6")
    found = pictures.of_all([Size(300, 300)] * 12)
    assert pictures.facts.depends == "numbered"
    assert [one.text[:22] for one in found[:2]] == ["<image_id>0</image_id>", "<image_id>1</image_id>"]
    assert found[11].parts == (*map(Part, ("<image_id>", "11", "</image_id>", "<image>")), Part("<|image_pad|>", 64, 0), Part("</image>"))


def test_a_vocabulary_needs_no_token_for_padding(tmp_path: Path):
    folder = family_folder(tmp_path, "minicpm-v-4.6")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({name: value for name, value in settings.items() if name != "pad_token"}))
    pictures = open_pictures(folder)
    assert pictures
    assert pictures.of(300, 300).target_sizes == (PatchSize(32, 32),)


def test_pictures_that_depend_on_one_another_are_processed_together(folders: Path):
    pictures = opened(folders, "llava-onevision")
    assert pictures.facts.depends == "together"
    alone, pair = pictures.of(1000, 400), pictures.of_all([Size(1000, 400), Size(64, 48)])
    assert (alone.parts[0].times, [one.parts[0].times for one in pair]) == (3435, [730, 730])


def test_limits_reach_a_processor_that_has_them(folders: Path):
    few = opened(folders, "paddleocr-vl", PixelLimits(min_pixels=28 * 28, max_pixels=28 * 28 * 16))
    assert few.of(1000, 1000).target_sizes == (PatchSize(8, 8),)
    with pytest.raises(ConfigError, match="Gemma3Processor has no such limits"):
        opened(folders, "gemma3", PixelLimits(max_pixels=1000))


def test_a_size_that_the_processor_refuses_refuses_the_record(folders: Path):
    with pytest.raises(Reject) as refused:
        opened(folders, "paddleocr-vl").of(5000, 1)
    assert refused.value.findings[0].code == "tokens.image_unsupported"
    assert "PaddleOCRVLProcessor refuses 5000x1 px: ValueError: absolute aspect ratio" in refused.value.findings[0].detail


def test_code_of_the_folder_is_never_run(tmp_path: Path):
    canary = tmp_path / "canary"
    own = {"AutoImageProcessor": "own.OwnImageProcessor", "AutoProcessor": "own.OwnProcessor"}
    foreign = processor_folder(
        tmp_path / "foreign", {"image_processor_type": "OwnImageProcessor", "processor_class": "OwnProcessor", "auto_map": own, "do_resize": True}
    )
    known = family_folder(tmp_path / "known", "gemma3", auto_map=own)
    for folder in (foreign, known):
        (folder / "own.py").write_text(f"open({str(canary)!r}, 'w')\nclass OwnImageProcessor: pass\nclass OwnProcessor: pass\n")
    with pytest.raises(ConfigError, match="no class OwnProcessor; the folder's own code for it is never run"):
        open_pictures(foreign)
    pictures = open_pictures(known)
    assert pictures
    assert pictures.of(30, 40).text.count("<image_soft_token>") == 256
    assert not canary.exists()


def test_nothing_is_fetched(folders: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("gemma3", "glm-4.6v", "minicpm-v-4.6"):
        assert opened(folders, name).of(30, 40).text


def test_a_formula_that_the_processor_contradicts_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A later release may resize otherwise; here its settings are read from another file than the formula's.
    import transformers

    folder = family_folder(tmp_path, "qwen3-vl")
    monkeypatch.setattr(
        transformers.AutoImageProcessor, "from_pretrained", lambda *_, **__: transformers.Qwen2VLImageProcessorPil(**QWEN_3_VL | {"merge_size": 4})
    )
    pictures = open_pictures(folder)
    assert pictures
    assert pictures.facts.way == "processor"
    assert "'merge_size': 4" in str(pictures.facts.unchecked)


def test_without_transformers_a_formula_stands_and_any_other_model_is_a_fault(folders: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert opened(folders, "glm-4.6v").facts.unchecked == "transformers is not installed"
    with pytest.raises(ConfigError, match="no formula is known for the pictures of Gemma3Processor; install transformers"):
        opened(folders, "gemma3")
