"""A secret or a name of this machine is late, or refused, wherever it comes from and wherever it lands."""

from __future__ import annotations

import base64
import getpass
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from experimentstash_inside import machine
from experimentstash_inside.freezing import Freezing
from experimentstash_inside.secrets import Secrets, is_secret_name
from experimentstash_inside.tracing import watched_resolvers
from omegaconf import OmegaConf
from shapes import interpreter_as_frozen

SECRET = "wk0123/456789+TOPSECRET"
LANDINGS = {
    "as it is": SECRET,
    "in a header": f"Bearer {SECRET}",
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in basic authentication": "Basic " + base64.b64encode(f"ada:{SECRET}:x".encode()).decode(),
    "in a URL": f"https://ada:{quote(SECRET, safe='')}@example.org/x",
    "in a query": f"https://example.org/x?y={quote(SECRET)}",
    "in hex": SECRET.encode().hex(),
}
CONTAINERS: dict[str, Any] = {
    "in a mapping": {"a": {"b": SECRET}},
    "in a list": ["x", [SECRET]],
    "as a key": {SECRET: 1},
}
TYPED_TOKENS = {
    "GitHub": "ghp_abcdefghijklmnopqrst",
    "GitHub, fine-grained": "github_pat_11ABCDEFG0123456789_abc",
    "GitLab": "glpat-abcdefghij0123456789",
    "Hugging Face": "hf_abcdefghijklmnopqrst",
    "OpenAI": "sk-AAAABBBBCCCCDDDDEEEE",
    "OpenAI project": "sk-proj-AAAABBBBCCCCDDDDEEEE",
    "Anthropic": "sk-ant-api03-AAAABBBBCCCCDDDDEEEE",
    "Slack": "xoxb-123456789012-abcdefghijkl",
    "AWS": "AKIAABCDEFGHIJKLMNOP",
    "Google": "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop",
    "PEM": "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n",
    "npm": "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "PyPI": "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
    "URL": "postgresql://ada:s3cret-pw@db.example.org/x",
    "signed URL": "https://x.example.org/f?X-Amz-Signature=0123456789abcdef",
    "Azure": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcdefgh0123==;",
    "bearer": "Bearer abcdefghij0123456789xyz",
}
NO_TOKENS = [
    "sk-learn-random-forest-classifier-v2",
    "task-abcdefghijklmnopqrstuvwxyz",
    "hf_hub",
    "https://example.org/data?split=train&version=2",
    "ssh://git@example.org/lab/tool.git",
    "git@github.com:lab/tool.git",
    "postgresql://ada:${oc.env:PGPASSWORD}@db.example.org/x",
    "Bearer ${oc.env:HF_TOKEN}",
    "0123456789abcdef0123456789abcdef01234567",
    "sha256:" + "0123456789abcdef" * 4,
    "src.models.glpatches-net",
    "monkey",
]


def nobody(_text: str, _overrides: bool = False) -> bool:
    return False


def everybody(_text: str, _overrides: bool = False) -> bool:
    return True


def freeze(config: Any, typed: Any = nobody, late: tuple[str, ...] = (), keep: tuple[str, ...] = ()) -> Freezing:
    roots = machine.roots(str(pathlib.Path.cwd()))
    with watched_resolvers():
        return Freezing(OmegaConf.create(config), list(late), list(keep), roots, typed)


def late(frozen: Freezing) -> list[str]:
    return [text for key, text in frozen.lines if key == "LATE"]


