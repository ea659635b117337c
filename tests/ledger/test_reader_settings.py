"""What a run notes about the model of each dialect is what the certificate needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pipelines.config import parse_config
from pipelines.flow import open_flow
from pipelines.ledger.reader_settings import reader_settings
from pipelines.training.certificate import _comparisons
from tests.dialects.hf.models import FAMILIES, family_folder


def faults(noted: dict, folder: Path) -> list[str]:
    return [fault for found in _comparisons(noted, folder, None, ()) for fault in found.faults]


def test_rows_of_hf_fit_their_own_folder_and_no_changed_one(tmp_path: Path):
    data = {"name": "glm", "model": "hf", "tokenizer": str(family_folder("glm4moe")), "max_tokens": 99, "options": FAMILIES["glm4moe"][4]}
    flow = open_flow(parse_config({"sources": [{"name": "s", "path": "x"}], "dialects": [data], "output": {"root": "out"}}))
    noted = json.loads(reader_settings(flow))["dialects"]["glm"]
    assert noted["tokenizer"]["specials"] == {"<|endoftext|>": 3000, "<|user|>": 3005, "<|observation|>": 3007}
    assert noted["tokenizer"]["fingerprint"] == flow.dialects[0].fingerprint
    assert faults(noted, family_folder("glm4moe")) == []
    changed = Path(shutil.copytree(family_folder("glm4moe"), tmp_path / "model"))
    (changed / "chat_template.jinja").write_text("{{ messages }}")
    (changed / "generation_config.json").write_text('{"eos_token_id": 3000}')
    assert [fault.partition(" is ")[0] for fault in faults(noted, changed)] == ["the chat template", "generation_config.json: eos_token_id"]
