"""Keys, tokens and personal data become placeholders, whatever the record looks like; other text stays."""

import base64
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import Scrub
from pipelines.flow import open_flow
from pipelines.local import run_files
from pipelines.records import Conversation, Quarantined, raw_record
from pipelines.scrub import _long_words, _matches, _without_escapes, scrub
from pipelines.scrub.kinds import KINDS, NAMES, URLS, Kind
from pipelines.scrub.personal import PERSONAL
from tests.making import configuration, write_lines
from tests.scrub.planted import FORMS, PERSONAL_FORMS, plant

BOTH = {**FORMS, **PERSONAL_FORMS}
ALL = (*KINDS, *URLS, *PERSONAL)


def record_with(text: str) -> bytes:
    """A record that has the text in a question, in the arguments of a call (JSON inside JSON) and in a result."""
    call = {"id": "1", "type": "function", "function": {"name": "run", "arguments": json.dumps({"command": f"echo {text}"})}}
    turns = [
        {"role": "user", "content": f"Use\n{text}\nnow."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": f"<pre>{text}</pre>"},
        {"role": "assistant", "content": f"done: {text}"},
    ]
    return json.dumps({"messages": turns}).encode()


def scrubbed(raw: bytes):
    return scrub(raw_record("s", "a.jsonl", 1, raw), Scrub(secrets="mask", pii="mask"), "v1")


@pytest.mark.parametrize("kind", BOTH)
def test_every_kind_is_masked_everywhere_in_a_record(kind: str):
    text, secret = plant(BOTH[kind], random.Random(kind))
    found = scrubbed(record_with(text))
    record = json.loads(found.raw)
    assert secret not in json.dumps(record, ensure_ascii=False)
    assert secret not in record["messages"][1]["tool_calls"][0]["function"]["arguments"].encode().decode("unicode_escape")
    assert record["messages"][0]["content"].count("[masked:") == 1, found.raw
    (finding,) = found.findings
    assert finding.code == ("repair.pii_masked" if kind in PERSONAL_FORMS else "repair.secret_masked")
    assert finding.detail == f"{kind} (4 times)"


def test_every_kind_of_the_table_has_a_planted_form():
    assert {kind.name for kind in ALL} | set(NAMES) == set(BOTH)
    assert len(KINDS) >= 30


def test_the_page_lists_every_kind():
    section = (Path(__file__).parents[2] / "docs" / "policy.md").read_text().partition("## Keys, tokens and personal data")[2]
    assert {kind for kind in BOTH if f"`{kind}`" not in section} == set()


@pytest.mark.parametrize("written", ["\\u003c{}\\u003e", "\\n{}\\n", '\\"{}\\"', "a {}, b"])
def test_a_key_beside_an_escape_is_found(written: str):
    text, secret = plant(FORMS["github_token"], random.Random(1))
    raw = b'{"messages": [{"role": "user", "content": "' + written.format(text).encode() + b'"}]}'
    assert secret.encode() not in scrubbed(raw).raw


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("github_token", lambda text: "\u5bc6\u94a5" + text),
        ("email", lambda text: "\U0001f511" + text),
        ("azure_storage_key", lambda text: text.replace("=", "\x00u003d")),
        ("email", lambda text: text.replace("@", "\x00u0040")),
        ("url_password", lambda text: text.replace("/", "\x00/")),
        ("npm_token", lambda text: "\x00u006e" + text[1:]),
    ],
)
def test_escapes_of_json_hide_nothing(kind: str, change):
    text, secret = plant(BOTH[kind], random.Random(7))
    raw = json.dumps({"a": change(text)}).replace("\\u0000", "\\").encode()
    found = scrubbed(raw)
    assert secret not in json.loads(found.raw)["a"]
    assert [one.detail for one in found.findings] == [f"{kind} (1 time)"]


def test_a_private_key_in_json_inside_json_is_masked():
    text, secret = plant(FORMS["private_key"], random.Random(7))
    inner = json.dumps({"key": text})
    for _ in range(3):
        inner = json.dumps({"out": inner})
        assert secret[40:90].encode() not in scrubbed(inner.encode()).raw


def test_an_escape_that_hides_nothing_stays():
    raw = rb'{"a": "\u003d \\u003d \/ \u00e9"}'
    assert scrubbed(raw).raw == raw


