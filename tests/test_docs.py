"""The docs say what is so."""

import re
from pathlib import Path

import pytest
import yaml

from pipelines.cli import main
from pipelines.config import Config, parse_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_script_that_is_named_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.M)) <= targets
    for path in re.findall(r"`?\b((?:jobs|pipelines|tests|conf|docs)/[\w./-]+\.\w+)", text):
        assert (ROOT / path).exists() or path == "conf/mine.yaml", path


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`?\bepisodes (\w+)", README))))
def test_every_subcommand_that_is_named_is_there(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0


@pytest.mark.parametrize("name", ["demo.yaml", "nightly.yaml"])
def test_the_configurations_that_come_along_are_right(name: str):
    assert parse_config(yaml.safe_load((ROOT / "conf" / name).read_text()))
