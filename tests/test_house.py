"""The shape of the house: imports point down, Spark lives in one folder, nothing runs data, every reason is used."""

import ast
import re
from pathlib import Path

import pytest

from pipelines.console.pages import PAGES
from pipelines.reasons import NOTE, REFUSE, REPAIR, Reason

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")])
# Each room may import from those to its left, and from itself; the files at the top of the package stand where they are named.
ORDER = [
    {"records", "visible", "storage", "cache", "training"},
    {"reasons"},
    {"config"},
    {"parsing", "split", "hooks"},
    {"tables"},
    {"containers", "formats", "images", "vision", "tokenizers", "reading"},
    {"normalize", "chat"},
    {"dialects"},
    {"flow"},
    {"local", "ledger", "demo"},
    {"report"},
    {"console", "spark"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} if node.module == "pipelines" else {node.module}
    return names


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "pipelines").with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "pipelines")], ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path):
    own = room(path)
    if own == "__init__":
        return
    for name in imports(path):
        if name.startswith("pipelines."):
            other = name.split(".")[1]
            assert other == own or LEVEL[other] < LEVEL[own], f"{own} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_spark_folder_imports_spark(path: Path):
    if "spark" not in path.relative_to(ROOT).parts:
        assert not {name for name in imports(path) if name.split(".")[0] in ("pyspark", "delta", "py4j")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_data_is_run_and_no_remote_code_is_trusted(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "pickle.loads", "ast.literal_eval", "os.system", "__import__")
            assert not any(keyword.arg in ("shell", "trust_remote_code") for keyword in node.keywords)


def test_spark_code_keeps_to_what_connect_has():
    for path in (ROOT / "pipelines" / "spark").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\.rdd\b|_jvm|_jsparkSession|accumulator\(|\.broadcast\(|DeltaTable|dropDuplicates", text), path
        if path.name != "progress.py":
            assert "sparkContext" not in text, path


# Codes of the contract that no stage gives today: a dialect judges the order of turns (`tokens.role_unsupported`), and no mark is moved.
RESERVED = {"schema.turn_order", "repair.placeholder_moved"}


def test_every_reason_is_given_somewhere_and_says_what_to_do():
    text = "\n".join(path.read_text() for path in FILES if path.name != "reasons.py")
    for reason in Reason:
        assert (f"Reason.{reason.name}" in text) != (reason.code in RESERVED), reason.code
        row = reason.value
        assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", row.code)
        assert row.severity in (REFUSE, REPAIR, NOTE)
        assert row.meaning
        assert row.fix
        assert row.code.startswith("repair.") == (row.severity == REPAIR)


@pytest.mark.parametrize("name", PAGES)
def test_the_generated_pages_are_fresh(name: str):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run: python -m pipelines.console.pages docs"


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {str(path.relative_to(ROOT)): lines for path in FILES if (lines := len(path.read_text().splitlines())) > 300}
    assert set(long) <= {"pipelines/reasons.py"}  # a table
