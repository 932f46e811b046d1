"""`init`: a stash out of nothing or out of a repository in use, twice over without harm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from conftest import BIN, commit, estash, git, run, write
from hooking import (
    AS_ROOT,
    BEFORE,
    CLONE,
    NAMED,
    OTHERS,
    TYPES,
    everything,
    framework,
    hook_names,
    program,
    stash,
    state,
)
from stashes import commit_index, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.cli.commands.init import TEMPLATE

PYTHON = BIN / Path(sys.executable).name


def listing(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_folder_becomes_a_repository_and_a_stash(tmp_path: Path) -> None:
    ran = estash("init", "deep/stash", cwd=tmp_path)
    stash = tmp_path / "deep" / "stash"
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{stash}: a stash, in a new git repository\n"
        "  wrote configs/meta.yaml: the registry, with no tools yet\n"
        "  wrote configs/meta.schema.json: the schema of the registry, for editors\n"
        "  added /outputs/ to .gitignore: the output of runs\n"
        f"  {stash}/.git/hooks: hooks installed\n"
        f"    {TYPES}\n"
        f"    Python of the hooks: {PYTHON}\n"
        "next: git add configs/meta.yaml configs/meta.schema.json .gitignore && git commit -m 'Make a stash'\n"
        "      experimentstash add-tool NAME URL\n"
    )
    assert (stash / "configs/meta.yaml").read_text() == TEMPLATE
    assert (
        git("status", "--porcelain", "-uall", cwd=stash)
        == "?? .gitignore\n?? configs/meta.schema.json\n?? configs/meta.yaml"
    )
    assert git("check-ignore", "outputs/x", cwd=stash) == "outputs/x"


def test_the_working_folder_by_default(tmp_path: Path) -> None:
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / "configs/meta.yaml").is_file()


def test_its_next_steps_can_be_typed(tmp_path: Path) -> None:
    ran = estash("init", cwd=tmp_path)
    command = ran.out.splitlines()[7].removeprefix("next: ")
    assert run("bash", "-c", command, cwd=tmp_path).code == 0
    assert git("status", "--porcelain", cwd=tmp_path) == ""


def test_a_repository_in_use_keeps_all_it_has(tmp_path: Path) -> None:
    commit(tmp_path, {"README.md": "ours\n", ".gitignore": "*.pyc\n/data", "configs/x.yaml": "a: 1\n"})
    write(tmp_path, {"staged.txt": "x", "README.md": "changed\n"})
    git("add", "staged.txt", cwd=tmp_path)
    ran = estash("init", cwd=tmp_path)
    assert ran.out.startswith(f"{tmp_path}: a stash\n  wrote configs/meta.yaml")
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n/data\n/outputs/\n"
    assert git("status", "--porcelain", "-uall", cwd=tmp_path).splitlines() == [
        " M .gitignore",
        " M README.md",
        "A  staged.txt",
        "?? configs/meta.schema.json",
        "?? configs/meta.yaml",
    ]


def test_twice_over_does_no_harm(tmp_path: Path) -> None:
    estash("init", cwd=tmp_path)
    before = listing(tmp_path)
    ran = estash("init", cwd=tmp_path)
    told = f"{tmp_path}: already a stash\n  {tmp_path}/.git/hooks: hooks already installed\n"
    assert (ran.code, ran.out, ran.err) == (0, told, "")
    assert listing(tmp_path) == before


def test_a_stash_whose_outputs_are_not_ignored_yet(tmp_path: Path) -> None:
    commit(tmp_path, {"configs/meta.yaml": "tools: {} # mine\n"})
    ran = estash("init", cwd=tmp_path)
    assert ran.code == 0
    assert (tmp_path / "configs/meta.yaml").read_text() == "tools: {} # mine\n"
    assert (tmp_path / ".gitignore").read_text() == "/outputs/\n"


@pytest.mark.parametrize("ignored", ["outputs", "outputs/", "/outputs/*\n", "out*/", "# c\n/outputs"])
def test_outputs_that_git_ignores_already(tmp_path: Path, ignored: str) -> None:
    commit(tmp_path, {".gitignore": ignored})
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == ignored


def test_what_only_this_machine_ignores_does_not_count(tmp_path: Path, sealed_home: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".git/info/exclude").write_text("outputs/\n")
    (sealed_home / "ignored").write_text("outputs\n")
    git("config", "--global", "core.excludesFile", str(sealed_home / "ignored"), cwd=tmp_path)
    estash("init", cwd=tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "/outputs/\n"


@pytest.mark.parametrize(
    ("before", "after"), [("!/outputs/\n", "!/outputs/\n/outputs/\n"), ("a\r\nb", "a\r\nb\r\n/outputs/\r\n")]
)
def test_what_is_appended_to_gitignore(tmp_path: Path, before: str, after: str) -> None:
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".gitignore").write_bytes(before.encode())
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_bytes() == after.encode()


def test_a_folder_with_files_but_no_repository(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "/outputs\n", "notes.txt": "x"})
    assert estash("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == "/outputs\n"


def test_a_linked_worktree_and_a_submodule(tmp_path: Path) -> None:
    commit(tmp_path / "one", {"x": "1"})
    git("worktree", "add", "-q", "../two", cwd=tmp_path / "one")
    assert estash("init", cwd=tmp_path / "two").code == 0
    git("submodule", "add", "-q", str(tmp_path / "one"), "sub", cwd=tmp_path / "one")
    assert estash("init", "sub", cwd=tmp_path / "one").code == 0
    assert (tmp_path / "one/sub/configs/meta.yaml").is_file()


def refused(tmp_path: Path, root: Path, *args: str, cwd: Path | None = None) -> str:
    before = listing(root)
    ran = estash("init", *args, cwd=cwd or tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert listing(root) == before
    return ran.err


def test_inside_of_a_repository(tmp_path: Path) -> None:
    commit(tmp_path, {"sub/x": "1"})
    told = f"experimentstash: {{}}: inside the repository {tmp_path}\n    fix: experimentstash init {tmp_path}\n"
    assert refused(tmp_path, tmp_path, "sub") == told.format(tmp_path / "sub")
    assert refused(tmp_path, tmp_path, "new/deep") == told.format(tmp_path / "new/deep")
    assert not (tmp_path / "new").exists()


def test_a_bare_repository(tmp_path: Path) -> None:
    git("init", "-q", "--bare", "x.git", cwd=tmp_path)
    assert refused(tmp_path, tmp_path, "x.git") == (
        f"experimentstash: {tmp_path}/x.git: a bare repository has no working tree\n"
        f"    fix: git clone {tmp_path}/x.git {tmp_path}/x.git-stash && experimentstash init {tmp_path}/x.git-stash\n"
    )


def test_gits_own_folder(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    assert "inside git's own directory; a stash needs a working tree" in refused(tmp_path, tmp_path, ".git/info")


def test_a_registry_that_is_broken_is_told_and_kept(tmp_path: Path) -> None:
    commit(tmp_path, {"configs/meta.yaml": "tools:\n  a: [\n"})
    assert refused(tmp_path, tmp_path).startswith("experimentstash: configs/meta.yaml: line 3, column 1: ")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"configs": ""}, "configs: a file, but a directory is needed"),
        ({"configs/meta.yaml/x": ""}, "configs/meta.yaml: cannot be read: Is a directory"),
        ({".gitignore/x": ""}, ".gitignore: cannot be read: Is a directory"),
        ({".gitignore": "configs/\n"}, "git ignores configs/meta.yaml (.gitignore:1: configs/)"),
    ],
)
def test_something_in_the_way(tmp_path: Path, files: dict[str, str], told: str) -> None:
    git("init", "-q", cwd=tmp_path)
    write(tmp_path, files)
    assert told in refused(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("link", "told"), [("configs", "a symlink that leads out of"), (".gitignore", "git does not follow a symlink")]
)
def test_a_link_in_the_way(tmp_path: Path, link: str, told: str) -> None:
    (tmp_path / "stash").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "stash" / link).symlink_to(tmp_path / "elsewhere")
    assert told in refused(tmp_path, tmp_path, cwd=tmp_path / "stash")
    assert not (tmp_path / "stash/.git").exists()


def test_a_file_and_a_path_below_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"x": ""})
    assert f"{tmp_path}/x: not a directory" in refused(tmp_path, tmp_path, "x")
    assert f"{tmp_path}/x: not a directory" in refused(tmp_path, tmp_path, "x/y")


def test_what_git_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    write(tmp_path, {".git": "gitdir: /nowhere\n"})
    assert "not a git repository: /nowhere" in refused(tmp_path, tmp_path)


@pytest.mark.skipif(AS_ROOT, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir(mode=0o555)
    assert refused(tmp_path, tmp_path, "x") == (
        f"experimentstash: {tmp_path}/x: read-only\n    fix: chmod u+w {tmp_path}/x\n"
    )


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.gitignore").write_text("x" * 20475)
    bin_folder = Path(sys.executable).parent
    # the registry and its schema fit, what git's own template brings fits, the longer .gitignore does not
    program = f"ulimit -f 20; trap '' XFSZ; '{bin_folder}/experimentstash' init new"
    ran = run("bash", "-c", program, cwd=tmp_path, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert (ran.code, ran.err) == (
        1,
        f"experimentstash: {tmp_path}/new/.gitignore: cannot be written: File too large\n",
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".gitignore"]


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    ran = estash("init", "a\x1b[31mb", cwd=tmp_path)
    assert (ran.code, "\x1b" in ran.out, "a\\x1b[31mb: a stash" in ran.out) == (0, False, True)


# The hooks.


def test_hooks_in_a_stash_that_is_there(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    write(root, {".gitignore": "/outputs/\n"})
    lines = [f"{root}: already a stash", f"  {root}/.git/hooks: hooks installed", f"    {TYPES}"]
    assert estash("init", cwd=root).out.splitlines() == [*lines, f"    Python of the hooks: {PYTHON}"]
    assert hook_names(root) == {*CLONE, "experimentstash.sh"}


def test_no_hooks(tmp_path: Path) -> None:
    ran = estash("init", "--hooks", "none", cwd=tmp_path)
    assert (ran.code, "hooks" in ran.out.replace(str(tmp_path), "")) == (0, False)
    assert hook_names(tmp_path) == set()


def test_hooks_that_cannot_be_installed_leave_everything_as_it_was(tmp_path: Path) -> None:
    commit(tmp_path, {".gitignore": "*.pyc\n", ".pre-commit-config.yaml": OTHERS})
    program(tmp_path / ".git/hooks/pre-commit", "exit 0")
    (tmp_path / ".git/config.lock").touch()
    before = everything(tmp_path)
    for hooks in ("native", "pre-commit", "prek"):
        ran = estash("init", "--hooks", hooks, cwd=tmp_path)
        assert (ran.code, ran.out, "could not lock config file" in ran.err) == (1, "", True)
        assert everything(tmp_path) == before


ENTRY = """\
  - repo: local
    hooks:
      - id: freeze-snapshots
        name: freeze snapshots
        entry: freeze-snapshots
        language: system
        stages: [pre-commit]
        always_run: true
        pass_filenames: false
        require_serial: true
      - id: check-snapshots
        name: check snapshots
        entry: check-snapshots
        language: system
        stages: [pre-commit, pre-merge-commit, manual]
        always_run: true
        pass_filenames: false
        require_serial: true
      - id: compare-pins
        name: compare pins
        entry: compare-pins
        language: system
        stages: [post-checkout]
        always_run: true
        pass_filenames: false
        require_serial: true
        verbose: true
      - id: tag-snapshots
        name: tag snapshots
        entry: tag-snapshots
        language: system
        stages: [post-commit, post-merge, post-rewrite]
        always_run: true
        pass_filenames: false
        require_serial: true
      - id: guard-push
        name: guard push
        entry: guard-push
        language: system
        stages: [pre-push]
        always_run: true
        pass_filenames: false
        require_serial: true
