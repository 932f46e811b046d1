"""`add-tool`: real tools through real git, and the stash as it was after every failure."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, Ran, commit, estash, git, run, write
from plays import fixes, paste

from experimentstash.core.names import experiment_complaint

MAIN = """\
import hydra

@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    print(cfg)

if __name__ == "__main__":
    main()
"""
FILES = {
    "mytool/__init__.py": "",
    "mytool/main.py": MAIN,
    "mytool/conf/config.yaml": "defaults:\n  - _self_\n  - data: small\n  - experiment: null\nlr: 1\n",
    "mytool/conf/data/small.yaml": "n: 1\n",
    "mytool/conf/experiment/first.yaml": "# @package _global_\nlr: 2  # é\n",
    "mytool/conf/experiment/figure1/pca.yaml": "# @package _global_\nlr: 3\n",
}
ADDED = """\
added mytool at {commit} (tools/mytool)
  entrypoint: -m mytool.main
  copied to configs/mytool/experiment: figure1/pca, first
  experiments are selected with: experiment=NAME
staged: .gitmodules, configs/meta.yaml, tools/mytool, configs/mytool
composed mytool/figure1/pca successfully
next: git commit -m 'Add mytool'
      experimentstash run mytool figure1/pca
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A tool's repository."""
    commit(tmp_path / "theirs", FILES)
    return tmp_path / "theirs"


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    """A stash in use: one commit, and a staged and an unstaged change of the user's."""
    commit(
        tmp_path / "stash", {"configs/meta.yaml": "# ours\ntools: {}\n", ".gitignore": "/outputs/\n", "notes": "1\n"}
    )
    write(tmp_path / "stash", {"notes": "2\n", "staged": "x\n"})
    git("add", "staged", cwd=tmp_path / "stash")
    return tmp_path / "stash"


def state(stash: Path) -> dict[str, object]:
    """Return all that an add could change: every file but git's objects, and the entries of the index."""
    found: dict[str, object] = {"index": git("ls-files", "-s", cwd=stash)}
    git_folder = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir", cwd=stash))
    for root in (stash, git_folder):
        for folder, folders, names in os.walk(root):
            if Path(folder) == git_folder:
                folders.remove("objects")
            found[folder] = sorted(folders)
            for name in names:
                path = Path(folder, name)
                if name != "index":
                    found[str(path)] = path.read_bytes() if path.is_file() else "link"
    return found


def add(stash: Path, *args: str | Path, env: dict[str, str] | None = None) -> Ran:
    return estash("add-tool", *args, cwd=stash, env=env)


def refused(stash: Path, *args: str | Path, env: dict[str, str] | None = None, code: int = 1) -> str:
    before = state(stash)
    ran = add(stash, *args, env=env)
    assert (ran.code, ran.out) == (code, "")
    assert state(stash) == before
    assert "Traceback" not in ran.err
    return ran.err


def test_a_tool_is_added_copied_registered_staged_and_composed(stash: Path, tool: Path) -> None:
    ran = add(stash, "mytool", tool)
    head = git("rev-parse", "HEAD", cwd=tool)
    assert (ran.code, ran.out) == (0, ADDED.format(commit=head[:12]))
    url = f"its URL is {tool}, a path that exists only on this machine; after you publish the tool, run: "
    publish = "git submodule set-url tools/mytool URL\n"
    assert ran.err.endswith(f"composing mytool/figure1/pca …\ntools/mytool: {url}{publish}")
    assert git("status", "--porcelain", cwd=stash).splitlines() == [
        "A  .gitmodules",
        "M  configs/meta.yaml",
        "A  configs/mytool/experiment/figure1/pca.yaml",
        "A  configs/mytool/experiment/first.yaml",
        " M notes",
        "A  staged",
        "A  tools/mytool",
    ]
    assert git("ls-files", "-s", "tools/mytool", cwd=stash) == f"160000 {head} 0\ttools/mytool"
    assert (stash / "configs/meta.yaml").read_text() == (
        '# ours\ntools:\n  mytool:\n    path: tools/mytool\n    entrypoint: "-m mytool.main"\n    select: group\n'
    )
    assert (stash / ".gitmodules").read_text() == (
        f'[submodule "tools/mytool"]\n\tpath = tools/mytool\n\turl = {tool}\n'
    )
    assert (stash / "configs/mytool/experiment/first.yaml").read_text() == FILES["mytool/conf/experiment/first.yaml"]
    assert not (stash / "configs/mytool/data").exists()
    assert git("status", "--porcelain", cwd=stash / "tools/mytool") == ""
    assert not list((stash / ".git").glob("experimentstash*"))


