"""README.md is true: every block of it is run or read, and what it lists is what there is.

How a block is tested:

- ```console: each line that begins with `$ ` is typed (`> ` goes on with the line before), and what it prints is
  compared with the lines below it. `…` in a line stands for anything, a line that is `…` alone for any lines.
  A command ends well, unless `echo $?` comes next. A section is one shell: folder and variables last from block to
  block. All sections share one folder, in which each begins, so a section finds the files that those before it made.
  `make TARGET` is not run: there must be such a target.
- ```yaml: where the line above it ends with a path, as in "`configs/meta.yaml`:", it is written there in the stash
  `paper`, for the commands after it. A registry (it has `tools:`) is read by the registry's parser, a snapshot (it
  begins with `# SNAPSHOT:`) is judged.

In the folder are `experimentstash/`, a copy of this source, and behind `https://git.example.org/` the bare
repositories swissroll.git (the sample tool, with a newer commit on its branch `next`), axes.git (a second one) and
paper.git (empty).
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import commit, git, run, write

from experimentstash import allowance, problems, registry, snapshot
from experimentstash.cli import COMMANDS
from experimentstash.demo.sample import PATCH, make_tool
from experimentstash.flatness import flat_problems
from experimentstash.names import SnapshotName

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "outputs", "tests", "benchmarks")
INSTALL = "Install"
"""The section whose commands install the project: no network, and the dependencies are those of this environment."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a section: its language, its first line's number, its lines, and the line that leads to it."""

    section: str
    language: str
    number: int
    lines: tuple[str, ...]
    lead: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Typed:
    """A command of the README, where it stands, and the lines that it should print."""

    command: str
    number: int
    printed: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    found, section, lead, fence = [], "", "", 0
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("```") and fence:
            found.append(Block(section, lines[fence - 1][3:], fence + 1, tuple(lines[fence : number - 1]), lead))
            fence = 0
        elif line.startswith("```"):
            fence = number
        elif line.startswith("## ") and not fence:
            section = line[3:]
        elif line and not fence:
            lead = line
    assert not fence, f"README.md:{fence}: the block does not end"
    return found


def commands(block: Block) -> list[Typed]:
    found: list[Typed] = []
    for number, line in enumerate(block.lines, block.number):
        if line.startswith("$ "):
            found.append(Typed(line[2:], number, ()))
        elif not found:
            pytest.fail(f"README.md:{number}: output before a command")
        elif line.startswith("> ") and not found[-1].printed:
            found[-1] = dataclasses.replace(found[-1], command=f"{found[-1].command}\n{line[2:]}")
        else:
            found[-1] = dataclasses.replace(found[-1], printed=(*found[-1].printed, line.rstrip()))
    return found


def matches(printed: str, expected: tuple[str, ...]) -> bool:
    """Tell whether an output is what is expected, with `…` for anything."""
    pattern = ""
    for line in expected:
        pattern += r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"[ \t]*\n"
    return re.fullmatch(pattern, f"{printed.rstrip()}\n" if printed.strip() else "") is not None


BLOCKS = blocks(README)
SECTIONS = list(dict.fromkeys(block.section for block in BLOCKS))


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
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
def test_an_output_is_compared_with_wildcards(printed: str, expected: tuple[str, ...], same: bool) -> None:
    assert matches(printed, expected) is same


def test_every_block_is_tested_here() -> None:
    assert {block.language for block in BLOCKS} == {"console", "yaml"}
    for block in BLOCKS:
        if block.language == "console":
            assert commands(block), f"README.md:{block.number}: no command"
    # an indented block would be code too, and nobody would run it
    assert not re.search(r"(?m)^\n {4,}\S", re.sub(r"(?ms)^```.*?^```", "", README))


