"""The training side stands alone: it is installed beside trainers, without the rest of the package and what that needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Everything of ours but this room, and every distribution but three, is as if it were not installed.
BLOCKED = """
import sys
allowed = {"numpy", "pyarrow", "PIL"}
class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        top, _, rest = name.partition(".")
        ours = top == "pipelines" and (not rest or rest.split(".")[0] == "training")
        if not (ours or top in allowed or top in sys.stdlib_module_names):
            raise ModuleNotFoundError(f"{name} is not there", name=name)
sys.meta_path.insert(0, OnlyThese())
"""


def run(code: str, *args: str) -> str:
    done = subprocess.run([sys.executable, "-c", BLOCKED + code, *args], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_room_needs_numpy_pyarrow_and_pillow_alone():
    loaded = run("import pipelines.training; print(*(name for name in sys.modules if name.startswith('pipelines')))").split()
    assert {name.split(".")[1] for name in loaded if "." in name} == {"training"}


def test_every_module_of_the_room_is_imported_without_the_rest():
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted((ROOT / "pipelines" / "training").rglob("*.py"))]
    run("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *modules)