def test_what_it_says_next_works(stash: Path, tool: Path) -> None:
    ran = add(stash, "mytool", tool)
    for line in ran.out.splitlines()[-2:]:
        step = run("bash", "-c", line.removeprefix("next: ").strip(), cwd=stash)
        assert step.code == 0
    assert step.out == "{'lr': 3, 'data': {'n': 1}}\n"


def test_from_a_subfolder_and_with_a_relative_path(stash: Path, tool: Path) -> None:
    (stash / "papers").mkdir()
    shutil.copytree(tool, stash / "papers/copy of it")
    ran = add(stash / "papers", "mytool", "copy of it")
    assert ran.code == 0
    assert f"url = {stash}/papers/copy of it\n" in (stash / ".gitmodules").read_text()


@pytest.mark.parametrize("url", [".", "configs", "../paper", "{stash}/.git", "{file}", "{worktree}", "ssh", "https"])
def test_the_stash_itself_is_no_tool(stash: Path, tmp_path: Path, url: str) -> None:
    """Nor is a directory of it, a worktree, or its own remote, however that is reached."""
    git("worktree", "add", "-q", "--detach", tmp_path / "worktree", cwd=stash)
    git("remote", "add", "origin", "git@git.example.org:lab/paper.git", cwd=stash)
    remotes = {"ssh": "ssh://git@git.example.org/lab/paper", "https": "https://git.example.org/lab/paper.git"}
    places = {"stash": stash, "file": f"file://{stash}", "worktree": tmp_path / "worktree"}
    before = git("status", "--porcelain", cwd=stash)
    ran = estash("add-tool", "mytool", remotes.get(url, url.format(**places)), cwd=stash)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(
        ": it is the stash itself; a snapshot pins a commit of the tool, so the tool needs a repository of its own\n"
        "    fix: experimentstash init ../paper && cd ../paper && experimentstash add-tool mytool URL"
        "  # URL: the repository of the tool alone\n"
    )
    assert git("status", "--porcelain", cwd=stash) == before
    assert not (stash / "tools").exists()


def test_git_resolves_dots_itself(stash: Path, tool: Path) -> None:
    assert add(stash, "mytool", "../theirs").code == 0
    assert "url = ../theirs\n" in (stash / ".gitmodules").read_text()


def test_a_path_that_the_user_types_is_trusted_for_that_add_only(stash: Path, tool: Path) -> None:
    git("config", "--global", "--unset", "protocol.file.allow", cwd=stash)
    assert add(stash, "mytool", tool).code == 0
    assert add(stash, "second", f"file://{tool}").code == 0
    assert add(stash, "third", "../theirs").code == 0
    assert "protocol" not in git("config", "--list", cwd=stash)


def test_a_repository_without_commits(tmp_path: Path, tool: Path) -> None:
    estash("init", "stash", cwd=tmp_path)
    assert refused(tmp_path / "stash", "mytool", tool, "--branch", "absent")
    assert add(tmp_path / "stash", "mytool", tool).code == 0


@pytest.mark.every
def test_a_linked_worktree(stash: Path, tool: Path) -> None:
    git("worktree", "add", "-q", "../other", cwd=stash)
    other = stash.parent / "other"
    assert "it holds no program" in refused(other, "mytool", commit_empty_tool(stash.parent))
    assert add(other, "mytool", tool).code == 0
    assert not (stash / ".git/modules").exists()
    assert git("status", "--porcelain", cwd=stash) == " M notes\nA  staged"


def commit_empty_tool(folder: Path) -> Path:
    commit(folder / "plain", {"main.py": "print()\n"})
    return folder / "plain"


def test_a_branch(stash: Path, tool: Path) -> None:
    git("checkout", "-q", "-b", "work/next", cwd=tool)
    head = commit(tool, {"x": "1"})
    git("checkout", "-q", "main", cwd=tool)
    assert add(stash, "mytool", tool, "--branch", "work/next").code == 0
    assert head in git("ls-files", "-s", "tools/mytool", cwd=stash)
    assert "branch = work/next" in (stash / ".gitmodules").read_text()


