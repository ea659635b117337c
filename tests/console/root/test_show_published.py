"""`episodes show --root` and `episodes explain`: one published record, by its id or the beginning of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.console.record.published import find_records
from pipelines.flow import open_flow
from pipelines.records import raw_record, sample_id_of
from pipelines.tables.publication.root import OutputRoot
from tests.console.root.conftest import Printed
from tests.making import asked, configuration, write_lines
from tests.published import publish, stage

BAD = asked(messages=[], id="bad")
WITH_IMAGE = {"messages": [{"role": "user", "content": "Left <image> right \x1b"}, {"role": "assistant", "content": "A"}], "images": ["wide.png"]}


def ids(record: Any, source: str = "gui") -> tuple[str, str]:
    """(record_id, sample_id)."""
    record_id = raw_record(source, "", 1, json.dumps(record, ensure_ascii=False).encode()).record_id
    return record_id, sample_id_of(record_id)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Batch mon of source gui, which minicpm_v_2_6 takes and glm_4 does not."""
    Image.new("RGB", (900, 450)).save(tmp_path / "wide.png")
    logs = write_lines(tmp_path / "logs.jsonl", [WITH_IMAGE, BAD, *(asked(f"{number}?") for number in range(40))])
    config = configuration("minicpm_v_2_6", "glm_4", source={"name": "gui", "image_root": str(tmp_path)})
    glm_4 = config.dialects[1].model_copy(update={"sources": ("other",)})
    config = config.model_copy(update={"dialects": (config.dialects[0], glm_4)})
    manifest = {
        "settings": json.loads(config.model_dump_json()),
        "tokenizers": {"minicpm_v_2_6": {"fingerprint": open_flow(config).dialects[0].fingerprint}},
    }
    reader = {"image_roots": {"gui": str(tmp_path)}}
    publish(tmp_path / "root", config, logs, "mon.r1", 1, kind="batch", settings=reader, sources=[("gui", {"files": 1, "records": 42})])
    output = OutputRoot(str(tmp_path / "root"))
    output.write_json({"run_id": "mon.r1", "batch": "mon", "status": "published"} | manifest, "_runs", "mon.r1", "manifest.json")
    return tmp_path / "root"


@pytest.mark.parametrize("name", [0, 1])
@pytest.mark.parametrize("length", [None, 12])
def test_a_published_record_is_found_by_either_id_and_by_its_beginning(root: Path, printed: Printed, name: int, length: int | None):
    code, out, err = printed("show", "--root", root, ids(WITH_IMAGE)[name][:length].upper())
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[1].startswith(f"raw · {root.parent}/logs.jsonl:1 · ")
    assert json.loads(lines[2]) == WITH_IMAGE
    assert f"sample_id {ids(WITH_IMAGE)[1]}" in lines[4]
    assert re.search(r" · batch mon, (train|val|test)$", lines[4])
    assert lines[5:10] == ["user", "  Left [image 1] right ␛", "assistant", "  A", "image 1: gui/wide.png PNG 900x450 px"]
    assert lines[11].startswith("minicpm_v_2_6 · ")
    assert "<|im_start|>user⏎" in lines
    assert lines[-1] == "glm_4 · not sent: this dialect does not take source gui (dialects[].sources)"


def test_a_quarantined_record_is_shown_with_its_reason(root: Path, printed: Printed):
    lines = printed("show", "--root", root, ids(BAD)[0][:16])[1].splitlines()
    assert json.loads(lines[2]) == BAD
    assert lines[4] == "quarantined · schema.turns_empty"


def test_the_page_has_the_picture_where_it_stands_and_no_script(root: Path, printed: Printed):
    page = root.parent / "row.html"
    assert printed("show", "--root", root, ids(WITH_IMAGE)[0], "--html", page) == (0, "", f"wrote {page}\n")
    text = page.read_text()
    assert re.search(r'Left <img src="data:image/jpeg;base64,[^"]+" alt="gui/wide.png"[^>]*> right ␛', text)
    assert "2x1 slices and the whole image" in text
    assert "glm_4: not sent, because this dialect does not take the source." in text
    assert "<script" not in text
    (root.parent / "wide.png").unlink()
    printed("show", "--root", root, ids(WITH_IMAGE)[0], "--html", page)
    assert 'Left <span class="faint">[gui/wide.png: the file is no longer readable]</span> right' in page.read_text()


