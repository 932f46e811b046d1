"""What a shell completes, in a real bash; and the tables of the completion, which are those of the commands."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest
from conftest import Ran, estash, git, run, write
from preloaded import BIN
from stashes import REGISTRY, freeze, make_stash

from experimentstash.cli.completer import ARGUMENTS, OPTIONS
from experimentstash.cli.program import COMMANDS

RUN_OPTIONS = {"--snapshot", "--any-commit", "--validate-only"}  # Hydra gets all others


@pytest.fixture(scope="module")
def stash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_stash(tmp_path_factory.mktemp("completion") / "stash")
    freeze(root, "pca", "v1", "one", body="lr: 0.1\nmodel:\n  layers: 5\n  rate: 1\n")
    freeze(root, "fig/tsne", "v2", "one")
    write(root, {
        "configs/meta.yaml": REGISTRY + "  second:\n    entrypoint: '-m second'\n",
        "configs/mytool/experiment/fig/tsne.yaml": "seed: 1\ndefaults: []\n",
        "configs/mytool/experiment/$(touch hostile).yaml": "x: 1\n",
        "configs/mytool/experiment/a b.yaml": "x: 1\n",
        "configs/mytool/snapshots/v1/*.yaml": "x: 1\n",
        "configs/second/experiment/other.yaml": "{x: [}",
    })  # fmt: skip
    return root


ASK = """\
eval "$(experimentstash completion bash)"
COMP_LINE="$LINE" COMP_POINT=${#LINE}
_experimentstash_complete experimentstash
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(line: str, cwd: Path) -> list[str]:
    """Return what bash offers for a command line, with the cursor at its end."""
    ran = run("bash", "-c", ASK, cwd=cwd, env={"LINE": line})
    assert (ran.code, ran.err) == (0, ""), ran.err
    return ran.out.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("experimentstash re", ["rename-tool", "remove-tool", "report", "reproduce"]),
        ("experimentstash run ", ["mytool", "second"]),
        ("experimentstash run mytool ", ["fig/tsne", "pca"]),
        ("experimentstash run mytool f", ["fig/tsne"]),
        ("experimentstash run second ", ["other"]),
        ("experimentstash run second other ", []),
        ("experimentstash run mytool pca ", ["lr=", "model.layers=", "model.rate="]),
        ("experimentstash run mytool pca lr=1 +mo", ["+model.layers=", "+model.rate="]),
        ("experimentstash run mytool pca lr=", []),
        ("experimentstash run mytool pca --snapshot ", ["v1", "v2"]),
        ("experimentstash run mytool pca --s", ["--snapshot"]),
        ("experimentstash snapshot mytool fig/tsne ", ["fig/tsne", "pca", "seed=", "lr="]),
        ("experimentstash snapshot mytool pca --tag v", ["v1", "v2"]),
        ("experimentstash show v1:", ["pca"]),
        ("experimentstash diff v1:pca v2:f", ["fig/tsne"]),
        ("experimentstash reproduce v2 ", ["fig/tsne"]),
        ("experimentstash log ", ["mytool", "second", "v1", "v2", "fig/tsne", "pca"]),
        ("experimentstash drop ", ["v1", "v2"]),
        ("experimentstash cache ", ["show", "clear"]),
        ("experimentstash init --hooks pre", ["pre-commit", "prek"]),
        ("experimentstash verify --str", ["--strict"]),
        ("experimentstash nothing ", []),
        ("experimentstash run 'mytool", []),
    ],
)
def test_bash(line: str, expected: list[str], stash: Path) -> None:
    assert completed(line, stash / "configs") == expected
    assert not list(stash.rglob("hostile"))


def test_where_no_stash_is(tmp_path: Path) -> None:
    assert completed("experimentstash run ", tmp_path) == []
    assert completed("experimentstash ver", tmp_path) == ["verify"]


def test_a_stash_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"configs/meta.yaml": "tools: ["})
    git("init", "-q", cwd=tmp_path)
    assert completed("experimentstash run ", tmp_path) == []


def test_zsh_and_fish_ask_with_words(stash: Path) -> None:
    for shell in ("zsh", "fish"):
        env = {"_EXPERIMENTSTASH_COMPLETE": shell, "COMP_WORDS": "experimentstash\nshow\nv1:"}
        assert run(BIN / "experimentstash", cwd=stash, env=env) == Ran(0, "v1:pca\n", "")
        assert "_EXPERIMENTSTASH_COMPLETE" in estash("completion", shell, cwd=stash).out


def test_completion_imports_no_click(stash: Path) -> None:
    env = {"_EXPERIMENTSTASH_COMPLETE": "bash", "COMP_LINE": "experimentstash run mytool pca ", "FRESH_TOOLS": "1"}
    ran = run(BIN / "python", "-X", "importtime", "-m", "experimentstash", cwd=stash, env=env)
    assert ran.out.split() == ["lr=", "model.layers=", "model.rate="]
    loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
    assert not {name for name in loaded if name.partition(".")[0] in ("click", "dulwich", "omegaconf", "hydra")}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_tables_are_those_of_the_commands(name: str) -> None:
    module = importlib.import_module(f"experimentstash.cli.commands.{name.replace('-', '_')}")
    params = module.command.params
    options = {opt: param for param in params if isinstance(param, click.Option) for opt in param.opts}
    known = OPTIONS.get(name, {})
    assert set(known) == set(options) | (RUN_OPTIONS if name == "run" else set())
    assert {opt for opt, kind in known.items() if kind is None} - RUN_OPTIONS == {
        opt for opt, param in options.items() if isinstance(param, click.Option) and param.is_flag
    }
    arguments = [param for param in params if isinstance(param, click.Argument)]
    assert len(ARGUMENTS[name]) >= len(arguments)
    assert list(ARGUMENTS) == list(COMMANDS)


def test_the_words_of_a_choice_are_those_of_the_command() -> None:
    from experimentstash.cli.completer import _WORDS

    for name, kind in (("cache", "action"), ("completion", "shell"), ("init", "hooks"), ("schema", "schema")):
        module = importlib.import_module(f"experimentstash.cli.commands.{name}")
        choices = [list(param.type.choices) for param in module.command.params if isinstance(param.type, click.Choice)]
        assert list(_WORDS[kind]) in choices