@pytest.mark.every
def test_adding_it_again_overwrites_nothing(stash: Path, tool: Path) -> None:
    add(stash, "mytool", tool)
    told = "experimentstash: the tool 'mytool' already exists (configs/meta.yaml); nothing was changed\n"
    assert refused(stash, "mytool", tool) == told
    git("submodule", "deinit", "-q", "-f", "tools/mytool", cwd=stash)
    assert (
        refused(stash, "mytool", tool)
        == f"{told}    fix: git -c protocol.file.allow=always submodule update --init --recursive tools/mytool\n"
    )
    assert "differs only in letter case" in refused(stash, "MyTool", tool)


def test_experiments_that_are_there_are_kept(stash: Path, tool: Path) -> None:
    write(stash, {"configs/mytool/experiment/first.yaml": "mine: 1\n"})
    ran = add(stash, "mytool", tool)
    assert ran.code == 0
    assert "  copied to configs/mytool/experiment: figure1/pca\n  existing files kept: first\n" in ran.out
    assert (stash / "configs/mytool/experiment/first.yaml").read_text() == "mine: 1\n"
    assert "?? configs/mytool/experiment/first.yaml" in git("status", "--porcelain", cwd=stash)


def test_a_tool_without_experiments_begins_with_one(stash: Path, tmp_path: Path) -> None:
    files = {key: text for key, text in FILES.items() if "experiment" not in key}
    commit(tmp_path / "theirs", {**files, "mytool/conf/config.yaml": "lr: 1\n"})
    ran = add(stash, "mytool", tmp_path / "theirs")
    assert (ran.code, "composed mytool/default successfully" in ran.out) == (0, True)
    assert (stash / "configs/mytool/experiment/default.yaml").read_text() == (
        "# @package _global_\n# overrides of mytool's own config go here\n{}\n"
    )
    assert "select: append" in (stash / "configs/meta.yaml").read_text()
    assert estash("run", "mytool", "default", cwd=stash).out == "{'lr': 1}\n"


def test_what_is_no_experiment_is_left_out_and_told(stash: Path, tool: Path) -> None:
    folder = tool / "mytool/conf/experiment"
    (folder / "latin.yaml").write_bytes(b"a: \xff\n")
    (folder / "two words.yaml").write_text("a: 1\n")
    (folder / "out.yaml").symlink_to("/etc/passwd")
    (folder / "within.yaml").symlink_to("first.yaml")
    commit(tool, {})
    ran = add(stash, "mytool", tool)
    assert ran.code == 0
    left_out = [line for line in ran.out.splitlines() if line.startswith("  skipped: ")]
    reason = "no UTF-8 text of at most 50 MB in the tool's config directory"
    assert left_out == [
        f"  skipped: experiment/latin.yaml: {reason}",
        f"  skipped: experiment/out.yaml: {reason}",
        f"  skipped: experiment/two words.yaml: {experiment_complaint('two words')}",
    ]
    copied = sorted(path.name for path in (stash / "configs/mytool/experiment").iterdir())
    assert copied == ["figure1", "first.yaml", "within.yaml"]
    assert not (stash / "configs/mytool/experiment/within.yaml").is_symlink()


PACKAGE = {
    **{key: text for key, text in FILES.items() if "/conf/" not in key},
    "mytool/main.py": MAIN.replace('"conf"', "None"),
    "mytool/configs/__init__.py": "",
    **{key.replace("/conf/", "/configs/"): text for key, text in FILES.items() if "/conf/" in key},
}


def test_configs_in_a_package_are_found_without_copying(stash: Path, tmp_path: Path) -> None:
    commit(tmp_path / "theirs", PACKAGE)
    ran = add(stash, "mytool", tmp_path / "theirs", "--no-copy")
    assert ran.code == 0
    assert "  search packages: mytool.configs\n" in ran.out
    assert "composed mytool/figure1/pca successfully" in ran.out
    assert not (stash / "configs/mytool").exists()
    assert "    search_packages: mytool.configs\n" in (stash / "configs/meta.yaml").read_text()
    assert estash("run", "mytool", "first", cwd=stash).out == "{'lr': 2, 'data': {'n': 1}}\n"


