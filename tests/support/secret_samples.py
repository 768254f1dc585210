"""Texts that are shaped like keys and tokens, made anew from a seed: none is one, and none stands in a file."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

HEX = "0123456789abcdef"
WORD = string.ascii_letters + string.digits
URL64 = WORD + "-_"
UPPER = string.ascii_uppercase + string.digits
BASE32 = string.ascii_uppercase + "234567"
BECH32 = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

Maker = Callable[[random.Random], str]


def of(alphabet: str, length: int) -> Maker:
    """Makes texts of letters chosen at random."""
    return lambda chance: "".join(chance.choice(alphabet) for _ in range(length))


def row(*parts: str | Maker) -> Maker:
    """Makes one part after the other. Heads are given in pieces, so that no scanner takes this file for a leak."""
    return lambda chance: "".join(part if isinstance(part, str) else part(chance) for part in parts)


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _web_token(chance: random.Random) -> str:
    header = {"alg": chance.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    payload = {"sub": of(HEX, 24)(chance), "iat": 1_700_000_000 + chance.randrange(9_000_000)}
    return f"{_encoded(header)}.{_encoded(payload)}.{of(URL64, 43)(chance)}"


def _private_key(chance: random.Random) -> str:
    kind = chance.choice(["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "])
    lines = [of(WORD + "+/", 64)(chance) for _ in range(chance.randrange(3, 26))]
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}", *lines, f"{dashes}END {kind}PRIVATE KEY{dashes}"])


def _bot_token(chance: random.Random) -> str:
    number = base64.urlsafe_b64encode(of("123456789", 18)(chance).encode()).decode().rstrip("=")
    return f"{number}.{of(URL64, 6)(chance)}.{of(URL64, 38)(chance)}"


def uuid(chance: random.Random) -> str:
    """A UUID."""
    return "-".join(of(HEX, length)(chance) for length in (8, 4, 4, 4, 12))


def _docker(chance: random.Random) -> str:
    return f'"auth": "{base64.b64encode(f"bob:{of(WORD, 20)(chance)}".encode()).decode()}"'


KINDS: dict[str, tuple[str, Maker]] = {
    "aws id": ("AWS access key id", row("AK" + "IA", of(BASE32, 16))),
    "aws temporary id": ("AWS access key id", row("AS" + "IA", of(BASE32, 16))),
    "github classic": ("GitHub token", row("gh" + "p_", of(WORD, 36))),
    "github oauth": ("GitHub token", row("gh" + "o_", of(WORD, 36))),
    "github server": ("GitHub token", row("gh" + "s_", of(WORD, 36))),
    "github fine-grained": ("GitHub token", row("github" + "_pat_", of(WORD, 22), "_", of(WORD, 59))),
    "gitlab": ("GitLab token", row("gl" + "pat-", of(URL64, 20))),
    "gitlab routable": ("GitLab token", row("gl" + "pat-", of(URL64, 27), ".01.", of(HEX, 9))),
    "gitlab runner": ("GitLab token", row("gl" + "rt-", of(URL64, 20))),
    "slack bot": ("Slack token", row("xo" + "xb-", of("123456789", 12), "-", of("123456789", 13), "-", of(WORD, 24))),
    "slack user": (
        "Slack token",
        row("xo" + "xp-", *(part for _ in range(3) for part in (of("123456789", 12), "-")), of(HEX, 32)),
    ),
    "slack app": ("Slack token", row("xa" + "pp-1-A", of(UPPER, 10), "-", of("123456789", 13), "-", of(HEX, 64))),
    "slack webhook": (
        "Slack webhook",
        row("https://hooks." + "slack.com/services/T", of(UPPER, 10), "/B", of(UPPER, 10), "/", of(WORD, 24)),
    ),
    "stripe live": ("Stripe key", row("sk_" + "live_", of(WORD, 24))),
    "stripe long": ("Stripe key", row("sk_" + "live_51", of(WORD, 97))),
    "stripe restricted": ("Stripe key", row("rk_" + "live_", of(WORD, 24))),
    "google api": ("Google API key", row("AI" + "za", of(URL64, 35))),
    "google oauth": ("Google OAuth client secret", row("GOC" + "SPX-", of(URL64, 28))),
    "openai old": ("OpenAI key", row("s" + "k-", of(WORD, 20), "T3Blbk" + "FJ", of(WORD, 20))),
    "openai project": ("OpenAI key", row("s" + "k-proj-", of(URL64, 74), "T3Blbk" + "FJ", of(URL64, 74))),
    "anthropic": ("Anthropic key", row("sk-" + "ant-api03-", of(URL64, 93), "AA")),
    "openrouter": ("OpenRouter key", row("sk-" + "or-v1-", of(HEX, 64))),
    "hugging face": ("Hugging Face token", row("h" + "f_", of(string.ascii_letters, 34))),
    "npm": ("npm token", row("np" + "m_", of(WORD, 36))),
    "pypi": ("PyPI token", row("py" + "pi-AgEIcHlwaS5vcmc", of(URL64, 140))),
    "sendgrid": ("SendGrid key", row("S" + "G.", of(URL64, 22), ".", of(URL64, 43))),
    "twilio": ("Twilio key", row("S" + "K", of(HEX, 32))),
    "telegram": ("Telegram bot token", row(of("123456789", 10), ":A" + "A", of(URL64, 33))),
    "web token": ("JSON web token", _web_token),
    "private key": ("private key", _private_key),
    "age": ("age secret key", row("AGE-SECRET" + "-KEY-1", of(BECH32, 58))),
    "azure storage": (
        "Azure key",
        row("DefaultEndpointsProtocol=https;AccountName=notes;Account" + "Key=", of(WORD + "+/", 86), "=="),
    ),
    "azure bus": (
        "Azure key",
        row("Endpoint=sb://notes.servicebus.windows.net/;SharedAccess" + "Key=", of(WORD + "+/", 43), "="),
    ),
    "azure client": ("Azure client secret", row(of(WORD, 3), "8Q" + "~", of(URL64, 34))),
    "digitalocean": ("DigitalOcean token", row("do" + "p_v1_", of(HEX, 64))),
    "databricks": ("Databricks token", row("da" + "pi", of(HEX, 32))),
    "vault": ("Vault token", row("hv" + "s.", of(URL64, 90))),
    "discord bot": ("Discord bot token", _bot_token),
    "discord webhook": (
        "Discord webhook",
        row("https://" + "discord.com/api/webhooks/", of("123456789", 18), "/", of(URL64, 68)),
    ),
    "shopify": ("Shopify token", row("sh" + "pat_", of(HEX, 32))),
    "mailgun": ("Mailgun key", row("ke" + "y-", of(HEX, 32))),
    "mailchimp": ("Mailchimp key", row(of(HEX, 32), "-u" + "s14")),
    "heroku": ("Heroku key", row("HR" + "KU-AA", of(URL64, 58))),
    "docker": ("Docker token", row("dckr" + "_pat_", of(URL64, 27))),
    "terraform": ("Terraform token", row(of(WORD, 14), ".atlas" + "v1.", of(URL64, 67))),
    "grafana": ("Grafana token", row("gl" + "sa_", of(WORD, 32), "_", of(HEX, 8))),
    "linear": ("Linear key", row("lin" + "_api_", of(WORD, 40))),
    "notion": ("Notion token", row("nt" + "n_", of(WORD, 46))),
    "airtable": ("Airtable token", row("pa" + "t", of(WORD, 14), ".", of(HEX, 64))),
    "address": ("password in an address", row("postgresql://app:", of(WORD, 16), "@db.internal.corp:5432/notes")),
    "redis address": ("password in an address", row("redis://:", of(WORD, 24), "@cache.internal.corp:6379/0")),
    "quoted password": ("password", row('password = "', of(WORD, 20), '"')),
    "environment": ("password", row("export DB_PASSWORD=", of(WORD, 24))),
    "yaml secret": ("secret", row("client_secret: ", of(WORD, 40))),
    "json token": ("token", row('"access_token": "', of(URL64, 48), '"')),
    "bearer": ("token", row("Authorization: Bearer ", of(URL64, 40))),
    "aws secret": ("AWS secret access key", row("aws_secret_access_key = ", of(WORD + "+/", 40))),
    "bedrock": ("AWS Bedrock key", row("AB" + "SKQmVkcm9ja0FQSUtleS", of(WORD + "+/", 110))),
    "gitlab registration": ("GitLab token", row("GR" + "1348941", of(URL64, 20))),
    "gitlab feature flags": ("GitLab token", row("glf" + "fct-", of(URL64, 20))),
    "slack browser": (
        "Slack token",
        row("xo" + "xc-", of("123456789", 12), "-", of("123456789", 12), "-", of("123456789", 13), "-", of(HEX, 64)),
    ),
    "slack cookie": ("Slack token", row("xo" + "xd-", of(WORD, 30), "%2B", of(WORD, 40), "%3D%3D")),
    "google refresh": ("Google refresh token", row("1/" + "/0", of(URL64, 100))),
    "gemini": ("Google API key", row("AQ" + ".Ab8RN6", of(URL64, 44))),
    "langfuse": ("Langfuse key", row("sk-" + "lf-", uuid)),
    "nvidia": ("NVIDIA key", row("nv" + "api-", of(URL64, 64))),
    "cerebras": ("Cerebras key", row("cs" + "k-", of(string.ascii_lowercase + string.digits, 48))),
    "fireworks": ("Fireworks key", row("f" + "w_", of(WORD, 24))),
    "elevenlabs": ("ElevenLabs key", row("s" + "k_", of(HEX, 48))),
    "pinecone": ("Pinecone key", row("pc" + "sk_", of(WORD, 6), "_", of(WORD, 62))),
    "tavily": ("Tavily key", row("tv" + "ly-dev-", of(WORD, 32))),
    "jina": ("Jina key", row("ji" + "na_", of(HEX, 32), of(URL64, 28))),
    "voyage": ("Voyage key", row("p" + "a-", of(URL64, 43))),
    "neon": ("Neon key", row("na" + "pi_", of(string.ascii_lowercase + string.digits, 64))),
    "vercel": ("Vercel token", row("vc" + "p_", of(WORD, 56))),
    "render": ("Render key", row("rn" + "d_", of(WORD, 28))),
    "square": ("Square token", row("EA" + "AA", of(URL64, 60))),
    "facebook": ("Facebook token", row("EA" + "AG", of(WORD, 150))),
    "resend": ("Resend key", row("r" + "e_", of(WORD, 8), "_", of(WORD, 24))),
    "openshift": ("OpenShift token", row("sha" + "256~", of(URL64, 43))),
    "cloudflare": ("Cloudflare token", row("cf" + "ut_", of(WORD, 40), of(HEX, 8))),
    "ntfy": ("ntfy token", row("t" + "k_", of(string.ascii_lowercase + string.digits, 29))),
    "azure devops": ("Azure DevOps token", row(of(WORD, 76), "AZ" + "DO", of(WORD, 4))),
    "azure search": ("Azure key", row(of(WORD, 42), "Az" + "SeB", of(WORD, 5))),
    "key without armour": ("private key", row("MII" + "EvQIBADANBgkqhkiG9w0BAQEFAASC", of(WORD + "+/", 1600), "==")),
    "azure signature": (
        "Azure signature",
        row("https://notes.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig=", of(WORD, 41), "%2B", of(WORD, 1), "%3D"),
    ),
    "token of an address": ("token in an address", row("https://", of(WORD, 40), "@git.internal.corp/notes.git")),
    "short name": ("password", row("DB_PASS=", of(WORD, 20))),
    "network": ("password", row("psk='", of(WORD, 20), "'")),
    "bold": ("password", row("Password: **", of(WORD, 20), "**")),
    "bold name": ("password", row("**Password:** ", of(WORD, 20))),
    "sentence": ("password", row("the password is ", of(WORD, 20))),
    "escaped json": ("password", row(r"\"password\": \"", of(WORD, 20), r"\"")),
    "xml": ("password", row("<password>", of(WORD, 20), "</password>")),
    "abroad": ("password", row("Пароль: ", of(WORD, 20))),
    "curl": ("password", row("curl -u bob:", of(WORD, 20), " https://api.internal.corp")),
    "mysql": ("password", row("mysql -u bob -p", of(WORD, 20), " notes")),
    "docker login": ("password", _docker),
    "uuid": ("API key", row("HEROKU_API_KEY=", uuid)),
    "encoded": ("GitHub token", row("next=%2Fx%3Ftoken%3Dgh" + "p_", of(WORD, 36))),
    "brackets": ("password", row('password: "', of(WORD + "(){}[]|!^", 24), '"')),
    "slash": ("AWS secret access key", row("AWS_SECRET_ACCESS_KEY=/", of(WORD + "+/", 39))),
    "api key": ("API key", row("X-Api-Key: ", of(HEX, 40))),
}
"""What each is called, and who makes one."""

AROUND = (
    "{}",
    "run it with {} and it works",
    "```sh\ncurl -H 'X: {}' https://api.host.dev\n```",
    "first line\nTOKEN: {}\nlast line",
    "see `{}`.",
    '{{"value": "{}"}}',
    "({})",
    "deploy --with={}",
    "ключ: {} 鍵",
)
"""Texts in which one stands."""
