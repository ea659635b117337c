"""The structure of the code: rooms and their order, what they may import and use, and the length of files."""

import ast
import re
from pathlib import Path

import pytest

from pipelines.console.pages import PAGES
from pipelines.reasons import NOTE, REFUSE, REPAIR, Reason

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")])
# Each room, or file at the top of the package, may import from itself and from the rooms on earlier lines.
ORDER = [
    {"records", "visible", "storage", "cache", "training"},
    {"reasons"},
    {"config"},
    {"parsing", "split", "hooks", "scrub"},
    {"tables"},
    {"containers", "formats", "images", "vision", "tokenizers", "reading"},
    {"normalize", "chat"},
    {"dialects"},
    {"episodes"},
    {"flow"},
    {"local", "ledger", "demo"},
    {"reports", "audit", "planning"},
    {"console", "spark"},
    {"library"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
ROOMS = {path.name for path in (ROOT / "pipelines").iterdir() if (path / "__init__.py").exists()}
LOOSE_FILES = {path.stem for path in (ROOT / "pipelines").glob("*.py")} - {"__init__"}
MOST_LOOSE_FILES = 10
MOST_LINES = 300
# These may read the clock or the environment, for a reason that each of them states.
MAY_READ_CLOCK_OR_ENVIRONMENT = {"storage/locks.py", "tables/publication/delta.py", "images/decoder.py", "tokenizers/__init__.py", "tokenizers/facts.py"}


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


def test_every_room_and_every_loose_file_has_its_place_in_the_order():
    assert set(LEVEL) == ROOMS | LOOSE_FILES
    assert sum(map(len, ORDER)) == len(LEVEL)  # and only one


def test_few_files_lie_outside_the_rooms():
    assert len(LOOSE_FILES) <= MOST_LOOSE_FILES
    assert not [path for path in FILES if path.stem in ("utils", "util", "helpers", "common", "misc")]


def test_every_room_has_tests_under_its_name():
    tests = ROOT / "tests"
    assert not {room for room in ROOMS if not list((tests / room).glob("test_*.py")) and not list(tests.glob(f"test_{room}*.py"))}


def test_no_files_import_each_other_in_a_circle():
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES}
    left = {name: imports_at_start(path, set(names.values())) for path, name in names.items()}
    while free := [name for name, imported in left.items() if not imported & left.keys() - {name}]:
        for name in free:
            del left[name]
    assert left == {}


def imports_at_start(path: Path, modules: set[str]) -> set[str]:
    """Which of these modules a file imports when it is itself imported: not those inside functions or for type checks."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & modules or {node.module}
    return found & modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_jobs_and_spark_read_the_clock_the_environment_or_randomness(path: Path):
    name = str(path.relative_to(ROOT / "pipelines")) if path.is_relative_to(ROOT / "pipelines") else ""
    if name.startswith(("spark/", "demo/")) or not name or name in MAY_READ_CLOCK_OR_ENVIRONMENT:  # the demo uses seeded random numbers
        return
    read = r"\b(time\.(time|monotonic|perf_counter|sleep)|datetime\.now|date\.today|os\.environ|os\.getenv|random\.|uuid4|secrets\.)"
    assert not re.search(read, path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_spark_folder_imports_spark(path: Path):
    if "spark" not in path.relative_to(ROOT).parts:
        assert not {name for name in imports(path) if name.split(".")[0] in ("pyspark", "delta", "py4j")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_data_is_never_run_as_code_and_no_remote_code_is_loaded(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "pickle.loads", "ast.literal_eval", "os.system", "__import__")
            assert not any(keyword.arg in ("shell", "trust_remote_code") for keyword in node.keywords)


def test_spark_code_uses_only_what_spark_connect_has():
    for path in (ROOT / "pipelines" / "spark").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\.rdd\b|_jvm|_jsparkSession|accumulator\(|\.broadcast\(|DeltaTable|dropDuplicates", text), path
        if path.name != "progress.py":
            assert "sparkContext" not in text, path


# Codes that no stage uses today: the order of turns is checked by dialects (`tokens.role_unsupported`), and no mark is moved.
RESERVED = {"schema.turn_order", "repair.placeholder_moved"}


def test_every_reason_is_used_and_says_what_to_do():
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
def test_the_generated_pages_are_up_to_date(name: str):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run: python -m pipelines.console.pages docs"


def test_no_file_is_too_long():
    long = {str(path.relative_to(ROOT)): lines for path in FILES if (lines := len(path.read_text().splitlines())) > MOST_LINES}
    assert set(long) <= {"pipelines/reasons.py"}  # a table
