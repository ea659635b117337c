"""docs/models.md says what the code does: its options, and its rows of the templates that are bundled with the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.config import TemplateOptions
from tests.dialects.hf.models import FAMILIES, template_text
from tests.dialects.hf.survey import opened, survey, table_row

PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")


def test_the_options_are_all_shown_with_their_defaults():
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    options = yaml.safe_load(shown)["dialects"][1]["options"]
    assert options.pop("end_of_turn") == "<|user|>"
    assert options == TemplateOptions.model_validate({}).model_dump(exclude={"end_of_turn"})


@pytest.mark.long
@pytest.mark.parametrize("family", [family for family in FAMILIES if not family.endswith("_training")])
def test_a_row_of_the_table_is_what_a_survey_finds(family: str, tmp_path: Path):
    dialect = opened(template_text(family), tmp_path / family)
    assert table_row(family, dialect, list(survey(dialect))) in PAGE.splitlines()
