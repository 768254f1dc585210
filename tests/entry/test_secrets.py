"""What looks like a key or token is noticed, what stands for one is not, and no text makes that slow."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from support.secret_samples import AROUND, KINDS

from rekall.entry import secrets
from rekall.entry.fields import Draft
from rekall.entry.other import OtherField, others
from rekall.entry.secret_shapes import SHAPES
from rekall.entry.types import EntryType


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_found_in_every_text(name: str) -> None:
    kind, make = KINDS[name]
    chance = random.Random(name)
    missed = []
    for _ in range(20):
        for around in AROUND:
            token = make(chance)
            if set(token) & set(around) & {'"', "'"}:
                continue
            text = around.format(token)
            found = secrets.spans(text)
            if len(found) != 1 or found[0].kind != kind or text[found[0].start : found[0].end] not in token:
                missed.append((text, found))
    assert len(missed) <= 9, missed[:2]  # of 180: what chance makes may look like a placeholder


def test_an_aws_secret_is_found_beside_its_id() -> None:
    chance = random.Random(7)
    identity, secret = KINDS["aws id"][1](chance), KINDS["aws secret"][1](chance).split()[-1]
    text = f"{identity}\n{secret}\n"
    assert [span.kind for span in secrets.spans(text)] == ["AWS access key id", "AWS secret access key"]
    assert secrets.spans(secret) == []  # alone it may be anything


PLACEHOLDERS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "gh" + "p_" + "x" * 36,
    "gh" + "p_" + "1234567890" * 4,
    "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
    "sk-" + "ant-api03-YOUR-KEY-HERE-" + "a" * 80,
    'password = "changeme"',
    "password: ${DB_PASSWORD}",
    "password = os.environ['DATABASE_PASSWORD_2024']",
    "password: <your-password-1234>",
    "PASSWORD=$(pass show work/db-2024)",
    "token = response.json()['access_token_v2']",
    "token = get_token_from_vault_v2",
    "token: 123e4567-e89b-12d3-a456-426614174000",
    "token_url: https://login.host.dev/oauth2/v2/token4",
    "password_file = /run/secrets/db_password_2024",
    "postgres://user:password@localhost/db",
    "postgres://postgres:postgres@db:5432/app",
    "https://user:pass@example.com/",
    "https://$USER:$TOKEN@git.host.dev/x.git",
    "ssh://git@host.dev:22/x.git",
    "http://localhost:8080/@scope/package-name-2024",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8vZ0d3Qm5uY2h1bmtzb2ZyYW5kb21kYXRh me@host",
    "sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "commit 8f14e45fceea167a5a36dedd4bea2543bbcbd5e1",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "tokenizer: sentence-transformers/all-MiniLM-L6-v2",
    "API_KEY=550e8400-e29b-41d4-a716-446655440000",
    "request_token: 0f8fad5b-d9cb-469f-a165-70867728950e",
    "author = JohnQPublic2024x",
    "passport: X12345678Q99",
    'password: "{{ vault_db_password_2024 }}"',
    'password: "$(op read op://Work/db/password2024)"',
    'password: "${DB_PASSWORD_2024}"',
    'password = "$DB_PASSWORD2024"',
    'password="<Your-Password-2024>"',
    'token = "get_token(version2)"',
    "secret -> SecretKeyRef2024Abc",
    "private_key = /home/user2024/keys/MyKeyFile2024abcd",
    "the password is bcrypt2-hashed-sha256",
    "docker run -u 1000:1000 -p 127.0.0.1:8080:8080 mysql:8.0.36",
    "curl -u user:password123 https://api.host.dev",
    "mysql -u root -p my_database_2024",
    "https://4f1f8b8a9c7d4e6fa2b3c4d5e6f7a8b9@o447951.ingest.sentry.io/5429213",
    "https://first.last.name2024@host.dev/x",
    "path/pa-element-with-a-very-long-name-of-forty-three-letters",
    "napi_create_external_arraybuffer_with_finalizer",
    "fw_configuration_manager_instance",
    "sig=abc&sv=2022",
    "the secret: never trust a single benchmark2024run",
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_what_stands_for_a_secret_is_none(text: str) -> None:
    assert secrets.spans(text) == []


def test_it_is_said_where_and_what_and_not_more() -> None:
    token = KINDS["github classic"][1](random.Random(1))
    draft = Draft(EntryType.TIL, "title", content=f"one\ntwo {token}", sources=("a", f"b\nc\n{token}"))
    found = secrets.found_in(draft)
    assert [(each.kind, each.field, each.line) for each in found] == [
        ("GitHub token", "content", 2),
        ("GitHub token", "sources", 3),
    ]
    assert all(token[4:] not in str(each) and len(each.begins) <= 4 for each in found)


def test_every_field_is_masked_and_nothing_else() -> None:
    chance = random.Random(2)
    tokens = [KINDS["npm"][1](chance) for _ in range(9)]
    draft = Draft(
        EntryType.TIL,
        f"t {tokens[0]}",
        content=f"a {tokens[1]} b\n",
        tags=("plain",),
        project=f"p {tokens[2]}",
        situation=tokens[3],
        error_messages=("kept", f"E {tokens[4]}"),
        files=(f"/x/{tokens[5]}",),
        sources=(f"https://host.dev/?t={tokens[6]}",),
        other_fields=others(
            {"deep": {"list": [{"x": f'say "{tokens[7]}" \\ here'}]}, "password": "q8Zr2LmX0vTb5nKd", "n": 3}
        ),
    )
    masked = secrets.masked_draft(draft)
    assert not secrets.found_in(masked)
    said = repr(masked)
    assert not [token for token in tokens if token in said]
    assert masked.content == "a [masked: npm token] b\n"
    assert masked.error_messages == ("kept", "E [masked: npm token]")
    assert masked.other_fields == (
        OtherField.of("deep", {"list": [{"x": 'say "[masked: npm token]" \\ here'}]}),
        OtherField.of("password", "[masked: password]"),
        OtherField.of("n", 3),
    )
    clean = replace(
        draft,
        title="t",
        content="",
        project=None,
        situation="",
        error_messages=(),
        files=(),
        sources=(),
        other_fields=(),
    )
    assert secrets.masked_draft(clean) is clean


def test_each_secret_of_many_is_masked_and_named_with_its_line() -> None:
    token = KINDS["npm"][1](random.Random(8))
    text = f"x {token}\n" * 2000
    assert secrets.masked(text) == "x [masked: npm token]\n" * 2000
    found = secrets.found_in(Draft(EntryType.TIL, "title", content=text))
    assert [each.line for each in found] == list(range(1, 2001))


def test_a_private_key_is_masked_whole_in_lines_and_in_json() -> None:
    key = KINDS["private key"][1](random.Random(3))
    for text in (key, key.replace("\n", "\\n"), key.replace("\n", "\r\n")):
        assert secrets.masked(f"before {text} after") == "before [masked: private key] after"
    cut = key.rpartition("\n")[0]
    assert secrets.masked(f"{cut}\nand so on") == "[masked: private key]\nand so on"
    assert secrets.masked(f"**{KINDS['npm'][1](random.Random(4))}** and __{KINDS['npm'][1](random.Random(5))}__") == (
        "**[masked: npm token]** and __[masked: npm token]__"
    )
    quoted = "> " + key.replace("\n", "\n> ")
    assert secrets.masked(quoted) == "> [masked: private key]"


def test_shapes_have_a_source_and_a_bound() -> None:
    for shape in SHAPES:
        assert shape.source
        assert not any(mark in shape.rest for mark in ("*", "+)", ",}")), shape
        assert all(len(head) > 1 for head in shape.heads), shape


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "A1",
        "ey" + "JA",
        "x.",
        "x9.",
        "sk-",
        "1:",
        "://",
        "password=",
        'token: "',
        "-----BEGIN PRIVATE KEY-----\n",
        "Q~",
        "\\n",
        "ghp" + "_",
        "M1234567890123456789012345.",
        "PuTTY-User-Key-File-2: x\n\n",
        "authorization: basic ",
        "AK" + "IAQ2W3E4R5T6Y7U3I2 ",
        "key = ",
        "a:b@",
        "password=password=",
        "passe : auth=",
        "пароль: ",
        "curl -u a:bcdefghij ",
        "mysql -pabcdefghij ",
        "&sig=",
        "1//0",
        "%3D",
        "MII" + "EvQIBADANBgkqhkiG9w0BAQEFAASC",
        "AZDO",
    ],
)
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    """Steps are counted, not seconds: the work of a text twice as long is about twice as much."""
    import sys

    def work(length: int) -> int:
        text, count = unit * (length // len(unit)), 0

        def step(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(step)
        try:
            secrets.spans(text)
        finally:
            sys.setprofile(None)
        return count

    work(80_000)  # patterns are compiled
    assert work(80_000) <= 2.5 * work(40_000) + 200
