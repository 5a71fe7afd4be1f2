"""Secrets do not get into a record, and nothing else is taken for one."""

from __future__ import annotations

import json
import time

import orjson
import pytest

from daf_nb.record.redact import hider, secrets_in, without_secrets

MARK = b"<redacted>"
TOKENS = {
    "github": "ghp_" + "a1B2c3D4e5" * 4,
    "github, fine-grained": "github_pat_" + "11ABCDEFG0" * 8,
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "openai": "sk-" + "aB3dE6gH9j" * 5,
    "openai, project": "sk-proj-" + "aB3_E6-H9j" * 8,
    "anthropic": "sk-ant-api03-" + "aB3_E6-H9j" * 9,
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1",
    "wandb": "wandb_v1_" + "abcDEF0123" * 4,
    "hugging face": "hf_" + "abcDEF0123" * 4,
    "slack": "xoxb-123456789012-abcdefGHIJKL",
    "google": "AIza" + "SyA-0123_56" * 3 + "ab",
    "telegram": "123456789:" + "AAE_abcdefghijklmnopqrstuvwxyz-0123"[:35],
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("shape", TOKENS)
def test_a_token_is_found_by_its_shape(shape):
    token = TOKENS[shape]
    for text in (token, f"key={token}", f"use '{token}', please", f"<b>{token}</b>"):
        cleaned = without_secrets({"note": [text]})["note"][0]
        assert "<redacted>" in cleaned
        assert token not in cleaned
        assert token[-12:] not in cleaned


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "dbPassword",
        "DB_PASS",
        "PGPASSWORD",
        "passwd",
        "secret",
        "client_secret",
        "token",
        "api_key",
        "apiKey",
        "API-KEY",
        "openai.api_key",
        "wandb_key",
        "AWS_ACCESS_KEY_ID",
        "private_key",
        "credentials",
        "auth",
        "Authorization",
        "github_token_2",
        "GH_PAT",
        "connection_string",
        "webhook_url",
        "accessToken",
    ],
)
def test_a_text_under_a_telling_name_is_a_secret(name):
    assert without_secrets({"a": [{name: "swordfish"}]}) == {"a": [{name: "<redacted>"}]}
    assert without_secrets({name: {"in": ["swordfish"]}}) == {name: {"in": ["<redacted>"]}}
    assert secrets_in({"a": {name: "swordfish"}}) == ["swordfish"]


@pytest.mark.parametrize(
    "name",
    [
        "tokens",
        "max_tokens",
        "n_tokens",
        "tokenizer",
        "pad_token",
        "token_type",
        "author",
        "authority",
        "keys",
        "action_key",
        "monkey",
        "key",
        "keyboard",
        "secret_agent",
        "secretary",
        "password_file",
        "auth_method",
        "forward_pass",
        "passenger",
        "compass",
        "pattern",
        "pat",
        "hash",
        "fingerprint",
        "seed",
        "observation_key",
        "authors",
        "path",
    ],
)
def test_an_ordinary_name_is_none(name):
    assert without_secrets({name: "swordfish"}) == {name: "swordfish"}


@pytest.mark.parametrize(
    "value",
    [
        3,
        2.5,
        True,
        None,
        "",
        "spread-3",
        "task-2026-01-02-seed-3-of-the-long-run",
        "rollout/x",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e464",
        "http://localhost:8888/lab?reset",
        "https://example.org/a@b",
        "ssh://git@host/repository",
        "a: b",
        "mailto:a@b.org",
        "1 < 2; x = token",
        "x" * 5000,
        "sk-learn-is-a-fine-library-2",
        "mpe2.simple_spread_v3",
        "password = getpass()",
        "AUTHORISATION",
        "eyJ.eyJ.",
    ],
)
def test_an_ordinary_value_stays(value):
    assert without_secrets({"value": value, "list": [value]}) == {"value": value, "list": [value]}
    assert secrets_in([value]) == []


def test_under_a_telling_name_only_texts_are_secrets():
    spec = {"token": 7, "password": None, "secret": True, "api_key": "", "auth": [1, "a"]}
    assert without_secrets(spec) == {**spec, "auth": [1, "<redacted>"]}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("mongodb://bob:s3cr:t@db:27017/x", "mongodb://<redacted>@db:27017/x"),
        ("see https://ghx1@github.com/a.git.", "see https://<redacted>@github.com/a.git."),
        ("redis://:pw@h and ftp://a:b@c", "redis://<redacted>@h and ftp://<redacted>@c"),
        ("https://h/a?b=1&api_key=abc&c=2", "https://h/a?b=1&api_key=<redacted>&c=2"),
        ("Server=h;Uid=bob;Pwd=abc;", "Server=h;Uid=bob;Pwd=<redacted>;"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer <redacted>"),
    ],
)
def test_what_a_login_is_for_can_still_be_read(text, cleaned):
    assert without_secrets(text) == cleaned
    assert without_secrets(cleaned) == cleaned


