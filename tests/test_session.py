"""What a session of plain Python is given for one machine is what conf/local.conf gives to spark-submit."""

import sys
from pathlib import Path

from pipelines.spark.session import _one_machine

CONF = Path(__file__).parents[1] / "conf" / "local.conf"


def test_both_ways_to_start_have_the_same_settings():
    said = dict(line.split(maxsplit=1) for line in CONF.read_text().splitlines() if line and not line.startswith("#"))
    assert said == {name: value.replace(sys.prefix, ".venv") for name, value in _one_machine().items()}
