"""Fixtures of several tests: the hostile corpus, public records, and the demo."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipelines.config import Config, load_config
from pipelines.demo import BATCH, Written, write_demo
from pipelines.flow import open_flow
from pipelines.local import run_files
from pipelines.records import Outcome
from tests.corpus import unpack
from tests.servers.fixtures import bucket, moto_server, running, s3, s3_endpoint, s3_server, server  # noqa: F401

# On a busy machine an example may take long, which is no fault.
settings.register_profile("busy", parent=settings.default, deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("busy")
DEMO_CONF = Path(__file__).parents[1] / "conf" / "demo.yaml"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hostile corpus."""
    return unpack(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of public records, which are not part of this repository. Skips the test without them."""
    checkout = Path(__file__).parents[1]
    for folder in (checkout / "shared" / "real", checkout.parent / "shared" / "real"):
        if folder.is_dir():
            return folder
    pytest.skip("the folder shared/real with public records is not here")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    """The folder with the input of the demo, and what was written."""
    folder = tmp_path_factory.mktemp("demo") / "demo-input"
    return folder, write_demo(folder)


def demo_config(folder: Path, root: Path | str, *settings: str) -> Config:
    """conf/demo.yaml with other folders for input and output."""
    gui = [f"sources[0].path={folder}/gui/{{batch}}", f"sources[0].image_root={folder}/screens"]
    model = f"dialects[4].tokenizer={folder}/chatml_standin"
    return load_config(DEMO_CONF, [*gui, f"sources[1].path={folder}/tools/{{batch}}", model, f"output.root={root}", *settings])


@pytest.fixture(scope="session")
def demo_outcomes(demo: tuple[Path, Written]) -> list[Outcome]:
    """The outcomes of the demo without Spark."""
    folder, _ = demo
    files = [str(path) for kind in ("gui", "tools") for path in sorted((folder / kind / BATCH).iterdir())]
    return list(run_files(open_flow(demo_config(folder, folder / "out")), files, BATCH))
