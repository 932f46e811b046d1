"""Nothing of a stash is executed before somebody agreed to it, nothing leads out of the directory, nothing deceives."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

import pytest
from conftest import Ran, git, write
from hostile import ORDINARY, entry
from scene import Scene, at_terminal, make_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A stash with the experiment `first` frozen under `v1`."""
    made = make_scene(tmp_path)
    made.freeze()
    return made


@pytest.fixture
def canary(scene: Scene) -> Path:
    """A file that whoever is executed makes."""
    return scene.root / "canary"


def refused(scene: Scene, ran: Ran, said: str) -> None:
    assert ran.code == 1, (ran.code, ran.out, ran.err)
    assert said in ran.err, ran.err
    assert "Traceback" not in ran.err
    assert scene.runs() == []
    assert not {char for char in ran.err if not char.isprintable()} - ORDINARY


def refreeze(scene: Scene) -> None:
    """Commit what lies in the stash and its tool, pushed, and let `v1` name it."""
    tool = scene.stash / "tools/mytool"
    if git("status", "--porcelain", cwd=tool):
        git("add", "-A", cwd=tool)
        git("commit", "-q", "-m", "hostile", cwd=tool)
        git("push", "-q", "origin", "HEAD:refs/heads/hostile", cwd=tool)
    scene.freeze()


def test_without_a_terminal_nothing_is_fetched(scene: Scene) -> None:
    refused(scene, scene.strictly("v1", "--no-build", "--allow-local"), "there is no terminal to ask for permission")
    assert not scene.into.exists()


def test_at_a_terminal_that_does_not_show_the_question(scene: Scene) -> None:
    command = ["sh", "-c", f"{shlex.join(scene.command('v1', '--no-build', '--allow-local'))} 2>{scene.root}/said"]
    ended, _ = at_terminal(["/bin/sh", *command[1:]], "y\n", cwd=scene.stash, env=scene.env)
    assert ended == 1
    assert "there is no terminal to ask for permission" in (scene.root / "said").read_text()
    assert scene.runs() == []


def test_one_line_of_a_stranger_does_not_push_the_others_away(scene: Scene) -> None:
    env = {"GIT_AUTHOR_NAME": "Ada " * 20_000}
    git("commit", "-q", "--amend", "--no-edit", "--reset-author", cwd=scene.stash, env=env)
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)
    said = scene.reproduce().err
    assert max(map(len, said.splitlines())) < 1100
    assert "characters more" in said


@pytest.mark.parametrize(("answer", "code", "runs"), [("y\n", 0, ["first"]), ("n\n", 1, []), ("\n", 1, [])])
def test_at_a_terminal_the_answer_counts(scene: Scene, answer: str, code: int, runs: list[str]) -> None:
    command = scene.command("v1", "--no-build", "--allow-local")
    ended, said = at_terminal(command, answer, cwd=scene.stash, env=scene.env)
    assert ended == code, said
    assert scene.runs() == runs
    told = said[: said.index("[y/N]")]
    head, pinned = git("rev-parse", "snapshot/v1", cwd=scene.stash)[:12], scene.head()[:12]
    assert f"{head} by Ada Tester <ada@example.org>" in told
    assert f"tools/mytool from {scene.remote('mytool')}, {pinned} by Ada Tester" in told
    assert "runs mytool/first" in told
    assert "objects: 100%" in told  # git's progress, at a terminal


def test_interrupted_at_the_question(scene: Scene) -> None:
    command = scene.command("v1", "--no-build", "--allow-local")
    assert at_terminal(command, "\x03", cwd=scene.stash, env=scene.env)[0] == 130
    assert scene.runs() == []