"""
EXCLUDE = 'exclude: "^configs/[^/]+/snapshots/"\n'
DEFAULT_TYPES = f"default_install_hook_types: [{TYPES}]\n{EXCLUDE}"


@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_new_stash_with_a_framework(name: str, tmp_path: Path) -> None:
    ran = estash("init", "stash", "--hooks", name, cwd=tmp_path)
    root = tmp_path / "stash"
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[4:10] == [
        "  added the hooks to .pre-commit-config.yaml",
        f"  {root}/.git/hooks: hooks installed",
        f"    run by {name}: pre-push.legacy",
        f"    configured in {name}: {', '.join(CLONE[:-1])}",
        f"    Python of the hooks: {PYTHON}",
        "next: git add configs/meta.yaml configs/meta.schema.json .gitignore .pre-commit-config.yaml"
        " && git commit -m 'Make a stash'",
    ]
    comment, _, rest = (root / ".pre-commit-config.yaml").read_text().partition("\n")
    assert (comment[:2], rest) == ("# ", DEFAULT_TYPES + "repos:\n" + ENTRY)
    assert hook_names(root) == {*CLONE, "experimentstash.sh", "pre-push.legacy"}
    assert run("sh", "-c", ran.out.splitlines()[9].removeprefix("next: "), cwd=root).code == 0
    before = everything(root)
    ran = estash("init", "--hooks", name, cwd=root)
    assert ran.out == f"{root}: already a stash\n  {root}/.git/hooks: hooks already installed\n"
    assert everything(root) == before


def test_the_entry_is_that_of_the_manifest() -> None:
    manifest = yaml.safe_load((Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text())
    for hook in manifest:
        del hook["description"], hook["minimum_pre_commit_version"]
    built, system = manifest[: len(manifest) // 2], manifest[len(manifest) // 2 :]
    assert [hook["id"] for hook in system] == [f"{hook['id']}-system" for hook in built]
    as_system = [{**hook, "language": "system"} for hook in built]
    assert yaml.safe_load(ENTRY)[0]["hooks"] == as_system
    assert [{**hook, "id": hook["id"].removesuffix("-system")} for hook in system] == as_system


@pytest.mark.every
@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_a_framework_judges_tags_and_guards(name: str, tmp_path: Path) -> None:
    root, remote = make_stash(tmp_path / "stash"), tmp_path / "remote.git"
    git("init", "-q", "--bare", remote, cwd=tmp_path)
    assert estash("init", "--hooks", name, cwd=root).code == 0
    git("add", ".gitignore", ".pre-commit-config.yaml", cwd=root)
    commit_index(root, "hooks")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("other"))})
    assert run("git", "commit", "-m", "drift", cwd=root).code == 1
    git("commit", "-q", "--no-verify", "-m", "drift", cwd=root)
    ran = run("git", "push", remote, "HEAD~1:refs/heads/main", "main:refs/heads/side", cwd=root)
    assert (ran.code, "pin: it records" in ran.err) == (1, True)  # the second ref: the framework shows the first only
    git("reset", "-q", "--hard", "HEAD~1", cwd=root)
    pin(root, "two")
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("two"))})
    commit_index(root, "freeze")
    assert git("tag", cwd=root) == "snapshot/v1"
    git("push", "-q", "--follow-tags", remote, "main", cwd=root)
    # who clones needs the framework and this program, and is told so
    clone = tmp_path / "clone"
    git("clone", "-q", remote, clone, cwd=tmp_path)
    framework(name, clone, "install")
    commit_index(clone)
    poor = tmp_path / "bin"
    poor.mkdir()
    (poor / name).symlink_to(BIN / name)
    ran = run("git", "commit", "--allow-empty", "-m", "x", cwd=clone, env={"PATH": f"{poor}:/usr/bin:/bin"})
    assert (ran.code, "freeze-snapshots" in ran.err) == (1, True)


@pytest.mark.every
def test_from_native_hooks_to_a_framework_and_back(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    program(root / ".git/hooks/pre-commit", "exit 0")
    estash("init", cwd=root)
    assert estash("init", "--hooks", "pre-commit", cwd=root).code == 0
    assert hook_names(root) == {*CLONE, "experimentstash.sh", "pre-push.legacy", "pre-commit.legacy"}
    assert (root / ".git/hooks/pre-commit.legacy").read_text() == "#!/bin/sh\nexit 0\n"
    framework("pre-commit", root, "uninstall")
    assert estash("init", cwd=root).code == 0
    assert hook_names(root) == {*CLONE, "experimentstash.sh", f"pre-commit{BEFORE}"}


OWN = """\
repos:
- repo: https://github.com/pre-commit/pre-commit-hooks # ours
  rev: "v5.0.0"
  hooks:
    - id: check-yaml
      args: ['--unsafe',   "--x" ]
      # at the end of it
