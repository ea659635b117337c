"""Pictures that stand in the logs: kept once under the root, and opened from there as any other."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.reading import PictureChanged, PictureMissing, open_picture, open_table
from pipelines.training.tables import open_root
from tests.making import write_lines
from tests.spark.test_publishing import config_of, picture, shown

pytestmark = pytest.mark.spark


def data_uri(color: str, kind: str = "png") -> str:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), color).save(out, kind.upper())
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}"


def images_of(root: Path) -> list[dict[str, Any]]:
    return [image for row in open_table(root, "samples").to_table(columns=["images"]).to_pylist() for image in row["images"]]


def test_a_batch_whose_pictures_all_stand_in_the_logs_can_be_trained_on(run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    inline = [shown(0, data_uri("red")), shown(1, data_uri("red")), shown(2, data_uri("blue", "jpeg")), shown(3, "data:image/png;base64,AAAA")]
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", inline)
    assert run_job(config, "n0").books.states()["quarantined"] == 1
    kept = sorted(path.relative_to(root / "media").as_posix() for path in (root / "media").rglob("*.*"))
    found = images_of(root)
    assert kept == sorted({f"{image['sha256'][:2]}/{image['sha256']}.{image['format'].lower()}" for image in found})
    assert len(kept) == 2
    assert sorted(open_picture(root, image).convert("RGB").getpixel((5, 5))[0] > 200 for image in found) == [False, True, True]
    shutil.rmtree(root / "media")
    with pytest.raises(PictureMissing):
        open_picture(root, found[0])
    # A later batch that has the picture again keeps it, though its verdict is known and nothing is decoded.
    write_lines(tmp_path / "logs" / "n1" / "a.jsonl", [shown(9, data_uri("red"))])
    assert run_job(config, "n1").manifest["images_opened"] == 0
    assert [path.suffix for path in (root / "media").rglob("*.*")] == [".png"]


def test_pictures_are_opened_where_they_are_now_and_only_unchanged(run_job, tmp_path):
    picture(tmp_path / "screens" / "a.png", "green")
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [shown(0, "a.png")])
    run_job(config_of(tmp_path), "n0")
    root = tmp_path / "out"
    (image,) = images_of(root)
    assert open_picture(root, image).size == (64, 48)
    (tmp_path / "screens").rename(tmp_path / "moved")
    with pytest.raises(PictureMissing, match="image_root"):
        open_picture(root, image)
    assert open_picture(root, image, tmp_path / "moved").size == (64, 48)
    assert open_picture(root, image, {"kit": tmp_path / "moved"}).size == (64, 48)
    picture(tmp_path / "moved" / "a.png", "red")
    with pytest.raises(PictureChanged):
        open_picture(root, image, tmp_path / "moved")


def test_a_run_says_how_its_rows_were_tokenized(run_job, tmp_path):
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [shown(0, data_uri("red"))])
    run_job(config_of(tmp_path, options={"max_tokens": 4096}), "n0")
    settings = open_root(tmp_path / "out").settings()
    assert settings["image_roots"] == {"kit": str(tmp_path / "screens")}
    (dialect,) = settings["dialects"].values()
    tokenizer = dialect.pop("tokenizer")
    assert dialect == {
        "model": "minicpm_v_2_5",
        "recipe": "sound",
        "loss": "all",
        "tool_syntax": None,
        "max_tokens": 4096,
        "on_overflow": "quarantine",
        "history": {"steps": 0, "results": None, "images": None, "left_out": ""},
        "options": {"max_slices": 9, "scale_resolution": 448, "patch_size": 14, "query_tokens": 64},
    }
    assert (tokenizer["file"], tokenizer["sha256"], tokenizer["standin"]) == ("tokenizer.json", tokenizer["fingerprint"], True)
    assert tokenizer["specials"]["<|eot_id|>"] == 16006
    assert len(tokenizer["probes"]) > 5
