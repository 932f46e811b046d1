"""The click program `experimentstash` (short: `estash`): loads the commands, and turns exceptions into exit codes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from experimentstash import __version__
from experimentstash.core.errors import FINE, guard
from experimentstash.core.journal import has_interrupted
from experimentstash.core.names import nearest

COMMANDS = {
    "init": "Make a stash in a new or existing repository.",
    "add-tool": "Add a Hydra tool as a git submodule.",
    "update-tool": "Move the pin of a tool to another commit.",
    "rename-tool": "Give a tool another name.",
    "remove-tool": "Remove a tool, and keep its snapshots.",
    "run": "Run an experiment, or the frozen one of a snapshot.",
    "snapshot": "Freeze experiments: flat config + tool commit + git tag.",
    "sync": "Bring this clone in line with its commit.",
    "status": "Show tools, tags and hooks, and whether snapshots hold.",
    "log": "List the snapshots, newest first.",
    "show": "Show the snapshots of a tag.",
    "diff": "Compare two snapshots, or one with the working config.",
    "why": "Explain why the results of two snapshots differ.",
    "bisect": "Find the commit of a tool that changed a figure.",
    "find": "Find the snapshot or run that a file comes from.",
    "report": "Write an HTML page about the snapshots.",
    "verify": "Check whether snapshots hold.",
    "drop": "Take back a snapshot that is not published.",
    "tag": "Make missing snapshot/* tags.",
    "reproduce": "Run the experiments of a tag in another directory.",
    "cache": "Show or clear the cached environments.",
    "bundle": "Write a tag and everything it needs to one file.",
    "schema": "Print a JSON schema.",
    "completion": "Print the completion script for a shell.",
    "install": "Install the git hooks, and keep existing hooks.",
    "uninstall": "Remove the git hooks, and restore former hooks.",
    "doctor": "Find what keeps the hooks from working.",
    "demo": "Show the workflow on a sample tool.",
}
"""Each command and its line in `--help`. The module of the same name is imported when the command runs."""


class _Commands(click.Group):
    """The commands; each module is imported only when its command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"experimentstash.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # click cannot suggest commands that it has not loaded
        if args and args[0] not in COMMANDS and (name := nearest(args[0], COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {name!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="experimentstash")
def cli() -> None:
    """Freeze experiments in time. Config + code commit = exact reproduction."""


def main() -> None:
    """Run the program and exit with a code of spec.md, section *Commands*."""
    sys.exit(guard(_program))


def _program() -> int:
    if has_interrupted(Path.cwd()):
        from experimentstash.git.stash_change import finish_interrupted  # few commands find one
        from experimentstash.stash.stash import find_stash

        finish_interrupted(find_stash())
    try:
        code = cli.main(prog_name="experimentstash", standalone_mode=False)
    except click.exceptions.Abort as abort:
        raise (abort.__cause__ or abort.__context__ or KeyboardInterrupt()) from None
    except click.exceptions.Exit as exited:
        return exited.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else FINE