def test_packages_that_the_user_names(stash: Path, tool: Path) -> None:
    ran = add(stash, "mytool", tool, "--search-packages", "mytool.conf:other.configs")
    assert ran.code == 0
    assert '    search_packages: "mytool.conf:other.configs"\n' in (stash / "configs/meta.yaml").read_text()


def test_configs_in_no_package(stash: Path, tmp_path: Path) -> None:
    commit(tmp_path / "theirs", {key: text for key, text in PACKAGE.items() if "__init__" not in key})
    assert refused(stash, "mytool", tmp_path / "theirs", "--no-copy").endswith(
        "experimentstash: mytool: its configs are in no package that Hydra can search\n"
        f"    fix: experimentstash add-tool mytool {tmp_path}/theirs  # or name their package with --search-packages\n"
    )
    (fix,) = fixes(estash("add-tool", "mytool", tmp_path / "theirs", "--no-copy", cwd=stash).err)
    paste(fix, stash)


@pytest.mark.every
def test_an_entrypoint_that_the_user_names(stash: Path, tool: Path) -> None:
    commit(tool, {"bin/start": MAIN.replace('"conf"', '"../mytool/conf"')})
    ran = add(stash, "mytool", tool, "--entrypoint", "bin/start")
    assert ran.code == 0
    assert "  entrypoint: bin/start\n  copied" in ran.out
    other = f"experimentstash add-tool mytool-main {tool} --entrypoint '-m mytool.main'"
    assert f"  you can add its other programs as separate tools:\n    {other}\n" in ran.out
    assert run("bash", "-c", other, cwd=stash).code == 0
    assert "composed mytool/figure1/pca successfully" in ran.out


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("absent.py", "tools/mytool/absent.py: the tool has no such program"),
        ("src/absent", "tools/mytool/src/absent: the tool has no such program"),
        ("../x.py", "the entrypoint '../x.py' lies outside of the tool"),
        ("-c x", "the entrypoint '-c x' is no `-m MODULE`"),
        ("", "the entrypoint '' is empty"),
    ],
)
def test_an_entrypoint_that_is_none(stash: Path, tool: Path, entrypoint: str, told: str) -> None:
    assert told in refused(stash, "mytool", tool, f"--entrypoint={entrypoint}")


def test_a_tool_that_does_not_compose_is_added_all_the_same(stash: Path, tool: Path) -> None:
    commit(tool, {"mytool/main.py": f"import not_installed_anywhere\n{MAIN}"})
    ran = add(stash, "mytool", tool)
    assert ran.code == 0
    assert "ModuleNotFoundError: No module named 'not_installed_anywhere'" in ran.err
    assert ran.err.endswith(
        "mytool is added, but the environment that runs it seems to lack its packages\n"
        "    fix: install tools/mytool into its environment, or set `python:` in configs/meta.yaml\n"
    )
    assert " successfully" not in ran.out
    assert "  mytool:\n" in (stash / "configs/meta.yaml").read_text()
    assert "select" not in (stash / "configs/meta.yaml").read_text()
    assert "A  tools/mytool" in git("status", "--porcelain", cwd=stash)
    git("commit", "-qm", "add", cwd=stash)
    write(stash / "lib", {"not_installed_anywhere.py": ""})
    installed = {"PYTHONPATH": str(stash / "lib")}
    assert estash("run", "mytool", "first", "--validate-only", cwd=stash, env=installed).code == 0


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "x y", "x\n", "\x1b[31m", ".git", "x.lock", "a..b", "", "é", "x" * 300]
)
def test_a_name_that_is_none(stash: Path, tool: Path, name: str) -> None:
    told = refused(stash, name, tool)
    assert "is not a valid tool name: " in told
    assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ext::sh -c touch% made", "names a program to run"),
        ("fd::17", "names a program to run"),
        ("::x", "names a program to run"),
        ("a\nb", "is empty or contains control characters"),
        ("https://x\x1b[31m", "is empty or contains control characters"),
        ("https://example.org/a b", "contains white space"),
        ("", "is empty or contains control characters"),
        ("absent", "absent: neither a directory nor a URL"),
        ("https://ada:s3cret@example.org/x", "the URL contains a user, a password or a token"),
    ],
)
def test_a_url_that_is_hostile(stash: Path, url: str, told: str) -> None:
    err = refused(stash, "mytool", url)
    assert told in err
    assert "s3cret" not in err
    assert not (stash / "made").exists()