def test_the_beginning_of_several_ids_lists_them(root: Path, printed: Printed):
    code, out, err = printed("show", "--root", root, "")
    head, *lines = err.splitlines()
    assert (code, out, head) == (2, "", "episodes: 42 records have an id that begins with ; give more of it:")
    assert lines[0] == f"  {ids(WITH_IMAGE)[0]}  {root.parent}/logs.jsonl:1  conversation  batch mon"
    assert lines[-1] == "  and 32 more"
    assert printed("explain", "", root)[0] == 2


def test_a_list_names_the_ids_that_begin_so(tmp_path: Path):
    turns = [{"role": ("user", "assistant")[i % 2], "content": f"{i} " * 30} for i in range(60)]
    config = configuration("glm_4", options={"max_tokens": 400, "on_overflow": "windows"})
    publish(tmp_path / "root", config, write_lines(tmp_path / "logs.jsonl", [{"messages": turns}]), "mon.r1", 1)
    published = OutputRoot(str(tmp_path / "root")).published()
    found = [(digit, one) for digit in "0123456789abcdef" for one in find_records(published, digit)]
    assert len(found) > 10  # of the windows, each of which has an id of its own
    assert all(one.matched.startswith(digit) for digit, one in found)
    assert {digit for digit, one in found if one.sample_id is None} > {found[0][1].record_id[0]}  # several windows begin with this


def test_the_first_characters_of_a_run_id_are_enough(root: Path, printed: Printed):
    publish(root, configuration(source={"name": "gui"}), write_lines(root.parent / "later.jsonl", [BAD]), "tue.r2", 2, batch="tue", code="c", config="c")
    assert f"record_id {ids(BAD)[0]}" in printed("show", "--root", root, ids(BAD)[0], "--run", "tue.")[1]
    assert printed("quarantine", root, "--run", "m")[1].startswith(f"{root}: 1 row for 1 record put aside, batch mon\n")
    assert printed("diff", root, "mo", "tue.")[1].startswith("A  batch mon, run mon.r1, ")
    publish(root, configuration(), root.parent / "later.jsonl", "tue.r3", 3, batch="tue")
    for command in [("show", "--root", root, "a", "--run", "tue."), ("quarantine", root, "--run", "tue."), ("diff", root, "tue.", "mon")]:
        assert printed(*command)[::2] == (2, "episodes: several runs begin with tue.: tue.r2, tue.r3\n")


def test_a_record_that_was_left_out_is_not_called_quarantined(tmp_path: Path, printed: Printed):
    record = asked("One?", resolved=False)
    config = configuration(source={"name": "gui", "keep_if": {"resolved": [True]}})
    publish(tmp_path / "root", config, write_lines(tmp_path / "logs.jsonl", [record]), "mon.r1", 1, kind="batch")
    assert printed("show", "--root", tmp_path / "root", ids(record)[0])[1].splitlines()[4] == "filtered · record.filtered"
    said = printed("explain", ids(record)[0], tmp_path / "root")[1]
    assert said.splitlines()[-1].endswith(" · batch mon · mon.r1 · filtered")
    printed("show", "--root", tmp_path / "root", ids(record)[0], "--html", tmp_path / "record.html")
    assert '<span class="count refuse">filtered</span>' in (tmp_path / "record.html").read_text()
    assert "quarantined" not in said