def test_no_hook_runs(scene: Scene, canary: Path, sealed_home: Path) -> None:
    """Nor does one that this user has for all repositories: it would be given a stranger's files."""
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        for folder in ("templates/hooks", "hooks"):
            write(sealed_home, {f"{folder}/{name}": f"#!/bin/sh\ntouch {canary}\n"})
            (sealed_home / folder / name).chmod(0o755)
    git("config", "--global", "init.templateDir", sealed_home / "templates", cwd=scene.root)
    git("config", "--global", "core.hooksPath", sealed_home / "hooks", cwd=scene.root)
    command = scene.command("v1", "--no-build", "--allow-local")
    assert at_terminal(command, "n\n", cwd=scene.stash, env=scene.env)[0] == 1
    assert (scene.into / "tools/mytool/main.py").exists()
    assert not canary.exists()


@pytest.mark.parametrize("kind", ["smudge", "process"])
def test_no_filter_runs_whoever_configured_it(scene: Scene, canary: Path, kind: str) -> None:
    attributes = "[attr]worse filter=evil diff=evil merge=evil\n* worse\n*.py filter=evil diff=evil merge=evil\n"
    for folder in (scene.stash, scene.stash / "tools/mytool"):
        write(folder, {".gitattributes": attributes})
    refreeze(scene)
    keys = (f"filter.evil.{kind}", "diff.evil.textconv", "diff.evil.command", "merge.evil.driver", "core.fsmonitor")
    for key in keys:
        git("config", "--global", key, f"touch {canary}; cat", cwd=scene.root)
    git("clone", "-q", "--no-checkout", scene.stash, "theirs", cwd=scene.root)
    canary.unlink(missing_ok=True)  # the clone may have run one
    command = scene.command("v1", "--no-build", "--allow-local", "--from", str(scene.root / "theirs"))
    assert at_terminal(command, "n\n", cwd=scene.root, env=scene.env)[0] == 1
    assert (scene.into / "tools/mytool/.gitattributes").exists()
    assert not canary.exists()


def test_line_ends_are_those_that_are_recorded(scene: Scene) -> None:
    git("config", "--global", "core.autocrlf", "true", cwd=scene.root)
    assert scene.reproduce("v1", "--check").code == 0
    assert b"\r" not in (scene.into / "tools/mytool/main.py").read_bytes()


def gitmodules(scene: Scene, **values: str) -> None:
    for key, value in values.items():
        git("config", "-f", ".gitmodules", f"submodule.tools/mytool.{key}", value, cwd=scene.stash)
    refreeze(scene)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ext::sh -c touch% canary", "which git would run as a program: refused"),
        ("fd::7", "which git would run as a program: refused"),
        ("file:///nowhere", "a path on this machine, which needs --allow-local"),
        ("/nowhere", "a path on this machine, which needs --allow-local"),
        ("../remotes/mytool", "a path on this machine, which needs --allow-local"),
        ("-uevil", ".gitmodules names no remote of it"),
        ("ssh://-oProxyCommand=touch canary/x", "cannot be fetched"),
    ],
)
def test_where_a_tool_may_come_from(scene: Scene, url: str, said: str) -> None:
    gitmodules(scene, url=url, update="!touch canary")
    git("config", "--global", "protocol.allow", "always", cwd=scene.root)
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    ran = scene.strictly("v1", "--yes", "--no-build", cwd=scene.root / "theirs")
    refused(scene, ran, said)
    assert not list(scene.root.rglob("canary"))


def test_an_url_of_the_users_that_names_a_program(scene: Scene) -> None:
    ran = scene.strictly("v1", "--yes", "--from", "ext::sh -c touch% canary")
    refused(scene, ran, "neither a URL nor a directory")


def test_update_by_a_command_is_no_command(scene: Scene, canary: Path) -> None:
    gitmodules(scene, update=f"!touch {canary}")
    assert scene.reproduce().code == 0
    assert not canary.exists()