def test_slashes_that_are_escaped_do_not_hide_a_key():
    text, secret = plant(FORMS["slack_webhook"], random.Random(1))
    raw = json.dumps({"a": text}).replace("/", "\\/").encode()
    assert secret.rpartition("/")[2].encode() not in scrubbed(raw).raw


def test_a_secret_has_the_same_placeholder_everywhere_and_another_one_has_another():
    rng = random.Random(3)
    one, other = (plant(FORMS["github_token"], rng)[0] for _ in "ab")
    text = json.loads(scrubbed(json.dumps({"a": f"{one} {one} {other}"}).encode()).raw)["a"].split()
    assert text[0] == text[1] != text[2]
    assert scrubbed(json.dumps({"b": one}).encode()).raw == json.dumps({"b": text[0]}).encode()


@pytest.mark.parametrize(
    "text",
    [
        "a task-force of skeleton sk-learn users",
        "class sk-spinner-with-a-very-long-name-for-a-css-class-in-bootstrap",
        "password: your-password-here, api_key=YOUR_API_KEY_GOES_HERE, token = get_token_from_environment()",
        "postgres://user:password@localhost/db and https://user:${PASSWORD}@host and http://host:8080/@me",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 5c2f0e1f4a2b6d1c9a7f7f3e2d8b4a6c1e0f9d8b by git@github.com:a/b.git",
        "time 1711111111111111, id 4111111111111112, 1-800-555-0199, user@example.com",
        "uuid 550e8400-e29b-41d4-a716-446655440000, eyJhbGciOiJIUzI1NiJ9 without a payload",
        "-----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----",
        "next_page_token: 2, cancellation_token = source.token, secret_santa",
        "glpat-yourPersonalAccessToken tvly-YOUR-API-KEY-GOES-HERE-now xoxb-your-bot-token-goes-here",
        "sqlmap -u https://x.io/9f86d081884c7d659a2feaa0c55ad015 and docker run -u 1000:1000 a@sha256:9f86d081884c7d659a2feaa0c55ad015",
        "--token /run/secrets/9f86d081884c7d659a2feaa0c55ad015 --password $DB_PASS --token your-token-goes-here",
        "Cookie: theme=dark; _ga=GA1.2.1711111111.1711111111, Set-Cookie: lang=9f86d081884c7d659a2feaa0c55ad015",
    ],
)
def test_text_that_only_looks_similar_stays(text: str):
    raw = json.dumps({"a": text}).encode()
    assert scrubbed(raw).raw == raw


def test_a_card_logged_as_a_number_stays_a_number():
    found = scrubbed(b'{"card": 4111111111111111, "list": [4111111111111111], "text": "4111111111111111"}')
    assert json.loads(found.raw)["card"] == 9999999999999999
    assert b"411111" not in found.raw


def test_the_id_of_a_record_is_that_of_the_bytes_as_logged():
    raw = record_with(plant(FORMS["npm_token"], random.Random(1))[0])
    assert scrubbed(raw).record_id == raw_record("s", "a.jsonl", 1, raw).record_id


def test_scrubbing_again_changes_nothing_and_says_the_same():
    once = scrubbed(record_with(plant(FORMS["npm_token"], random.Random(1))[0]))
    again = scrubbed(once.raw)
    assert (again.raw, again.findings) == (once.raw, once.findings)


@given(st.text(max_size=300))
def test_scrubbed_json_can_be_parsed_and_texts_without_a_kind_stay(text: str):
    raw = json.dumps({"a": text, "b": [text]}).encode()
    found = scrubbed(raw)
    json.loads(found.raw)
    assert found.findings or found.raw == raw


@pytest.mark.parametrize(("setting", "is_kept"), [("mask", True), ("quarantine", False)])
def test_a_run_masks_or_quarantines(tmp_path, setting: str, is_kept: bool):
    text, secret = plant(FORMS["github_token"], random.Random(5))
    log = write_lines(tmp_path / "logs.jsonl", [record_with(text), {"messages": [{"role": "user", "content": text}, "broken"]}])
    flow = open_flow(configuration("glm_4", source={"path": str(log)}, scrub={"secrets": setting}))
    outcomes = list(run_files(flow, [str(log)]))
    assert isinstance(outcomes[0], Conversation if is_kept else Quarantined)
    assert all(secret not in repr(outcome) for outcome in outcomes)
    assert all("repair.secret_masked" in repr(outcome) if is_kept else "record.secret" in repr(outcome) for outcome in outcomes)