def written(frozen: Freezing) -> str:
    """Return all that could come into a file."""
    return repr((frozen.body, frozen.lines, frozen.notices, frozen.exposed, frozen.refused, frozen.missing))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if is_secret_name(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    monkeypatch.setenv("USER", "lovelace-" + "tested")
    monkeypatch.setenv("LOGNAME", "lovelace-" + "tested")  # in no quotes: nobody typed it
    yield
    OmegaConf.clear_resolvers()


@pytest.mark.parametrize("landing", [*LANDINGS, *CONTAINERS])
def test_what_a_resolver_made_is_late_as_a_whole(landing: str) -> None:
    OmegaConf.register_new_resolver("made", lambda: {**LANDINGS, **CONTAINERS}[landing])
    frozen = freeze({"x": "${made:}", "lr": 0.1})
    assert late(frozen) == ["x=${made:}"]
    assert frozen.body["map"][0] == ["x", {"leaf": "???"}]
    assert frozen.notices == [("x", "late: it holds the secret WANDB_API_KEY")]
    assert not [form for form in LANDINGS.values() if form in written(frozen)]


@pytest.mark.parametrize("landing", LANDINGS)
def test_what_was_worked_out_while_importing_is_late(landing: str) -> None:
    frozen = freeze({"x": LANDINGS[landing]}, everybody)
    own = LANDINGS[landing].replace(SECRET, "${oc.env:WANDB_API_KEY}")
    assert late(frozen) == [f"x={own}" if own != LANDINGS[landing] else "x=???"]
    assert not frozen.exposed
    assert not [form for form in LANDINGS.values() if form in written(frozen)]


def test_containers_that_hold_it_are_late_at_the_leaf_or_refused_at_the_key() -> None:
    frozen = freeze({"a": {"b": SECRET}, "c": ["x", {"d": SECRET.encode()}], "e": {SECRET: 1}})
    assert late(frozen) == ["a.b=${oc.env:WANDB_API_KEY}", "c.1.d=???"]
    assert frozen.exposed == [("e", "a key of it holds the secret WANDB_API_KEY")]
    assert SECRET not in repr(frozen.exposed)


def test_what_reads_it_is_late_too() -> None:
    frozen = freeze({"key": "${oc.env:WANDB_API_KEY}", "header": "Bearer ${key}", "again": "${.header}"})
    assert late(frozen) == ["key=${oc.env:WANDB_API_KEY}", "header=Bearer ${key}", "again=${.header}"]


@pytest.mark.parametrize("kind", TYPED_TOKENS)
def test_a_typed_token_is_refused_and_never_shown(kind: str) -> None:
    token = TYPED_TOKENS[kind]
    frozen = freeze({"login": {"x": token}}, everybody)
    ((key, why),) = frozen.exposed
    assert key == "login.x"
    assert why.startswith("it holds what looks like ")
    assert token not in why
    assert late(freeze({"login": {"x": token}}, everybody, late=("login.x",))) == ["login.x=???"]
    assert token not in Secrets().masked(f"a {token} b")


@pytest.mark.parametrize("text", NO_TOKENS)
def test_no_false_alarm(text: str) -> None:
    assert Secrets().find(text) is None
    if "${" not in text:
        frozen = freeze({"x": text}, everybody)
        assert not frozen.exposed
        assert not late(frozen)


def test_a_token_that_a_resolver_reads_is_late() -> None:
    OmegaConf.register_new_resolver("from_file", lambda: TYPED_TOKENS["GitHub"])
    frozen = freeze({"x": "${from_file:}"})
    assert late(frozen) == ["x=${from_file:}"]


def test_an_interpolation_that_holds_one_itself_is_given_at_the_run() -> None:
    token = TYPED_TOKENS["OpenAI"]
    frozen = freeze({"x": f"${{oc.env:NOT_SET_HERE,{token}}}"}, everybody)
    assert late(frozen) == ["x=???"]
    assert token not in written(frozen)


def lines_of(frozen: Freezing, *names: str) -> list[str]:
    return [text for key, text in frozen.lines if key in names]


def test_values_that_make_it_up_together_are_late() -> None:
    frozen = freeze({"a": SECRET[:11], "b": SECRET[11:], "c": "${a}${b}", "d": "${c}!", "e": "${a}-x"}, everybody)
    assert lines_of(frozen, "LATE", "LATE_AT") == ["c=${a}${b}", "d='${c}!'"]
    assert lines_of(frozen, "BUILT") == ["e=${a}-x"]
    assert SECRET not in written(frozen)


def test_an_argument_of_a_resolver_is_a_place_for_one() -> None:
    OmegaConf.register_new_resolver("digits", lambda text, name: f"{len(text)} of {name}")
    token = TYPED_TOKENS["GitHub"]
    frozen = freeze({"name": "x", "x": f"${{digits:'{token}',${{name}}}}", "y": f"${{digits:'{SECRET}',${{name}}}}"})
    assert frozen.exposed == [("x", "its interpolation holds what looks like a GitHub token")]
    assert lines_of(frozen, "LATE") == [r"y='${digits:\'${oc.env:WANDB_API_KEY}\',${name}}'"]
    assert SECRET not in written(frozen)
    assert lines_of(freeze({"x": f"${{digits:'{token}',y}}"}, late=("x",)), "LATE") == ["x=???"]


def test_under_an_odd_key_it_is_late_by_its_address() -> None:
    frozen = freeze({"headers": {"com.example.token": f"Bearer {SECRET}", "a b": SECRET}})
    assert lines_of(frozen, "LATE_AT") == [
        'headers."com.example.token" = "Bearer ${oc.env:WANDB_API_KEY}"',
        'headers."a\\u0020b" = "${oc.env:WANDB_API_KEY}"',
    ]
    assert SECRET not in written(frozen)


def test_what_holds_a_late_value_as_a_whole_is_asked_nothing_more() -> None:
    OmegaConf.register_new_resolver("both", lambda: {"token": TYPED_TOKENS["GitHub"], "x": SECRET})
    frozen = freeze({"x": "${both:}", "y": "${x.token}"})
    assert lines_of(frozen, "LATE") == ["x=${both:}", "y=${x.token}"]
    assert not frozen.exposed


def test_a_text_drawn_at_random_under_a_key_named_like_a_secret_is_refused() -> None:
    drawn = "0123456789abcdef0123456789abcdef01234567"
    frozen = freeze({"wandb": {"key": drawn}, "digest": drawn, "bos_token": "<s>", "password": "short"}, everybody)
    assert frozen.exposed == [("wandb.key", "its key and its text look like a secret")]
    assert frozen.notices == [("password", "named like a secret, and frozen as it is written")]


def test_a_kept_secret_is_told_loudly_and_not_shown() -> None:
    frozen = freeze({"x": "${oc.env:WANDB_API_KEY}", "y": TYPED_TOKENS["Slack"]}, keep=("x", "y"))
    assert frozen.notices == [
        ("x", "kept, as you said: THE SECRET WANDB_API_KEY STANDS IN THE FILE, for everybody who gets the stash"),
        (
            "y",
            "kept, as you said: WHAT LOOKS LIKE A SLACK TOKEN STANDS IN THE FILE, for everybody who gets the stash",
        ),
    ]
    assert not frozen.exposed


def test_short_and_plain_secrets_count_as_whole_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DBPASS": "hunter2", "AUTH_MODE": "password", "USE_TOKEN": "true", "PIN_KEY": "2048"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SERVICE_TOKEN", "opensesame")
    assert late(freeze({"x": "Bearer opensesame"}, everybody)) == ["x=Bearer ${oc.env:SERVICE_TOKEN}"]
    texts = {"a": "hunter2", "b": "hunter21", "c": "password", "d": "the password", "e": "true", "f": "2048"}
    assert late(freeze(texts)) == ["a=${oc.env:DBPASS}", "c=${oc.env:AUTH_MODE}"]
    assert late(freeze(texts, everybody)) == []


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *((name, True) for name in "DBPASS WANDBKEY SMTP_PW SENTRY_DSN HF_TOKEN wandbApiKey PGPASSWORD".split()),
        *(
            (name, False)
            for name in "MONKEY TURKEY COMPASS PWD OLDPWD TOKENIZERS_PARALLELISM KEYBOARD GIT_CONFIG_KEY_0".split()
        ),
    ],
)
def test_names_of_secrets(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) is is_secret


