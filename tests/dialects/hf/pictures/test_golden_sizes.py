"""630 picture sizes as the image processors of transformers 5.23.0 resize and cut them."""

import gzip
import json
from pathlib import Path

import pytest

from pipelines.dialects.hf.pictures import open_pictures
from pipelines.reasons import Reject
from pipelines.records import Grid
from tests.dialects.hf.pictures.folders import family_folder

DATA = Path(__file__).parents[3] / "data" / "pictures.jsonl.gz"
CASES: dict[tuple[str, str], list[dict]] = {}
for line in gzip.decompress(DATA.read_bytes()).splitlines():
    case = json.loads(line)
    CASES.setdefault((case["model"], json.dumps(case["config"])), []).append(case)


IDS = [f"{model}-{number}" for number, (model, _) in enumerate(CASES)]


@pytest.mark.parametrize("model, config", CASES, ids=IDS)
def test_grids_target_sizes_and_tokens(tmp_path: Path, model: str, config: str):
    # The processor takes 50 ms per size; a formula takes 2 µs.
    compare(tmp_path, model, config, CASES[model, config][:: 6 if model == "minicpm-v-4.6" else 1])


@pytest.mark.long
@pytest.mark.parametrize("model, config", [case for case in CASES if case[0] == "minicpm-v-4.6"])
def test_all_sizes_of_the_processor(tmp_path: Path, model: str, config: str):
    compare(tmp_path, model, config, CASES[model, config])


def compare(folder: Path, model: str, config: str, cases: list[dict]) -> None:
    if model == "minicpm-v-4.6":
        pytest.importorskip("transformers", reason="no formula is known for MiniCPM-V 4.6")
    pictures = open_pictures(family_folder(folder, model, **json.loads(config)), check=False)
    assert pictures
    for case in cases:
        if "error" in case:
            with pytest.raises(Reject):
                pictures.of(*case["size"])
            continue
        found = pictures.of(*case["size"])
        assert found.grid == (case["grid"] and Grid(*case["grid"])), case
        assert [list(patches) for patches in found.target_sizes] == case["target_sizes"], case
        assert [span.end - span.start for span in found.spans([1] * len(found.parts))] == case["tokens"], case
