"""Made-up keys, tokens and personal data in the forms of the services. They are put together here, so that no scanner takes them for real ones."""

from __future__ import annotations

import random
import re
import string

SETS = {
    "a": string.ascii_letters + string.digits,
    "l": string.ascii_letters,
    "h": string.digits + "abcdef",
    "d": string.digits,
    "u": string.ascii_uppercase + string.digits,
    "b": string.ascii_uppercase + "234567",
    "w": string.ascii_letters + string.digits + "_-",
    "s": string.ascii_letters + string.digits + "+/",
}
# {a36} stands for 36 random signs of set a. What is in « » is the secret.
FORMS = {
    "aws_access_key": "«AKIA{b16}»",
    "aws_secret_key": "aws_secret_access_key = «{s40}»",
    "github_token": "«ghp_{a36}»",
    "github_pat": "«github_pat_{a22}_{a59}»",
    "gitlab_token": "«glpat-{a19}7»",
    "slack_token": "«xoxb-{d12}-{d12}-{a24}»",
    "slack_webhook": "https://hooks.slack.com/services/«T{u10}/B{u10}/{a24}»",
    "anthropic_key": "«sk-ant-api03-{w94}9A»",
    "openai_key": "«sk-proj-{w60}T3BlbkFJ{a60}1»",
    "openrouter_key": "«sk-or-v1-{h64}»",
    "sk_key": "«sk-{a48}»",
    "google_api_key": "«AIza{a35}»",
    "google_oauth_token": "«ya29.{w120}»",
    "google_oauth_secret": "«GOCSPX-{w28}»",
    "stripe_key": "«sk_live_{a24}»",
    "stripe_webhook": "«whsec_{a32}»",
    "twilio_key": "«SK{h32}»",
    "sendgrid_key": "«SG.{w22}.{w43}»",
    "mailgun_key": "«key-{h32}»",
    "mailchimp_key": "«{h32}-us14»",
    "huggingface_token": "«hf_{l34}»",
    "npm_token": "«npm_{a36}»",
    "netlify_token": "«nfp_{a36}»",
    "pypi_token": "«pypi-AgEIcHlwaS5vcmc{w120}»",
    "docker_token": "«dckr_pat_{w27}»",
    "digitalocean_token": "«dop_v1_{h64}»",
    "databricks_token": "«dapi{h32}»",
    "azure_storage_key": "AccountName=x;AccountKey=«{s86}==»;EndpointSuffix=core",
    "azure_sas": "https://x.blob.core.windows.net/c?sv=2024&sig=«{a44}%3D»&se=1",
    "azure_client_secret": "«{a3}8Q~{a34}»",
    "jwt": "«eyJ{w40}.eyJ{w80}.{w43}»",
    "telegram_token": "«{d10}:AA{w33}»",
    "discord_webhook": "https://discord.com/api/webhooks/«{d18}/{w68}»",
    "discord_token": "«M{w23}.G{w5}.{w38}»",
    "shopify_token": "«shpat_{h32}»",
    "square_token": "«sq0atp-{w22}»",
    "linear_key": "«lin_api_{a40}»",
    "notion_token": "«ntn_{a46}»",
    "figma_token": "«figd_{w40}»",
    "vault_token": "«hvs.{w90}»",
    "terraform_token": "«{a14}.atlasv1.{w67}»",
    "pulumi_token": "«pul-{h40}»",
    "grafana_token": "«glsa_{a32}_{h8}»",
    "newrelic_key": "«NRAK-{u27}»",
    "sentry_token": "«sntrys_{s120}»",
    "planetscale_token": "«pscale_tkn_{a43}»",
    "postman_key": "«PMAK-{h24}-{h34}»",
    "airtable_token": "«pat{a14}.{h64}»",
    "groq_key": "«gsk_{a52}»",
    "xai_key": "«xai-{a80}»",
    "replicate_token": "«r8_{a37}»",
    "perplexity_key": "«pplx-{a48}»",
    "nvidia_key": "«nvapi-{w64}»",
    "langsmith_key": "«lsv2_pt_{h32}_{h10}»",
    "tavily_key": "«tvly-dev-{a32}»",
    "dropbox_token": "«sl.{w130}»",
    "atlassian_token": "«ATATT3xFfGF0{w180}»",
    "google_refresh_token": "refresh_token=«1//0{w90}»",
    "age_key": "«AGE-SECRET-KEY-1" + ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2)[:58] + "»",
    "url_password": "postgresql://app:«k{a14}7»@db.internal:5432/prod",
    "authorization": "curl -H 'Authorization: Bearer «q{a38}4»' https://x.io",
    "assigned_secret": 'MY_SERVICE_API_KEY="«{a38}4k»"',
    "private_key": "«-----BEGIN RSA PRIVATE KEY-----\n{s64}\n{s64}\n{s40}==\n-----END RSA PRIVATE KEY-----»",
}
PERSONAL_FORMS = {
    "email": "«jane.{l8}@{l10}.co.uk»",
    "phone": "«+49 170 {d4} {d3}» now",
    "us_ssn": "«123-45-6789»",
    "card": "«4111 1111 1111 1111»",
    "iban": "«DE89 3704 0044 0532 0130 00» please",
}


def plant(form: str, rng: random.Random) -> tuple[str, str]:
    """(a text with the secret, the secret)."""
    text = re.sub(r"\{([a-z])(\d+)\}", lambda found: "".join(rng.choices(SETS[found[1]], k=int(found[2]))), form)
    secret = text[text.index("«") + 1 : text.index("»")]
    return text.replace("«", "").replace("»", ""), secret