def test_a_line_that_is_too_long_keeps_no_secret_in_its_head(tmp_path):
    text, secret = plant(FORMS["github_token"], random.Random(5))
    log = write_lines(tmp_path / "logs.jsonl", [{"messages": [{"role": "user", "content": text + " x" * 3000}]}])
    flow = open_flow(configuration(source={"path": str(log)}, scrub={"secrets": "mask"}, limits={"line_bytes": 2000}))
    (row,) = run_files(flow, [str(log)])
    assert isinstance(row, Quarantined)
    head = base64.b64decode(json.loads(row.raw.raw)["head_base64"])
    assert secret.encode() not in head
    assert b"[masked:github_token:" in head


@pytest.mark.parametrize("kind", ["sentry_token", "stripe_webhook", "grafana_token", "planetscale_token"])
def test_a_sign_that_ends_a_word_near_the_beginning_of_a_key_does_not_hide_it(kind: str):
    form, sign = {
        "sentry_token": ("sntrys_a1/{a60}", "/"),
        "stripe_webhook": ("whsec_a1+/{a32}", "/"),
        "grafana_token": ("glc_a1/{a40}", "/"),
        "planetscale_token": ("pscale_pw_a.{a40}", "."),
    }[kind]
    text, secret = plant(f"«{form}»", random.Random(kind))
    found = scrubbed(json.dumps({"a": f"use {text} now"}).encode())
    assert sign in secret
    assert [one.detail for one in found.findings] == [f"{kind} (1 time)"]
    assert secret.rpartition(sign)[2].encode() not in found.raw


@given(st.text('\\u003dnaF/"7x', max_size=30))
def test_escapes_are_read_one_after_the_other(text: str):
    """As JSON reads them: what is valid JSON says the same afterwards."""
    try:
        value = json.loads(f'"{text}"')
    except json.JSONDecodeError:
        return
    assert json.loads(b'"' + _without_escapes(text.encode()) + b'"') == value


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.hints], ids=lambda kind: kind.name)
def test_looking_for_starts_finds_what_the_pattern_finds(kind: Kind):
    rng = random.Random(kind.name)
    texts = [plant(FORMS[kind.name], rng)[0] for _ in range(6)]
    raw = b" ".join([*map(str.encode, texts), *kind.starts, f"{texts[0]}{texts[1]} x{texts[2]} \\n{texts[3]}".encode(), kind.starts[0] + texts[4].encode()])
    assert [match.span() for match in _matches(raw, kind)] == [match.span() for match in kind.pattern.finditer(raw)]


def test_a_key_whose_slashes_leave_no_long_word_is_found_by_its_name():
    secret = "abcdeFGHI12/" * 3 + "Qw3r"
    found = scrubbed(json.dumps({"a": f"aws_secret_access_key = {secret}"}).encode())
    assert [one.detail for one in found.findings] == ["aws_secret_key (1 time)"]


@pytest.mark.parametrize(
    ("word", "counts"), [("tool_call_id_of_this", False), ("toolCallIdOfThis1", True), ("sixteen-letters-", False), ("sixteen-letters-1", True)]
)
def test_a_long_word_of_small_letters_is_no_key(word: str, counts: bool):
    raw = f'{{"a": "{word} {word}"}}'.encode()
    assert _long_words(raw) == ([(7, word.encode()), (8 + len(word), word.encode())] if counts else [])


@given(st.binary(max_size=80), st.lists(st.sampled_from(["Ab1_-+x" * 3, "x" * 15 + "7", "y" * 14 + "7", " ", "/", "\n", "."]), max_size=8))
def test_long_words_are_those_that_a_pattern_finds(some: bytes, parts: list[str]):
    raw = some + "".join(parts).encode()
    found = [(match.start(), match[0]) for match in re.finditer(rb"[A-Za-z0-9_+\-]{16,}", raw)]
    assert _long_words(raw) == [(at, word) for at, word in found if re.search(rb"[A-Z0-9]|ecret|\A[_+\-]+\Z", word)]