# behind it
"""
INDENTLESS = ENTRY.replace("\n  ", "\n")[2:]


@pytest.mark.first(5)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OWN, OWN.replace("# behind it\n", INDENTLESS + DEFAULT_TYPES + "# behind it\n")),
        (
            "default_install_hook_types: [commit-msg, pre-push] # mine\n" + OWN + "ci: {skip: [x]}\n",
            f"default_install_hook_types: [commit-msg, pre-push, {', '.join(CLONE[:-1])}] # mine\n"
            + OWN.replace("# behind it\n", INDENTLESS + "# behind it\n")
            + "ci: {skip: [x]}\n"
            + EXCLUDE,
        ),
        ("repos: [] # none\nfail_fast: true", "repos: # none\n" + ENTRY + "fail_fast: true\n" + DEFAULT_TYPES),
        ("fail_fast: true\nrepos:\n", "fail_fast: true\nrepos:\n" + ENTRY + DEFAULT_TYPES),
        (OTHERS, OTHERS + ENTRY + DEFAULT_TYPES),
        (OTHERS.replace("\n", "\r\n"), (OTHERS + ENTRY + DEFAULT_TYPES).replace("\n", "\r\n")),
        (
            NAMED.replace("[pre-commit, ", "[", 1).replace("id: guard-push", "id: other"),
            NAMED.replace("post-rewrite, pre-push", "post-rewrite, pre-push, pre-commit")
            .replace("[pre-commit, ", "[", 1)
            .replace("id: guard-push", "id: other")
            + ENTRY[: ENTRY.index("      - id: freeze")]
            + ENTRY[ENTRY.index("      - id: guard") :]
            + EXCLUDE,
        ),
        (
            "default_install_hook_types:\n- pre-commit # why\n- commit-msg\n" + NAMED.partition("\n")[2],
            "default_install_hook_types:\n- pre-commit # why\n- commit-msg\n"
            + "".join(f"- {kind}\n" for kind in CLONE[1:])
            + NAMED.partition("\n")[2]
            + EXCLUDE,
        ),
        (NAMED, NAMED + EXCLUDE),
        (NAMED + EXCLUDE, NAMED + EXCLUDE),
        (NAMED + "exclude: ^vendored/\n", NAMED + 'exclude: "^vendored/|^configs/[^/]+/snapshots/"\n'),
    ],
    ids=range(11),
)
def test_a_config_keeps_every_byte_that_is_not_ours(before: str, after: str, tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    (root / ".pre-commit-config.yaml").write_bytes(before.encode())
    (root / ".pre-commit-config.yaml").chmod(0o640)
    ran = estash("init", "--hooks", "pre-commit", cwd=root)
    assert (ran.code, ran.err) == (0, "")
    assert (root / ".pre-commit-config.yaml").read_bytes().decode() == after
    assert (root / ".pre-commit-config.yaml").stat().st_mode & 0o777 == 0o640
    assert estash("doctor", cwd=root).code == 0


@pytest.mark.parametrize(
    ("name", "path", "text", "lines"),
    [
        (
            "pre-commit",
            ".pre-commit-config.yaml",
            "repos: [{repo: meta, hooks: []}]\n",
            DEFAULT_TYPES + "repos:\n" + ENTRY,
        ),
        ("pre-commit", ".pre-commit-config.yaml", "{repos: []}\n", DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yaml", "a: &a {}\nb: *a\n" + OTHERS, DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yaml", "fail_fast: true\n", DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yaml", OTHERS + "repos: []\n", DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yaml", "a: !x 1\n" + OTHERS, DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yaml", "a: 2024-99-99\n" + OTHERS, DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", ".pre-commit-config.yml", "\x00", DEFAULT_TYPES + "repos:\n" + ENTRY),
        ("prek", "prek.toml", "repos = []\n", 'default_install_hook_types = ["pre-commit", '),
    ],
    ids=range(9),
)
def test_a_config_that_cannot_be_edited(name: str, path: str, text: str, lines: str, tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    write(root, {path: text})
    before = everything(root)
    ran = estash("init", "--hooks", name, cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        f"experimentstash: {root}/{path}: cannot be edited automatically; add these lines:\n{lines}"
    )
    assert ran.err.endswith(f"    fix: {name} install && experimentstash install\n")
    assert everything(root) == before


def test_a_config_that_is_a_link(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    write(root, {"ci/hooks.yaml": OTHERS})
    (root / ".pre-commit-config.yaml").symlink_to("ci/hooks.yaml")
    ran = estash("init", "--hooks", "pre-commit", cwd=root)
    assert (ran.code, "cannot be edited automatically" in ran.err) == (1, True)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot read TOML")
def test_what_is_to_be_written_by_hand_can_be_pasted(tmp_path: Path) -> None:
    root = stash(tmp_path / "stash")
    write(root, {"prek.toml": "fail_fast = true\n", ".gitignore": "/outputs/\n"})
    _, *lines, fix = estash("init", "--hooks", "prek", cwd=root).err.splitlines()
    write(root, {"prek.toml": "\n".join(["fail_fast = true", *lines])})
    ran = run("sh", "-c", fix.removeprefix("    fix: "), cwd=root)
    assert (ran.code, "configured in prek" in ran.out) == (0, True), ran
    assert estash("init", "--hooks", "prek", cwd=root).out.startswith(f"{root}: already a stash\n")


def test_a_framework_that_refuses(tmp_path: Path) -> None:
    """pre-commit does not install where core.hooksPath is set."""
    commit(tmp_path, {".gitignore": "x\n"})
    git("config", "core.hooksPath", ".githooks", cwd=tmp_path)
    told = "experimentstash: pre-commit install failed with exit code 1: [ERROR] Cowardly refusing to install hooks"
    before, hooks = everything(tmp_path), state(tmp_path)
    ran = estash("init", "--hooks", "pre-commit", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err.startswith(told)) == (1, "", True)
    assert ran.err.endswith("    fix: experimentstash init --hooks native\n")
    assert (everything(tmp_path), state(tmp_path)) == (before, hooks)
    assert estash("init", "--hooks", "prek", cwd=tmp_path).code == 0  # which goes where git looks
    assert hook_names(tmp_path) == set()
    assert run("sh", "-c", ran.err.rpartition("fix: ")[2], cwd=tmp_path).code == 0
    assert estash("doctor", cwd=tmp_path).code == 0


def test_a_framework_beside_our_python(tmp_path: Path) -> None:
    ran = estash("init", "x", "--hooks", "prek", cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert (ran.code, "    run by prek: pre-push.legacy\n" in ran.out) == (0, True)


def test_a_framework_that_is_not_there(tmp_path: Path) -> None:
    code = "import sys; sys.executable = '/nowhere/python'; from experimentstash.cli.program import main; main()"
    for name in ("pre-commit", "prek"):
        ran = run(sys.executable, "-c", code, "init", "x", "--hooks", name, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
        fix = f"/nowhere/python -m pip install {name}"
        told = f"experimentstash: {name} is not on the PATH\n    fix: {fix}\n"
        assert (ran.code, ran.out, ran.err) == (1, "", told)
        assert list(tmp_path.iterdir()) == []
    installed = {"PATH": f"{BIN}:/usr/bin:/bin"}
    assert run(sys.executable, "-c", code, "init", "x", "--hooks", "prek", cwd=tmp_path, env=installed).code == 0


def test_usage(tmp_path: Path) -> None:
    assert estash("init", "a", "b", cwd=tmp_path).code == 2
    assert estash("init", "--nonsense", cwd=tmp_path).code == 2
