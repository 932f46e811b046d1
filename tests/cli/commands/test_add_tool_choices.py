"""How `add-tool` finds a program and the way its experiments are chosen: the program's own word, and no guess."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ran, commit, estash, git, run, write

BEGIN = "import hydra\nfrom pathlib import Path\nfrom hydra.core.config_store import ConfigStore\n\n"
TASK = "def main(cfg):\n    print(cfg)\n"
END = '\nif __name__ == "__main__":\n    main()\n'


def program(arguments: str, before: str = "") -> str:
    return f"{BEGIN}{before}\n@hydra.main({arguments}, version_base=None)\n{TASK}{END}"


PLAIN = program('config_path="conf", config_name="config"')
GLOBAL = "# @package _global_\nn: 4\n"
STORE = """
store = ConfigStore.instance()
store.store(name="config", node={"n": 3, "defaults": ["_self_", {"experiment": None}]})
store.store(group="experiment", name="more", node={"n": 4}, package="_global_")
"""
IMPORTED = "import hydra\nfrom pkg.work import work\n\nhydra.main('conf', 'config', version_base=None)(work)()\n"
GROUP = "defaults:\n  - _self_\n  - experiment: null\nn: 3\n"


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    estash("init", "stash", "--hooks", "none", cwd=tmp_path)
    git("add", "-A", cwd=tmp_path / "stash")
    git("commit", "-q", "-m", "stash", cwd=tmp_path / "stash")
    return tmp_path / "stash"


def add(stash: Path, files: dict[str, str], *args: str) -> Ran:
    commit(stash.parent / "theirs", files)
    return estash("add-tool", "mytool", stash.parent / "theirs", *args, cwd=stash)


def entry(stash: Path) -> str:
    return (stash / "configs/meta.yaml").read_text().rpartition("path: tools/mytool\n")[2]


@pytest.mark.first(2)
@pytest.mark.parametrize(
    ("files", "expected", "experiment", "out"),
    [
        pytest.param(
            {
                "main.py": program(
                    "config_path=str(P.parent), config_name=P.stem", "P = Path(__file__).parent / 'conf/base.yaml'"
                ),
                "conf/base.yaml": "n: 3\nm: 1\n",
                "conf/experiment/a.yaml": GLOBAL,
            },
            "entrypoint: main.py\n    select: append\n",
            "a",
            "{'n': 4, 'm': 1}\n",
            id="a config_name that is not literal",
        ),
        pytest.param(
            {"main.py": program('config_path=None, config_name="config"', STORE)},
            "entrypoint: main.py\n    select: group\n",
            "more",
            "{'n': 4}\n",
            id="an experiment in a ConfigStore",
        ),
        pytest.param(
            {"main.py": PLAIN, "conf/config.yaml": "n: 3\nm: 1\n", "conf/exp/deep/a.yaml": GLOBAL},
            "entrypoint: main.py\n    group: exp\n    select: append\n",
            "deep/a",
            "{'n': 4, 'm': 1}\n",
            id="a group of another name",
        ),
        pytest.param(
            {
                "main.py": PLAIN,
                "conf/config.yaml": "defaults:\n  - _self_\n  - db: b\n  - variant: null\nn: 3\n",
                "conf/db/b.yaml": "# @package _global_\nm: 1\n",
                "conf/variant/a.yaml": GLOBAL,
            },
            "entrypoint: main.py\n    group: variant\n    select: group\n",
            "a",
            "{'n': 4, 'm': 1}\n",
            id="the one group that holds configs for the root",
            marks=pytest.mark.every,
        ),
        pytest.param(
            {
                "main.py": program('config_path="conf"'),
                "conf/base.yaml": "m: 1\n",
                "conf/a.yaml": "defaults:\n  - base\n  - opt: x\n  - _self_\nn: 4\n",
                "conf/b.yaml": "defaults:\n  - base\nn: 5\n",
                "conf/opt/x.yaml": "y: 1\n",
            },
            'entrypoint: main.py\n    group: "."\n    select: primary\n',
            "a",
            "{'m': 1, 'opt': {'y': 1}, 'n': 4}\n",
            id="primary configs",
        ),
        pytest.param(
            {
                "run.py": IMPORTED,
                "pkg/__init__.py": "",
                "pkg/work.py": "def work(cfg):\n    print(cfg)\n",
                "pkg/conf/__init__.py": "",
                "pkg/conf/config.yaml": GROUP,
                "pkg/conf/experiment/a.yaml": GLOBAL,
            },
            "entrypoint: run.py\n    select: group\n",
            "a",
            "{'n': 4}\n",
            id="a task function of another module",
            marks=pytest.mark.every,
        ),
        pytest.param(
            {
                "mytool/__init__.py": "",
                "mytool/__main__.py": "from mytool.main import main\n\nmain()\n",
                "mytool/main.py": PLAIN.removesuffix(END),
                "mytool/conf/__init__.py": "",
                "mytool/conf/config.yaml": GROUP,
                "mytool/conf/experiment/a.yaml": GLOBAL,
            },
            'entrypoint: "-m mytool"\n    select: group\n',
            "a",
            "{'n': 4}\n",
            id="a module without a guard",
            marks=pytest.mark.every,
        ),
    ],
)
def test_the_program_itself_tells(stash: Path, files: dict[str, str], expected: str, experiment: str, out: str) -> None:
    assert add(stash, files).code == 0
    assert entry(stash).replace("    entrypoint", "entrypoint", 1) == expected
    git("commit", "-q", "-m", "add", cwd=stash)
    # What the registry keeps, and what is found out where it keeps nothing, come to the same.
    assert estash("run", "mytool", experiment, cwd=stash).out == out
    text = (stash / "configs/meta.yaml").read_text()
    (stash / "configs/meta.yaml").write_text("".join(line for line in text.splitlines(True) if "select:" not in line))
    assert estash("run", "mytool", experiment, cwd=stash).out == out


def test_an_experiment_of_a_group_of_another_name_is_frozen_and_replayed(stash: Path) -> None:
    add(stash, {"main.py": PLAIN, "conf/config.yaml": "defaults:\n  - exp: a\n  - _self_\n", "conf/exp/a.yaml": GLOBAL})
    write(stash, {"configs/mytool/experiment/own.yaml": "# @package _global_\nn: 9\n"})
    git("add", "-A", cwd=stash)
    git("commit", "-q", "-m", "add", cwd=stash)
    assert estash("run", "mytool", "own", cwd=stash).out == "{'n': 9}\n"
    ran = estash("snapshot", "mytool", "own", "--tag", "v1", "--commit", cwd=stash)
    assert ran.code == 0
    assert estash("run", "mytool", "own", "--snapshot", "v1", cwd=stash).out == "{'n': 9}\n"


@pytest.mark.every
def test_an_experiment_in_a_config_store_is_frozen_and_named(stash: Path) -> None:
    ran = add(stash, {"main.py": program('config_path=None, config_name="config"', STORE)})
    assert "  experiments defined in Python: more\n" in ran.out
    git("commit", "-q", "-m", "add", cwd=stash)
    assert estash("snapshot", "mytool", "more", "--tag", "v1", "--commit", cwd=stash).code == 0
    assert estash("run", "mytool", "more", "--snapshot", "v1", cwd=stash).out == "{'n': 4}\n"
    assert estash("run", "mytool", "mroe", cwd=stash).err.endswith("; did you mean more?\n")


def test_hydras_error_is_shown_and_no_select_is_kept(stash: Path) -> None:
    config = "defaults:\n  - _self_\n  - machine: mine\n  - experiment: null\nn: 3\n"
    ran = add(stash, {"main.py": PLAIN, "conf/config.yaml": config, "conf/experiment/a.yaml": GLOBAL})
    assert ran.code == 0
    assert "In 'config': Could not find 'machine/mine'\n" in ran.err
    assert " successfully" not in ran.out
    assert entry(stash) == "    entrypoint: main.py\n"
    assert estash("run", "mytool", "a", cwd=stash).code == 1
    git("commit", "-q", "-m", "add", cwd=stash)
    assert (
        "In 'config': Could not find 'machine/mine'\n"
        in estash("snapshot", "mytool", "a", "--tag", "v1", "--commit", cwd=stash).err
    )
    assert not (stash / "configs/mytool/snapshots").exists()


@pytest.mark.every
def test_nothing_tells_how_it_is_chosen(stash: Path) -> None:
    add(stash, {"main.py": PLAIN, "conf/config.yaml": "n: 3\n"})
    write(stash, {"configs/mytool/experiment/a.yaml": "n: 4\n"})
    text = (stash / "configs/meta.yaml").read_text().replace("    select: append\n", "")
    (stash / "configs/meta.yaml").write_text(text)
    ran = estash("run", "mytool", "a", cwd=stash)
    assert (ran.code, ran.out) == (1, "")
    assert "mytool/a: it is unknown how it is selected: it does not contain '# @package _global_', and" in ran.err
    assert run("bash", "-c", ran.err.partition("    fix: ")[2], cwd=stash).code == 0
    assert estash("run", "mytool", "a", cwd=stash).out == "{'n': 4}\n"


def test_what_else_may_be_meant_is_listed_with_commands_that_work(stash: Path) -> None:
    files = {
        "train.py": PLAIN,
        "eval.py": PLAIN,
        "conf/config.yaml": "n: 3\n",
        "conf/other.yaml": "n: 5\n",
        "conf/some/a.yaml": GLOBAL,
        "conf/more/b.yaml": GLOBAL,
    }
    ran = add(stash, files)
    url = stash.parent / "theirs"
    commands = [
        f"experimentstash add-tool mytool-more {url} --group more",
        f"experimentstash add-tool mytool-some {url} --group some",
        f"experimentstash add-tool mytool-configs {url} --group .",
        f"experimentstash add-tool mytool-eval {url} --entrypoint eval.py",
    ]
    lines = [line.strip() for line in ran.out.splitlines()]
    assert [line for line in lines if line.startswith("experimentstash add-tool")] == commands
    assert "experiments may also be the group 'more' (b):" in lines
    assert "experiments may also be other primary configs (other):" in lines
    for command in commands[1:]:
        assert " successfully\n" in run("bash", "-c", command, cwd=stash).out
    assert estash("run", "mytool-some", "a", cwd=stash).out == "{'n': 4}\n"
    assert estash("run", "mytool-configs", "other", cwd=stash).out == "{'n': 5}\n"


def test_a_program_that_never_comes_to_hydra_is_refused(stash: Path) -> None:
    files = {"lib.py": PLAIN.removesuffix(END), "main.py": PLAIN, "conf/config.yaml": "n: 3\n"}
    ran = add(stash, files, "--entrypoint", "lib.py")
    url = stash.parent / "theirs"
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(
        "experimentstash: tools/mytool: 'lib.py' ended with exit code 0 without calling Hydra: not a Hydra program\n"
        f"    fix: experimentstash add-tool mytool {url} --entrypoint main.py\n"
    )
    assert git("status", "--porcelain", cwd=stash) == ""
    assert run("bash", "-c", ran.err.partition("    fix: ")[2], cwd=stash).code == 0


@pytest.mark.every
def test_a_program_in_a_folder_of_its_own_is_named_by_its_path(stash: Path) -> None:
    files = {
        f"{place}/{name}": text
        for place in ("a", "b")
        for name, text in (("train.py", PLAIN), ("conf/config.yaml", f"n: {place}\n"), ("requirements.txt", ""))
    }
    ran = add(stash, files)
    command = ran.out.partition("as tools of their own:\n")[2].splitlines()[0].strip()
    assert command.endswith("--entrypoint b/train.py")
    assert run("bash", "-c", command, cwd=stash).code == 0
    assert estash("run", "mytool-train", "default", cwd=stash).out == "{'n': 'b'}\n"


@pytest.mark.parametrize("group", ["hydra", "a b", "../x", "", "hydra/x"])
def test_a_group_that_is_none(stash: Path, group: str) -> None:
    ran = add(stash, {"main.py": PLAIN, "conf/config.yaml": "n: 3\n"}, f"--group={group}")
    assert (ran.code, "is no config group" in ran.err) == (1, True)


MAIN = program('config_path="conf", config_name="config"')
PARTS = {
    "conf/base.yaml": "n: 3\n",
    "conf/large.yaml": "defaults:\n  - base\nm: 1\n",
    "conf/small.yaml": "n: 5\n",
    "conf/a.yaml": "\n",
}


@pytest.mark.first(1)
@pytest.mark.parametrize("group", ["", "exp"])
def test_a_primary_config_that_is_not_there_leaves_the_others(stash: Path, group: str) -> None:
    files = {"main.py": MAIN, **PARTS} | ({f"conf/{group}/a.yaml": "k: 2\n"} if group else {})
    ran = add(stash, files)
    assert (ran.code, " successfully" in ran.out) == (0, True), ran.err
    assert "  copied to configs/mytool/experiment: large, small\n" in ran.out
    assert "  skipped: base.yaml: in the defaults list of another config\n  skipped: a.yaml: empty\n" in ran.out
    assert ("  experiments may also be the group 'exp' (a):\n" in ran.out) == bool(group)
    assert estash("run", "mytool", "large", cwd=stash).out == "{'n': 3, 'm': 1}\n"


@pytest.mark.every
def test_hydras_message_keeps_its_tabs(stash: Path) -> None:
    ran = add(stash, {"main.py": MAIN, "conf/experiment/a.yaml": GLOBAL})
    assert ran.code == 0
    assert "\n\tprovider=main, path=" in ran.err
