"""README.md and the pages of docs/ are true: each command of them is run, and what they list is what there is.

All pages share one directory, in which each begins; a page finds what the pages before it left, in the order of
`WALK`. The sections of the README and the other pages are a shell each. In the directory are `experimentstash/`, a
copy of this source, and behind `https://git.example.org/` the bare repositories swissroll.git (the sample tool, with a
newer commit on its branch `next`), axes.git (a second one), paper.git (empty) and thesis.git (a stash of the original
scripts). An environment that has Hydra is active, as a user's would be.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import commit, git, run
from pages import DOCS, PAGES, README, ROOT, Block, Command, Page, commands, differences, matches, play

from experimentstash import __version__
from experimentstash.cli.demo.sample_tool import PATCH, make_tool
from experimentstash.cli.program import COMMANDS
from experimentstash.core import errors
from experimentstash.core.names import SnapshotName
from experimentstash.stash import registry, snapshot_file
from experimentstash.verify import exceptions
from experimentstash.verify.flat import flat_problems

MANIFEST = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
HOOKS = [hook for hook in MANIFEST if hook["language"] == "python"]
COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "outputs", "tests", "benchmarks")
WALK = [  # `make test` plays the first two, which a newcomer meets, and `make matrix` all
    README,
    Page("docs/tutorial.md"),
    *(
        Page(f"docs/how-to/{name}.md")
        for name in (
            "paper",
            "reproduce",
            "join",
            "late-values",
            "sweeps",
            "slurm",
            "compare",
            "verify",
            "undo",
            "several-tools",
            "plain-hydra",
            "frameworks",
            "server",
            "migrate",
        )
    ),
]


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        ("", (), True),
        ("a\n", (), False),
        ("", ("a",), False),
        ("a b c\n", ("a … c",), True),
        ("a\nb c\n", ("a … c",), False),
        ("a\nb\nc\n", ("a", "…", "c"), True),
        ("a\nc\n", ("a", "…", "c"), True),
        ("a\nb\n", ("a", "…", "c"), False),
        ("1.5 (x)\n", ("1.5 (x)",), True),
        ("125 (x)\n", ("1.5 (x)",), False),
    ],
)
def test_an_output_is_compared_with_wildcards(output: str, expected: tuple[str, ...], same: bool) -> None:
    assert matches(output, expected) is same


def test_a_wrong_line_is_found() -> None:
    typed = [Command("true", "1", ()), Command("echo b", "2", ("a",)), Command("false", "3", ()), Command("x", "4", ())]
    found = list(differences("\n\x010\nb\n\n\x010\n\n\x011\n", typed))
    assert [line.partition(":")[0] for line in found] == ["2", "3", "4"]


def test_every_command_is_run() -> None:
    walked = {page.path for page in WALK}
    for page in PAGES:
        consoles = [block for block in page.blocks() if block.language == "console"]
        assert all(map(commands, consoles)), f"{page.path}: a block without a command"
        assert not consoles or page.path in walked or not page.is_run, f"{page.path} is in no walk"
        # an indented block would be code too, and nobody would run it
        assert not re.search(r"(?m)^\n {4,}\S", page.prose), page.path
    assert all(page in PAGES and page.is_run for page in WALK)


def test_the_readme_takes_two_minutes() -> None:
    assert len(README.text.splitlines()) <= 200
    quick_start = [block for block in README.blocks() if block.section == "Quick start"]
    assert sum(len(block.lines) for block in quick_start) <= 40
    first = next(block for block in README.blocks() if block.language == "console")
    assert [command.text for command in commands(first)] == ["make demo", "make test"]


@pytest.fixture
def place(tmp_path: Path, sealed_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which the pages begin."""
    remotes = tmp_path / "remotes"
    remotes.mkdir()
    with (sealed_home / ".gitconfig").open("a") as file:
        file.write(f'[url "{remotes}/"]\n\tinsteadOf = https://git.example.org/\n')
    make_tool(remotes, os.environ)
    git("checkout", "-q", "-b", "next", cwd=remotes / "swissroll")
    git("am", "-q", PATCH, cwd=remotes / "swissroll")
    git("push", "-q", "origin", "next", cwd=remotes / "swissroll")
    axes(remotes)
    git("init", "-q", "--bare", "paper.git", cwd=remotes)
    thesis(remotes)
    shutil.copytree(ROOT, tmp_path / "work" / "experimentstash", ignore=COPIED)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # what is printed stands in the order of a terminal
    return tmp_path / "work"


