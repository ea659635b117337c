"""The kinds of keys and tokens that are known by their form: one row each.

The forms are those that the services document; nothing is asked over a network. A record is searched for a form only where one of its hints
occurs: plain bytes near a long word, or with ^ bytes in the first signs of one. A form that may have a sign other than _ + - among its first signs
needs a plain hint, because a word ends there. All patterns work on JSON as it is logged: a slash may be written as \\/, and a letter before a key may
belong to an escape such as \\n or \\u003c. A search takes linear time.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

# What may stand before a text: no letter or digit, or the end of an escape: \n, \u003c, a backslash.
_BORDERS = rb"(?<![A-Za-z0-9_\\])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\\\)(?![nrtbfu])"
BEGIN = rb"(?:" + _BORDERS + rb")"
# Before a key, also \x22, %22, %2522, =3D, and the colours of a terminal.
_KEY_BORDERS = (
    _BORDERS + rb"|(?<=[%=][0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})"
    rb"|(?<=[\[;][mK])|(?<=[\[;][0-9][mK])|(?<=[\[;][0-9]{2}[mK])|(?<=[\[;][0-9]{3}[mK])"
)
START = rb"(?:" + _KEY_BORDERS + rb")"
# Before the long prefix of a service, also my_ and token. A letter alone is none: a long random text has any four signs somewhere.
PREFIX = rb"(?:" + _KEY_BORDERS + rb"|(?<=_)|(?<=[Tt]oken|TOKEN)|(?<=[Kk]ey|KEY))"
END = rb"(?![A-Za-z0-9])"
SLASH = rb"\\{0,3}/"
BLANK = rb"""(?:[\s"']|\\[nrt"'\\]?|b(?=\\{0,3}["'])|%2[027]){0,8}"""  # also before the bytes of Python: b'Bearer …'
GAP = BLANK + rb"(?:[:=>,]|%3[AaDd]){1,2}" + BLANK  # between a name and its value, also in JSON inside JSON
LONG = 16
WORD_BYTES = bytes(byte if re.match(rb"[A-Za-z0-9_+\-]", bytes([byte])) else 32 for byte in range(256))  # all others become blanks

Check = Callable[[bytes], bool]
_WORDS = re.compile(rb"[A-Z]?[a-z]{4,}|[A-Z]{5,}")


class Kind(NamedTuple):
    """A form. What is masked is the group `secret` of the pattern, or all that it matches; `is_secret` may refuse a match."""

    name: str
    hints: tuple[bytes, ...]  # any of these bytes occurs near a long word
    starts: tuple[bytes, ...]  # or a long word begins with one of these
    pattern: re.Pattern[bytes]
    is_secret: Check


def _any(value: bytes) -> bool:
    return True


def kind_of(name: str, hints: str, pattern: bytes, is_secret: Check = _any, start: bytes | None = None) -> Kind:
    """A kind that is found by a prefix alone may begin after PREFIX, others after START, if `start` says nothing else."""
    each = [hint.encode() for hint in hints.split(" ")]
    plain, starts = tuple(hint for hint in each if hint[:1] != b"^"), tuple(hint[1:] for hint in each if hint[:1] == b"^")
    if start is None:
        start = START if plain else PREFIX
    # The first sign of the key is looked at first: nearly everywhere, it is another one.
    first = rb"(?=%b)" % pattern[:1] if pattern[:1].isalnum() and pattern[1:2] not in b"?*{|" else b""
    return Kind(name, plain, starts, re.compile(first + start + pattern), is_secret)


def _is_generated(value: bytes) -> bool:
    """Whether a value with a known prefix is no placeholder: it has a digit, or letters of both cases in one long part that form no words.

    >>> _is_generated(b"tvly-kQdXsNwbTzPjRvLmCyHgFaEu"), _is_generated(b"glpat-yourPersonalAccessToken"), _is_generated(b"tvly-YOUR-API-KEY-GOES-HERE-now")
    (True, False, False)
    """
    if _has_digit(value):
        return True
    part = max(re.split(rb"[-_.]", value), key=len)
    return len(part) >= 12 and not part.islower() and not part.isupper() and sum(map(len, _WORDS.findall(part))) < 0.6 * len(part)


def _has_digit(value: bytes) -> bool:
    return any(48 <= byte <= 57 for byte in value)


def is_random(value: bytes) -> bool:
    """Whether a value looks generated: letters and digits, and over 3.5 bits for each sign.

    >>> is_random(b"k3Jd82nZp0QxWv71LmTe"), is_random(b"your-api-key-goes-here-1")
    (True, False)
    """
    if not _has_digit(value) or not any(chr(byte).isalpha() for byte in value):
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    words = _WORDS.findall(value)
    plain = [part for part in re.split(rb"[-_.~/+=]", value) if part.isalpha()]
    return bits > 3.5 and sum(map(len, words)) < 0.6 * len(value) and sum(map(len, plain)) < len(value) / 2


_EXAMPLES = (b"password", b"passwd", b"pass", b"pwd", b"secret", b"token", b"example", b"changeme", b"user", b"xxx", b"your", b"foo", b"bar", b"test")


def _is_password(value: bytes) -> bool:
    """Whether this is more than a placeholder in an example, such as user:password@host or user:${PASSWORD}@host."""
    plain = value.lower().strip(b"*<>[]{}$%_-.")
    return len(plain) >= 6 and not re.match(rb"[<$%{*\[]", value) and plain.rstrip(b"0123456789") not in _EXAMPLES and len(set(plain)) > 3


_SIGNATURE = rb"sig=(?P<secret>[A-Za-z0-9%]{43,80}%3[Dd]|(?:[A-Za-z0-9+]|\\{0,3}/){43}=(?!=))"

KINDS = (
    kind_of(
        "private_key",
        "PRIVATE",
        rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:[A-Za-z0-9+/=\s:,.]|\\{1,16}[nrt/]|-(?!----)){60,}+(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----)?",
    ),
    kind_of("aws_access_key", "^AKIA ^ASIA", rb"A[KS]IA[A-Z2-7]{16}" + END),
    kind_of(
        "aws_secret_key",
        "ecret_access_key ECRET_ACCESS_KEY ecretAccessKey aws_secret_key",
        rb"(?:[A-Za-z_]{0,4}[sS]ecret_access_key|(?:AWS_)?SECRET_ACCESS_KEY|[sS]ecretAccessKey|aws_secret_key)"
        + GAP
        + rb"(?P<secret>(?:[A-Za-z0-9+]|\\{0,3}/){40})(?![A-Za-z0-9+/])",
    ),
    kind_of("github_token", "^ghp_ ^gho_ ^ghu_ ^ghs_ ^ghr_", rb"gh[pousr]_[A-Za-z0-9]{36,255}" + END),
    kind_of("github_pat", "^github_pat_", rb"github_pat_[A-Za-z0-9_]{22,255}" + END),
    kind_of("gitlab_token", "^glpat- ^gldt- ^glrt- ^glptt- ^glcbt- ^glsoat-", rb"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_\-]{20,255}", _is_generated),
    kind_of(
        "slack_token",
        "^xoxb- ^xoxp- ^xoxa- xoxe. ^xoxe- ^xoxr- ^xoxs- ^xapp-",
        rb"(?:xox[abeprs][-.]|xapp-)[A-Za-z0-9.\-]{20,255}",
        _is_generated,
        start=PREFIX,
    ),
    kind_of(
        "slack_webhook",
        "hooks.slack.com",
        rb"hooks\.slack\.com" + SLASH + rb"services" + SLASH + rb"(?P<secret>T[A-Z0-9]{6,12}" + SLASH + rb"B[A-Z0-9]{6,12}" + SLASH + rb"[A-Za-z0-9]{20,30})",
    ),
    kind_of("anthropic_key", "^sk-ant-", rb"sk-ant-[A-Za-z0-9_\-]{24,255}", _is_generated),
    kind_of("openai_key", "^sk-", rb"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{32,255}", _is_generated),
    kind_of("openrouter_key", "^sk-or-", rb"sk-or-v1-[0-9a-f]{64}" + END),
    kind_of("sk_key", "^sk-", rb"sk-[A-Za-z0-9]{32,128}(?![A-Za-z0-9_\-])", is_random),  # DeepSeek, Moonshot, old OpenAI keys and others
    kind_of("google_api_key", "^AIza", rb"AIza[A-Za-z0-9_\-]{35}(?![A-Za-z0-9_\-])"),
    kind_of("google_oauth_token", "ya29.", rb"ya29\.[A-Za-z0-9_\-.]{20,2048}", start=PREFIX),
    kind_of("google_oauth_secret", "^GOCSPX-", rb"GOCSPX-[A-Za-z0-9_\-]{28}"),
    kind_of("google_refresh_token", '"1// \\"1// =1// 1\\/\\/', rb"1\\{0,3}/\\{0,3}/0[A-Za-z0-9_\-]{40,255}"),
    kind_of("stripe_key", "^sk_live_ ^sk_test_ ^rk_live_ ^rk_test_", rb"[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}" + END),
    kind_of("stripe_webhook", "whsec_", rb"whsec_[A-Za-z0-9+/=]{24,128}", start=PREFIX),
    kind_of("twilio_key", "^SK0 ^SK1 ^SK2 ^SK3 ^SK4 ^SK5 ^SK6 ^SK7 ^SK8 ^SK9 ^SKa ^SKb ^SKc ^SKd ^SKe ^SKf", rb"SK[0-9a-f]{32}" + END),
    kind_of("sendgrid_key", "SG.", rb"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}", start=PREFIX),
    kind_of("mailgun_key", "^key-", rb"key-[0-9a-f]{32}" + END),
    kind_of("mailchimp_key", "-us", rb"[0-9a-f]{32}-us[0-9]{1,2}" + END),
    kind_of("huggingface_token", "^hf_ ^api_org_", rb"(?:hf_|api_org_)[A-Za-z0-9]{34,40}" + END),
    kind_of("npm_token", "^npm_", rb"npm_[A-Za-z0-9]{36}" + END),
    kind_of("pypi_token", "^pypi-AgE", rb"pypi-AgE[A-Za-z0-9_\-]{50,1024}"),
    kind_of("docker_token", "^dckr_pat_ ^dckr_oat_", rb"dckr_[po]at_[A-Za-z0-9_\-]{24,64}"),
    kind_of("netlify_token", "^nfp_", rb"nfp_[A-Za-z0-9]{36,40}" + END),
    kind_of("digitalocean_token", "^dop_v1_ ^doo_v1_ ^dor_v1_ ^dot_v1_", rb"do[oprt]_v1_[0-9a-f]{64}" + END),
    kind_of("databricks_token", "^dapi", rb"dapi[0-9a-f]{32}(?:-[0-9])?" + END),
    kind_of("azure_storage_key", "AccountKey= SharedAccessKey=", rb"(?:Account|SharedAccess)Key=(?P<secret>(?:[A-Za-z0-9+]|\\{0,3}/){42,90}={1,2})"),
    kind_of("azure_sas", "sig=", _SIGNATURE),
    kind_of("azure_client_secret", "8Q~ 7Q~", rb"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.\-]{31,34}"),
    kind_of("jwt", "^eyJ", rb"eyJ[A-Za-z0-9_\-]{10,4096}\.eyJ[A-Za-z0-9_\-]{10,16384}\.[A-Za-z0-9_\-]{10,1024}"),
    kind_of("telegram_token", ":AA", rb"[0-9]{8,10}:AA[A-Za-z0-9_\-]{32,34}(?![A-Za-z0-9_\-])"),
    kind_of(
        "discord_webhook",
        "webhooks",
        rb"discord(?:app)?\.com" + SLASH + rb"api" + SLASH + rb"webhooks" + SLASH + rb"(?P<secret>[0-9]{15,22}" + SLASH + rb"[A-Za-z0-9_\-]{60,90})",
    ),
    kind_of("discord_token", ".G .X .Y", rb"[MNO][A-Za-z0-9_\-]{22,27}\.[GXY][A-Za-z0-9_\-]{5}\.[A-Za-z0-9_\-]{27,45}(?![A-Za-z0-9_\-])"),
    kind_of("shopify_token", "^shpat_ ^shpca_ ^shppa_ ^shpss_", rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + END),
    kind_of("square_token", "^sq0atp- ^sq0csp- ^EAAA", rb"(?:sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,48}|EAAA[A-Za-z0-9_\-]{60}(?![A-Za-z0-9_\-+/]))"),
    kind_of("linear_key", "^lin_api_", rb"lin_api_[A-Za-z0-9]{40}" + END),
    kind_of("notion_token", "^ntn_ ^secret_", rb"(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})" + END),
    kind_of("figma_token", "^figd_", rb"figd_[A-Za-z0-9_\-]{36,60}"),
    kind_of("vault_token", "hvs. hvb. hvr.", rb"hv[sbr]\.[A-Za-z0-9_\-]{24,300}", start=PREFIX),
    kind_of("terraform_token", ".atlasv1.", rb"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,70}"),
    kind_of("pulumi_token", "^pul-", rb"pul-[0-9a-f]{40}" + END),
    kind_of("grafana_token", "^glsa_ glc_", rb"(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/]{32,400}={0,2})", start=PREFIX),
    kind_of("newrelic_key", "^NRAK- ^NRJS-", rb"NR(?:AK|JS)-[A-Za-z0-9]{19,32}" + END),
    kind_of("sentry_token", "sntrys_ sntryu_", rb"sntry[su]_[A-Za-z0-9+/=_\-]{40,400}", start=PREFIX),
    kind_of("planetscale_token", "pscale_", rb"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.\-=]{32,64}", start=PREFIX),
    kind_of("postman_key", "^PMAK-", rb"PMAK-[0-9a-f]{24}-[0-9a-f]{34}" + END),
    kind_of("airtable_token", "^pat", rb"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}" + END),
    kind_of("groq_key", "^gsk_", rb"gsk_[A-Za-z0-9]{48,56}" + END),
    kind_of("xai_key", "^xai-", rb"xai-[A-Za-z0-9]{60,90}" + END),
    kind_of("replicate_token", "^r8_", rb"r8_[A-Za-z0-9]{37}" + END),
    kind_of("perplexity_key", "^pplx-", rb"pplx-[A-Za-z0-9]{40,60}" + END),
    kind_of("nvidia_key", "^nvapi-", rb"nvapi-[A-Za-z0-9_\-]{60,80}"),
    kind_of("langsmith_key", "^lsv2_ ^ls__", rb"(?:lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|ls__[0-9a-f]{32})" + END),
    kind_of("tavily_key", "^tvly-", rb"tvly-[A-Za-z0-9\-]{24,60}", _is_generated),
    kind_of("dropbox_token", "sl.", rb"sl\.(?:u\.)?[A-Za-z0-9_\-]{60,2048}"),
    kind_of("atlassian_token", "^ATATT3", rb"ATATT3[A-Za-z0-9_\-=]{60,300}"),
    kind_of("age_key", "^AGE-SECRET-KEY-", rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
)
# Parts of addresses; they may have no long word. A password in one; the second form has escaped slashes. A signature of Azure without a
# long word is only looked for where there is an address.
URLS = (
    *(
        kind_of(
            "url_password",
            slashes,
            re.escape(slashes.encode()) + rb"""[^\s/:@"'<>\\]{0,64}:(?P<secret>[^\s/:@"'<>\\]{3,128})@(?=[A-Za-z0-9\[])""",
            _is_password,
            b"",
        )
        for slashes in ("://", ":\\/\\/")
    ),
    kind_of("azure_sas", "^sig=", _SIGNATURE, start=START),
)
# The end of what stands before a value whose name says that it is a secret; `head` is the beginning of the value. With no sign between them: the
# options --token and -u user:, and `login … password` of a .netrc. In a cookie, the name of the part says it.
_SPACES = rb"(?:\s|\\{1,4}[nrt]){1,4}"
NAMED = re.compile(
    rb"(?i:(?:(?P<authorization>authorization|x-api-key|api-key)|api_?key|(?:secret|access|private)[_\-]?key"
    rb"|(?:access|auth|refresh|bearer|session|bot|api|private|job|deploy)[_\-]?token|client[_\-]?secret|passw(?:or)?d|passphrase|secret|_(?:pass|pwd))"
    + GAP
    + rb"(?:(?:bearer|basic|token)(?:\s|%20){1,3})?"
    rb"|(?<![\w\-])--(?:[a-z]{1,12}-){0,2}(?:token|password|passwd|secret|(?:api|access)-key)(?:[\s\"',=]|\\[nrt\"'\\]?){1,8}(?![/.~])"
    rb"|(?<![\w\-])(?:-u|--user)(?:[\s\"',=]|\\[\"']?){0,8}[^\s:\"'\\]{1,64}:(?!\\{0,3}/)"
    rb"|\blogin"
    + _SPACES
    + rb"[^\s\"'\\]{1,64}"
    + _SPACES
    + rb"password"
    + _SPACES
    + rb"|cookie"
    + GAP
    + rb"[^\r\n\"'\\]{0,90}?(?:sess|sid|auth|token|jwt)[\w\-]{0,16}=(?:s%3A)?"
    rb")(?P<head>[A-Za-z0-9_+/~.\-]{0,64})\Z"
)
# one of them, in small letters, is in every name
NAMED_HINTS = (b"key", b"secret", b"token", b"pass", b"authorization", b"_pwd", b"cookie", b"-u")
NAMED_BYTES = 128  # are looked at before a value
VALUE = re.compile(rb"[A-Za-z0-9_+/~.\-]{16,2048}={0,2}")
NAMES = ("authorization", "assigned_secret")
