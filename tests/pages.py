"""The pages of the documentation as tests read them: their blocks, their commands, and a shell that runs these.

- ```console: each line that begins with `$ ` is a command (`> ` continues the line before), and its output is compared
  with the lines below it. `…` in a line stands for any text, a line that is `…` alone for any lines. A command has to
  succeed, unless `echo $?` comes next. `make TARGET` is not run: there must be such a target.
- Any other block: where the line above it ends with a path, as in "`paper/configs/meta.yaml`:", it is written to that
  file for the commands after it.

The first comment of a page may say `<!-- not run: REASON -->`.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import run, write

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, section and language, the number of its first line, its lines, and the line above."""

    page: str
    section: str
    language: str
    number: int
    lines: tuple[str, ...]
    lead: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def place(self) -> str:
        return f"{self.page}:{self.number}"

    @property
    def file(self) -> str:
        """The path of the file that the page says the block is, or an empty text."""
        named = re.search(r"`([\w.-]+(?:/[\w.-]+)+)`:$", self.lead)
        return named[1] if named else ""


@dataclass(frozen=True)
class Command:
    """A command of a page, where it stands, and the lines that it should print."""

    text: str
    place: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A page of Markdown, by its path from the root of the repository."""

    path: str

    @property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return re.sub(r"(?ms)^```.*?^```$", "", self.text)

    @property
    def is_run(self) -> bool:
        return not re.search(r"<!-- not run: .+ -->", self.text)

    def blocks(self) -> list[Block]:
        found, section, lead, fence = [], "", "", 0
        lines = self.text.splitlines()
        for number, line in enumerate(lines, 1):
            if line.startswith("```") and fence:
                language, text = lines[fence - 1][3:], tuple(lines[fence : number - 1])
                found.append(Block(self.path, section, language, fence + 1, text, lead))
                fence = 0
            elif line.startswith("```"):
                fence = number
            elif line.startswith("## ") and not fence:
                section = line[3:]
            elif line and not fence:
                lead = line
        assert not fence, f"{self.path}:{fence}: the block does not end"
        return found

    def first_cells(self, heading: str = "") -> list[str]:
        """Return what stands in backticks in the first column of the tables, below a heading if one is given."""
        text = self.prose.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] if heading else self.prose
        rows = re.findall(r"(?m)^\| (.*?) \|", text)
        return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


README = Page("README.md")
PAGES = [README, *(Page(path.relative_to(ROOT).as_posix()) for path in sorted(DOCS.rglob("*.md")))]


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for number, line in enumerate(block.lines, block.number):
        place = f"{block.page}:{number}"
        if line.startswith("$ "):
            found.append(Command(line[2:], place, ()))
        elif not found:
            pytest.fail(f"{place}: output before a command")
        elif line.startswith("> ") and not found[-1].output:
            found[-1] = dataclasses.replace(found[-1], text=f"{found[-1].text}\n{line[2:]}")
        else:
            found[-1] = dataclasses.replace(found[-1], output=(*found[-1].output, line.rstrip()))
    return found


def matches(output: str, expected: tuple[str, ...]) -> bool:
    """Return whether an output is what is expected, with `…` for anything."""
    pattern = ""
    for line in expected:
        pattern += r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"[ \t]*\n"
    return re.fullmatch(pattern, f"{output.rstrip()}\n" if output.strip() else "") is not None


def play(blocks: list[Block], folder: Path, prepared: Path, env: dict[str, str]) -> Iterator[str]:
    """Run the blocks in one shell that begins in `folder`; yield a text for each command that differs from its page.

    Args:
        blocks: the blocks, in order.
        folder: the directory in which the shell begins.
        prepared: a directory for the texts of the files that blocks hold.
        env: variables of the shell.
    """
    lines, typed = _script(blocks, folder, prepared)
    ran = run("bash", "-c", f"exec 2>&1 </dev/null\n{lines}", cwd=folder, env=env)
    yield from differences(ran.out, typed)


def _script(blocks: list[Block], folder: Path, prepared: Path) -> tuple[str, list[Command]]:
    """Return what the shell is given, and the commands whose outputs it marks."""
    lines: list[str] = []
    typed: list[Command] = []
    for block in blocks:
        if block.language != "console" and block.file:
            name = block.place.replace("/", "_")
            write(prepared, {name: block.text})
            target = folder / block.file
            lines.append(shlex.join(["mkdir", "-p", str(target.parent)]))
            lines.append(shlex.join(["cp", str(prepared / name), str(target)]))
        for command in commands(block) if block.language == "console" else ():
            if not command.text.startswith("make "):
                typed.append(command)
                # an `exit` of the command would end the shell: the marks after it would be missing
                lines += [command.text, r'code=$?; printf "\n\001%s\n" $code; (exit $code)']
    return "\n".join(lines) + "\n", typed


def differences(out: str, typed: list[Command]) -> Iterator[str]:
    parts = re.split("\n?\\n\001(\\d+)\n", out)
    outputs, codes = parts[0::2], parts[1::2]
    for number, command in enumerate(typed):
        output = outputs[number] if number < len(outputs) else "(the shell had ended)"
        code = codes[number] if number < len(codes) else "?"
        asked = number + 1 < len(typed) and typed[number + 1].text == "echo $?"
        if code != "0" and not asked:
            yield f"{command.place}: $ {command.text}\nended with exit code {code}:\n{output}"
        elif not matches(output, command.output):
            expected = "\n".join(command.output)
            yield f"{command.place}: $ {command.text}\nprinted:\n{output}\ninstead of:\n{expected}"