def axes(remotes: Path) -> None:
    """Make a second tool: a program, and a package of configs that other tools can search."""
    main = """
import hydra

def keep(points, which):
    return [[point[axis] for axis in which] for point in points]

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    print(f"axes {list(cfg.algorithm.which)} of {keep([[1, 2, 3]], cfg.algorithm.which)}")

if __name__ == "__main__":
    main()
"""
    files = {
        "axes/__init__.py": "",
        "axes/main.py": main,
        "axes/conf/__init__.py": "",
        "axes/conf/config.yaml": "defaults:\n  - _self_\n  - algorithm: side\n",
        "axes/conf/algorithm/side.yaml": "_target_: axes.main.keep\nwhich: [0, 2]\n",
    }
    commit(remotes / "axes", files)
    git("clone", "-q", "--bare", "axes", "axes.git", cwd=remotes)


def thesis(remotes: Path) -> None:
    """Make a stash as the original scripts leave it: an abbreviated commit, a local time, an unresolved body."""
    stash = remotes / "thesis"
    git("init", "-q", stash, cwd=remotes)
    git("submodule", "--quiet", "add", "https://git.example.org/swissroll.git", "tools/swissroll", cwd=stash)
    pin = git("rev-parse", "--short=7", "HEAD", cwd=stash / "tools/swissroll")
    header = f"# SNAPSHOT: swissroll/s_curve\n# TAG: v1\n# TOOL_COMMIT: {pin}\n# TIMESTAMP: 2025-11-03 16:20:11\n"
    edit = "# DO NOT EDIT - regenerate with: python scripts/snapshot_experiment swissroll s_curve --tag v1\n\n"
    files = {
        "configs/meta.yaml": "tools:\n  swissroll:\n    path: tools/swissroll\n    entrypoint: -m swissroll.main\n"
        "    description: swissroll - Hydra-based tool\n",
        "configs/swissroll/experiment/s_curve.yaml": (ROOT / "configs/swissroll/experiment/s_curve.yaml").read_text(),
        "configs/swissroll/snapshots/v1/s_curve.yaml": f"{header}{edit}name: s_curve\n"
        "save_dir: ${hydra:runtime.output_dir}\n",
    }
    commit(stash, files, "Snapshot: swissroll/s_curve @ v1")
    git("tag", "snapshot/v1", cwd=stash)
    git("clone", "-q", "--bare", "thesis", "thesis.git", cwd=remotes)


@pytest.fixture
def shells(tmp_path: Path, sealed_home: Path) -> dict[str, dict[str, str]]:
    """The variables of the shells: by the name of a section or of a page, or of neither."""
    env = tmp_path / "env"
    done = run("uv", "venv", "--quiet", env, cwd=tmp_path)
    assert done.code == 0, done.err
    done = run("uv", "pip", "install", "--quiet", "--python", env, "hydra-core", cwd=tmp_path)
    assert done.code == 0, done.err
    installed = {"PATH": os.pathsep.join((str(sealed_home / ".local" / "bin"), os.environ["PATH"]))}
    master = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "init.defaultBranch", "GIT_CONFIG_VALUE_0": "master"}
    active = {"VIRTUAL_ENV": str(env), "PATH": os.pathsep.join((str(env / "bin"), os.environ["PATH"]))}
    # a tutorial makes an environment of its own, and works on either name of the first branch
    return {"Install": installed, "docs/tutorial.md": master, "": active}


@pytest.mark.parametrize("pages", [WALK[:2], pytest.param(WALK, marks=pytest.mark.every)], ids=["first", "all"])
def test_every_command_does_what_its_page_says(
    pages: list[Page], place: Path, tmp_path: Path, shells: dict[str, dict[str, str]]
) -> None:
    wrong: list[str] = []
    for page in pages:
        blocks = page.blocks()
        for section in dict.fromkeys(block.section for block in blocks) if page == README else [page.path]:
            part = [block for block in blocks if page != README or block.section == section]
            wrong += play(part, place, tmp_path / "prepared", shells.get(section, shells[""]))
    assert not wrong, "\n".join(wrong)


