"""Planted secrets through a whole run: in no file under the root."""

import random

import pytest

from pipelines.config import Scrub
from tests.scrub.night import PLANTED, left, night_config, planted_lines

pytestmark = [pytest.mark.spark, pytest.mark.long]


@pytest.mark.parametrize("secrets", ["mask", "off"])
def test_a_thousand_secrets_are_gone_from_every_file_and_are_all_there_without_masking(tmp_path, run_job, secrets: str):
    lines, planted = planted_lines(PLANTED, random.Random(28))
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    config = night_config(tmp_path / "a.jsonl", tmp_path / "out").model_copy(update={"scrub": Scrub(secrets=secrets)})
    assert run_job(config, "n1").exit_code == 0
    still = left(tmp_path / "out", planted, config)
    assert len(still) == {"mask": 0, "off": PLANTED}[secrets], {one.kind for one in still}