def test_doing_it_twice_changes_nothing_more():
    value = {"all": list(TOKENS.values()), "password": "x", TOKENS["aws"]: 1, TOKENS["jwt"]: 2}
    once = without_secrets(value)
    assert without_secrets(once) == once
    assert len(once) == 4


def test_a_value_inside_itself_ends():
    knot: dict = {"password": "swordfish"}
    knot["again"] = knot
    assert "swordfish" not in json.dumps(without_secrets(knot))


def test_a_secret_of_the_environment_is_hidden_however_it_is_escaped():
    secret = 'p"ä\\ß/w+rd%1'
    hide = hider({"SOME_TOKEN": secret})
    shown = [
        secret.encode(),
        json.dumps({"x": f"a{secret}b"}).encode(),
        json.dumps(json.dumps([secret])).encode(),
        orjson.dumps([secret]),
        repr([secret]).encode(),
        json.dumps(repr(secret)).encode(),
        b"mongodb://bob:p%22%C3%A4%5C%C3%9F%2Fw%2Brd%251@host",
    ]
    for data in shown:
        hidden = hide(b"before " + data + b" after")
        assert MARK in hidden
        assert b"w+rd" not in hidden
        assert b"w%2Brd" not in hidden
        assert (hidden[:7], hidden[-6:]) == (b"before ", b" after")
        assert hide(hidden) == hidden


def test_the_longest_secret_goes_first():
    hide = hider({"A_TOKEN": "abcd-1234", "B_TOKEN": "abcd-1234-efgh"})
    assert hide(b"[abcd-1234-efgh, abcd-1234]") == b"[<redacted>, <redacted>]"


def test_each_line_of_a_key_is_a_secret():
    hide = hider({"DEPLOY_KEY": "-----BEGIN PRIVATE KEY-----\nMIIE0123ab\nXYZW4567cd\n-----END"})
    assert hide(b"2: XYZW4567cd\n") == b"2: <redacted>\n"


def test_a_login_in_any_variable_is_a_secret():
    hide = hider({"DATABASE": "postgres://bob:s3cr%40t-pass@db/x"})
    assert hide(b"s3cr@t-pass, s3cr%40t-pass, bob at db") == b"<redacted>, <redacted>, bob at db"


def test_a_document_in_a_variable_is_looked_into():
    hide = hider({"SERVICE_ACCOUNT": json.dumps({"id": "robot-12345", "private_key": "xyz-98765"})})
    assert hide(b"robot-12345 xyz-98765") == b"robot-12345 <redacted>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MY_TOKEN", "short12"),
        ("MY_TOKEN", "123456789012"),
        ("MY_TOKEN", "production"),
        ("MY_TOKEN", "disabled"),
        ("PASSWORD", "password"),
        ("MY_AUTH", "1e-10000"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/bob/keys/service.json"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-XXXX/agent.1234"),
        ("TOKENIZERS_PARALLELISM", "false-or-true-1"),
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("MAX_TOKENS", "as-many-as-64"),
    ],
)
def test_an_ordinary_variable_is_left_alone(name, value):
    data = f"so {value}, and {value}".encode()
    assert hider({name: value})(data) is data


def test_a_password_may_be_a_word_and_base64_may_begin_with_a_slash():
    assert hider({"DB_PASSWORD": "correcthorse"})(b"correcthorse") == MARK
    key = "/JalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1"
    assert hider({"AWS_SECRET_ACCESS_KEY": key})(key.encode()) == MARK


def test_without_secrets_in_the_environment_nothing_is_touched_or_copied():
    data = b'{"step": 1}'
    assert hider({"HOME": "/root", "LANG": "C.UTF-8"})(data) is data


def test_a_config_names_more_secrets():
    config = {"world": "toy", "password": "hunter22", "api_key": "toy", "n": 12345678}
    hide = hider({}, also=secrets_in(config))
    assert hide(b"toy hunter22 12345678") == b"toy <redacted> 12345678"


def test_a_long_hostile_text_does_not_take_long():
    texts = ["eyJ" * 40_000, "://" * 40_000, "&token" * 20_000, "-----BEGIN " * 10_000]
    texts += ["a:" * 50_000 + "@", "authorization " * 8_000, "sk-" * 40_000, "gh" + "p_" * 50_000]
    texts += ["://" + "a" * 100_000, "&" + "token" * 20_000, "sk-" + "a" * 100_000, "1" * 100_000]
    texts += ["-----BEGIN PRIVATE KEY-----" * 4_000, "authorization" + " " * 100_000]
    for text in texts:
        before = time.process_time()
        without_secrets(text)
        assert time.process_time() - before < 2, text[:20]
