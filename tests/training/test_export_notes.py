"""What an export says of its rows beside their text: the tokenizer, loss weights, dialects that fit, pictures, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.training.export import FORMS, ExportError, export
from pipelines.training.export.inexact import WHY
from tests.training.test_export import ASK, ROOT, codes, message, picture, published, rows_of

Row = dict[str, Any]
TALK = [message("user", "Hello?"), message("assistant", "Hello.")]
STANDIN = {"name": "glm_4_standin", "fingerprint": "c6f5", "standin": True, "file": None}
OWN = STANDIN | {"name": "models/GLM-4", "standin": False}
TOKENIZED = ["trl", "hf", "axolotl", "llamafactory"]


def text_root(folder: Path, tokenizer: Row = OWN, **sample: Any) -> Path:
    return published(folder / "root", [rows_of("a", TALK, dialect="glm_4", **sample)], tokenizer=tokenizer)


def run(capsys: pytest.CaptureFixture[str], to: str, root: Path, out: Path) -> tuple[Row, str, str]:
    """(JSON line, stderr, README) of the command."""
    assert main(["export", "--to", to, "--root", str(root), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err, (out / "README.md").read_text()


@pytest.mark.parametrize("to", TOKENIZED)
def test_tokens_of_a_stand_in_vocabulary_are_called_so_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str):
    summary, warned, text = run(capsys, to, text_root(tmp_path, STANDIN), tmp_path / "out")
    assert (summary["standin"], summary["tokenizer"]) == (True, {"name": "glm_4_standin", "fingerprint": "c6f5"})
    assert warned.startswith("episodes: warning: the rows are tokenized with the stand-in glm_4_standin, whose ids are no model's")
    assert "glm_4_standin, fingerprint c6f5. Warning: the rows are tokenized with the stand-in glm_4_standin" in text


@pytest.mark.parametrize("to", [*TOKENIZED, "glm4", "swift"])
def test_every_readme_names_the_tokenizer_and_a_model_s_own_is_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str):
    summary, warned, text = run(capsys, to, text_root(tmp_path), tmp_path / "out")
    assert (summary["standin"], warned) == (False, "")
    assert "- Tokenizer of table samples: models/GLM-4, fingerprint c6f5.\n" in text


@pytest.mark.parametrize("to", ["glm4", "swift"])
def test_a_trainer_that_tokenizes_by_itself_needs_no_warning_of_a_stand_in(tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str):
    summary, warned, text = run(capsys, to, text_root(tmp_path, STANDIN), tmp_path / "out")
    assert (summary["standin"], warned) == (True, "")
    assert "It is a stand-in; here the trainer tokenizes the texts by itself." in text


def test_a_tokenizer_that_nothing_names_is_called_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    summary, warned, text = run(capsys, "trl", text_root(tmp_path, {}), tmp_path / "out")
    assert (summary["standin"], summary["tokenizer"], warned) == (False, {"name": None, "fingerprint": None}, "")
    assert "Tokenizer: unknown" in text


@pytest.mark.parametrize("to", TOKENIZED)
@pytest.mark.parametrize("role, weight, found", [("assistant", 0.5, ["weight"]), ("assistant", 2.0, ["weight"]), ("user", 0.5, [])])
def test_a_weight_that_tokens_cannot_express_is_named(tmp_path: Path, to: str, role: str, weight: float, found: list[str]):
    spans = [{"message": 0, "role": role, "start": 1, "end": 2, "weight": weight}]
    summary = export(to, text_root(tmp_path, turn_spans=spans), tmp_path / "out")
    assert codes(tmp_path / "out").get("a", []) == found
    assert (summary["exact"], summary["inexact"]) == (1 - len(found), dict.fromkeys(found, 1))
    assert (WHY["weight"] in (tmp_path / "out" / "README.md").read_text()) == bool(found)


@pytest.mark.parametrize("to", TOKENIZED)
@pytest.mark.parametrize("weight", [None, 0.0, 1.0])
def test_a_weight_that_labels_express_is_exact(tmp_path: Path, to: str, weight: float | None):
    spans = [{"message": 1, "role": "assistant", "start": 2, "end": 4, "weight": weight}]
    assert export(to, text_root(tmp_path, turn_spans=spans), tmp_path / "out")["exact"] == 1


@pytest.mark.parametrize("weight, found", [(0.5, ["other_template", "weight"]), (0.0, None), (1.0, None)])
def test_swift_names_the_rows_with_weights_beside_what_holds_for_all(tmp_path: Path, weight: float, found: list[str] | None):
    turns = [*TALK, message("user", "And?"), message("assistant", "Half.", loss_weight=weight)]
    export("swift", published(tmp_path / "root", [rows_of("a", turns, dialect="glm_4")]), tmp_path / "out")
    assert codes(tmp_path / "out").get("a") == found


@pytest.mark.parametrize("to", ["trl", "hf", "axolotl"])
def test_trainers_of_tokens_alone_are_offered_dialects_without_pictures(tmp_path: Path, to: str):
    shown = rows_of("b", ASK, [picture(tmp_path / "pictures")])
    talks = [rows_of("a", TALK, dialect=dialect) for dialect in ("glm_4", "qwen")]
    with pytest.raises(ExportError, match=r"needs --dialect, one of: glm_4, qwen$"):
        export(to, published(tmp_path / "three", [shown, *talks]), tmp_path / "out")
    assert export(to, published(tmp_path / "two", [shown, talks[0]]), tmp_path / "out")["dialect"] == "glm_4"
    with pytest.raises(ExportError, match=r"takes none of the dialects that are published: agentcpm_gui$"):
        export(to, published(tmp_path / "one", [shown]), tmp_path / "other")


def test_the_table_of_the_main_page_is_that_of_the_trainers():
    text = (ROOT / "README.md").read_text().partition("## Into your trainer")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `") and "--to" not in line]
    shown = {name.strip("` "): dialects for names, dialects in cells for name in names.split(",")}
    assert set(shown) == set(FORMS)
    for to, form in FORMS.items():
        named = [name for name in (form.models or ()) if name != "hf"]
        assert [name for name in named if f"`{name}`" not in shown[to]] == []


@pytest.mark.parametrize("to, name", [("llamafactory", "llamafactory.yaml"), ("axolotl", "axolotl.yaml"), ("swift", "swift.yaml")])
def test_a_readme_says_that_a_configuration_names_the_model(tmp_path: Path, to: str, name: str):
    export(to, text_root(tmp_path), tmp_path / "out")
    assert f"First replace MODEL in {name} by the model's folder or its name on the hub. Then train:" in (tmp_path / "out" / "README.md").read_text()


def test_a_readme_speaks_of_pictures_and_of_inexact_rows_only_where_there_are_some(tmp_path: Path):
    export("glm4", text_root(tmp_path), tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "picture" not in text
    assert "- 1 of 1 rows are exact: in the trainer they have the ids and labels of recipe upstream.\n" in text


@pytest.mark.parametrize("copy", [False, True])
def test_a_readme_says_that_pictures_are_linked(tmp_path: Path, copy: bool):
    root = published(tmp_path / "root", [rows_of("a", ASK, [picture(tmp_path / "pictures")])])
    export("agentcpm", root, tmp_path / "out", copy=copy)
    text = (tmp_path / "out" / "README.md").read_text()
    assert "1 picture in images/" in text
    assert ("a picture that is changed in place changes in the export too" in text) == (not copy)


@pytest.mark.parametrize(
    "recipe, said", [("sound", "which differ from those of table samples, of recipe sound, by the rules"), ("upstream", "as table samples has them")]
)
def test_a_readme_says_which_recipe_the_loader_makes(tmp_path: Path, recipe: str, said: str):
    export("glm4", published(tmp_path / "root", [rows_of("a", TALK, dialect="glm_4")], recipe=recipe), tmp_path / "out")
    assert f"those of recipe upstream, {said}" in (tmp_path / "out" / "README.md").read_text()