@pytest.mark.parametrize("name", ["../../../evil", "/tmp/../{root}/evil", "x/../../evil", "{root}/evil"])
def test_a_name_that_leads_out_of_the_folder(scene: Scene, name: str) -> None:
    name = name.format(root=scene.root)
    text = f'[submodule "{name}"]\n\tpath = tools/mytool\n\turl = {scene.remote("mytool")}\n'
    write(scene.stash, {".gitmodules": text})
    refreeze(scene)
    git("clone", "-q", scene.stash, "theirs", cwd=scene.root)
    before = sorted(path.name for path in scene.root.iterdir())
    scene.reproduce(cwd=scene.root / "theirs")
    after = sorted(path.name for path in scene.root.iterdir() if path.name not in ("into", "signs"))
    assert after == [name for name in before if name != "signs"]


def test_a_name_within_that_of_another(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, tools=("mytool", "other"))
    text = "".join(
        f'[submodule "{name}"]\n\tpath = tools/{tool}\n\turl = {scene.remote(tool)}\n'
        for name, tool in (("a", "mytool"), ("a/hooks", "other"))
    )
    write(scene.stash, {".gitmodules": text})
    scene.freeze(more=f"# DEPENDS: other {scene.head('other')}\n")
    refused(scene, scene.reproduce(), "the name 'a/hooks' of .gitmodules is taken: refused")


def test_a_link_out_of_the_folder(scene: Scene) -> None:
    (scene.stash / "escape").symlink_to("../../outside")
    refreeze(scene)
    refused(scene, scene.reproduce(), "escape is a link that leads out of the directory: refused")


def test_a_link_out_of_the_folder_in_a_tool(scene: Scene) -> None:
    (scene.stash / "tools/mytool/data").symlink_to("/etc")
    (scene.stash / "tools/mytool/fine").symlink_to("main.py")
    refreeze(scene)
    refused(scene, scene.reproduce(), "tools/mytool: data is a link that leads out of the directory: refused")


@pytest.mark.parametrize("path", ["outputs", "tools", "configs"])
def test_a_folder_of_ours_that_is_a_link(scene: Scene, path: str) -> None:
    outside = scene.root / "outside"
    outside.mkdir()
    for line in git("ls-files", path, cwd=scene.stash).splitlines():
        git("update-index", "--force-remove", line, cwd=scene.stash)
    blob = git("hash-object", "-w", "--stdin", cwd=scene.stash, stdin=str(outside))
    entry(scene.stash, path, blob, "120000")
    git("commit", "-q", "-m", "hostile", cwd=scene.stash)
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)
    refused(scene, scene.reproduce(), f"{path} is a link that leads out of the directory: refused")
    assert list(outside.iterdir()) == []


def test_a_run_folder_that_is_a_link_within(scene: Scene) -> None:
    """It is taken away, and not what it leads to."""
    run = scene.stash / "outputs/mytool/first/@run"
    run.mkdir(parents=True)
    (run / "v1").symlink_to("../../../../configs")
    git("add", "-f", "outputs", cwd=scene.stash)
    refreeze(scene)
    ran = scene.reproduce()
    assert (scene.into / "configs/meta.yaml").is_file(), ran.err
    assert "Traceback" not in ran.err


def test_control_characters_of_a_stranger(scene: Scene) -> None:
    env = {"GIT_AUTHOR_NAME": "Ada\x1b[2J\x1b]0;x\x07\u202e", "GIT_AUTHOR_EMAIL": "a\x1b[1A@b"}
    git("commit", "-q", "--amend", "--no-edit", "--reset-author", cwd=scene.stash, env=env)
    git("tag", "-f", "snapshot/v1", cwd=scene.stash)
    command = scene.command("v1", "--no-build", "--allow-local")
    ended, said = at_terminal(command, "n\n", cwd=scene.stash, env=scene.env)
    assert ended == 1
    assert "by Ada" in said
    assert "\x1b[2J" not in said
    assert "\x1b]" not in said
    assert "\x1b[1A" not in said
    assert "\u202e" not in said


