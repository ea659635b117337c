"""`episodes show`, `reasons`, `formats` and `dialects`: what they print about one record, and the lists."""

import json
from pathlib import Path

import pytest
from PIL import Image

from pipelines.cli import main
from pipelines.reasons import Reason
from tests.making import asked, write_lines

CONF = """
sources: [{name: gui, path: "logs/*.jsonl", image_root: .}]
dialects:
  - {name: glm_4, tokenizer: glm_4_standin, max_tokens: 64}
  - {name: minicpm_v_2_6, tokenizer: minicpm_v_2_6, max_tokens: 4096}
output: {root: out}
"""
WITH_IMAGE = {
    "messages": [
        {"role": "user", "content": "Q<image>"},
        {"role": "assistant", "content": "A", "loss_weight": 0.5},
    ],
    "images": ["wide.png"],
    "episode_id": "e",
}
LONG = "x" * (4000 - len(json.dumps(asked(""))))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "conf.yaml").write_text(CONF)
    Image.new("RGB", (900, 450)).save(tmp_path / "wide.png")
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("Q", "A"), WITH_IMAGE, asked(LONG), asked(LONG + "x"), b"{", asked("\x1b[31m", "a\nb")])
    return tmp_path


def shown(home: Path, capsys: pytest.CaptureFixture[str], line: int, *more: str) -> list[str]:
    assert main(["show", "--config", f"{home}/conf.yaml", f"{home}/logs/a.jsonl", "--line", str(line), *more]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_record_is_shown_as_bytes_messages_and_tokens(home: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(home, capsys, 1)
    assert lines[1].startswith(f"raw · {home}/logs/a.jsonl:1 · {len(json.dumps(asked('Q', 'A')))} bytes · record_id ")
    assert json.loads(lines[2]) == asked("Q", "A")
    assert lines[4].startswith("conversation · openai · sample_id ")
    assert lines[5:9] == ["user", "  Q", "assistant", "  A"]
    assert lines[10] == "glm_4 · 9 tokens, 3 trained (in « »)"
    assert lines[11:14] == ["[gMASK]<sop><|user|>⏎", "Q<|assistant|>«⏎", "A<|user|>»"]
    assert lines[15].startswith("minicpm_v_2_6 · ")


def test_a_terminal_shows_trained_tokens_in_green(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = "\n".join(shown(home, capsys, 1, "--dialect", "glm_4"))
    assert "3 trained (green)" in text
    assert "«" not in text
    assert "\x1b[32m" in text


def test_an_image_is_shown_with_its_place_grid_and_spans(home: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(home, capsys, 2)
    assert " · episode e" in lines[4]
    assert lines[5:9] == ["user", "  Q[image 1]", "assistant loss_weight 0.5", "  A"]
    assert lines[9] == "image 1: gui/wide.png PNG 900x450 px"
    assert "quarantined for glm_4 · tokens.image_unsupported" in lines
    views = "<image><unk><unk><unk>…</image><slice><unk><unk><unk>…</slice><slice><unk><unk><unk>…</slice>"
    assert any(views in line for line in lines)
    assert any(line.startswith("image gui/wide.png: grid 2x1, spans [") and line.count("[") == 3 for line in lines)


@pytest.mark.parametrize(("line", "length", "end"), [(3, 4000, "}"), (4, 4001, "…")])
def test_at_most_4000_characters_of_the_raw_record_are_shown(home: Path, capsys: pytest.CaptureFixture[str], line: int, length: int, end: str):
    raw = shown(home, capsys, line)[2]
    assert (len(raw), raw[-1]) == (length, end)


def test_a_refused_record_is_shown_with_its_reason_and_fix(home: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(home, capsys, 5)
    reason = Reason.LINE_TRUNCATED_JSON.value
    assert lines[4] == "quarantined · line.truncated_json"
    assert lines[5].startswith("line.truncated_json at the record: ")
    assert lines[6] == f"  {reason.meaning} {reason.fix}"
    assert len(lines) == 7


def test_the_reason_of_a_row_is_its_first_refusal(home: Path, capsys: pytest.CaptureFixture[str]):
    log = write_lines(home / "logs" / "b.jsonl", [asked(images=["no.png"], system=5)])
    assert main(["show", "--config", f"{home}/conf.yaml", str(log), "--line", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "quarantined · schema.field_type"
    assert [line.split()[0] for line in lines[5:] if line[:2] != "  "] == ["schema.field_type", "repair.placeholder_added"]


def test_show_can_be_limited_to_one_dialect(home: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(home, capsys, 1, "--dialect", "minicpm_v_2_6")
    assert [line.split(" · ")[0] for line in lines if " tokens, " in line] == ["minicpm_v_2_6"]
    assert main(["show", "--config", f"{home}/conf.yaml", f"{home}/logs/a.jsonl", "--line", "1", "--dialect", "glm_5"]) == 2
    assert "--dialect glm_5: unknown dialect; the configuration has glm_4, minicpm_v_2_6" in capsys.readouterr().err


def test_escape_sequences_of_a_log_never_reach_the_terminal(home: Path, capsys: pytest.CaptureFixture[str]):
    lines = shown(home, capsys, 6)
    assert "\x1b" not in "".join(lines)
    assert lines[6:10] == ["  ␛[31m", "assistant", "  a", "b"]


@pytest.mark.parametrize("line", [0, 7])
def test_a_line_that_does_not_exist_is_a_usage_error(home: Path, capsys: pytest.CaptureFixture[str], line: int):
    assert main(["show", "--config", f"{home}/conf.yaml", f"{home}/logs/a.jsonl", "--line", str(line)]) == 2
    assert capsys.readouterr() == ("", f"episodes: {home}/logs/a.jsonl has no record {line}\n")


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_explained_line_by_line(reason: Reason, capsys: pytest.CaptureFixture[str]):
    assert main(["reasons", reason.code]) == 0
    row = reason.value
    lines = [row.code, f"stage     {row.stage}", f"severity  {row.severity}", f"meaning   {row.meaning}", f"fix       {row.fix}"]
    assert capsys.readouterr().out.splitlines() == lines + ([f"upstream  {row.upstream}"] if row.upstream else [])


def test_an_unknown_reason_that_resembles_no_other_gets_no_suggestion(capsys: pytest.CaptureFixture[str]):
    assert main(["reasons", "zzz"]) == 2
    assert capsys.readouterr() == ("", "episodes: unknown reason: zzz\n")


def test_every_reason_is_listed_on_a_separate_line(capsys: pytest.CaptureFixture[str]):
    assert main(["reasons"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [code for line in lines if (code := line.split()[0]) in {reason.code for reason in Reason}] == [reason.code for reason in Reason]


def test_the_list_of_dialects_says_what_each_accepts(capsys: pytest.CaptureFixture[str]):
    assert main(["dialects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line[:1] not in ("", " ")}
    assert " no " in rows["glm_4"]
    assert "own format" in rows["glm_4"]
    assert " yes " in rows["glm_4v"]
    assert "with tool_syntax" in rows["glm_4v"]
    assert lines[-1].startswith("bundled tokenizers: ")


@pytest.mark.parametrize(
    ("sizes", "amount"),
    [
        ([1], "1 file, 1 byte"),
        ([0], "1 file, 0 bytes"),
        ([999], "1 file, 999 bytes"),
        ([1000], "1 file, 1.0 kB"),
        ([600, 650], "2 files, 1.2 kB"),
        ([999_949], "1 file, 999.9 kB"),
        ([1_000_000], "1 file, 1.0 MB"),
    ],
)
def test_check_reports_the_size_of_each_source(tmp_path: Path, capsys: pytest.CaptureFixture[str], sizes: list[int], amount: str):
    (tmp_path / "logs").mkdir()
    for number, size in enumerate(sizes):
        (tmp_path / "logs" / f"{number}.jsonl").write_bytes(b" " * size)
    (tmp_path / "conf.yaml").write_text("sources: [{name: gui, path: logs}]\noutput: {root: out}\n")
    assert main(["check", f"{tmp_path}/conf.yaml"]) == 0
    assert f"source gui: {amount} at {tmp_path}/logs" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["check"],
        ["try", "a.jsonl"],
        ["try", "--config", "c.yaml"],
        ["show", "a.jsonl", "--line", "1"],
        ["show", "--config", "c.yaml", "a.jsonl"],
        ["explain"],
    ],
)
def test_a_command_without_what_it_needs_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "required" in capsys.readouterr().err


def test_each_window_is_shown_with_what_it_holds(home: Path, capsys: pytest.CaptureFixture[str]):
    turns = [{"role": role, "content": f"{role} {i}"} for i in range(9) for role in ("user", "assistant")]
    write_lines(home / "logs" / "a.jsonl", [{"messages": turns}])
    lines = shown(home, capsys, 1, "--dialect", "glm_4", "--set", "dialects[0].on_overflow=windows")
    heads = [line for line in lines if line.startswith(("glm_4 · ", "tokens.window"))]
    assert heads[2:4] == [
        "glm_4 · window 1 · 38 tokens, 15 trained (in « »)",
        "tokens.window at the record: one of 2 windows: messages 0 and 12 to 17 of 18, trained from message 13",
    ]
