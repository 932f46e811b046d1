"""What the reference takes from the code: mkdocs puts it in place of the comments `<!-- generated: NAME -->`."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from experimentstash.cli.program import COMMANDS, cli
from experimentstash.verify.exceptions import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "experimentstash"
MARK = re.compile(r"(?m)^<!-- generated: (\w+) -->$")
ERRORS = ("StashError", "UsageError")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the generated parts of a page; mkdocs calls this for each page."""
    return MARK.sub(lambda mark: PARTS[mark[1]](), markdown)


def commands() -> str:
    """Return a section for each command: its usage, its help, and its options."""
    return "\n".join(map(_command, COMMANDS))


def _command(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise KeyError(name)
    context = click.Context(command, info_name=f"experimentstash {name}")
    records = [record for option in command.get_params(context) if (record := option.get_help_record(context))]
    # a pipe in code is no border of a cell here
    rows = [f"| `{' '.join(option.split())}` | {_cell(text)} |" for option, text in records if text]
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = [f"## {name}", "", "```text", " ".join(usage.split()), "```", "", _prose(command.help or ""), ""]
    return "\n".join([*lines, "| option | does |", "| --- | --- |", *rows, ""])


def _prose(text: str) -> str:
    """Return the help of a command as Markdown: the paragraphs that click does not wrap are blocks of text."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(map(str.strip, text.strip().splitlines())))
    return "\n\n".join(
        f"```text\n{part[1:].strip()}\n```" if part.startswith("\b") else _escaped(part) for part in paragraphs
    )


def _escaped(text: str) -> str:
    return re.sub(r"([*_<])", r"\\\1", text)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def hooks() -> str:
    """Return the table of the hooks that a framework can run."""
    entries = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    rows = [f"| `{hook['id']}` | {', '.join(hook['stages'])} | {_cell(hook['description'])} |" for hook in entries]
    return "\n".join(["| id | stages | does |", "| --- | --- | --- |", *rows])


def messages() -> str:
    """Return the tables of findings and of errors, as they stand in the source."""
    found = sorted(set(_messages()))
    sections = [
        ("Findings of the rules", [row for row in found if row[0] in RULES]),
        ("Findings of `doctor`", [row for row in found if row[0] and row[0] not in RULES]),
        ("Errors", [row for row in found if not row[0]]),
    ]
    lines: list[str] = []
    for title, rows in sections:
        lines += [f"## {title}", "", "| message | fix |", "| --- | --- |"]
        lines += [f"| {_code(f'{rule}: {what}' if rule else what)} | {_code(fix)} |" for rule, what, fix in rows] + [""]
    return "\n".join(lines)


def _code(text: str) -> str:
    return f"`` {_cell(text)} ``" if text else ""


def _messages() -> Iterator[tuple[str, str, str]]:
    """Yield rule, message and fix of each finding and each error; the rule of an error is empty."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [_template(argument) for argument in node.args]
            if node.func.id == "Problem" and len(texts) == 4 and texts[1].isalpha() and re.search(r"\w{3}", texts[2]):
                yield texts[1], texts[2], _useful(texts[3])
            elif node.func.id in ERRORS and texts and re.search(r"\w{3}", texts[0]):
                yield "", texts[0], _useful(texts[1]) if len(texts) > 1 else ""


def _template(node: ast.expr) -> str:
    """Return the text of an expression, with `…` in the place of each part that is known only when it runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return re.sub("…+", "…", "".join(_template(part) for part in node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + _template(node.right)
    return "…"


def _useful(fix: str) -> str:
    return fix if re.search(r"\w", fix) else ""


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "hooks": hooks, "messages": messages}
