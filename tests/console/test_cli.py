"""The console script: data on stdout, messages on stderr, exit codes."""

import json
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.making import asked, write_lines

CONF = """
sources: [{name: chat, path: "logs/*.jsonl"}]
dialects: [{name: glm_4, tokenizer: glm_4_standin, max_tokens: 4096}]
output: {root: out}
"""
FIVE_MISTAKES = """
sources: [{name: chat, path: "logs/*.jsonl", fromat: auto}]
images: {verify: decoed}
dialects: [{name: glm4, tokenizer: glm_4_standin, max_tokens: 0}]
outptu: {root: out}
output: {root: out}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "conf.yaml").write_text(CONF)
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("One?"), asked("Two?"), asked("One?"), b"{not json", asked("Three?", messages=[])])
    return tmp_path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_check_lists_what_a_valid_configuration_names(home: Path, capsys: pytest.CaptureFixture[str]):
    assert run("check", home / "conf.yaml") == 0
    out, _ = capsys.readouterr()
    assert "glm_4: tokenizer glm_4_standin, a stand-in vocabulary" in out
    assert out.endswith("conf.yaml: configuration is valid\n")


def test_check_reports_all_five_mistakes_at_once(home: Path, capsys: pytest.CaptureFixture[str]):
    (home / "conf.yaml").write_text(FIVE_MISTAKES)
    assert run("check", home / "conf.yaml") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        "sources[0].fromat: unknown key; did you mean format?",
        "images.verify: 'decoed' is not one of header, structure, decode; did you mean decode?",
        "dialects[0].model: is missing, and the name 'glm4' is not one of glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui, hf; did you mean glm_4?",
        "dialects[0].max_tokens: expected a number greater than 0, found 0",
        "outptu: unknown key; did you mean output?",
    ]


def test_try_writes_a_row_per_outcome_in_input_order_and_exits_with_3_where_a_gate_fails(home: Path, capsys: pytest.CaptureFixture[str]):
    assert run("try", "--config", home / "conf.yaml", "--json", home / "out.jsonl", home / "logs" / "a.jsonl") == 3
    rows = [json.loads(line) for line in (home / "out.jsonl").read_bytes().splitlines()]
    assert [(row["origin"]["line"], row["table"], row.get("reason")) for row in rows] == [
        (1, "conversations", None),
        (1, "samples", None),
        (2, "conversations", None),
        (2, "samples", None),
        (3, "quarantine", "record.duplicate"),
        (4, "quarantine", "line.invalid_json"),
        (5, "quarantine", "schema.turns_empty"),
    ]
    sample = rows[1]
    assert sample["messages"][1]["content"] == "Hello."
    assert len(sample["attention_mask"]) == len(sample["position_ids"]) == len(sample["input_ids"]) == sample["num_tokens"]
    assert "max_quarantined: 50.00% of the records were quarantined; the limit is 5.00%" in capsys.readouterr().err


def test_try_reads_a_file_once_even_if_it_is_named_several_times(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home)
    once, twice = home / "once.jsonl", home / "twice.jsonl"
    run("try", "--config", "conf.yaml", "--json", once, "logs/a.jsonl")
    run("try", "--config", "conf.yaml", "--json", twice, "logs/a.jsonl", "logs/../logs/a.jsonl", home / "logs" / "a.jsonl")
    assert twice.read_bytes() == once.read_bytes()


def test_try_passes_with_a_higher_limit(home: Path):
    assert run("try", "--config", home / "conf.yaml", "--set", "gates.max_quarantined=0.5", home / "logs" / "a.jsonl") == 0


def test_try_writes_nothing_but_rows_to_stdout(home: Path, capsysbinary: pytest.CaptureFixture[bytes]):
    run("try", "--config", home / "conf.yaml", "--json", "-", home / "logs" / "a.jsonl")
    assert all(json.loads(line)["table"] for line in capsysbinary.readouterr().out.splitlines())


def test_a_missing_file_is_a_usage_error(home: Path, capsys: pytest.CaptureFixture[str]):
    assert run("try", "--config", home / "conf.yaml", home / "logs" / "b.jsonl") == 2
    assert "no such file or folder: " in capsys.readouterr().err


def test_show_prints_a_record_from_its_bytes_to_its_tokens(home: Path, capsys: pytest.CaptureFixture[str]):
    assert run("show", "--config", home / "conf.yaml", home / "logs" / "a.jsonl", "--line", 1) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ('{"messages"', "conversation · openai", "Hello.", "<|assistant|>"))
    assert run("show", "--config", home / "conf.yaml", home / "logs" / "a.jsonl", "--line", 4) == 0
    assert "line.invalid_json" in capsys.readouterr().out
    assert run("show", "--config", home / "conf.yaml", home / "logs" / "a.jsonl", "--line", 9) == 2


def test_reasons_are_listed_and_explained_and_a_misspelt_one_gets_a_suggestion(capsys: pytest.CaptureFixture[str]):
    assert run("reasons") == 0
    assert "image.count_mismatch" in capsys.readouterr().out
    assert run("reasons", "image.count_mismatch") == 0
    out = capsys.readouterr().out
    assert "fix  " in out
    assert "upstream" in out
    assert run("reasons", "image.count_missmatch") == 2
    assert "did you mean image.count_mismatch" in capsys.readouterr().err


# No reason quotes GLM-4V's KeyError: 'labels', since no record causes it.
@pytest.mark.parametrize(
    ("code", "quoted"),
    [
        ("image.count_mismatch", "image start token != image end tokens"),
        ("tokens.too_long", "image start token != image end tokens"),
        ("image.count_mismatch", "ValueError: The number of images does not match the number of <image> tokens"),
        ("repair.tool_call_extracted", "the call is trained as plain text"),
        ("tokens.span_mismatch", "RuntimeError in torch.hstack"),
        ("schema.role_missing", "KeyError: 'role'"),
    ],
)
def test_a_reason_quotes_the_error_of_the_upstream_trainer(code: str, quoted: str, capsys: pytest.CaptureFixture[str]):
    assert run("reasons", code) == 0
    assert quoted in capsys.readouterr().out.partition("upstream  ")[2]


def test_formats_and_dialects_are_listed(capsys: pytest.CaptureFixture[str]):
    assert (run("formats"), run("dialects")) == (0, 0)
    out = capsys.readouterr().out
    assert all(name in out for name in ("agentcpm", "sharegpt", "openai", "glm_4v", "minicpm_v_2_6", "glm_4_standin"))


def test_a_name_with_escape_sequences_never_reaches_the_terminal_raw(home: Path, capsys: pytest.CaptureFixture[str]):
    name = home / "logs" / "a\x1b[31m.jsonl"
    write_lines(name, [asked()])
    for arguments in (["show", "--config", str(home / "conf.yaml"), str(name), "--line", "9"], ["reasons", "a\x1b[31m"], ["check", str(home / "\x1b[31m")]):
        assert main(arguments) != 0
        assert "\x1b" not in "".join(capsys.readouterr())
