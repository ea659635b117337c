"""The docs are true: defaults, links, paths, commands and rooms."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from jobs import redrive, run
from pipelines.chat.turns import Turn
from pipelines.cli import main
from pipelines.config import Config, load_config, parse_config
from pipelines.console.arguments import parser
from pipelines.console.arguments.completion import commands_of
from pipelines.demo.configuration import demo_settings
from pipelines.formats.keys import TURN_FIELDS
from pipelines.formats.table import FORMATS
from pipelines.records import IGNORE_INDEX, Conversation, Message, Sample
from pipelines.tables.schema import COLUMNS
from tests.making import asked, configuration, write_lines
from tests.making import run as run_record
from tests.test_house import MOST_LINES, MOST_LOOSE_FILES, ROOMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def yaml_of(page: str) -> str:
    """The YAML block of a page."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    return block


def test_every_default_that_is_documented_is_the_default():
    shown = yaml.safe_load(yaml_of("docs/configuration.md"))
    source, dialect = shown["sources"][0], shown["dialects"][0]
    least = {
        "sources": [{key: source[key] for key in ("name", "path", "image_root")}],
        "dialects": [{key: dialect[key] for key in ("name", "tokenizer", "max_tokens")}],
        "output": {"root": shown["output"]["root"]},
    }
    assert parse_config(shown) == parse_config(least)
    assert set(shown) == set(Config.model_fields)


def test_the_settings_that_are_printed_are_those_of_the_page(capsys: pytest.CaptureFixture[str]):
    assert main(["settings"]) == 0
    head, body = capsys.readouterr().out.split("sources:\n", 1)
    assert all(line.startswith("# ") for line in head.splitlines())
    assert "sources:\n" + body == yaml_of("docs/configuration.md")


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


def test_the_configuration_in_the_readme_works_when_it_is_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.yaml").write_text(yaml_of("README.md"))
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("One?"), asked("Two?")])
    assert main(["check", f"{tmp_path}/mine.yaml"]) == 0
    assert main(["try", "--config", f"{tmp_path}/mine.yaml", "--json", f"{tmp_path}/rows.jsonl", f"{tmp_path}/logs/a.jsonl"]) == 0
    assert main(["show", "--config", f"{tmp_path}/mine.yaml", f"{tmp_path}/logs/a.jsonl", "--line", "1"]) == 0
    assert load_config(tmp_path / "mine.yaml").output.root == f"{tmp_path}/out/mine"
    assert capsys.readouterr().err.count(" clean ") == 1


LOGS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^`(\w+)`, [^\n]*\n\n```json\n(.*?)```", LOGS, re.M | re.S)


def test_every_format_has_an_example():
    assert [name for name, _ in EXAMPLES] == list(FORMATS)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_the_example_of_a_format_is_read_as_this_format_without_any_finding(name: str, text: str):
    config = configuration("minicpm_v_2_6", options={"tool_syntax": "hermes"}, source={"image_root": "."})
    made, sample = run_record(text.strip().encode(), config, {"screens/1.png": (448, 448)})
    assert isinstance(made, Conversation), made.findings
    assert isinstance(sample, Sample), sample.findings
    kept_aside = ("record.rejected_kept",) if "preference" in name else ()
    assert (made.format, tuple(finding.code for finding in made.findings), sample.tokens.findings) == (name, kept_aside, ())
    if "weather" in text:
        assert [(message.role, message.metadata) for message in made.messages[-3:]] == [("assistant", "weather"), ("observation", ""), ("assistant", "")]


def meaning_of(key: str, value: object) -> str:
    """What becomes of an answer with this key, in the words of the table."""
    answer = {"role": "assistant", "content": "A", key: value}
    _, sample = run_record({"messages": [*asked("Q", "A")["messages"], {"role": "user", "content": "Q"}, answer]}, configuration("glm_4"))
    assert isinstance(sample, Sample), sample
    span = sample.tokens.turn_spans[-1]
    if sample.tokens.labels[span.start] == IGNORE_INDEX:
        return "not trained" if span.weight == 0 else f"not trained, weight {span.weight}"
    return "trained" if span.weight is None else f"trained, weight {span.weight:g}"


def test_the_table_of_loss_keys_is_right():
    head, _, *rows = [line.strip("| ").split(" | ") for line in LOGS.partition("## Loss keys")[2].splitlines() if line.startswith("|")]
    values = [json.loads(value) for value in head[1:]]
    keys = {key: cells for names, *cells in rows for key in re.findall(r"`(\w+)`", names)}
    assert keys == {key: [meaning_of(key, value) for value in values] for key in TURN_FIELDS["loss"]}


def job_commands() -> list[str]:
    """`run.py --config ...` of every command line that starts a job."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES).replace("\\\n", " ")
    return sorted({command for command in re.findall(r"^[^|`\n]*\bjobs/((?:run|redrive)\.py --[^`\n]*)", text, re.M) if "..." not in command})


@pytest.mark.parametrize("command", job_commands())
def test_the_jobs_accept_every_command_line_that_is_shown(command: str):
    script, *arguments = shlex.split(command, comments=True)
    assert {"run.py": run, "redrive.py": redrive}[script].parser().parse_args(arguments).config


SUBCOMMANDS = sorted({command for page in PAGES for command in re.findall(r"(?:^|`)episodes ([a-z]+)", page.read_text(encoding="utf-8"), re.M)})


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_subcommand_that_is_named_exists(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0


def shown_commands() -> list[str]:
    """`check mine.yaml` of every line of a code block that begins with `episodes `."""
    blocks = [block for page in PAGES for block in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.S)]
    return sorted({line.removeprefix("episodes ") for block in blocks for line in block.splitlines() if line.startswith("episodes ")})


@pytest.mark.parametrize("command", shown_commands())
def test_every_command_line_that_is_shown_is_accepted(command: str):
    assert parser().parse_args(shlex.split(command, comments=True)).command


def test_every_command_is_documented():
    commands = set(commands_of(parser()))
    section = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(?:episodes )?([a-z]+)`", section)) == commands


def first_words(path: Path) -> Iterator[str]:
    """The words that may be a command: `main(["check", ...])`, and in the tests of the console also `run("formats")` and `printed(capsys, "explain")`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_run = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("run", "printed") and "console" in path.parts
        given = node.elts[:1] if isinstance(node, ast.List) else node.args[:2] if is_run else ()
        yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_command_is_tried():
    tried = {word for path in (ROOT / "tests").rglob("test_*.py") for word in first_words(path)}
    assert sorted(set(commands_of(parser())) - tried) == []


@pytest.mark.parametrize("name", ["demo.yaml", "nightly.yaml"])
def test_the_bundled_configurations_are_valid(name: str):
    assert parse_config(yaml.safe_load((ROOT / "conf" / name).read_text()))


def test_the_demo_of_the_command_has_the_bundled_configuration():
    assert (ROOT / "conf" / "demo.yaml").read_text().partition("\n")[2] == demo_settings("../out/demo-input", "../out/demo")


def test_the_rooms_that_are_listed_are_the_folders_of_the_package():
    assert re.findall(r"^\| `(\w+)/` \|", CONTRIBUTING, re.M) == sorted(ROOMS)


def test_the_drawing_shows_rooms_only():
    drawing = CONTRIBUTING.partition("```\n")[2].partition("```")[0]
    assert set(re.findall(r"(\w+)/", drawing)) <= ROOMS


def test_the_rules_have_the_numbers_of_the_guards():
    assert f"at most {MOST_LINES} lines" in CONTRIBUTING
    assert f"at most {MOST_LOOSE_FILES} files outside the rooms" in CONTRIBUTING


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
