"""The docs are true: defaults, links, paths, commands and rooms."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipelines.chat.turns import Turn
from pipelines.cli import main
from pipelines.config import Config, parse_config
from pipelines.records import Message
from pipelines.tables.schema import COLUMNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def test_every_default_in_the_readme_is_the_default():
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    shown = yaml.safe_load(block)
    source, dialect = shown["sources"][0], shown["dialects"][0]
    least = {
        "sources": [{key: source[key] for key in ("name", "path", "image_root")}],
        "dialects": [{key: dialect[key] for key in ("name", "tokenizer", "max_tokens")}],
        "output": {"root": shown["output"]["root"]},
    }
    assert parse_config(shown) == parse_config(least)
    assert set(shown) == set(Config.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_has_a_target(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_file_that_is_named_exists(page: Path):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.M)) <= targets
    for path in re.findall(r"`?\b((?:jobs|pipelines|tests|conf|docs)/[\w./-]+\.\w+)", text):
        assert (ROOT / path).exists() or path == "conf/mine.yaml", path


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`?\bepisodes (\w+)", README))))
def test_every_subcommand_that_is_named_exists(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0


@pytest.mark.parametrize("name", ["demo.yaml", "nightly.yaml"])
def test_the_bundled_configurations_are_valid(name: str):
    assert parse_config(yaml.safe_load((ROOT / "conf" / name).read_text()))


def test_the_rooms_that_are_listed_are_the_folders_of_the_package():
    folders = sorted(path.name for path in (ROOT / "pipelines").iterdir() if (path / "__init__.py").exists())
    assert re.findall(r"^\| `(\w+)/` \|", CONTRIBUTING, re.M) == folders


def test_the_drawing_shows_rooms_only():
    drawing = CONTRIBUTING.partition("```\n")[2].partition("```")[0]
    assert all((ROOT / "pipelines" / name).is_dir() for name in re.findall(r"(\w+)/", drawing))


def test_every_name_in_code_that_is_to_be_extended_exists():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipelines").rglob("*.py"))
    names = set(re.findall(r"`([A-Z][A-Z_]+|[A-Z][a-z]+[A-Z]\w+)`", CONTRIBUTING))
    assert names > {"FORMATS", "DIALECTS", "OPTIONS"}
    assert not {name for name in names if not re.search(rf"\b{name}\b", code)}


def test_every_folder_that_is_named_exists():
    for folder in re.findall(r"`((?:tests|jobs|pipelines)/(?:\w+/)*)`", CONTRIBUTING):
        assert (ROOT / folder).is_dir(), folder


def columns_below(name: str, kind: pa.DataType) -> Iterator[str]:
    """The column itself and, of lists and structs, the fields in it: images, images.uri, images.grid, images.grid.rows."""
    yield name
    inner = kind.value_type if pa.types.is_list(kind) else kind
    if pa.types.is_struct(inner):
        for field in inner:
            yield from columns_below(f"{name}.{field.name}", field.type)


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_of_every_table_is_explained(table: str):
    """A row explains several columns of one struct as `images.uri`, `sha256`; a struct that another table explains is named alone."""
    section = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8").partition(f"\n## {table}\n")[2].partition("\n## ")[0]
    named: set[str] = set()
    for names in re.findall(r"^\| (`.*?`) \|", section, re.M):
        first, *others = re.findall(r"`([\w.]+)`", names)
        before = first.rpartition(".")[0]
        named |= {first, *(f"{before}.{other}".lstrip(".") for other in others)}
    elsewhere = ("origin.", "findings.", "images.")
    columns = {name for field in COLUMNS[table] for name in columns_below(field.name, field.type)}
    missing = {name for name in columns - named if table == "samples" or not name.startswith(elsewhere)}
    shared = {"images.uri", "images.sha256", "images.format", "images.width", "images.height"} if table == "samples" else set()
    assert missing <= shared
    assert named <= columns


def test_the_drawing_of_image_at_is_right():
    (code,) = re.findall(r"```python\n(message = .*?)```", (ROOT / "docs" / "fields.md").read_text(encoding="utf-8"), re.S)
    lines = code.splitlines()
    assert lines[0] == 'message = {"content": "Compare  with .", "image_at": [8, 14]}'
    message = Message("user", "Compare  with .", "", (8, 14))
    parts = Turn(message, ((8, 0), (14, 1))).parts()
    assert "".join("<image>" if isinstance(part, int) else str(part) for part in parts) == "Compare <image> with <image>."