def test_what_begins_with_a_dash(stash: Path, tool: Path) -> None:
    assert "No such option" in refused(stash, "-x", tool, code=2)
    assert "No such option" in refused(stash, "mytool", "--upload-pack=x", code=2)
    assert "begins with '-'" in refused(stash, "--", "mytool", "--upload-pack=touch made")
    assert "'-x' is not a valid tool name" in refused(stash, "--", "-x", tool)
    assert "'-x' is not a valid branch name" in refused(stash, "mytool", tool, "--branch=-x")
    assert "'a b' is not a valid branch name" in refused(stash, "mytool", tool, "--branch=a b")
    assert "'--x' is no package" in refused(stash, "mytool", tool, "--search-packages=a:--x")


def test_in_the_way(stash: Path, tool: Path) -> None:
    write(stash, {"tools/mytool/x": "mine"})
    assert "tools/mytool: already exists\n    fix: mv tools/mytool" in refused(stash, "mytool", tool)
    git("add", "tools", cwd=stash)
    assert "tools/mytool is in git already" in refused(stash, "mytool", tool)
    git("rm", "-rqf", "tools", cwd=stash)
    write(stash, {"tools": "a file"})
    assert f"{stash}/tools: a file, but a directory is needed" in refused(stash, "mytool", tool)
    (stash / "tools").unlink()
    (stash / "tools").symlink_to(stash.parent)
    assert "a symlink that leads out of" in refused(stash, "mytool", tool)
    (stash / "tools").unlink()
    (stash / "configs/mytool").symlink_to(stash.parent)
    assert "a symlink that leads out of" in refused(stash, "mytool", tool)
    assert "configs/meta.yaml: a file, but a directory is needed" in refused(stash, "meta.yaml", tool)


def test_what_is_left_of_an_earlier_submodule(stash: Path, tool: Path) -> None:
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", "x", cwd=stash)
    assert "    fix: git config -f .gitmodules --remove-section submodule.tools/mytool" in refused(
        stash, "mytool", tool
    )
    (stash / ".gitmodules").unlink()
    git("config", "submodule.tools/mytool.url", "x", cwd=stash)
    assert "    fix: git config --local --remove-section submodule.tools/mytool" in refused(stash, "mytool", tool)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=stash)
    (stash / ".git/modules/tools/mytool").mkdir(parents=True)
    assert f"    fix: rm -rf {stash}/.git/modules/tools/mytool" in refused(stash, "mytool", tool)


def test_a_broken_registry_and_no_stash(stash: Path, tool: Path, tmp_path: Path) -> None:
    assert "not a stash, and not in a git repository" in run(BIN / "estash", "add-tool", "x", tool, cwd=tmp_path).err
    write(stash, {"configs/meta.yaml": "tools: [\n"})
    assert "configs/meta.yaml: line 2, column 1: " in refused(stash, "mytool", tool)


def with_another_tool(stash: Path, tool: Path) -> None:
    """Let there be a tool already, with changes that nobody committed, so that there is more to be put back."""
    assert add(stash, "first", tool).code == 0
    with (stash / ".gitmodules").open("a") as file:
        file.write("# unstaged, mine\n")
    with (stash / "configs/meta.yaml").open("a") as file:
        file.write("# unstaged, mine\n")
    write(stash, {"configs/mytool/experiment/own.yaml": "a: 1\n"})


@pytest.mark.first(1)
@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--branch", "absent"], "experimentstash: git could not add {url} (exit code "),
        (["--entrypoint", "absent.py"], "tools/mytool/absent.py: the tool has no such program"),
    ],
)
def test_a_failure_leaves_the_stash_as_it_was(stash: Path, tool: Path, args: list[str], told: str, more: bool) -> None:
    if more:
        with_another_tool(stash, tool)
    assert told.format(url=tool) in refused(stash, "mytool", tool, *args)


