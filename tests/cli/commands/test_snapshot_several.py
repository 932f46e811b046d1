"""Several experiments frozen at once: two starts of the tool's program, and the files of a freeze one by one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import commit, estash, git, write
from shapes import Shape, make_stash

MAIN = """
import os, threading
import hydra
from omegaconf import OmegaConf

with open(os.environ["STARTS"], "a") as file:
    file.write("started\\n")
reads, roots = [], []

def count():
    reads.append(None)
    return len(reads)

def seen(_root_):
    roots.append(_root_.name)
    return roots[0]

OmegaConf.register_new_resolver("count", count)
OmegaConf.register_new_resolver("seen", seen)
OmegaConf.register_new_resolver("cached", lambda: len(roots), use_cache=True)
{more}

@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    print(OmegaConf.to_yaml(cfg, resolve=True))

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, experiment: null]
name: default
seen: ${seen:}
cached: ${cached:}
count: ${count:}
process: 1
built: ${name} of ${seen}
"""
NAMES = ("first", "second", "deep/third")


def program(more: str = "") -> str:
    return MAIN.replace("{more}", more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stash with three experiments, to copy from."""
    root = tmp_path_factory.mktemp("made")
    make_stash(root, Shape({"mytool/main.py": program(), "mytool/conf/config.yaml": CONFIG}))
    experiments = {name: f"# @package _global_\nname: {name}\n" for name in NAMES}
    commit(root / "stash", {f"configs/mytool/experiment/{name}.yaml": text for name, text in experiments.items()})
    return root / "stash"


@pytest.fixture
def stash(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "stash", symlinks=True)
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    return tmp_path / "stash"


def starts(stash: Path) -> int:
    """How often the program was started since this was last asked."""
    log = stash.parent / "starts"
    number = len(log.read_text().splitlines())
    log.unlink()
    return number


def frozen(stash: Path) -> dict[str, str]:
    """The snapshots, but for their times; they are gone afterwards."""
    folder = stash / "configs/mytool/snapshots/v1"
    texts = {name: (folder / f"{name}.yaml").read_text() for name in NAMES}
    shutil.rmtree(folder)
    return {name: re.sub(r"(?m)^# TIMESTAMP: .*\n", "", text) for name, text in texts.items()}


def change_program(stash: Path, more: str) -> None:
    commit(stash / "tools/mytool", {"mytool/main.py": program(more)})


def one_by_one(stash: Path) -> dict[str, str]:
    for name in NAMES:
        ran = estash("snapshot", "mytool", name, "--tag", "v1", cwd=stash)
        assert ran.code == 0, ran.err
    assert starts(stash) == 2 * len(NAMES)
    return frozen(stash)


def test_the_files_are_those_of_a_freeze_one_by_one(stash: Path) -> None:
    ran = estash("snapshot", "mytool", *NAMES, "--tag", "v1", cwd=stash)
    assert ran.code == 0, ran.err
    assert starts(stash) == 2
    together = frozen(stash)
    assert "name: second\nseen: second\ncached: 1\ncount: 1\n" in together["second"]
    assert "# VARIES: count\n" in together["deep/third"]
    assert together == one_by_one(stash)


@pytest.mark.every
@pytest.mark.parametrize(
    "more",
    [
        "import sys; OmegaConf.register_new_resolver('seen', lambda: sys.argv[-1], replace=True)",
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    ],
    ids=["reads its command line", "has a thread"],
)
def test_what_a_copy_could_change_is_composed_alone(stash: Path, more: str) -> None:
    change_program(stash, more)
    ran = estash("snapshot", "mytool", *NAMES, "--tag", "v1", cwd=stash)
    assert ran.code == 0, ran.err
    assert starts(stash) == 2 + 2 * (len(NAMES) - 1)
    assert frozen(stash) == one_by_one(stash)


@pytest.mark.every
def test_primary_configs_are_composed_together(stash: Path) -> None:
    write(stash, {"configs/meta.yaml": (stash / "configs/meta.yaml").read_text() + "    select: primary\n"})
    texts = {name: f"# @package _global_\ndefaults: [/config, _self_]\nname: {name}\n" for name in NAMES}
    write(stash, {f"configs/mytool/experiment/{name}.yaml": text for name, text in texts.items()})
    ran = estash("snapshot", "mytool", *NAMES, "process=2", "--tag", "v1", cwd=stash)
    assert ran.code == 0, ran.err
    assert starts(stash) == 2
    together = frozen(stash)
    assert 'ANSWER: job.config_name="experiment/deep/third"' in together["deep/third"]
    assert "name: deep/third\nseen: deep/third\n" in together["deep/third"]
    assert "process: 2\n" in together["deep/third"]


@pytest.mark.every
def test_a_value_made_at_import_is_told_for_each(stash: Path) -> None:
    change_program(stash, "OmegaConf.register_new_resolver('seen', lambda: os.getppid() * 0 + KEY, replace=True)\n")
    text = (stash / "tools/mytool/mytool/main.py").read_text()
    commit(stash / "tools/mytool", {"mytool/main.py": "import uuid; KEY = uuid.uuid4().int % 10**9\n" + text})
    ran = estash("snapshot", "mytool", *NAMES, "--tag", "v1", cwd=stash)
    assert ran.code == 0, ran.err
    assert all("# VARIES: seen\n" in text for text in frozen(stash).values())


@pytest.mark.every
def test_one_that_does_not_compose_is_told_as_when_it_is_alone(stash: Path) -> None:
    write(stash, {"configs/mytool/experiment/second.yaml": "# @package _global_\ndefaults: [override /no: where]\n"})
    alone = estash("snapshot", "mytool", "second", "--tag", "v1", cwd=stash)
    together = estash("snapshot", "mytool", *NAMES, "--tag", "v1", cwd=stash)
    assert (alone.code, together.code) == (1, 1)
    assert "Could not override 'no'" in alone.err
    assert together.err.endswith(alone.err.partition("…\n")[2])
    assert not (stash / "configs/mytool/snapshots").exists()
    assert git("status", "--porcelain", cwd=stash / "tools/mytool") == ""
