"""The table of what keys and tokens look like: one line a shape, each with who publishes it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = "[A-Za-z0-9]"
_URL64 = "[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_UUID = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_KEY64 = r"[A-Za-z0-9+/]{30,8000}(?:\r?\n[A-Za-z0-9+/]{16,76}){0,120}={0,2}"
_MIXED = "(?=[A-Za-z_-]{0,60}[0-9])(?=[a-z0-9_-]{0,60}[A-Z])"
"""A digit and a capital, where a head is short enough to begin a name."""

_DIGIT = "(?=[a-z]{0,60}[0-9])"


@dataclass(frozen=True, slots=True)
class Shape:
    """What tokens of one kind look like.

    Attributes:
        kind: What it is called, in a sentence: "GitHub token".
        heads: How it begins, letter by letter; only where one of these stands the rest is looked at.
        rest: What follows, as a regular expression in which everything repeated has a bound.
        source: Who says that it looks so.
        within: What stands in it, where it has no head.
    """

    kind: str
    heads: tuple[str, ...]
    rest: str
    source: str
    within: str = ""


SHAPES = (
    Shape("AWS access key id", ("AKIA", "ASIA", "ABIA", "ACCA"), "[A-Z2-7]{16}", "AWS IAM guide: unique identifiers"),
    Shape("AWS Bedrock key", ("ABSK",), "[A-Za-z0-9+/]{109,269}={0,2}", "AWS Bedrock guide: API keys"),
    Shape(
        "AWS Bedrock key",
        ("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t",),
        r"[A-Za-z0-9+/=_.%-]{0,4000}",
        "AWS Bedrock guide: short-term API keys",
    ),
    Shape("Alibaba Cloud key id", ("LTAI",), f"{_MIXED}{_WORD}{{20}}", "Alibaba Cloud docs: AccessKey pair"),
    Shape("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), f"{_WORD}{{36,255}}", "GitHub docs: token formats"),
    Shape("GitHub token", ("github_pat_",), "[A-Za-z0-9_]{50,255}", "GitHub docs: token formats"),
    Shape(
        "GitLab token",
        (
            *("glpat-", "gldt-", "glrt-", "glrtr-", "glptt-", "glft-", "glffct-", "glsoat-", "glcbt-", "glimt-"),
            *("glagent-", "gloas-", "glwt-", "GR1348941"),
        ),
        r"[A-Za-z0-9_-]{20,300}(?:\.[A-Za-z0-9_.-]{1,40})?",
        "GitLab docs: token overview, prefixes",
    ),
    Shape(
        "Slack token",
        ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxc-"),
        r"(?:\d+-){1,3}[A-Za-z0-9-]{20,250}",
        "Slack docs: token types; that of a browser",
    ),
    Shape("Slack token", ("xoxd-",), "(?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}){40,400}", "Slack: cookie of a browser"),
    Shape("Slack token", ("xoxe.", "xoxe-"), r"(?:xox[bp]-)?\d-[A-Za-z0-9-]{40,500}", "Slack docs: token rotation"),
    Shape("Slack token", ("xapp-",), r"\d-[A-Z0-9]{6,20}-\d{6,20}-[a-f0-9]{40,80}", "Slack docs: token types"),
    Shape(
        "Stripe key",
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "sk_org_"),
        f"{_WORD}{{16,255}}",
        "Stripe docs: API keys",
    ),
    Shape("Stripe webhook secret", ("whsec_",), "[A-Za-z0-9+/=]{24,100}", "Stripe docs: webhook signatures"),
    Shape("Google API key", ("AIza",), f"{_URL64}{{35}}", "Google Cloud docs: API keys"),
    Shape("Google API key", ("AQ.Ab8RN6",), f"{_URL64}{{40,60}}", "Google AI Studio: authorization keys"),
    Shape("Google refresh token", ("1//0",), f"{_URL64}{{60,250}}", "Google identity docs: OAuth 2.0"),
    Shape("Google OAuth client secret", ("GOCSPX-",), f"{_URL64}{{28}}", "Google Cloud console"),
    Shape("Google access token", ("ya29.",), f"{_URL64}{{30,2000}}", "Google identity docs: OAuth 2.0"),
    Shape("Anthropic key", ("sk-ant-",), rf"[a-z]{{2,8}}\d\d-{_URL64}{{40,300}}", "Anthropic console"),
    Shape(
        "OpenAI key",
        ("sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"),
        f"{_URL64}{{40,300}}",
        "OpenAI platform docs",
    ),
    Shape("OpenRouter key", ("sk-or-v1-",), f"{_HEX}{{64}}", "OpenRouter docs"),
    Shape("LangSmith key", ("lsv2_pt_", "lsv2_sk_"), f"{_HEX}{{32}}_{_HEX}{{10}}", "LangSmith docs"),
    Shape("Langfuse key", ("sk-lf-",), _UUID, "Langfuse docs: API keys"),
    Shape("OpenAI key", ("sk-",), f"{_WORD}{{32,64}}", "OpenAI platform docs; others of its form"),
    Shape("Hugging Face token", ("hf_", "api_org_"), f"{_WORD}{{34,40}}", "Hugging Face docs: access tokens"),
    Shape("Groq key", ("gsk_",), f"{_WORD}{{52}}", "Groq console"),
    Shape("xAI key", ("xai-",), f"{_WORD}{{80}}", "xAI docs"),
    Shape("Perplexity key", ("pplx-",), f"{_WORD}{{48}}", "Perplexity docs"),
    Shape("Replicate token", ("r8_",), f"{_WORD}{{37}}", "Replicate docs"),
    Shape("NVIDIA key", ("nvapi-",), f"{_URL64}{{60,70}}", "NVIDIA NGC guide: API keys"),
    Shape("Cerebras key", ("csk-",), "[a-z0-9]{48}", "Cerebras docs"),
    Shape("Fireworks key", ("fw_",), f"{_MIXED}{_WORD}{{22,24}}", "Fireworks docs"),
    Shape("Together key", ("tgp_v1_",), f"{_URL64}{{43}}", "Together docs"),
    Shape("ElevenLabs key", ("sk_",), f"{_HEX}{{48}}", "ElevenLabs docs"),
    Shape("Pinecone key", ("pcsk_",), f"{_WORD}{{4,8}}_{_WORD}{{50,70}}", "Pinecone docs: API keys"),
    Shape("Tavily key", ("tvly-",), f"(?:dev-|prod-)?{_MIXED}[A-Za-z0-9-]{{32,60}}", "Tavily docs"),
    Shape("Jina key", ("jina_",), f"{_HEX}{{32}}{_URL64}{{24,32}}", "Jina docs"),
    Shape("Voyage key", ("pa-",), f"{_MIXED}{_URL64}{{43}}", "Voyage docs"),
    Shape("LlamaCloud key", ("llx-",), f"{_MIXED}{_WORD}{{48,64}}", "LlamaIndex docs"),
    Shape("Firecrawl key", ("fc-",), f"{_HEX}{{32}}", "Firecrawl docs"),
    Shape("Apify token", ("apify_api_",), f"{_WORD}{{34,40}}", "Apify docs"),
    Shape("Weights & Biases key", ("wandb_v1_",), "[A-Za-z0-9_]{60,90}", "Weights & Biases docs"),
    Shape("npm token", ("npm_",), f"{_WORD}{{36}}", "GitHub blog: npm token format"),
    Shape(
        "PyPI token",
        ("pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZ"),
        f"{_URL64}{{50,1000}}",
        "PyPI: token scanning",
    ),
    Shape("RubyGems key", ("rubygems_",), f"{_HEX}{{48}}", "RubyGems guides"),
    Shape("crates.io token", ("cio",), f"{_WORD}{{32}}", "crates.io: token format"),
    Shape("NuGet key", ("oy2",), "[a-z0-9]{43}", "NuGet docs"),
    Shape("Artifactory key", ("AKCp",), f"{_WORD}{{69}}", "JFrog docs"),
    Shape("Artifactory token", ("cmVmd",), f"{_WORD}{{59}}", "JFrog docs: reference tokens"),
    Shape("Clojars token", ("CLOJARS_",), "[a-z0-9]{60}", "Clojars wiki: deploy tokens"),
    Shape("Docker token", ("dckr_pat_", "dckr_oat_"), f"{_URL64}{{27,40}}", "Docker docs: access tokens"),
    Shape("SendGrid key", ("SG.",), rf"{_URL64}{{22}}\.{_URL64}{{43}}", "SendGrid docs: API keys"),
    Shape("Twilio key", ("SK",), f"{_HEX}{{32}}", "Twilio docs: API keys"),
    Shape("Mailgun key", ("key-",), f"{_HEX}{{32}}", "Mailgun docs"),
    Shape("Brevo key", ("xkeysib-", "xsmtpsib-"), f"{_HEX}{{64}}-{_WORD}{{16}}", "Brevo docs"),
    Shape("Resend key", ("re_",), f"{_MIXED}{_WORD}{{8}}_{_WORD}{{24}}", "Resend docs"),
    Shape("age secret key", ("AGE-SECRET-KEY-1",), "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "age: format"),
    Shape(
        "age secret key",
        ("AGE-PLUGIN-",),
        r"[A-Z0-9]{1,20}-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{20,200}",
        "age: plugins",
    ),
    Shape("DigitalOcean token", ("dop_v1_", "doo_v1_", "dor_v1_"), f"{_HEX}{{64}}", "DigitalOcean docs"),
    Shape("Databricks token", ("dapi",), rf"{_HEX}{{32}}(?:-\d)?", "Databricks docs"),
    Shape("Vault token", ("hvs.", "hvb.", "hvr."), f"{_URL64}{{24,300}}", "HashiCorp Vault docs: token prefixes"),
    Shape("Shopify token", ("shpat_", "shpca_", "shppa_", "shpss_", "shptka_"), "[0-9a-fA-F]{32}", "Shopify docs"),
    Shape("Heroku key", ("HRKU-",), f"{_URL64}{{36,70}}", "Heroku docs: API key format"),
    Shape("Linear key", ("lin_api_", "lin_oauth_"), f"{_WORD}{{40,64}}", "Linear docs"),
    Shape("Notion token", ("ntn_",), f"{_WORD}{{40,60}}", "Notion docs"),
    Shape("Notion token", ("secret_",), f"{_WORD}{{43}}", "Notion docs"),
    Shape("Figma token", ("figd_", "figu_"), f"{_URL64}{{40,60}}", "Figma docs"),
    Shape("Postman key", ("PMAK-",), f"{_HEX}{{24}}-{_HEX}{{34}}", "Postman docs"),
    Shape("Airtable token", ("pat",), rf"{_WORD}{{14}}\.{_HEX}{{64}}", "Airtable docs"),
    Shape(
        "Atlassian token", ("ATATT3", "ATCTT3", "ATBB"), r"[A-Za-z0-9_\-=]{24,300}", "Atlassian docs: secret scanning"
    ),
    Shape("Grafana token", ("glsa_",), f"{_WORD}{{32}}_[0-9A-Fa-f]{{8}}", "Grafana docs"),
    Shape("Grafana token", ("glc_eyJ",), "[A-Za-z0-9+/]{40,400}={0,2}", "Grafana docs"),
    Shape("New Relic key", ("NRAK-",), "[A-Z0-9]{27}", "New Relic docs"),
    Shape("Sentry token", ("sntryu_",), f"{_HEX}{{64}}", "Sentry docs"),
    Shape("Sentry token", ("sntrys_eyJ",), "[A-Za-z0-9+/=_-]{80,500}", "Sentry docs"),
    Shape("Supabase key", ("sbp_",), f"{_HEX}{{40}}", "Supabase docs"),
    Shape("Supabase key", ("sb_secret_",), f"{_URL64}{{30,60}}", "Supabase docs"),
    Shape("Pulumi token", ("pul-",), f"{_HEX}{{40}}", "Pulumi docs"),
    Shape(
        "PlanetScale secret",
        ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"),
        r"[A-Za-z0-9_.=-]{32,64}",
        "PlanetScale docs",
    ),
    Shape(
        "Tailscale key", ("tskey-",), rf"[a-z]{{2,12}}-{_WORD}{{8,24}}-{_WORD}{{20,64}}", "Tailscale docs: key prefixes"
    ),
    Shape(
        "Doppler token",
        ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."),
        r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
        "Doppler docs",
    ),
    Shape("Dropbox token", ("sl.",), r"(?:u\.)?[A-Za-z0-9_-]{130,2000}", "Dropbox docs"),
    Shape("Square token", ("sq0atp-", "sq0csp-"), f"{_URL64}{{22,43}}", "Square docs"),
    Shape("Square token", ("EAAA",), f"{_MIXED}{_URL64}{{60}}", "Square docs"),
    Shape("Facebook token", ("EAA",), f"[A-Z]{_WORD}{{99,300}}", "Meta docs: access tokens"),
    Shape("Netlify token", ("nfp_", "nfc_", "nfo_", "nfu_"), f"{_WORD}{{36}}", "Netlify docs"),
    Shape("Vercel token", ("vcp_", "vci_", "vca_", "vcr_", "vck_"), f"{_WORD}{{50,64}}", "Vercel docs: token formats"),
    Shape("Render key", ("rnd_",), f"{_MIXED}{_WORD}{{28,32}}", "Render docs"),
    Shape("Neon key", ("napi_",), f"{_DIGIT}[a-z0-9]{{64}}", "Neon docs: API keys"),
    Shape("ntfy token", ("tk_",), f"{_DIGIT}[a-z0-9]{{29}}", "ntfy docs: access tokens"),
    Shape("Sourcegraph token", ("sgp_",), f"(?:(?:{_HEX}{{16}}|local)_)?{_HEX}{{40}}", "Sourcegraph docs"),
    Shape("SonarQube token", ("squ_", "sqp_", "sqa_"), f"{_HEX}{{40}}", "SonarQube docs: tokens"),
    Shape("OpenShift token", ("sha256~",), f"{_MIXED}{_URL64}{{43}}", "OpenShift docs: OAuth tokens"),
    Shape("Dynatrace token", ("dt0c01.", "dt0s16."), r"[A-Z0-9]{8,24}\.[A-Z0-9]{64}", "Dynatrace docs: token format"),
    Shape("Octopus key", ("API-",), "(?=[A-Z]{0,26}[0-9])[A-Z0-9]{26}", "Octopus docs"),
    Shape("Prefect key", ("pnu_", "pnb_"), f"{_WORD}{{36}}", "Prefect docs"),
    Shape("PostHog key", ("phx_",), f"{_WORD}{{40,60}}", "PostHog docs: personal API keys"),
    Shape("Infracost key", ("ico-",), f"{_MIXED}{_WORD}{{32}}", "Infracost docs"),
    Shape("Shippo token", ("shippo_live_", "shippo_test_"), f"{_HEX}{{40}}", "Shippo docs"),
    Shape("EasyPost key", ("EZAK", "EZTK"), f"{_WORD}{{54}}", "EasyPost docs"),
    Shape("Typeform token", ("tfp_",), r"[A-Za-z0-9_.=-]{40,80}", "Typeform docs"),
    Shape("Plaid token", ("access-sandbox-", "access-development-", "access-production-"), _UUID, "Plaid docs"),
    Shape("Deno token", ("ddp_",), f"{_WORD}{{36}}", "Deno Deploy docs"),
    Shape("Mapbox secret token", ("sk.eyJ1Ijoi",), rf"{_URL64}{{30,400}}\.{_URL64}{{22}}", "Mapbox docs"),
    Shape("Buildkite token", ("bkua_",), f"{_HEX}{{40}}", "Buildkite docs"),
    Shape("CircleCI token", ("CCIPAT_",), f"{_WORD}{{22}}_{_HEX}{{40}}", "CircleCI docs"),
    Shape("Fly.io token", ("fm2_", "fm1r_", "fm1a_"), "[A-Za-z0-9+/]{100,2000}={0,2}", "Fly.io docs"),
    Shape("Fly.io token", ("fo1_",), f"{_URL64}{{43}}", "Fly.io docs"),
    Shape("1Password token", ("ops_eyJ",), "[A-Za-z0-9_=-]{250,2000}", "1Password docs: service accounts"),
    Shape(
        "1Password secret key",
        ("A3-",),
        r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
        "1Password: security design",
    ),
    Shape("Cloudflare key", ("v1.0-",), f"{_HEX}{{24}}-{_HEX}{{146}}", "Cloudflare docs: origin CA"),
    Shape("Cloudflare token", ("cfut_", "cfat_", "cfk_"), f"{_URL64}{{40,64}}", "Cloudflare docs: token formats"),
    Shape("Contentful token", ("CFPAT-",), f"{_URL64}{{43}}", "Contentful docs"),
    Shape(
        "private key",
        ("MII",),
        f"[A-Za-z0-9+/]{{2}}[AQgw]IBA(?:DANBgkqhkiG9w0BAQEFAASC|AKC){_KEY64}",
        "RFC 5208 and 8017, in Base64 without armour",
    ),
    Shape(
        "private key",
        ("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH", "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAi", "MC4CAQAwBQYDK2VwBCIEI"),
        _KEY64,
        "RFC 5208 and 5480, in Base64 without armour",
    ),
    Shape(
        "Discord webhook",
        ("https://discord.com/api/webhooks/", "https://discordapp.com/api/webhooks/"),
        rf"\d{{17,20}}/{_URL64}{{60,80}}",
        "Discord docs: webhooks",
    ),
    Shape(
        "Slack webhook",
        ("https://hooks.slack.com/services/", "https://hooks.slack.com/workflows/"),
        r"[TA-Z0-9]{8,12}/[A-Z0-9]{8,12}/(?:\d{10,20}/)?[A-Za-z0-9]{20,30}",
        "Slack docs: incoming webhooks",
    ),
    Shape(
        "Slack webhook",
        ("https://hooks.slack.com/triggers/",),
        r"[A-Z0-9]{8,12}/\d{10,20}/[a-f0-9]{32}",
        "Slack docs: workflow webhooks",
    ),
    Shape(
        "Teams webhook",
        ("https://",),
        r"[a-z0-9-]{1,60}\.webhook\.office\.com/webhookb2/[0-9a-f@-]{60,90}/IncomingWebhook/[0-9a-f]{32}",
        "Microsoft docs: incoming webhooks",
    ),
    Shape("Telegram bot token", (), rf"\d{{8,10}}:AA{_URL64}{{33}}", "Telegram docs: bot API", within=":"),
    Shape("Terraform token", (), rf"{_WORD}{{14}}\.atlasv1\.{_URL64}{{60,70}}", "HashiCorp docs", within=".atlasv1."),
    Shape("Mailchimp key", (), rf"{_HEX}{{32}}-us\d{{1,2}}", "Mailchimp docs", within="-us"),
    Shape(
        "Azure client secret",
        (),
        r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}",
        "Microsoft docs: secret scanning, Entra",
        within="Q~",
    ),
    Shape(
        "Azure DevOps token",
        (),
        f"{_WORD}{{76}}AZDO{_WORD}{{4}}",
        "Microsoft docs: personal access tokens",
        within="AZDO",
    ),
    Shape(
        "Azure key",
        (),
        f"{_WORD}{{52}}JQQJ9[9DH]{_WORD}{{26}}(?:{_WORD}{{2}}==)?",
        "Microsoft docs: identifiable keys",
        within="JQQJ9",
    ),
    Shape(
        "Azure key",
        (),
        f"{_WORD}{{42}}AzSe[A-D]{_WORD}{{5}}",
        "Microsoft docs: identifiable keys, Search",
        within="AzSe",
    ),
    Shape(
        "Azure key",
        (),
        f"{_URL64}{{44}}AzFu{_URL64}{{5}}[AQgw]==",
        "Microsoft docs: identifiable keys, Functions",
        within="AzFu",
    ),
    Shape("Asana token", (), rf"\d/\d{{14,18}}(?:/\d{{14,18}})?:{_HEX}{{32}}", "Asana docs", within=":"),
)
"""In the order in which they are tried where one begins as another does."""

HEADLESS = tuple(shape for shape in SHAPES if not shape.heads)
"""What does not begin with letters of its own."""

WITHIN = tuple(shape.within for shape in HEADLESS if shape.within.isalnum())
"""What stands in the long ones among them."""


def by_beginning() -> dict[str, tuple[tuple[str, Shape], ...]]:
    """Every head with its shape, by its first two characters."""
    table: dict[str, tuple[tuple[str, Shape], ...]] = {}
    for head, shape in _heads():
        table[head[:2]] = (*table.get(head[:2], ()), (head, shape))
    return table


def _heads() -> Iterator[tuple[str, Shape]]:
    """Heads and shapes, those of links left out: a link's head is no run of letters."""
    for shape in SHAPES:
        for head in shape.heads:
            if "://" not in head:
                yield head, shape


@functools.cache
def links() -> tuple[tuple[str, Shape], ...]:
    """Links that are secrets themselves."""
    return tuple((head, shape) for shape in SHAPES for head in shape.heads if "://" in head)