def test_a_program_that_is_not_found_is_named(stash: Path, tool: Path) -> None:
    """One that hides its call of Hydra; and one that calls it in some cases, beside another that does in all."""
    commit(tool, {"mytool/main.py": MAIN.replace("import hydra\n", "hydra = __import__('hy' + 'dra')\n")})
    (fix,) = fixes(refused(stash, "mytool", tool))
    assert fix == f"experimentstash add-tool mytool {tool} --entrypoint '-m mytool.main'"
    assert "composed mytool/figure1/pca successfully" in paste(fix, stash).out
    sometimes = MAIN.replace("    main()\n", "    import sys\n    'go' in sys.argv and main()\n")
    commit(tool, {"mytool/main.py": sometimes, "mytool/other.py": MAIN})
    ran = add(stash, "second", tool, "--entrypoint", "-m mytool.main")
    (fix,) = fixes(ran.err)
    assert fix == f"experimentstash add-tool second {tool} --entrypoint mytool/other.py"
    assert "composed second/figure1/pca successfully" in paste(fix, stash).out


def test_a_tool_that_is_not_registered_is_added(stash: Path, tool: Path) -> None:
    (fix,) = fixes(estash("run", "mytool", "first", cwd=stash).err)
    added = paste(fix.replace("URL", str(tool)), stash)
    (commit_it,) = fixes(added.out)
    paste(commit_it, stash)
    assert estash("run", "mytool", "first", cwd=stash).code == 0


def test_no_such_repository_an_empty_one_and_one_without_hydra(stash: Path, tmp_path: Path) -> None:
    told = "experimentstash: git could not add {} (exit code "
    assert told.format(tmp_path) in refused(stash, "mytool", tmp_path)
    assert told.format("https://127.0.0.1:1/x.git") in refused(stash, "mytool", "https://127.0.0.1:1/x.git")
    git("init", "-q", "empty", cwd=tmp_path)
    assert told.format(tmp_path / "empty") in refused(stash, "mytool", tmp_path / "empty")
    assert "mytool: it holds no program that calls Hydra" in refused(stash, "mytool", commit_empty_tool(tmp_path))


def test_a_stash_that_ignores_its_configs(stash: Path, tool: Path) -> None:
    with (stash / ".gitignore").open("a") as file:
        file.write("/configs/mytool\n")
    assert "The following paths are ignored by one of your .gitignore files" in refused(stash, "mytool", tool)


@pytest.mark.every
def test_a_full_disk(stash: Path, tool: Path) -> None:
    with_another_tool(stash, tool)
    commit(tool, {"large": "".join(f"{number * 7919 % 10007}\n" for number in range(200_000))})
    before = state(stash)
    program = f"ulimit -f 60; '{BIN}/experimentstash' add-tool mytool '{tool}'"
    ran = run("bash", "-c", program, cwd=stash, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert (ran.code, ran.out) == (1, "")
    assert state(stash) == before


def begin(stash: Path, tool: Path, url: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [BIN / "experimentstash", "add-tool", "mytool", url],
        cwd=stash,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(path: Path) -> int:
    for _ in range(3000):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{path} did not come")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stuck(tmp_path: Path, where: str, tool: Path) -> tuple[str, dict[str, str], Path]:
    """Let an add hang while it fetches, after it has cloned, or while it composes."""
    reached = tmp_path / "reached"
    hang = f"#!/bin/sh\necho $$ > '{reached}'\nexec sleep 600\n"
    write(tmp_path, {"hang": hang, "template/hooks/post-checkout": hang})
    for path in ("hang", "template/hooks/post-checkout"):
        (tmp_path / path).chmod(0o755)
    if where == "fetching":
        return "ssh://example.org/x", {"GIT_SSH_COMMAND": str(tmp_path / "hang"), "GIT_SSH_VARIANT": "simple"}, reached
    if where == "cloned":
        return str(tool), {"GIT_TEMPLATE_DIR": str(tmp_path / "template")}, reached
    # It is started twice: without arguments to be asked, and with some to compose.
    hang_here = f"open({str(reached)!r}, 'w').write(str(os.getpid())), time.sleep(600)"
    source = f"import os, sys, time\nif sys.argv[1:]: {hang_here}\n{MAIN}"
    commit(tool, {"mytool/main.py": source})
    return str(tool), {}, reached


SIGNALS = ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129))
PLACES = ("fetching", "cloned", "composing")
INTERRUPTIONS = [
    pytest.param(
        number,
        code,
        where,
        more,
        id=f"{number.name}-{where}-{more}",
        # each signal, each place and both kinds of stash; `make matrix` has all of their combinations
        marks=[] if (turn, more) in ((0, False), (1, True), (2, False)) and place == turn else [pytest.mark.every],
    )
    for turn, (number, code) in enumerate(SIGNALS)
    for place, where in enumerate(PLACES)
    for more in (False, True)
]


