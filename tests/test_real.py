"""Public records, unchanged: every distinct one is kept by a dialect that takes such records."""

from collections import Counter
from pathlib import Path

from pipelines.records import Outcome, Quarantined, Sample
from tests.making import configuration, run_lines


def states(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(row.findings[0].code if isinstance(row, Quarantined) else "kept" for row in outcomes if isinstance(row, (Sample, Quarantined)))


def test_tool_calling_conversations_are_kept_and_duplicates_reported(real: Path):
    config = configuration("glm_4", options={"max_tokens": 16384})
    assert states(run_lines(config, real / "llamafactory" / "data" / "glaive_toolcall_en_demo.json")) == {"kept": 265, "record.duplicate": 35}


def test_multimodal_records_are_kept_and_duplicates_reported(real: Path):
    data = real / "llamafactory" / "data"
    config = configuration("minicpm_v_2_6", source={"image_root": str(data)})
    assert states(run_lines(config, data / "mllm_demo.json")) == {"kept": 6}
    config = configuration("minicpm_v_2_6", source={"image_root": str(data.parent)})
    assert states(run_lines(config, data / "v1_multimodal_demo.jsonl")) == {"kept": 6, "record.duplicate": 18}


def test_both_forms_of_the_public_gui_sample_are_kept(real: Path):
    folder = real / "agentcpm_gui"
    outcomes = run_lines(configuration("agentcpm_gui", source={"image_root": str(folder / "images")}), folder / "train.jsonl")
    first, second = (row for row in outcomes if isinstance(row, Sample))
    assert [message.role for message in second.conversation.messages if message.image_at] == ["user"]
    assert len(first.tokens.images) == len(second.tokens.images) == 1