def test_the_registry_names_no_interpreter_of_this_machine(scene: Scene, canary: Path) -> None:
    write(scene.stash, {"evil.sh": f"#!/bin/sh\ntouch {canary}\n"})
    (scene.stash / "evil.sh").chmod(0o755)
    registry = (scene.stash / "configs/meta.yaml").read_text()
    write(scene.stash, {"configs/meta.yaml": f"{registry}    python: {scene.stash}/evil.sh\n"})
    refreeze(scene)
    assert scene.reproduce().code == 0
    assert not canary.exists()


@pytest.mark.parametrize(("workdir", "said"), [("../..", "lies outside"), ("gone", "no such working directory")])
def test_a_working_folder_that_is_none(scene: Scene, workdir: str, said: str) -> None:
    registry = (scene.stash / "configs/meta.yaml").read_text()
    write(scene.stash, {"configs/meta.yaml": f"{registry}    workdir: {workdir}\n"})
    refreeze(scene)
    refused(scene, scene.reproduce(), said)


@pytest.mark.parametrize("folder", ["tools/nope", "tools/"])
def test_a_project_line_that_names_no_tool(scene: Scene, folder: str) -> None:
    scene.freeze(more=f"# PROJECT: {folder}\n")
    refused(scene, scene.reproduce(), f"snapshot/v1 has no pin at {folder}\n")


def lfs(scene: Scene) -> tuple[str, str]:
    """Let the tool have a file of Git LFS; return its content and its digest."""
    content = "weights" * 1000
    oid = hashlib.sha256(content.encode()).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    files = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "data/a.bin": pointer}
    write(scene.stash / "tools/mytool", files)
    refreeze(scene)
    return content, oid


def test_files_of_git_lfs_that_did_not_come_are_named(scene: Scene) -> None:
    lfs(scene)
    report = scene.root / "r.json"
    ran = scene.reproduce("v1", "--report", report)
    assert ran.code == 0
    told = (
        f"tools/mytool: of Git LFS, and not brought: data/a.bin; git -C {scene.into}/tools/mytool lfs pull brings them"
    )
    assert told in ran.err
    assert told in ran.out
    assert json.loads(report.read_text())["notes"] == [told]


def test_files_of_git_lfs_in_the_stash(scene: Scene) -> None:
    content = "figures" * 1000
    oid = hashlib.sha256(content.encode()).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    write(scene.stash, {".gitattributes": "*.bin filter=lfs -text\n", "a.bin": pointer})
    refreeze(scene)
    assert f"the stash: of Git LFS, and not brought: a.bin; git -C {scene.into} lfs pull" in scene.reproduce().err
    write(scene.stash / f".git/lfs/objects/{oid[:2]}/{oid[2:4]}", {oid: content})
    assert "LFS" not in scene.reproduce().err
    assert (scene.into / "a.bin").read_text() == content


@pytest.mark.parametrize("where", ["stash", "into"])
def test_files_of_git_lfs_that_this_machine_has(scene: Scene, where: str) -> None:
    content, oid = lfs(scene)
    if where == "into":
        scene.reproduce()
    store = scene.root / where / f".git/modules/tools/mytool/lfs/objects/{oid[:2]}/{oid[2:4]}"
    write(store, {oid: content})
    for _ in range(2):
        ran = scene.reproduce()
        assert ran.code == 0
        assert "Git LFS" not in ran.err
        assert (scene.into / "tools/mytool/data/a.bin").read_text() == content
    write(store, {oid: "something else"})
    assert "data/a.bin" in scene.reproduce().err


def test_what_a_remote_says_comes_to_the_terminal_as_text(scene: Scene, tmp_path: Path) -> None:
    """A server's words reach git's stderr, and git of today hands them on as they are."""
    shell = tmp_path / "ssh"
    shell.write_text("#!/bin/sh\nprintf '\\033[2Jgo away\\n' >&2\nexit 1\n")
    shell.chmod(0o755)
    ran = scene.strictly("v1", "--yes", "--from", "ssh://host/stash", GIT_SSH_COMMAND=str(shell))
    refused(scene, ran, "\\x1b[2Jgo away")