YAML = [block for page in PAGES for block in page.blocks() if block.language == "yaml" and page.path.count("/") < 3]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_every_yaml_block_is_what_it_is_shown_as(block: Block, tmp_path: Path) -> None:
    value = yaml.safe_load(block.text)
    if "tools" in value:
        assert registry.parse(block.text.encode(), block.page)
    elif "repos" in value:
        assert [hook["id"] for hook in value["repos"][0]["hooks"]] == [hook["id"] for hook in HOOKS]
        stages = {stage for hook in HOOKS for stage in hook["stages"]} - {"manual"}
        assert set(value["default_install_hook_types"]) == stages
        (tmp_path / "config.yaml").write_text(block.text)
        assert run("pre-commit", "validate-config", tmp_path / "config.yaml", cwd=tmp_path).code == 0
    elif block.lines[0].startswith("# SNAPSHOT: "):
        frozen = snapshot_file.parse(block.text.encode(), block.page)
        tool, _, experiment = frozen.one("SNAPSHOT").partition("/")
        name = SnapshotName(tool, frozen.one("TAG"), experiment)
        assert snapshot_file.header_problems(frozen, name) + flat_problems(frozen, name) == []
    elif block.lines[0] == "# of a tool in configs/meta.yaml":
        lines = "\n".join(f"    {line}" for line in block.lines)
        assert registry.parse(f"tools:\n  t:\n    entrypoint: t.py\n{lines}\n".encode(), block.page)
    elif block.page != "docs/how-to/ci.md":  # its jobs are run by tests/test_ci_page.py
        assert block.file, f"{block.place}: nothing reads this block"


def test_make_targets_are_there() -> None:
    typed = [
        one.text for page in PAGES for block in page.blocks() if block.language == "console" for one in commands(block)
    ]
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert {command.removeprefix("make ") for command in typed if command.startswith("make ")} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_link_leads_to_a_page(page: Page) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.prose):
        assert re.match("https?://", target) or (ROOT / page.path).parent.joinpath(target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"(?m)^ .*?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2])
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_the_commands_are_generated() -> None:
    assert "<!-- generated: commands -->" in Page("docs/reference/commands.md").text
    assert set(COMMANDS) <= set(re.findall(r"`([a-z-]+)`", README.prose)), "README.md lists the commands"


def test_the_table_of_registry_keys_is_complete() -> None:
    wanted = set(registry.Tool._fields) - {"name"} | {"path"}
    assert set(Page("docs/reference/registry.md").first_cells()) == wanted


def test_the_table_of_ways_to_choose_is_complete() -> None:
    assert Page("docs/reference/tools.md").first_cells("How an experiment is chosen") == list(registry.SELECTS)


def test_the_table_of_header_keys_is_complete() -> None:
    assert set(Page("docs/reference/snapshot-file.md").first_cells("Header")) == set(snapshot_file.KEYS)


def test_the_table_of_rules_is_complete() -> None:
    text = "".join(path.read_text() for path in (ROOT / "experimentstash").rglob("*.py"))
    assert set(re.findall(r'Problem\([^"\n]+, "([a-z]+)", ', text)) >= set(exceptions.RULES)  # and those of `doctor`
    assert Page("docs/reference/rules.md").first_cells() == list(exceptions.RULES)


def test_the_table_of_hooks_is_complete() -> None:
    assert Page("docs/reference/hooks.md").first_cells("What each hook does") == [hook["id"] for hook in HOOKS]


def test_the_table_of_exit_codes_is_complete() -> None:
    codes = {errors.FINE, errors.FINDING, errors.USAGE, errors.FAULT, errors.INTERRUPTED}
    listed = {int(code) for code in Page("docs/reference/exit-codes.md").first_cells()}
    assert codes <= listed


def test_the_tables_of_settings_are_complete() -> None:
    text = "".join(path.read_text() for path in (ROOT / "experimentstash").rglob("*.py"))
    named = set(Page("docs/reference/settings.md").first_cells())
    settings = set(re.findall(r'"(experimentstash\.(?!former|hooksPath)[a-z]+[A-Za-z]*)"', text)) & {
        "experimentstash.hooks",
        "experimentstash.online",
        "experimentstash.toolPython",
    }
    assert settings <= named
    assert {"EXPERIMENTSTASH_ALLOW", "EXPERIMENTSTASH_CACHE"} <= named


def test_the_citation_names_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == __version__