def test_a_multiline_secret_is_found_by_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = "-----BEGIN X-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSj\n-----END X-----"
    monkeypatch.setenv("DEPLOY_KEY", pem)
    for text in (pem, "x MIIEvQIBADANBgkqhkiG9w0 y", pem.replace("\n", "\\n")):
        assert Secrets().find(text) is not None


MACHINE: dict[str, tuple[Callable[[], str], str | None]] = {
    "a home": (lambda: f"{pathlib.Path.home()}/x", "${oc.env:HOME}/x"),
    "the working folder": (lambda: f"{pathlib.Path.cwd()}/logs", "${hydra:runtime.cwd}/logs"),
    "a user": (lambda: os.environ["USER"], "${oc.env:USER}"),
    "a user's scratch": (lambda: f"/scratch/{os.environ['USER']}/x", "/scratch/${oc.env:USER}/x"),
    "a user in a name": (lambda: "run-" + os.environ["USER"], "run-${oc.env:USER}"),
    "the host": (lambda: os.uname().nodename, "???"),
    "the host in a name": (lambda: f"run-{os.uname().nodename}.log", "???"),
    "the interpreter": (lambda: sys.executable, interpreter_as_frozen()),
    "a temporary folder": (lambda: tempfile.gettempdir() + "/cache", None),
    "a drawn folder": (lambda: tempfile.gettempdir() + "/tmpab12cd_9/x", "???"),
}


@pytest.mark.parametrize("kind", MACHINE)
def test_names_and_folders_of_the_machine_are_late_unless_somebody_typed_them(
    kind: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOSTNAME", "HOST"):
        monkeypatch.delenv(name, raising=False)
    make, text = MACHINE[kind]
    frozen = freeze({"x": make()})
    found = late(frozen)
    assert found == [f"x={text}"] if text else "x=${oc.env:TMPDIR" in found[0], found
    assert make() not in written(frozen)
    assert not late(freeze({"x": make()}, everybody))
    OmegaConf.register_new_resolver("made", make)
    OmegaConf.register_new_resolver("inside", lambda: {"a": [make()]})
    made = freeze({"x": "${made:}", "y": "${inside:}"})
    if kind not in ("a user in a name", "the host in a name", "a temporary folder"):
        assert late(made) == ["x=${made:}", "y=${inside:}"]


def test_common_words_are_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for user in ("data", "user", "root"):
        monkeypatch.setenv("USER", user)
        monkeypatch.setenv("LOGNAME", user)
        assert not late(freeze({"x": "/data/user/root/imagenet", "y": f"{user}/train", "z": f"{user}-set"}))
    monkeypatch.setenv("HOME", "/root")
    assert not late(freeze({"x": "data/root/x", "y": "s3://bucket.x/roots"}))


def test_a_folder_of_this_machine_is_no_key() -> None:
    home = str(pathlib.Path.home())
    assert freeze({"x": {f"{home}/data": 1}}).exposed == [
        ("x", "a key of it contains a directory or a user name of this machine")
    ]
    assert not freeze({"x": {f"{home}/data": 1}}, everybody).exposed
    assert getpass.getuser() not in "".join(why for _, why in freeze({"x": {home: 1}}).exposed)
