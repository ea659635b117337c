"""What `export` writes: rows in, rows out, pictures, whole or not at all, and what it says."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from pipelines.cli import TRAINERS, main
from pipelines.training.export import FORMS, ExportError, export
from pipelines.training.export.folder import whole_folder
from pipelines.training.export.inexact import WHY
from tests.training.publishing import publish

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]


def message(role: str, content: str, **more: Any) -> Row:
    return {"role": role, "metadata": "", "content": content, "image_at": [], "loss_weight": None} | more


ASK = [message("user", "See it", image_at=[0]), message("assistant", "Seen.")]


def picture(folder: Path, name: str = "a.png", orientation: int = 1, size: tuple[int, int] = (4, 2)) -> Row:
    """A picture file, and the element of column `images` that names it; width and height are after the turn."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn, exif, data = Image.new("RGB", size, (200, 0, 0)), Image.Exif(), io.BytesIO()
    drawn.putpixel((0, 0), (0, 0, 200))
    exif[0x0112] = orientation
    drawn.save(data, "PNG", exif=exif)
    (folder / name).write_bytes(data.getvalue())
    width, height = size if orientation < 5 else reversed(size)
    return {"uri": f"kit/{name}", "sha256": hashlib.sha256(data.getvalue()).hexdigest(), "format": "PNG", "width": width, "height": height}


def rows_of(
    sample_id: str, messages: list[Row], images: list[Row] | None = None, *, split: str = "train", dialect: str = "agentcpm_gui", **more: Any
) -> tuple[Row, Row]:
    """(row of conversations, row of samples): one trained stretch for each answer."""
    labels = [label for one in messages for label in ([-100, 5] if one["role"] == "assistant" and one["loss_weight"] != 0 else [-100, -100])]
    shared = {"sample_id": sample_id, "split": split}
    views = {"grid": None, "token_spans": [{"start": 1, "end": 2}], "target_sizes": [{"height": 32, "width": 32}]}
    sample = shared | {"dialect": dialect, "input_ids": list(range(4, 4 + len(labels))), "attention_mask": [1] * len(labels), "labels": labels}
    sample |= {"images": [image | views for image in images or []], "num_tokens": len(labels), "repairs": [], "turn_spans": None}
    return shared | {"messages": messages, "tools": None, "images": images or []}, sample | more


def published(root: Path, pairs: list[tuple[Row, Row]], **settings: Any) -> Path:
    dialects = {
        sample["dialect"]: {
            "model": sample["dialect"],
            "recipe": "upstream",
            "loss": "all",
            "tool_syntax": None,
            "options": {"max_slices": 9},
            "tokenizer": {"file": None, "name": "bundled"},
        }
        | settings
        for _, sample in pairs
    }
    tables = {"conversations": [one for one, _ in pairs], "samples": [one for _, one in pairs]}
    return publish(root, tables, {"dialects": dialects, "image_roots": {"kit": str(root.parent / "pictures")}}, schemas=SCHEMAS)