@pytest.mark.first(1)
@pytest.mark.parametrize(("number", "code", "where", "more"), INTERRUPTIONS)
def test_an_interruption_leaves_the_stash_as_it_was(
    stash: Path, tool: Path, tmp_path: Path, where: str, number: signal.Signals, code: int, more: bool
) -> None:
    if more:
        with_another_tool(stash, tool)
    url, env, reached = stuck(tmp_path, where, tool)
    before = state(stash)
    process = begin(stash, tool, url, env)
    hanging = wait_for(reached)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in err
    assert state(stash) == before
    assert not is_running(hanging)


@pytest.mark.first(1)
@pytest.mark.parametrize("where", ["cloned", "composing"])
def test_after_a_kill_the_next_add_cleans_up(stash: Path, tool: Path, tmp_path: Path, where: str) -> None:
    with_another_tool(stash, tool)
    url, env, reached = stuck(tmp_path, where, tool)
    before = state(stash)
    process = begin(stash, tool, url, env)
    hanging = wait_for(reached)
    assert "another add-tool is running there; wait until it ends" in add(stash, "other", tool).err
    process.kill()
    os.kill(hanging, signal.SIGKILL)
    process.communicate(timeout=60)
    time.sleep(0.3)  # for what git does when its hook has ended
    assert (stash / ".git/experimentstash-add-tool").exists()
    assert state(stash) != before
    ran = add(stash, "mytool", commit_empty_tool(tmp_path))
    assert "undid what an add-tool of 'mytool' that was cut off had left\n" in ran.err
    assert "it holds no program" in ran.err
    assert state(stash) == before


def cut_off(stash: Path, tool: Path, tmp_path: Path) -> None:
    url, env, reached = stuck(tmp_path, "composing", tool)
    process = begin(stash, tool, url, env)
    hanging = wait_for(reached)
    process.kill()
    os.kill(hanging, signal.SIGKILL)
    process.communicate(timeout=60)


def test_after_a_kill_work_of_the_users_is_not_touched(stash: Path, tool: Path, tmp_path: Path) -> None:
    cut_off(stash, tool, tmp_path)
    write(stash, {"tools/mytool/mine.py": "x = 1\n"})
    before = state(stash)
    ran = add(stash, "mytool", tool)
    assert (ran.code, ran.out) == (1, "")
    assert (
        "tools/mytool: an interrupted add-tool left it, and it contains your work now; save that elsewhere first"
        in ran.err
    )
    assert state(stash) == before
    fix = ran.err.splitlines()[-1].removeprefix("    fix: ")
    assert run("bash", "-c", fix, cwd=stash).code == 0
    commit(tool, {"mytool/main.py": MAIN})
    assert add(stash, "mytool", tool).code == 0


@pytest.mark.every
def test_after_a_kill_what_the_user_committed_stays(stash: Path, tool: Path, tmp_path: Path) -> None:
    cut_off(stash, tool, tmp_path)
    git("commit", "-q", "-m", "all the same", cwd=stash)
    ran = add(stash, "mytool", tool)
    assert "the tool 'mytool' already exists" in ran.err
    assert "undid" not in ran.err
    assert (stash / "tools/mytool/mytool/main.py").exists()
    assert not (stash / ".git/experimentstash-add-tool").exists()


@pytest.mark.every
def test_after_a_kill_later_edits_of_the_user_stay(stash: Path, tool: Path, tmp_path: Path) -> None:
    cut_off(stash, tool, tmp_path)
    for path in (".gitmodules", "configs/meta.yaml"):
        with (stash / path).open("a") as file:
            file.write("# mine, later\n" if path != ".gitmodules" else "[mine]\n\tlater = 1\n")
    ran = add(stash, "other", commit_empty_tool(tmp_path))
    assert "undid what an add-tool of 'mytool' that was cut off had left\n" in ran.err
    assert (stash / ".gitmodules").read_text() == "[mine]\n\tlater = 1\n"
    assert "# mine, later" in (stash / "configs/meta.yaml").read_text()


def test_usage(stash: Path) -> None:
    assert add(stash, "mytool").code == 2
    assert add(stash, "mytool", "x", "y").code == 2