def test_an_unknown_id_and_a_missing_option_are_usage_errors(root: Path, printed: Printed, capsys: pytest.CaptureFixture[str]):
    assert printed("show", "--root", root, "xyz")[::2] == (2, f"episodes: no published record under {root} has an id that begins with xyz\n")
    assert printed("show", "--root", root.parent / "none", "xyz")[0] == 2
    assert printed("show", "--root", root, "xyz", "--line", 1)[0] == 2
    with pytest.raises(SystemExit):
        printed("show", root.parent / "logs.jsonl", "--line", 1)
    assert "for a log file, --config is required; for a published record, --root is" in capsys.readouterr().err


def test_a_misspelt_id_or_dialect_is_a_usage_error_that_names_the_nearest(root: Path, printed: Printed):
    bad = ids(BAD)[0]
    for given, near in ((bad[:9] + "zz", bad[:13]), (bad[:-1] + "z", bad), (bad[:5] + "?", bad[:9])):
        unknown = f"whose id begins with {given}; did you mean {near}?\n"
        assert printed("show", "--root", root, given)[::2] == (2, f"episodes: no published record under {root} has an id that begins with {unknown[21:]}")
        assert printed("explain", given, root)[::2] == (2, f"episodes: no run under {root} has seen a record {unknown}")
    assert "did you mean" not in printed("explain", "zz" + bad[2:], root)[2]
    record = ids(WITH_IMAGE)[0]
    assert printed("show", "--root", root, record, "--dialect", "minicpm_26")[::2] == (
        2,
        "episodes: batch mon has no dialect minicpm_26; did you mean minicpm_v_2_6?\n",
    )
    assert printed("show", "--root", root, record, "--dialect", "x")[2] == "episodes: batch mon has no dialect x; it has minicpm_v_2_6\n"


def test_the_tokens_are_not_shown_if_the_tokenizer_has_changed(root: Path, printed: Printed):
    output = OutputRoot(str(root))
    manifest = output.read_json("_runs", "mon.r1", "manifest.json") | {"tokenizers": {"minicpm_v_2_6": {"fingerprint": "other"}}}
    output.write_json(manifest, "_runs", "mon.r1", "manifest.json")
    lines = printed("show", "--root", root, ids(WITH_IMAGE)[0])[1].splitlines()
    assert any(line.startswith("the tokens cannot be shown: the tokenizer ") and line.endswith(" has changed since") for line in lines)


def test_a_record_of_a_staged_run_is_explained_and_shown(root: Path, printed: Printed):
    logs = write_lines(root.parent / "later.jsonl", [asked("New?"), BAD])
    stage(root, configuration("glm_4", source={"name": "gui"}), logs, "mon.r2", "mon")
    new = ids(asked("New?"))[0]
    assert (
        printed("explain", new[:10], root)[1]
        .splitlines()[-1]
        .startswith("2026-11-22 23:00:00 · batch mon · mon.r2 · not published, gate failed · conversation")
    )
    runs = json.loads(printed("explain", ids(BAD)[0][:12], root, "--json")[1])
    assert [(run["run_id"], run["status"], run["states"]) for run in runs] == [
        ("mon.r1", "published", ["quarantined: schema.turns_empty"]),
        ("mon.r2", "gate_failed", ["quarantined: schema.turns_empty"]),
    ]
    code, _, err = printed("show", "--root", root, new)
    assert (code, err.strip().endswith("run mon.r2 has one and was not published: add --run mon.r2")) == (2, True)
    assert "state in a run that was not published" in printed("explain", new[:10], root)[1]
    assert "state\n" in printed("explain", ids(BAD)[0][:12], root)[1]
    assert "New?" in printed("show", "--root", root, new, "--run", "mon.r2")[1]


def test_a_record_of_an_earlier_state_is_explained_by_its_beginning(tmp_path: Path, printed: Printed):
    for run, question in enumerate(["Old?", "New?"], 1):
        publish(tmp_path / "root", configuration(), write_lines(tmp_path / f"{run}.jsonl", [asked(question)]), f"mon.r{run}", run, kind="batch")
    out = printed("explain", ids(asked("Old?"), "kit")[0][:12], tmp_path / "root")[1]
    assert out.splitlines()[-1].endswith(" · mon.r1 · conversation")