IMAGE = [("uri", pa.string()), ("sha256", pa.string()), ("format", pa.string()), ("width", pa.int32()), ("height", pa.int32())]
SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32())])
MESSAGES = pa.list_(
    pa.struct([("role", pa.string()), ("metadata", pa.string()), ("content", pa.string()), ("image_at", pa.list_(pa.int32())), ("loss_weight", pa.float32())])
)
TURNS = pa.list_(pa.struct([("message", pa.int32()), ("role", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("weight", pa.float32())]))
VIEWS = [
    ("grid", pa.struct([("columns", pa.int32()), ("rows", pa.int32())])),
    ("token_spans", pa.list_(SPAN)),
    ("target_sizes", pa.list_(pa.struct([("height", pa.int32()), ("width", pa.int32())]))),
]
IDS = pa.list_(pa.int32())
SCHEMAS = {
    "conversations": pa.schema([("sample_id", pa.string()), ("messages", MESSAGES), ("tools", pa.string()), ("images", pa.list_(pa.struct(IMAGE)))]),
    "samples": pa.schema(
        [
            ("sample_id", pa.string()),
            *((name, IDS) for name in ("input_ids", "attention_mask", "labels")),
            ("images", pa.list_(pa.struct([*IMAGE, *VIEWS]))),
            ("num_tokens", pa.int32()),
            ("repairs", pa.list_(pa.string())),
            ("turn_spans", TURNS),
        ]
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two rows for training and one for validation, each with the same picture."""
    image = picture(tmp_path / "pictures")
    return published(tmp_path / "root", [rows_of("a", ASK, [image]), rows_of("b", ASK, [image]), rows_of("c", ASK, [image], split="val")])


def entries(out: Path, split: str = "train") -> list[Row]:
    return json.loads((out / f"{split}.json").read_text())


def codes(out: Path) -> dict[str, list[str]]:
    lines = (json.loads(line) for line in (out / "inexact.jsonl").read_text().splitlines())
    return {line["sample_id"]: line["why"] for line in lines}


def test_every_split_has_a_file_with_all_its_rows(root: Path, tmp_path: Path):
    summary = export("agentcpm", root, tmp_path / "out")
    assert [entry["id"] for entry in entries(tmp_path / "out")] == ["a", "b"]
    assert [entry["id"] for entry in entries(tmp_path / "out", "val")] == ["c"]
    assert not (tmp_path / "out" / "test.json").exists()
    assert summary["rows"] == {"train": 2, "val": 1, "test": 0}
    assert (summary["exact"], summary["inexact"], summary["pictures"]) == (3, {}, 1)
    assert (summary["run_id"], summary["batches"], summary["dialect"]) == ("b1-1", ["b1"], "agentcpm_gui")


def test_one_split_alone(root: Path, tmp_path: Path):
    assert export("agentcpm", root, tmp_path / "out", split="val")["rows"] == {"val": 1}
    assert not (tmp_path / "out" / "train.json").exists()


def test_a_picture_is_linked_once_by_its_sha256_and_named_by_where_the_export_is(root: Path, tmp_path: Path):
    export("agentcpm", root, tmp_path / "out")
    path = Path(entries(tmp_path / "out")[0]["image"])
    assert path.parent == tmp_path / "out" / "images"
    assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.samefile(tmp_path / "pictures" / "a.png")
    assert [path.name] == [file.name for file in path.parent.iterdir()]


def test_copied_pictures_share_nothing_with_the_originals(root: Path, tmp_path: Path):
    export("agentcpm", root, tmp_path / "out", copy=True)
    path = Path(entries(tmp_path / "out")[0]["image"])
    assert not path.samefile(tmp_path / "pictures" / "a.png")
    assert path.read_bytes() == (tmp_path / "pictures" / "a.png").read_bytes()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_that_exif_turns_is_written_turned(tmp_path: Path, orientation: int):
    image = picture(tmp_path / "pictures", orientation=orientation)
    export("agentcpm", published(tmp_path / "root", [rows_of("a", ASK, [image])]), tmp_path / "out")
    with Image.open(entries(tmp_path / "out")[0]["image"]) as written:
        assert written.size == (image["width"], image["height"])
        assert written.getexif().get(0x0112, 1) == 1


def test_a_missing_picture_leaves_nothing(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "pictures" / "a.png").unlink()
    assert main(["export", "--to", "agentcpm", "--root", str(root), "--out", str(tmp_path / "out")]) == 2
    assert "kit/a.png" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "root"]


def test_a_changed_picture_leaves_nothing(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "pictures" / "a.png").write_bytes(b"other")
    assert main(["export", "--to", "agentcpm", "--root", str(root), "--out", str(tmp_path / "out")]) == 2
    assert "changed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_that_moved_are_found_by_image_root(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "pictures").rename(tmp_path / "moved")
    arguments = ["export", "--to", "agentcpm", "--root", str(root), "--out", str(tmp_path / "out"), "--image-root", f"kit={tmp_path / 'moved'}"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 1


def test_a_folder_that_holds_something_is_refused_unless_it_may_be_replaced(root: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    export("agentcpm", root, out)  # an empty folder is taken
    (out / "old.txt").write_text("old")
    with pytest.raises(ExportError, match="--replace"):
        export("agentcpm", root, out)
    assert (out / "old.txt").exists()
    export("agentcpm", root, out, replace=True)
    assert not (out / "old.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures", "root"]


def test_only_an_earlier_export_is_replaced(root: Path, tmp_path: Path):
    """Not the tables it is made from, not the pictures of the logs, and nothing else that somebody keeps in a folder."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.txt").write_text("mine")
    (tmp_path / "link").symlink_to(root)
    before = sorted(tmp_path.rglob("*"))
    for out in (root, root / "samples", root / "new", tmp_path, tmp_path / "thesis", tmp_path / "link"):
        with pytest.raises(ExportError, match=r"one folder|not an export"):
            export("agentcpm", root, out, replace=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_export_left_is_removed_by_the_next(root: Path, tmp_path: Path):
    left, other = tmp_path / ".out.999999999.partial", tmp_path / f".out.{os.getppid()}.partial"
    left.mkdir()
    other.mkdir()
    export("agentcpm", root, tmp_path / "out")
    assert (left.exists(), other.exists()) == (False, True)


def test_what_stood_there_stays_where_an_export_fails(root: Path, tmp_path: Path):
    export("agentcpm", root, tmp_path / "out")
    (tmp_path / "pictures" / "a.png").write_bytes(b"other")
    with pytest.raises(Exception, match="changed"):
        export("agentcpm", root, tmp_path / "out", replace=True)
    assert len(entries(tmp_path / "out")) == 2


def test_a_folder_appears_when_it_is_whole(tmp_path: Path):
    with whole_folder(tmp_path / "out", replace=False) as folder:
        (folder / "a").write_text("half")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_place_of_the_folder_is_refused(root: Path, tmp_path: Path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ExportError, match="is a file"):
        export("agentcpm", root, tmp_path / "out", replace=True)


def test_a_row_that_the_writer_loses_is_noticed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    form = FORMS["agentcpm"]
    monkeypatch.setitem(FORMS, "agentcpm", replace(form, count=lambda folder, split: form.count(folder, split) - 1))
    with pytest.raises(ExportError, match="2 rows are published, 2 were written and the file has 1"):
        export("agentcpm", root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_row_without_its_conversation_is_named(root: Path, tmp_path: Path):
    conversation, sample = rows_of("a", ASK, [picture(tmp_path / "pictures")])
    lonely = published(tmp_path / "lonely", [(conversation | {"sample_id": "other"}, sample)])
    with pytest.raises(ExportError, match="row a of split train is not in table conversations"):
        export("agentcpm", lonely, tmp_path / "out")


def test_no_rows_are_no_export(root: Path, tmp_path: Path):
    with pytest.raises(ExportError, match="no rows of dialect agentcpm_gui in test"):
        export("agentcpm", root, tmp_path / "out", split="test")


@pytest.mark.parametrize(
    "to, dialect, said",
    [
        ("minicpm_v", None, "takes none of the dialects that are published: agentcpm_gui, glm_4"),
        ("swift", None, "needs --dialect, one of: agentcpm_gui, glm_4"),
        ("glm4", "agentcpm_gui", "takes rows of glm_4; dialect agentcpm_gui is of agentcpm_gui"),
        ("hf", "glm_5", "no rows of dialect glm_5 are published"),
        ("hf", "agentcpm_gui", "has a picture, and --to hf takes tokens only"),
    ],
)
def test_a_dialect_that_does_not_fit_is_refused_with_what_does(tmp_path: Path, to: str, dialect: str | None, said: str):
    image = picture(tmp_path / "pictures")
    talk = [message("user", "Hello?"), message("assistant", "Hello.")]
    both = published(tmp_path / "root", [rows_of("a", ASK, [image]), rows_of("b", talk, dialect="glm_4")])
    with pytest.raises(ExportError, match=said):
        export(to, both, tmp_path / "out", dialect=dialect)


@pytest.mark.parametrize("to", ["trl", "hf", "axolotl"])
def test_tokens_alone_are_three_columns(tmp_path: Path, to: str):
    talk = [message("user", "Hello?"), message("assistant", "Hello.")]
    root = published(tmp_path / "root", [rows_of("a", talk, dialect="glm_4"), rows_of("b", talk, dialect="glm_4", split="val")])
    summary = export(to, root, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "train.parquet")
    assert table.to_pylist() == [{"input_ids": [4, 5, 6, 7], "attention_mask": [1, 1, 1, 1], "labels": [-100, -100, -100, 5]}]
    assert summary["exact"] == 2


def test_llamafactory_gets_a_saved_data_set(tmp_path: Path):
    image = picture(tmp_path / "pictures")
    out = tmp_path / "out"
    export("llamafactory", published(tmp_path / "root", [rows_of("a", ASK, [image]), rows_of("b", ASK, [image], split="val")]), out)
    assert json.loads((out / "tokenized" / "dataset_dict.json").read_text()) == {"splits": ["train", "validation"]}
    rows = pa.ipc.open_stream((out / "tokenized" / "train" / "data-00000-of-00001.arrow").read_bytes()).read_all().to_pylist()
    assert rows[0] == {
        "input_ids": [4, 5, 6, 7],
        "attention_mask": [1] * 4,
        "labels": [-100, -100, -100, 5],
        "images": [str(out / "images" / f"{image['sha256']}.png")],
    }
    assert codes(out) == {"a": ["picture_resized"], "b": ["picture_resized"]}  # 4x2 px is enlarged by LLaMA-Factory


def test_llamafactory_gets_pictures_in_the_size_that_agentcpm_s_own_code_slices(tmp_path: Path):
    """It slices as the model does, but without the resize before."""
    image = picture(tmp_path / "pictures", size=(1200, 600))
    export("llamafactory", published(tmp_path / "root", [rows_of("a", ASK, [image])]), tmp_path / "out")
    path = tmp_path / "out" / "images" / f"{image['sha256']}-1120.png"
    with Image.open(path) as written:
        assert written.size == (1120, 560)
    assert codes(tmp_path / "out") == {}


def test_llamafactory_s_data_set_loads_with_datasets(tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    talk = [message("user", "Hello?"), message("assistant", "Hello.")]
    export(
        "llamafactory", published(tmp_path / "root", [rows_of("a", talk, dialect="glm_4"), rows_of("b", talk, dialect="glm_4", split="test")]), tmp_path / "out"
    )
    loaded = datasets.load_from_disk(str(tmp_path / "out" / "tokenized"))
    assert {name: rows.column_names for name, rows in loaded.items()} == {"train": ["input_ids", "attention_mask", "labels", "images"]}
    assert datasets.load_from_disk(str(tmp_path / "out" / "test"))[0]["input_ids"] == [4, 5, 6, 7]


def test_swift_gets_messages_and_every_row_is_inexact_in_one_line(tmp_path: Path):
    call = message("assistant", '{"city": "Oslo"}', metadata="weather", loss_weight=0)
    turns = [message("user", "See it", image_at=[4]), call, message("observation", "cold"), message("assistant", "Cold.")]
    root = published(tmp_path / "root", [rows_of("a", turns, [picture(tmp_path / "pictures")], dialect="agentcpm_gui")])
    summary = export("swift", root, tmp_path / "out")
    made = json.loads((tmp_path / "out" / "train.jsonl").read_text())
    assert made["messages"] == [
        {"role": "user", "content": "See <image>it", "loss": False},
        {"role": "tool_call", "content": '{"name": "weather", "arguments": {"city": "Oslo"}}', "loss": False},
        {"role": "tool_response", "content": "cold", "loss": False},
        {"role": "assistant", "content": "Cold.", "loss": True},
    ]
    assert len(made["images"]) == 1
    assert (summary["exact"], summary["inexact"], codes(tmp_path / "out")) == (0, {"other_template": 1}, {})
    assert WHY["other_template"] in (tmp_path / "out" / "README.md").read_text()


def test_the_readme_says_how_to_train_and_what_is_inexact(tmp_path: Path):
    image = picture(tmp_path / "pictures")
    turns = [message("system", "Act."), message("user", "See it", image_at=[4]), message("assistant", "Seen.")]
    export("agentcpm", published(tmp_path / "root", [rows_of("a", turns, [image])]), tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"--data_path {tmp_path / 'out' / 'train.json'}" in text
    assert "0 of 1 rows are exact" in text
    assert f"- mark_newline, 1 row: {WHY['mark_newline']}" in text


def test_the_command_prints_one_line_of_json(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", "--to", "agentcpm", "--root", str(root), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert set(json.loads(printed)) >= {"to", "root", "batches", "run_id", "dialect", "rows", "exact", "inexact", "pictures"}


@pytest.mark.parametrize(
    "arguments",
    [["--to", "agentcpm", "--root", "/nowhere", "--out", "x"], ["--to", "agentcpm", "--root", ".", "--out", "x", "--image-root", "a", "--image-root", "b"]],
)
def test_what_is_wrong_with_the_arguments_is_exit_code_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_knows_the_trainers():
    assert tuple(FORMS) == TRAINERS


def test_the_command_needs_only_what_a_training_environment_has(root: Path, tmp_path: Path):
    """numpy, pyarrow and Pillow are there; what the pipeline itself needs is not."""
    blocked = ("pydantic", "pyspark", "msgspec", "orjson", "rich", "deltalake", "tokenizers", "tiktoken", "jinja2", "yaml", "isal", "torch", "datasets")
    code = (
        "import sys\n"
        f"for name in {blocked}: sys.modules[name] = None\n"
        "from pipelines.cli import main\n"
        f"sys.exit(main(['export', '--to', 'agentcpm', '--root', {str(root)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["exact"] == 3


@pytest.mark.parametrize("to", ["trl", "hf", "axolotl", "llamafactory", "swift", "glm4"])
def test_configurations_are_yaml_whatever_the_folder_is_called(tmp_path: Path, to: str):
    talk = [message("user", "Hello?"), message("assistant", "Hello.")]
    root = published(tmp_path / "root", [rows_of("a", talk, dialect="glm_4"), rows_of("b", talk, dialect="glm_4", split="val")])
    out = tmp_path / "my: out #1"
    export(to, root, out)
    for path in out.glob("*.yaml"):
        settings = yaml.safe_load(path.read_text())
        assert all(str(out) in value for value in (settings.get("tokenized_path"), settings.get("dataset")) if isinstance(value, str) and "/" in value)
    for path in out.glob("*.py"):
        compile(path.read_text(), str(path), "exec")
    assert f"'{out}" in (out / "README.md").read_text()
