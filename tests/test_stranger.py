"""The path of somebody who has only the wheel: tests/stranger.sh, from `pip install` to a report, without a checkout."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.test_packaging import build_wheel

ROOT = Path(__file__).parents[1]


@pytest.mark.long
def test_a_stranger_gets_from_a_wheel_to_a_report(tmp_path: Path):
    wheel = build_wheel(tmp_path)
    pins = re.findall(r"^([\w.-]+==[^\s\\]+(?: ;[^\\\n]*)?)", (ROOT / "requirements.lock").read_text(), re.M)
    (tmp_path / "constraints.txt").write_text("\n".join(pins))
    real = next((folder for folder in (ROOT / "shared" / "real", ROOT.parent / "shared" / "real") if folder.is_dir()), None)  # not part of this repository
    logs = [real / "llamafactory" / "data" / "mllm_demo.json", real / "agentcpm_gui" / "train.jsonl"] if real else []
    done = subprocess.run([ROOT / "tests" / "stranger.sh", wheel, tmp_path / "home", *logs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    for words in (
        "mine.yaml: configuration is valid",
        "quarantined             1   schema.no_target, first at ",
        "gate failed: max_quarantined: 10.00% of the records were quarantined",
        "episodes: fetching Delta's two jars (once)",
        "records in             10   = 9 conversations + 1 quarantined + 0 duplicates",
        "9 rows",
        *(["records in              8   = 8 conversations + 0 quarantined + 0 duplicates"] if logs else []),
    ):
        assert words in done.stdout, done.stdout
    for root in ("out", "theirs") if logs else ("out",):
        assert f'"report":"{tmp_path}/home/work/{root}/reports/first/report.html"' in done.stdout
        assert 'class="t trained"' in (tmp_path / "home" / "work" / root / "reports" / "first" / "report.html").read_text()
    assert "Traceback" not in done.stdout