@pytest.fixture
def place(tmp_path: Path, sealed_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the sections begin."""
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
    shutil.copytree(ROOT, tmp_path / "work" / "experimentstash", ignore=COPIED)
    dependencies(tmp_path / "dependencies")
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


def dependencies(folder: Path) -> None:
    """Fill a folder with what this environment has installed, but for the project itself."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"(?i)_*(editable_*)*experimentstash|pip\b|.*\.pth$", path.name):
            (folder / path.name).symlink_to(path)


def script(section: list[Block], prepared: Path, stash: Path) -> tuple[str, list[Typed]]:
    """Return what a shell is given for a section, and the commands whose outputs it marks."""
    lines: list[str] = []
    typed: list[Typed] = []
    for block in section:
        if block.language == "yaml" and (path := named_file(block)):
            write(prepared, {str(block.number): block.text})
            lines.append(shlex.join(["cp", str(prepared / str(block.number)), str(stash / path)]))
        for one in commands(block) if block.language == "console" else ():
            if not one.command.startswith("make "):
                typed.append(one)
                # an `exit` of the command would end the shell: the marks after it would be missing
                lines += [one.command, r'code=$?; printf "\n\001%s\n" $code; (exit $code)']
    return "\n".join(lines) + "\n", typed


def named_file(block: Block) -> str:
    named = re.search(r"`(configs/\S+\.yaml)`:$", block.lead)
    return named[1] if named else ""


def test_every_command_does_what_the_readme_says(place: Path, tmp_path: Path) -> None:
    wrong: list[str] = []
    for section in SECTIONS:
        text, typed = script([block for block in BLOCKS if block.section == section], tmp_path, place / "paper")
        env = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        env["PYTHONPATH"] = str(tmp_path / "dependencies")
        ran = run("bash", "-c", f"exec 2>&1 </dev/null\n{text}", cwd=place, env=env if section == INSTALL else None)
        wrong += differences(ran.out, typed)
    assert not wrong, "\n".join(wrong)


def differences(out: str, typed: list[Typed]) -> Iterator[str]:
    parts = re.split("\n?\\n\001(\\d+)\n", out)
    printed, codes = parts[0::2], parts[1::2]
    for number, one in enumerate(typed):
        said = printed[number] if number < len(printed) else "(the shell had ended)"
        code = codes[number] if number < len(codes) else "?"
        asked = number + 1 < len(typed) and typed[number + 1].command == "echo $?"
        if code != "0" and not asked:
            yield f"README.md:{one.number}: $ {one.command}\nended with exit code {code}:\n{said}"
        elif not matches(said, one.printed):
            yield f"README.md:{one.number}: $ {one.command}\nprinted:\n{said}\ninstead of:\n" + "\n".join(one.printed)


def test_a_wrong_line_is_found() -> None:
    typed = [Typed("true", 1, ()), Typed("echo b", 2, ("a",)), Typed("false", 3, ()), Typed("exit", 4, ())]
    found = list(differences("\n\x010\nb\n\n\x010\n\n\x011\n", typed))
    assert [line.partition(":")[2].partition(":")[0] for line in found] == ["2", "3", "4"]


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=lambda b: str(b.number))
def test_every_yaml_block_is_what_it_is_shown_as(block: Block, tmp_path: Path) -> None:
    if re.search(r"(?m)^tools:", block.text):
        assert registry.parse(block.text.encode(), "README.md")
    elif re.search(r"(?m)^repos:", block.text):
        config = yaml.safe_load(block.text)
        assert [hook["id"] for hook in config["repos"][0]["hooks"]] == [hook["id"] for hook in HOOKS]
        stages = {stage for hook in HOOKS for stage in hook["stages"]} - {"manual"}
        assert set(config["default_install_hook_types"]) == stages
        (tmp_path / "config.yaml").write_text(block.text)
        assert run("pre-commit", "validate-config", tmp_path / "config.yaml", cwd=tmp_path).code == 0
    elif block.lines[0].startswith("# SNAPSHOT: "):
        frozen = snapshot.parse(block.text.encode(), "README.md")
        tool, _, experiment = frozen.one("SNAPSHOT").partition("/")
        name = SnapshotName(tool, frozen.one("TAG"), experiment)
        assert snapshot.header_problems(frozen, name) + flat_problems(frozen, name) == []
    else:
        assert named_file(block), f"README.md:{block.number}: nothing reads this block"


def test_make_targets_are_there() -> None:
    typed = [one.command for block in BLOCKS if block.language == "console" for one in commands(block)]
    wanted = {command.removeprefix("make ") for command in typed if command.startswith("make ")}
    targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
    assert wanted >= {"demo", "test"}
    assert wanted <= targets


def first_cells(heading: str) -> list[str]:
    """Return what stands in backticks in the first column of the table below a heading."""
    text = re.sub(r"(?ms)^```.*?^```$", "", README)
    rows = re.findall(r"(?m)^\| (.*?) \|", text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0])
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_table_of_commands_is_complete() -> None:
    assert first_cells("Commands") == list(COMMANDS)


def test_the_table_of_registry_keys_is_complete() -> None:
    wanted = {field.name for field in dataclasses.fields(registry.Tool)} - {"name"} | {"path"}
    assert set(first_cells("The registry")) == wanted


def test_the_table_of_ways_to_choose_is_complete() -> None:
    assert first_cells("Which tools work") == list(registry.SELECTS)


def test_the_table_of_header_keys_is_complete() -> None:
    assert set(first_cells("The snapshot file")) == set(snapshot.KEYS)


def test_the_table_of_rules_is_complete() -> None:
    text = "".join(path.read_text() for path in (ROOT / "experimentstash").glob("*.py"))
    assert set(re.findall(r'Problem\([^"\n]+, "([a-z]+)", ', text)) == set(allowance.RULES)
    assert first_cells("Does it hold?") == list(allowance.RULES)


def test_the_table_of_hooks_is_complete() -> None:
    assert first_cells("The hooks") == [hook["id"] for hook in HOOKS]


def test_the_table_of_exit_codes_is_complete() -> None:
    codes = {problems.FINE, problems.FINDING, problems.USAGE, problems.FAULT, problems.INTERRUPTED}
    assert set(map(int, first_cells("Exit codes"))) == codes
