"""The click program `experimentstash` (short: `estash`): adds the commands, and stands guard round them."""

from __future__ import annotations

import importlib
import sys

import click

from experimentstash import __version__
from experimentstash.core.errors import FINE, guard

COMMANDS = {
    "init": "Make a stash out of a new or existing repository.",
    "add-tool": "Add a Hydra tool as a git submodule.",
    "run": "Run an experiment, or the frozen one of a snapshot.",
    "snapshot": "Freeze experiments: flat config + tool commit + git tag.",
    "status": "Show tools, tags and hooks, and whether snapshots hold.",
    "log": "Show what was frozen when.",
    "show": "Show the snapshots of a tag.",
    "diff": "Compare two snapshots, or one with the working config.",
    "why": "Say which of config, code, packages, data and platform differ.",
    "find": "Say which snapshot or run a file comes from.",
    "report": "Write an HTML page of what was frozen.",
    "verify": "Judge whether snapshots hold.",
    "tag": "Make the snapshot/* tags that are missing.",
    "reproduce": "Run again what a tag froze, elsewhere, and compare.",
    "bundle": "Put a tag and all that it needs into one file.",
    "install": "Put the native git hooks to work, beside whatever is there.",
    "uninstall": "Take the git hooks away, and give back what was there.",
    "doctor": "Find what keeps the hooks from working.",
    "demo": "Show the main job on a sample tool, in a temporary folder.",
}
"""Each command and its line in `--help`. Its module, of the same name, is loaded when it is used."""


class _Commands(click.Group):
    """The commands, each in a module of its own that is imported only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"experimentstash.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="experimentstash")
def cli() -> None:
    """Freeze experiments in time. Config + code commit = exact reproduction."""


def main() -> None:
    """Run the program and exit with one of the codes of spec.md, section *Commands*."""
    sys.exit(guard(_program))


def _program() -> int:
    try:
        code = cli.main(prog_name="experimentstash", standalone_mode=False)
    except click.exceptions.Abort as abort:
        raise (abort.__cause__ or abort.__context__ or KeyboardInterrupt()) from None
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else FINE
