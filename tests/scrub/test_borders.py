"""What stands beside a key does not hide it, and what stands before a value may say that it is one."""

import json
import random

import pytest

from pipelines.scrub import FEW
from pipelines.scrub.kinds import KINDS, is_random
from tests.scrub.planted import FORMS, plant
from tests.scrub.test_scrub import record_with, scrubbed

BORDERS = (
    ("?k=Bearer%20", "%22"), ("%3D", "&b"), ("%253D", "%26"), ("=3D", "=20"), ("\x1b[32m", "\x1b[0m"), ("\x1b[0;1m", "\x1b[K"), ("\x1b[38;5;196m", "\x1b[m"),
    ("\\x1b[m", "\\x1b[0m"), ("\\u001b[1;32m", ""), ("\\033[K", ""), ("\\x22", "\\x22"), ("\\\\x27", ""), ("a-b-", ","), ("\t", "&#39;"),
)  # fmt: skip


@pytest.mark.parametrize(("before", "after"), BORDERS)
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.starts] + ["sendgrid_key", "vault_token"])
def test_what_stands_beside_a_key_does_not_hide_it(kind: str, before: str, after: str):
    text, secret = plant(FORMS[kind], random.Random(kind + before))
    found = scrubbed(json.dumps({"a": f"see {before}{text}{after} there"}).encode())
    assert secret not in json.loads(found.raw)["a"]
    assert [one.detail for one in found.findings] == [f"{kind} (1 time)"]


NAMED_PLACES = (
    "{b'Authorization': b'Bearer «»'}", "PRIVATE-TOKEN: «»", "-H 'JOB-TOKEN: «»'", "DB_PASS=«»", "export MYSQL_PWD='«»'", "gh auth --token «»", "--db-password=«» x",
    '["--api-key", "«»"]', "curl -u admin:«» https://x.io", 'curl --user "bob:«»" x', "machine x login bob password «»", "machine x\n  login bob\n  password «»\n",
    "Set-Cookie: sessionid=«»; Path=/", "Cookie: theme=dark; connect.sid=s%3A«».x", "{'Cookie': 'PHPSESSID=«»'}", "api_key%3D«»&a=1", "?h=Authorization%3A%20Bearer%20«»",
)  # fmt: skip


@pytest.mark.parametrize("place", NAMED_PLACES)
def test_a_value_is_found_by_what_stands_before_it(place: str):
    text, secret = plant(place.replace("«»", "«Qz{h30}K4»").replace("{b'", "\0").replace("{'", "\1"), random.Random(place))
    text = text.replace("\0", "{b'").replace("\1", "{'")
    found = scrubbed(record_with(text))
    assert secret.encode() not in found.raw
    assert [one.detail.partition(" ")[0] for one in found.findings] == ["authorization" if "uthorization" in place else "assigned_secret"]


@pytest.mark.parametrize("count", [FEW, FEW + 1, 5 * FEW])
def test_any_number_of_values_with_names_is_found_everywhere(count: int):
    rng = random.Random(count)
    secrets = [secret for _ in range(2 * count) if is_random((secret := plant("«Qz{a30}K4»", rng)[1]).encode())][:count]
    secrets.append(secrets[0] + secrets[1])  # begins as another one
    lines = [*[f"my_api_key={secret} again x{secret}" for secret in secrets], f"Authorization: Bearer {secrets[2][:-1]}X"]
    found = scrubbed(json.dumps({"a": "\n".join(lines)}).encode())
    assert [secret for secret in secrets if secret[:24].encode() in found.raw] == []
    assert found.raw.count(b"[masked:") in (2 * len(secrets) + 1, 2 * len(secrets) + 3)  # the long one as one value or as two


def test_the_signature_of_azure_is_found_without_an_address():
    text, secret = plant("SAS='sv=2024&sig=«{a44}%3D»'", random.Random(4))
    assert secret.encode() not in scrubbed(json.dumps({"a": text}).encode()).raw


@pytest.mark.parametrize("signature", ["{a20}/{a10}+{a11}", "{a13}/{a14}/{a14}"])
def test_the_signature_of_an_address_of_azure_may_be_as_it_is(signature: str):
    text, secret = plant(f"https://x.blob.core.windows.net/c?sv=2024&sig=«{signature}=»", random.Random(4))
    assert secret[:13].encode() not in scrubbed(json.dumps({"a": text}).encode()).raw


@pytest.mark.parametrize("kind", ["tavily_key", "gitlab_token", "slack_token"])
def test_a_key_without_a_digit_is_found(kind: str):
    form = {"tavily_key": "«tvly-{l32}»", "gitlab_token": "«glpat-{l20}»", "slack_token": "«xoxp-{l30}»"}[kind]
    text, secret = plant(form, random.Random(kind))
    assert secret.encode() not in scrubbed(json.dumps({"a": text}).encode()).raw


@pytest.mark.parametrize(("before", "after"), [("_", "_"), ("my_", "_end"), ("token", ""), ("MY_KEY", "_x"), ("API_KEY_IS_", "")])
@pytest.mark.parametrize("kind", ["github_token", "jwt", "npm_token", "google_api_key", "stripe_key", "sendgrid_key", "aws_access_key"])
def test_word_signs_beside_a_prefix_do_not_hide_it(kind: str, before: str, after: str):
    text, secret = plant(FORMS[kind], random.Random(kind + before))
    after = "" if kind in ("jwt", "google_api_key", "sendgrid_key") else after  # these may have _ themselves
    assert secret not in scrubbed(json.dumps({"a": f"{before}{text}{after}"}).encode()).raw.decode()


@pytest.mark.parametrize("border", ["_ghp_", "-ghp_", "_hf_", "_sk-"])
def test_a_prefix_in_a_long_random_text_is_no_key(border: str):
    """Such as an encrypted thought, which would be broken."""
    rng = random.Random(border)
    blob = "".join(rng.choices("abcdefgXYZ0123456789", k=90)) + border + "".join(rng.choices("abcdefgXYZ0123456789", k=36)) + "_9"
    raw = json.dumps({"a": blob}).encode()
    assert scrubbed(raw).raw == raw
